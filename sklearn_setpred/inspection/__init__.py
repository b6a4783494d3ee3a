"""Pictures of sets, in the shape of scikit-learn's Displays, and a look at the labels."""

from sklearn_setpred.inspection._conditional_coverage import ConditionalCoverageDisplay
from sklearn_setpred.inspection._coverage_size import CoverageSizeDisplay
from sklearn_setpred.inspection._decision import DecisionDisplay
from sklearn_setpred.inspection._label_quality import label_quality
from sklearn_setpred.inspection._set_size import SetSizeDisplay
from sklearn_setpred.inspection._temperature import TemperatureDisplay

__all__ = [
    "ConditionalCoverageDisplay",
    "CoverageSizeDisplay",
    "DecisionDisplay",
    "SetSizeDisplay",
    "TemperatureDisplay",
    "label_quality",
]
