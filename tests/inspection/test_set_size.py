"""The distribution of set sizes."""

import numpy as np

from sklearn_setpred.inspection import SetSizeDisplay
from sklearn_setpred.metrics import set_size_distribution


def test_stairs_are_the_distribution_of_the_sizes(data, sets):
    weight = np.random.default_rng(0).uniform(size=len(sets))
    display = SetSizeDisplay.from_predictions(data[1], sets, sample_weight=weight)
    share = set_size_distribution(data[1], sets, sample_weight=weight)
    np.testing.assert_array_equal(display.frame()["share"], share)
    values, edges, _ = display.stairs_.get_data()
    np.testing.assert_array_equal(values, np.trim_zeros(share))
    assert edges[0] == 0.5


def test_empty_sets_are_drawn_at_size_0():
    display = SetSizeDisplay.from_predictions(["a", "b"], [[0, 0], [0, 1]])
    values, edges, _ = display.stairs_.get_data()
    np.testing.assert_array_equal(values, [0.5, 0.5])
    np.testing.assert_array_equal(edges, [-0.5, 0.5, 1.5])
    assert display.stairs_.get_label() == "sets (mean 0.5)"
