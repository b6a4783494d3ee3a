"""Sizes of sets."""

import numpy as np
import pytest
from sets_by_hand import Y_SET, Y_TRUE

from sklearn_setpred.metrics import set_size_quantile, singleton_accuracy_score


@pytest.mark.parametrize("q", [0, 0.1, 1 / 6, 0.5, 0.7, 0.9, 1])
def test_the_size_quantile_is_the_inverted_distribution_function(rng, q):
    y_set = rng.random((60, 5)) < 0.4
    sizes = y_set.sum(axis=1)
    expected = np.quantile(sizes, q, method="inverted_cdf")
    assert set_size_quantile(rng.permutation(np.arange(60) % 5), y_set, q=q) == expected


@pytest.mark.parametrize("share", range(1, 101))
def test_the_size_quantile_does_not_slip_by_rounding(share):
    # Exactly `share` per cent of the sets hold one label.
    y_set = np.column_stack([np.ones(100), np.arange(100) >= share]).astype(bool)
    assert set_size_quantile(np.arange(100) % 2, y_set, q=share / 100) == 1
    if share < 100:
        assert set_size_quantile(np.arange(100) % 2, y_set, q=share / 100 + 1e-6) == 2


@pytest.mark.parametrize("q", [-0.1, 1.1, np.nan])
def test_a_quantile_out_of_range_is_refused(q):
    with pytest.raises(ValueError, match="q="):
        set_size_quantile(Y_TRUE, Y_SET, q=q)


def test_without_singletons_their_accuracy_is_nan():
    assert np.isnan(singleton_accuracy_score(["a", "b"], [[1, 1], [1, 1]]))
