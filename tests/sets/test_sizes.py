"""Candidate sizes, their costs, and the penalty up to which each is worth its cost."""

import math

import numpy as np
import pytest
from some_scores import scores_with_ties

from sklearn_setpred.sets import (
    class_levels,
    class_ranks,
    concave_hull_levels,
    prefix_sets,
    size_costs,
    sparse_class_levels,
)
from sklearn_setpred.sets._sizes import check_sizes, check_thresholds


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


def test_all_sizes_are_candidates_by_default():
    np.testing.assert_array_equal(check_sizes(None, 3), [1, 2, 3])


@pytest.mark.parametrize("sizes", [[1, 2, 4], (1, 2, 4), np.array([1, 2, 4], dtype=np.uint8)])
def test_sizes_given_become_an_integer_array(sizes):
    array = check_sizes(sizes, 5)
    np.testing.assert_array_equal(array, [1, 2, 4])
    assert array.dtype == np.int64


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([], "one or more"),
        (3, "must be a list"),
        ([[1, 2]], "must be a list"),
        ([1.0, 2.0], "integers"),
        ([True], "integers"),
        (["1"], "integers"),
        ([0, 1], "between 1 and the 5 classes"),
        ([1, 6], "between 1 and the 5 classes"),
        ([1, 1], "strictly increasing"),
        ([2, 1], "strictly increasing"),
        (np.array([2, 1], dtype=np.uint8), "strictly increasing"),
    ],
)
def test_bad_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        check_sizes(sizes, 5)


def test_costs_by_name_and_by_callable():
    np.testing.assert_allclose(size_costs([1, 2], "log"), [0, math.log(2)])
    np.testing.assert_array_equal(size_costs([1, 2], "linear"), [1, 2])
    np.testing.assert_array_equal(size_costs([1, 3], lambda k: k**2), [1, 9])


def test_an_unknown_cost_names_the_nearest_one():
    with pytest.raises(ValueError, match="size_cost='lin' is unknown; did you mean 'linear'"):
        size_costs([1, 2], "lin")


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (lambda k: 1.0, "one cost per size"),
        (lambda k: k[:1], "one cost per size"),
        (lambda k: -k, "non-negative"),
        (lambda k: 1 / k, "non-decreasing"),
        (lambda k: k * np.inf, "finite"),
        (lambda k: k * np.nan, "finite"),
    ],
)
def test_a_callable_cost_is_checked(cost, message):
    with pytest.raises(ValueError, match=message):
        size_costs([1, 2, 3], cost)


COSTS = {
    "log": "log",
    "linear": "linear",
    "square root": np.sqrt,
    "square": np.square,
    "with steps": lambda k: np.floor(k / 3),
    "constant": np.zeros_like,
}


def random_cumulative(rng, n, m, concentration=0.2):
    """F of a random distribution of the rank, with exact zeros among its masses."""
    masses = rng.dirichlet(np.full(m, concentration), size=n)
    masses[rng.random((n, m)) < 0.3] = 0
    return np.cumsum(masses, axis=1)


def levels_by_definition(costs, cumulative):
    """max_{t >= s} min_{r < t} slope(r, t), for one row of exactly representable numbers."""

    def slope(r, t):
        step = costs[t] - costs[r]
        return (cumulative[t] - cumulative[r]) / step if step > 0 else math.inf

    into = [min((slope(r, t) for r in range(t)), default=math.inf) for t in range(len(costs))]
    return [max(into[s:]) for s in range(len(costs))]


@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
def test_levels_follow_their_formula(rng, cost):
    costs = size_costs(np.arange(1, 13), cost)
    cumulative = random_cumulative(rng, 100, 12)
    expected = [levels_by_definition(costs, row) for row in cumulative]
    np.testing.assert_allclose(concave_hull_levels(costs, cumulative), expected, rtol=1e-12)


