"""Warnings point at the user's line, however deep in the package they arise."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from sklearn_setpred import CardinalityAwareClassifier, TopKSetClassifier
from sklearn_setpred._utils.warn import warn_user


def test_a_warning_of_the_user_points_at_the_caller():
    with pytest.warns(UserWarning, match="told") as caught:
        warn_user("told")
    assert Path(caught[0].filename) == Path(__file__)


@pytest.mark.parametrize(
    "around", [TopKSetClassifier, lambda inner: CardinalityAwareClassifier(inner, refine=False)]
)
def test_a_warning_from_inside_points_at_the_call_of_fit(around):
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    model = around(KNeighborsClassifier(3))
    with pytest.warns(UserWarning, match="takes no sample_weight") as caught:
        model.fit(X, y, sample_weight=np.ones(20))
    assert {Path(one.filename) for one in caught} == {Path(__file__)}
