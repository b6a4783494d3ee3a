"""Default sizes of many classes, thresholds, levels of rows with own candidates, CSR levels."""

import numpy as np
import pytest

from sklearn_setpred.sets import (
    check_sizes,
    check_thresholds,
    class_levels,
    class_ranks,
    concave_hull_levels,
    sparse_class_levels,
)


def test_up_to_1024_classes_all_sizes_are_candidates():
    np.testing.assert_array_equal(check_sizes(None, 1024), np.arange(1, 1025))


@pytest.mark.parametrize("n_classes", [1025, 4096, 100_000, 12_345_678])
def test_of_more_classes_large_sizes_grow_by_less_than_a_tenth(n_classes):
    sizes = check_sizes(None, n_classes)
    np.testing.assert_array_equal(sizes[:64], np.arange(1, 65))
    assert sizes[-1] == n_classes
    assert sizes.dtype == np.int64
    assert (np.diff(sizes) > 0).all()
    assert (sizes[64:] / sizes[63:-1] < 1.11).all()
    assert len(sizes) <= 64 + 8 * np.log2(n_classes / 64) + 1


def test_thresholds_become_decreasing_numbers():
    np.testing.assert_array_equal(check_thresholds([0.1, 1, 0.25, 0.1]), [1.0, 0.25, 0.1])


# ------------------------------------------------------------- rows with their own candidates


def random_candidates(rng, n, m, n_classes):
    """Return candidate sizes of n rows, often equal, and values that grow from 0 to 1."""
    sizes = np.sort(rng.integers(1, n_classes + 1, size=(n, m)), axis=1)
    return sizes, np.sort(rng.integers(0, 6, size=(n, m)) / 6, axis=1)


@pytest.mark.parametrize("cost", [np.log, np.sqrt, np.square])
def test_rows_with_their_own_candidates_have_the_levels_they_have_alone(rng, cost):
    sizes, F = random_candidates(rng, 100, 6, 9)
    levels = concave_hull_levels(cost(sizes.astype(float)), F)
    alone = [concave_hull_levels(cost(s), f[None])[0] for s, f in zip(1.0 * sizes, F, strict=True)]
    np.testing.assert_array_equal(levels, alone)


def test_among_candidates_of_equal_cost_the_best_counts():
    # At cost 2 the value 0.7 beats 0.6, so that the candidate after it is never chosen alone.
    levels = concave_hull_levels([1, 2, 2, 3], [[0.5, 0.7, 0.6, 0.8]])
    np.testing.assert_allclose(levels, [[np.inf, 0.2, 0.1, 0.1]])
    levels = concave_hull_levels([1, 1, 2], [[0.5, 0.4, 0.3]])
    np.testing.assert_allclose(levels, [[np.inf, -0.2, -0.2]])


def test_a_level_chooses_a_candidate_of_the_greatest_worth(rng):
    costs = np.sort(rng.integers(1, 5, size=(400, 5)), axis=1)
    values = rng.integers(0, 9, size=(400, 5))
    levels = concave_hull_levels(costs, values)
    rows = np.arange(400)
    for t in np.linspace(-9, 9, 73):
        worth = values - t * costs
        chosen = (levels >= t).sum(axis=1) - 1
        np.testing.assert_array_equal(worth[rows, chosen], worth.max(axis=1))


def test_class_levels_of_rows_with_their_own_sizes_by_hand():
    levels = class_levels(
        ranks=[[1, 2, 3, 4], [4, 3, 2, 1]],
        sizes=[[1, 1, 3], [2, 2, 4]],
        levels=[[np.inf, 0.5, 0.2], [np.inf, np.inf, 0.1]],
    )
    expected = [[np.inf, 0.2, 0.2, -np.inf], [0.1, 0.1, np.inf, np.inf]]
    np.testing.assert_array_equal(levels, expected)


# ------------------------------------------------------------------------------- CSR levels


@pytest.mark.parametrize("floor", [1e-9, 0.1, 0.3, 2.0])
def test_csr_levels_are_the_dense_ones_from_the_floor_on(rng, floor):
    scores = rng.integers(0, 5, size=(200, 9)).astype(float)
    sizes, F = random_candidates(rng, 200, 4, 9)
    levels = concave_hull_levels(1.0 * sizes, F)
    dense = class_levels(class_ranks(scores), sizes, levels)
    found = sparse_class_levels(scores, sizes, levels, floor)
    np.testing.assert_array_equal(found.toarray(), np.where(dense >= floor, dense, 0.0))
    assert found.has_sorted_indices
    assert found.nnz == (dense >= floor).sum()


def test_csr_levels_of_no_rows_have_no_entries():
    found = sparse_class_levels(np.empty((0, 3)), [1, 2], np.empty((0, 2)), 0.1)
    assert found.shape == (0, 3)
