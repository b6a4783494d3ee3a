"""Generated data whose Bayes rule is known, and label noise."""

from sklearn_setpred.datasets._generated import GaussianClasses, make_confusable_classes
from sklearn_setpred.datasets._noise import CONFUSED_PAIRS, make_noisy_labels

__all__ = [
    "CONFUSED_PAIRS",
    "GaussianClasses",
    "make_confusable_classes",
    "make_noisy_labels",
]
