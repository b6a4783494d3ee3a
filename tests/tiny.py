"""Every public estimator, so small that it can be fitted many times, and rows to fit it on."""

from sklearn.linear_model import LogisticRegression
from toy import overlapping_blobs

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CompSumClassifier,
    CoverageSetClassifier,
    LDRClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)

SMALL = {"hidden_layer_sizes": (8,), "max_epochs": 2, "random_state": 0}
# The cardinality-aware classifier: without refinement one fit takes no time, with the built-in
# experts half a second.
QUICK = {"refine": False, "cv": 2, "max_epochs": 2, "random_state": 0}
EXPERTS = {"cv": 2, "max_epochs": 1, "random_state": 0}
NETWORKS = [cls(**SMALL, k=2) for cls in (NeuralClassifier, LDRClassifier, CompSumClassifier)]
AROUND_ANY = [
    TopKSetClassifier(LogisticRegression(max_iter=1000), k=2),
    ThresholdSetClassifier(LogisticRegression(max_iter=1000)),
    CoverageSetClassifier(LogisticRegression(max_iter=1000), target_coverage=0.8, random_state=0),
    CardinalityAwareClassifier(LogisticRegression(max_iter=1000), **QUICK),
]
ESTIMATORS = {type(estimator).__name__: estimator for estimator in (*NETWORKS, *AROUND_ANY)}


def labelled_rows():
    """Return 120 rows of 3 features, and string labels of 4 classes that overlap."""
    X, y = overlapping_blobs()
    return X, y.astype(str).astype(object)