@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
@pytest.mark.parametrize("sizes", [np.arange(1, 31), np.array([2, 3, 7, 8, 20])])
def test_the_last_level_that_reaches_the_penalty_is_optimal(rng, cost, sizes):
    costs = size_costs(sizes, cost)
    cumulative = random_cumulative(rng, 300, 30)[:, sizes - 1]
    levels = concave_hull_levels(costs, cumulative)
    for penalty in [0.0, *rng.exponential(0.1, size=20)]:
        chosen = np.count_nonzero(levels >= penalty, axis=1) - 1
        loss = 1 - cumulative + penalty * costs
        loss_chosen = loss[np.arange(len(loss)), chosen]
        np.testing.assert_allclose(loss_chosen, loss.min(axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_sizes", "scale"), [(2, 4), (5, 4), (8, 16)])
@pytest.mark.parametrize("step", [1, 3], ids=["distinct costs", "equal costs"])
def test_among_minimisers_the_largest_size_is_chosen(rng, n_sizes, scale, step):
    # Small integers: every loss and slope is exact, so that ties are ties.
    costs = np.arange(n_sizes) // step
    cumulative = np.cumsum(rng.integers(0, scale, size=(300, n_sizes)), axis=1)
    levels = concave_hull_levels(costs, cumulative)
    for penalty in range(scale + 1):
        loss = penalty * costs - cumulative
        largest = n_sizes - 1 - np.argmin(loss[:, ::-1], axis=1)
        np.testing.assert_array_equal(np.count_nonzero(levels >= penalty, axis=1) - 1, largest)


def test_levels_do_not_increase_and_start_at_inf(rng):
    levels = concave_hull_levels(np.log(np.arange(1, 41)), random_cumulative(rng, 200, 40))
    assert np.isinf(levels[:, 0]).all()
    assert (levels[:, 1:] <= levels[:, :-1]).all()
    assert np.isfinite(levels[:, 1:]).all()


def test_levels_look_across_a_step_that_does_not_pay():
    # Hand-computed: 0 -> 0.25 at slope 0.25, then 1/16 and 7/16, worth (1/2) / 2 together.
    levels = concave_hull_levels([0, 1, 2, 3], [[0, 1 / 4, 5 / 16, 3 / 4]])
    np.testing.assert_array_equal(levels, [[np.inf, 0.25, 0.25, 0.25]])


def test_levels_of_a_concave_row_are_its_single_steps():
    levels = concave_hull_levels([1, 2, 4], [[0.5, 0.75, 0.875]])
    np.testing.assert_array_equal(levels, [[np.inf, 0.25, 0.0625]])


def test_a_greedy_rule_would_lose_under_the_logarithm(rng):
    costs = np.log(np.arange(1, 11))
    cumulative = random_cumulative(rng, 500, 10)
    steps = np.diff(cumulative, axis=1) / np.diff(costs)
    greedy = np.argmax(np.hstack([steps < 0.1, np.ones((500, 1), dtype=bool)]), axis=1)
    chosen = np.count_nonzero(concave_hull_levels(costs, cumulative) >= 0.1, axis=1) - 1
    loss = 1 - cumulative + 0.1 * costs
    rows = np.arange(500)
    assert np.mean(loss[rows, chosen] < loss[rows, greedy] - 1e-6) > 0.1


def test_with_linear_cost_the_levels_are_the_sorted_posterior(rng):
    posterior = -np.sort(-rng.dirichlet(np.ones(8), size=50), axis=1)
    levels = concave_hull_levels(np.arange(1, 9), np.cumsum(posterior, axis=1))
    np.testing.assert_allclose(levels[:, 1:], posterior[:, 1:], atol=1e-12)


def test_a_row_has_the_same_levels_alone(rng):
    falling = np.cumsum(-np.sort(-rng.dirichlet(np.ones(20), size=5)), axis=1)
    cumulative = np.vstack([random_cumulative(rng, 20, 20), falling])
    costs = np.log(np.arange(1, 21))
    alone = [concave_hull_levels(costs, row[None])[0] for row in cumulative]
    np.testing.assert_array_equal(concave_hull_levels(costs, cumulative), alone)


def test_one_candidate_has_the_level_inf():
    np.testing.assert_array_equal(concave_hull_levels([0.0], [[0.5], [0.7]]), [[np.inf]] * 2)


@pytest.mark.parametrize("penalty", [0.0, 0.02, 0.1, 0.5])
def test_class_levels_give_the_prefix_of_the_best_size(rng, penalty):
    scores, sizes = scores_with_ties(rng), np.array([2, 3, 6])
    levels = concave_hull_levels(np.log(sizes), random_cumulative(rng, len(scores), 3))
    best = sizes[np.count_nonzero(levels >= penalty, axis=1) - 1]
    sets = class_levels(class_ranks(scores), sizes, levels) >= penalty
    np.testing.assert_array_equal(sets, prefix_sets(scores, best))
