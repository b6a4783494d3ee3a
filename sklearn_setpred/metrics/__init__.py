"""What sets of labels are worth: coverage, size, both in one number, calibration.

Metrics on sets have the signature ``(y_true, y_set, *, classes=None, sample_weight=None)``.
Names ending in ``_score`` are better when higher, in ``_loss`` or ``_error`` when lower; the
others describe.
"""

from sklearn_setpred.metrics._coverage import (
    class_conditional_coverage,
    coverage_gap,
    coverage_score,
    size_stratified_coverage,
    size_stratified_coverage_gap,
    strata_conditional_coverage,
)
from sklearn_setpred.metrics._scores import (
    coverage_size_auc_score,
    coverage_size_curve,
    expected_calibration_error,
    top_k_accuracy_score,
)
from sklearn_setpred.metrics._size import (
    empty_share,
    mean_set_size,
    set_size_distribution,
    set_size_quantile,
    singleton_accuracy_score,
    singleton_score,
)
from sklearn_setpred.metrics._slab import worst_slab_coverage
from sklearn_setpred.metrics._utility import (
    SET_UTILITIES,
    cardinality_aware_loss,
    set_utility_score,
)

__all__ = [
    "SET_UTILITIES",
    "cardinality_aware_loss",
    "class_conditional_coverage",
    "coverage_gap",
    "coverage_score",
    "coverage_size_auc_score",
    "coverage_size_curve",
    "empty_share",
    "expected_calibration_error",
    "mean_set_size",
    "set_size_distribution",
    "set_size_quantile",
    "set_utility_score",
    "singleton_accuracy_score",
    "singleton_score",
    "size_stratified_coverage",
    "size_stratified_coverage_gap",
    "strata_conditional_coverage",
    "top_k_accuracy_score",
    "worst_slab_coverage",
]
