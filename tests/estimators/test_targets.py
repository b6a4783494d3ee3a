"""Targets that cannot be met are refused before any fit."""

import numpy as np
import pytest
from calibrated import X, Y
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CoverageSetClassifier


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"target_coverage": 0.9, "target_size": 2}, "two targets at once"),
        ({"target_coverage": 1.0}, r"target_coverage=1.0 is not in \(0, 1\)"),
        ({"target_coverage": 0}, r"target_coverage=0 is not in \(0, 1\)"),
        ({"target_coverage": 0.99}, "needs at least 99 calibration rows, got 24"),
        ({"target_size": 0.5}, r"target_size=0.5 is not in \[1, 4\]"),
        ({"target_size": 5}, r"target_size=5 is not in \[1, 4\]"),
        ({"target_size": 1.01}, "needs at least 299 calibration rows"),
        ({"conditional": "classes"}, "did you mean 'class'"),
        ({"conditional": "strata"}, "strata=None"),
        ({"conditional": "class", "target_size": 2}, "needs a target_coverage"),
        ({"calibration_size": 0.0}, r"calibration_size=0.0 is not in \(0, 1\)"),
        ({"calibration_size": 120}, r"calibration_size=120 is not in \[1, 119\]"),
    ],
)
def test_targets_that_cannot_be_met_are_refused_before_any_fit(targets, message):
    sets = CoverageSetClassifier(GaussianNB(), **targets)
    with pytest.raises(ValueError, match=message):
        sets.fit(X, Y)
    assert not [name for name in vars(sets) if name.endswith("_")]


def test_strata_that_nobody_asked_for_are_refused():
    with pytest.raises(ValueError, match="strata are given"):
        CoverageSetClassifier(GaussianNB()).fit(X, Y, strata=np.zeros(len(X)))
