"""The worst slab is the worst of all slabs that are large enough."""

import numpy as np
import pytest
from scipy import sparse
from sets_by_hand import Y_SET, Y_TRUE, X

from sklearn_setpred.metrics import worst_slab_coverage


def lowest_slab_by_definition(z, hits, weight, min_share):
    """Try every slab."""
    ends = np.unique(z)
    inside = [(a <= z) & (z <= b) for a in ends for b in ends if a <= b]
    heavy = [rows for rows in inside if weight[rows].sum() >= (min_share - 1e-9) * weight.sum()]
    return min(np.average(hits[rows], weights=weight[rows]) for rows in heavy)


@pytest.mark.parametrize("min_share", [0.02, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_worst_slab_of_one_feature_is_the_worst_of_all_slabs(rng, min_share, weighted):
    for _ in range(10):
        X = rng.integers(0, 30, size=(50, 1)).astype(float)
        hits = rng.random(50) < 0.7
        weight = rng.integers(1, 4, size=50).astype(float) if weighted else np.ones(50)
        coverage = worst_slab_coverage(
            np.zeros(50),
            np.column_stack([hits, ~hits]),
            X,
            min_share=min_share,
            n_directions=2,
            search_share=None,
            classes=[0, 1],
            sample_weight=weight,
        )
        expected = lowest_slab_by_definition(X[:, 0], hits, weight, min_share)
        np.testing.assert_allclose(coverage, expected, atol=1e-12)


def corner_problem(rng, n):
    """Sets that miss where the first feature exceeds 1, which is the case in 16 % of the rows."""
    X = rng.normal(size=(n, 2))
    return np.zeros(n), np.column_stack([X[:, 0] < 1, X[:, 0] >= 1]), X


def test_the_slab_found_on_one_part_is_bad_on_the_other(rng):
    y_true, y_set, X = corner_problem(rng, 2000)
    options = {"classes": [0, 1], "n_directions": 200, "random_state": 0}
    assert worst_slab_coverage(y_true, y_set, X, **options) < 0.3
    assert worst_slab_coverage(y_true, y_set, sparse.csr_array(X), **options) < 0.3


def test_a_random_part_takes_away_the_bias_of_the_search(rng):
    X, hits = rng.normal(size=(500, 5)), rng.random(500) < 0.9
    y_set = np.column_stack([hits, ~hits])
    options = {"classes": [0, 1], "n_directions": 200, "random_state": 0}
    y_true = np.zeros(500)
    assert worst_slab_coverage(y_true, y_set, X, search_share=None, **options) < 0.8
    assert worst_slab_coverage(y_true, y_set, X, search_share=0.5, **options) > 0.82


@pytest.mark.parametrize("n_misses", range(1, 100))
def test_a_slab_of_exactly_the_least_share_is_tried(n_misses):
    hits = np.arange(100) >= n_misses
    coverage = worst_slab_coverage(
        np.zeros(100),
        np.column_stack([hits, ~hits]),
        np.arange(100)[:, None],
        min_share=n_misses / 100,
        n_directions=1,
        search_share=None,
        classes=[0, 1],
    )
    assert coverage == 0


def test_rows_without_weight_have_no_part_in_the_search(rng):
    y_true, y_set, X = corner_problem(rng, 200)
    options = {"classes": [0, 1], "n_directions": 10, "random_state": 0}
    weight = (np.arange(200) % 3 > 0).astype(float)
    rows = weight > 0
    expected = worst_slab_coverage(y_true[rows], y_set[rows], X[rows], **options)
    assert worst_slab_coverage(y_true, y_set, X, sample_weight=weight, **options) == expected


def test_the_worst_slab_is_reproducible(rng):
    y_true, y_set, X = corner_problem(rng, 200)
    options = {"classes": [0, 1], "n_directions": 10, "random_state": 3}
    first = worst_slab_coverage(y_true, y_set, X, **options)
    assert first == worst_slab_coverage(y_true, y_set, X, **options)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("min_share", 0),
        ("min_share", 1.5),
        ("n_directions", 0),
        ("search_share", 0),
        ("search_share", 1.0),
    ],
)
def test_parameters_of_the_slab_search_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option}={value}"):
        worst_slab_coverage(Y_TRUE, Y_SET, X, **{option: value})


def test_features_of_another_length_are_refused():
    with pytest.raises(ValueError, match="X has 5 rows, y_true has 6"):
        worst_slab_coverage(Y_TRUE, Y_SET, X[:5])
