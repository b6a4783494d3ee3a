"""Which rows are set aside, and levels up to the margin that they are moved by."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris
from tiny import labelled_rows

X, Y = labelled_rows()

approx = partial(pytest.approx, rel=2e-5)  # levels are moved by a margin


def iris_with_a_label_of_its_own(is_set_aside):
    """Return iris with a label that row 0 alone has, and a seed that sets it aside or not."""
    X, y = load_iris(return_X_y=True)
    y[0] = 9
    seeds = (s for s in range(99) if (0 in permutation(s, 150)[:30]) == is_set_aside)
    return X, y, next(seeds)


def permutation(seed, n):
    """Return the order in which rows are set aside."""
    return np.random.RandomState(seed).permutation(n)
