"""The excess risk of the target coverage is low where the coverage is the same for all rows."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from sklearn_setpred.metrics import coverage_excess_risk


def sets_of(hits):
    """Return labels and sets that hit where they are to."""
    return np.zeros(len(hits), dtype=int), np.column_stack([hits, ~hits])


def test_it_is_about_the_squared_distance_of_the_coverage_from_the_target():
    rng = np.random.default_rng(0)
    X = rng.random((4000, 2))
    coverage = np.where(X[:, 0] > 0.5, 1.0, 0.8)
    y, y_set = sets_of(rng.random(4000) < coverage)
    options = {"classes": [0, 1], "random_state": 0}
    found = coverage_excess_risk(y, y_set, X, target_coverage=0.9, **options)
    assert 0.003 < found < 0.0102
    same = sets_of(rng.random(4000) < 0.9)
    assert coverage_excess_risk(*same, X, **options) < 0.001
    linear = coverage_excess_risk(
        y, y_set, X, target_coverage=0.9, estimator=LinearRegression(), **options
    )
    assert 0.003 < linear < found + 0.003


@pytest.mark.parametrize(("n", "target"), [(3, 0.5), (4, 1.5)])
def test_bad_input_is_refused(n, target):
    y, y_set = sets_of(np.ones(4, dtype=bool))
    with pytest.raises(ValueError, match=r"inconsistent numbers|target_coverage=1.5"):
        coverage_excess_risk(y, y_set, np.zeros((n, 1)), target_coverage=target, classes=[0, 1])
