"""Ours around a classifier, on iris."""

import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from tiny import EXPERTS, QUICK

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)

X, CODES = load_iris(return_X_y=True)

AROUND = {
    "top-k": TopKSetClassifier(k=1),
    "threshold": ThresholdSetClassifier(),
    "coverage": CoverageSetClassifier(target_coverage=0.8, random_state=0),
    "aware": CardinalityAwareClassifier(**EXPERTS),
    "aware, not refined": CardinalityAwareClassifier(**QUICK),
}

each_wrapper = pytest.mark.parametrize(
    "wrapper",
    [pytest.param(name, marks=pytest.mark.slow if name == "aware" else ()) for name in AROUND],
)

each_but_ours = pytest.mark.parametrize("wrapper", ["top-k", "threshold", "coverage"])


def around(wrapper, inner):
    """Return one of ours around a classifier."""
    return clone(AROUND[wrapper]).set_params(estimator=inner)


WRAPPERS = [TopKSetClassifier, ThresholdSetClassifier]

both_wrappers = pytest.mark.parametrize("wrapper", WRAPPERS)
