import math
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sklearn_setpred.sets import (
    check_labels,
    check_scores,
    check_sizes,
    check_y_set,
    class_levels,
    class_ranks,
    concave_hull_levels,
    label_indices,
    label_ranks,
    prefix_sets,
    sets_to_frame,
    sets_to_labels,
    size_costs,
    threshold_sets,
    top_k,
)


def scores_with_ties(rng, n=200, K=9):
    return rng.integers(0, 4, size=(n, K)).astype(float)


def rank_by_definition(row, y):
    return 1 + sum(s > row[y] for s in row) + sum(row[j] == row[y] for j in range(y))


def work_in_batches_of(monkeypatch, n_cells):
    monkeypatch.setattr("sklearn_setpred.sets._ranks._BATCH_CELLS", n_cells)


# ---------------------------------------------------------------------- ranks


def test_ranks_follow_the_definition_also_at_ties(rng):
    scores = scores_with_ties(rng)
    expected = [[rank_by_definition(row, y) for y in range(9)] for row in scores]
    ranks = class_ranks(scores)
    np.testing.assert_array_equal(ranks, expected)
    assert ranks.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_])
def test_ranks_of_any_dtype_put_the_higher_score_first(dtype):
    np.testing.assert_array_equal(class_ranks(np.array([[0, 1, 0]], dtype=dtype)), [[2, 1, 3]])


def test_infinite_scores_are_ranked():
    np.testing.assert_array_equal(class_ranks([[-np.inf, 0, np.inf, -np.inf]]), [[3, 2, 1, 4]])


def test_label_ranks_are_the_entries_of_class_ranks(rng):
    scores = scores_with_ties(rng)
    y = rng.integers(9, size=len(scores))
    expected = class_ranks(scores)[np.arange(len(y)), y]
    np.testing.assert_array_equal(label_ranks(scores, y), expected)


def test_a_label_without_a_column_ranks_behind_all_classes():
    assert label_ranks([[0.0, 1.0]], [-1]) == [3]


@pytest.mark.parametrize("k", range(1, 10))
def test_top_k_holds_the_classes_of_rank_1_to_k_in_order(rng, k):
    scores = scores_with_ties(rng)
    columns = top_k(scores, k)
    ranks = np.take_along_axis(class_ranks(scores), columns, axis=1)
    np.testing.assert_array_equal(ranks, np.tile(np.arange(1, k + 1), (len(scores), 1)))


def test_top_k_breaks_ties_across_the_last_place_towards_the_lower_column():
    np.testing.assert_array_equal(top_k([[1, 2, 1, 1, 0]], k=3), [[1, 0, 2]])


def test_top_k_does_not_depend_on_the_size_of_batches(rng, monkeypatch):
    scores = scores_with_ties(rng)
    whole = top_k(scores, 4)
    work_in_batches_of(monkeypatch, 30)
    np.testing.assert_array_equal(top_k(scores, 4), whole)


def rounded_normal(rng, shape):
    return rng.standard_normal(shape).round(1)


SCORES_OF_MANY_CLASSES = {
    "distinct": lambda rng, shape: rng.standard_normal(shape),
    "tied": rounded_normal,
    "all equal": lambda rng, shape: np.zeros(shape),
    "nearly all equal": lambda rng, shape: np.maximum(rounded_normal(rng, shape), 2.0),
    "rising": lambda rng, shape: np.sort(rng.standard_normal(shape), axis=1),
    "mostly -inf": lambda rng, shape: np.where(rng.random(shape) < 0.02, 1.0, -np.inf),
    "some inf": lambda rng, shape: np.where(rng.random(shape) < 0.02, np.inf, 0.0),
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("make", SCORES_OF_MANY_CLASSES.values(), ids=SCORES_OF_MANY_CLASSES)
@pytest.mark.parametrize("K", [100, 513])
def test_top_k_of_many_classes_is_the_head_of_a_stable_sort(rng, make, K, dtype):
    scores = make(rng, (40, K)).astype(dtype)
    expected = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 2, 3, 7, 16, 25, 60, K - 1, K):
        np.testing.assert_array_equal(top_k(scores, k), expected[:, :k])


def test_top_k_reads_scores_in_any_memory_order(rng):
    scores = rng.standard_normal((40, 200))
    for same in (np.asfortranarray(scores), np.repeat(scores, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(top_k(same, 5), top_k(scores, 5))


@pytest.mark.parametrize("k", [0, 4, -1])
def test_top_k_refuses_a_k_out_of_range(k):
    with pytest.raises(ValueError, match=f"k={k}"):
        top_k(np.zeros((2, 3)), k)


@pytest.mark.parametrize("k", [1.0, "2", True, None])
def test_top_k_refuses_a_k_that_is_no_integer(k):
    with pytest.raises(TypeError, match="must be an integer"):
        top_k(np.zeros((2, 3)), k)


@pytest.mark.parametrize("function", [class_ranks, check_scores, lambda s: top_k(s, 1)])
def test_nan_scores_are_refused_with_the_row(function):
    with pytest.raises(ValueError, match="scores contains NaN in row 1"):
        function([[0.0, 1.0], [np.nan, 1.0]])


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 3, 1)])
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="scores must have the shape"):
        check_scores(np.zeros(shape))


def test_scores_keep_their_floating_type():
    assert check_scores(np.zeros((1, 2), dtype=np.float32)).dtype == np.float32
    assert check_scores([[1, 2]]).dtype == np.float64


# --------------------------------------------------------------------- labels


YEARS = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[s]")
INTEGERS = [np.int64, np.uint64, object]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([2, 0, 7], [0, 1, 2]),
        ([2, 0, 7], [0.0, 1.0, 2.0]),
        (["c", "a", "longer"], ["a", "b", "c"]),
        (np.array(["c", "a", "z"], dtype=object), np.array(["a", "b", "c"])),
        (pd.Series(["c", "a", "z"]), pd.Series(["a", "b", "c"])),
        (pd.Categorical(["c", "a", "z"]), ["a", "b", "c"]),
        (pd.Series([2, 0, 7], dtype="Int64"), [0, 1, 2]),
        (pl.Series(["c", "a", "z"]), pl.Series(["a", "b", "c"])),
        (pd.Index(["c", "a", "z"]), ["a", "b", "c"]),
        (pd.DataFrame({"y": ["c", "a", "z"]}), ["a", "b", "c"]),
        (pl.DataFrame({"y": [2, 0, 7]}), [0, 1, 2]),
        (pa.array(["c", "a", "z"]), pa.chunked_array([["a"], ["b", "c"]])),
        (pa.array(["c", "a", "z"]).dictionary_encode(), ["a", "b", "c"]),
        (np.array(["c", "a", "z"], dtype=np.dtypes.StringDType()), ["a", "b", "c"]),
        ([True, False, 7], [False, 5, True]),
        (pd.to_datetime(["2022", "2020", "2023"]), YEARS),
        (np.array(["2022-01-01", "2020-01-01", "2020-01-02"], dtype="M8[D]"), YEARS),
    ],
)
def test_label_indices_of_any_type(labels, classes):
    np.testing.assert_array_equal(label_indices(labels, classes), [2, 0, -1])


@pytest.mark.parametrize("labels", INTEGERS)
@pytest.mark.parametrize("classes", INTEGERS)
def test_large_integers_of_two_types_are_compared_exactly(labels, classes):
    big = 2**60
    labels = np.array([big + 1, big, 7, big + 3], dtype=labels)
    classes = np.array([big, big + 1, big + 2], dtype=classes)
    np.testing.assert_array_equal(label_indices(labels, classes), [1, 0, -1, -1])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([-1]), np.array([2**64 - 1], dtype=np.uint64)),
        (np.array([2**64 - 1], dtype=np.uint64), np.array([-1])),
        (np.array([300]), np.array([44], dtype=np.int8)),
        (np.array([2**60 + 1]), np.array([2.0**60])),
        (np.array([2.0**60]), np.array([2**60 + 1])),
        (np.array([2.5]), np.array([2])),
        (np.array([2]), np.array([True])),
        (np.array([np.inf]), np.array([2**62])),
    ],
)
def test_a_number_that_the_type_of_the_classes_cannot_hold_is_none_of_them(labels, classes):
    assert label_indices(labels, classes).tolist() == [-1]


def test_scalars_of_two_integer_types_stay_exact():
    labels = np.array([np.int64(2**60 + 1), np.uint64(2**60)], dtype=object)
    assert label_indices(labels, [2**60, 2**60 + 1]).tolist() == [1, 0]


def test_dates_are_not_found_among_numbers():
    with pytest.raises(TypeError, match="cannot be compared"):
        label_indices(np.array([0], dtype="M8[D]"), [0])


def test_label_indices_with_classes_in_any_order():
    np.testing.assert_array_equal(label_indices([1, 2, 3], [3, 1]), [1, -1, 0])


def test_label_indices_of_nothing():
    assert label_indices([], [1, 2]).shape == (0,)
    np.testing.assert_array_equal(label_indices([1], []), [-1])


def test_numbers_are_not_found_among_strings():
    with pytest.raises(TypeError, match="cannot be compared"):
        label_indices([1, 2], ["1", "2"])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1.0, np.nan], ValueError, "y_true contains NaN in row 1"),
        (np.array(["a", None], dtype=object), TypeError, "NoneType"),
        (np.array(["a", 1], dtype=object), TypeError, "strings only"),
        (np.array([1, None], dtype=object), TypeError, "NoneType"),
        (pd.Series([1, None], dtype="Int64"), (ValueError, TypeError), "NaN|missing values"),
        ([[1, 2], [2, 1]], ValueError, r"shape \(n_samples,\), got \(2, 2\)"),
        (np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"), ValueError, "NaT in row 1"),
        (np.array([b"a"]), TypeError, "numbers, strings or dates"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        check_labels(labels, "y_true")


# ----------------------------------------------------------------------- sets


@pytest.mark.parametrize("sparse_output", [False, True])
def test_prefix_sets_hold_the_classes_up_to_the_size(rng, monkeypatch, sparse_output):
    work_in_batches_of(monkeypatch, 50)
    scores = scores_with_ties(rng)
    sizes = rng.integers(1, 10, size=len(scores))
    sets = prefix_sets(scores, sizes, sparse_output)
    dense = sets.toarray() if sparse_output else sets
    np.testing.assert_array_equal(dense, class_ranks(scores) <= sizes[:, None])
    assert sets.dtype == bool


@pytest.mark.parametrize("sparse_output", [False, True])
@pytest.mark.parametrize("make", SCORES_OF_MANY_CLASSES.values(), ids=SCORES_OF_MANY_CLASSES)
def test_prefix_sets_of_many_classes_and_sizes(rng, monkeypatch, make, sparse_output):
    work_in_batches_of(monkeypatch, 1000)
    scores = make(rng, (50, 130))
    ranks = class_ranks(scores)
    for sizes in (np.full(50, 4), rng.integers(1, 131, 50), np.where(np.arange(50) == 7, 130, 1)):
        sets = prefix_sets(scores, sizes, sparse_output)
        dense = sets.toarray() if sparse_output else sets
        np.testing.assert_array_equal(dense, ranks <= sizes[:, None])


def test_sets_by_hand_with_ties_across_the_last_place():
    scores = [[0.2, 0.4, 0.2, 0.2], [0.25] * 4, [0.1, 0.1, 0.4, 0.4]]
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]]
    sets = prefix_sets(scores, [2, 3, 1], sparse_output=True)
    np.testing.assert_array_equal(prefix_sets(scores, [2, 3, 1]), expected)
    np.testing.assert_array_equal(sets.indptr, [0, 2, 5, 6])
    np.testing.assert_array_equal(sets.indices, [0, 1, 0, 1, 2, 2])


def test_one_size_serves_all_rows():
    np.testing.assert_array_equal(prefix_sets([[1, 2, 3]] * 2, 1), [[0, 0, 1]] * 2)


@pytest.mark.parametrize("sizes", [0, 4, [1, 4]])
def test_prefix_sizes_out_of_range_are_refused(sizes):
    with pytest.raises(ValueError, match="between 1 and the 3 classes"):
        prefix_sets(np.zeros((2, 3)), sizes)


def test_prefix_sizes_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="sizes must be integers"):
        prefix_sets(np.zeros((2, 3)), 1.5)


@pytest.mark.parametrize("sparse_output", [False, True])
@pytest.mark.parametrize("allow_empty", [False, True])
def test_threshold_sets_hold_the_levels_reached(rng, monkeypatch, sparse_output, allow_empty):
    work_in_batches_of(monkeypatch, 50)
    levels = scores_with_ties(rng)
    sets = threshold_sets(levels, 3, allow_empty=allow_empty, sparse_output=sparse_output)
    expected = levels >= 3
    assert not expected.any(axis=1).all()
    if not allow_empty:
        expected |= class_ranks(levels) == 1
    np.testing.assert_array_equal(sets.toarray() if sparse_output else sets, expected)
    assert sets.dtype == bool


def test_threshold_sets_unite_with_the_top_class_given():
    sets = threshold_sets([[0.4, 0.3, 0.3]], 0.5, top=[2])
    np.testing.assert_array_equal(sets, [[False, False, True]])


@pytest.mark.parametrize("sparse_output", [False, True])
def test_the_level_may_differ_by_row_or_by_class(monkeypatch, sparse_output):
    work_in_batches_of(monkeypatch, 2)
    levels = np.array([[0.6, 0.4], [0.3, 0.7]])
    options = {"allow_empty": True, "sparse_output": sparse_output}
    by_row = threshold_sets(levels, [[0.5], [0.2]], **options)
    by_class = threshold_sets(levels, [0.2, 0.5], **options)
    np.testing.assert_array_equal(sparse.csr_array(by_row).toarray(), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(sparse.csr_array(by_class).toarray(), [[1, 0], [1, 1]])


def test_a_nan_level_is_refused():
    with pytest.raises(ValueError, match="is NaN"):
        threshold_sets([[0.5, 0.5]], np.nan)


@pytest.mark.parametrize("sparse_output", [False, True])
def test_no_rows_give_no_sets(sparse_output):
    none = np.zeros((0, 3))
    assert prefix_sets(none, 2, sparse_output).shape == (0, 3)
    assert threshold_sets(none, 0.5, sparse_output=sparse_output).shape == (0, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda scores: prefix_sets(scores, 3, sparse_output=True),
        # One row with every class, the others with one.
        lambda scores: prefix_sets(scores, 1 + 999 * (np.arange(2000) == 0), sparse_output=True),
        lambda scores: threshold_sets(scores, 0.99, sparse_output=True),
    ],
)
def test_sparse_sets_are_made_batch_by_batch(rng, monkeypatch, make):
    scores = rng.random((2000, 1000), dtype=np.float32)
    work_in_batches_of(monkeypatch, 10_000)
    tracemalloc.start()
    sets = make(scores)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < scores.size / 2
    assert sets.sum(axis=1).min() >= 1


@pytest.mark.parametrize(
    "sets",
    [
        prefix_sets([[1, 2, 3], [3, 2, 1]], [3, 2], sparse_output=True),
        threshold_sets([[1, 2, 3], [3, 2, 1]], 2, sparse_output=True),
        threshold_sets([[1, 2, 3], [3, 2, 1]], 4, sparse_output=True, top=[1, 0]),
        threshold_sets([[1, 2, 3], [3, 2, 1]], 4, sparse_output=True, allow_empty=True),
    ],
)
def test_sparse_sets_are_csr_arrays_in_canonical_form(sets):
    assert isinstance(sets, sparse.csr_array)
    assert sets.has_canonical_format
    assert sets.dtype == bool
    assert sets.data.all()
    assert sets.indices.dtype == sets.indptr.dtype == np.int32


# ------------------------------------------------------------ sizes and costs


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


# --------------------------------------------------------------------- levels

COSTS = {
    "log": "log",
    "linear": "linear",
    "square root": np.sqrt,
    "square": np.square,
    "with steps": lambda k: np.floor(k / 3),
    "constant": np.zeros_like,
}


def random_cumulative(rng, n, m, concentration=0.2):
    """F of a random law of the rank, with exact zeros among its masses."""
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
    costs, cumulative = np.log(np.arange(1, 21)), random_cumulative(rng, 20, 20)
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


# ---------------------------------------------------------- sets given by users

Y_SET = np.array([[True, False, True], [False, False, False], [False, True, False]])


@pytest.mark.parametrize(
    "y_set",
    [
        Y_SET,
        Y_SET.tolist(),
        Y_SET.astype(int),
        Y_SET.astype(np.uint8),
        pd.DataFrame(Y_SET),
        pl.DataFrame(Y_SET),
    ],
)
def test_dense_sets_become_a_boolean_array(y_set):
    checked = check_y_set(y_set)
    np.testing.assert_array_equal(checked, Y_SET)
    assert checked.dtype == bool


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("dtype", [bool, int])
def test_sparse_sets_become_a_boolean_csr_array(make, dtype):
    checked = check_y_set(make(Y_SET.astype(dtype)))
    assert isinstance(checked, sparse.csr_array)
    assert checked.dtype == bool
    np.testing.assert_array_equal(checked.toarray(), Y_SET)


def test_stored_zeros_are_dropped_from_a_copy():
    given = sparse.csr_array(([True, False], [0, 1], [0, 2]), shape=(1, 2))
    assert check_y_set(given).nnz == 1
    assert given.nnz == 2


def test_a_class_stored_twice_counts_once():
    given = sparse.csr_array(([True, True], [1, 1], [0, 2]), shape=(1, 2))
    assert check_y_set(given).nnz == 1
    assert [labels.tolist() for labels in sets_to_labels(given, ["a", "b"])] == [["b"]]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    ("y_set", "message"),
    [
        ([[0, 2]], "the value 2"),
        ([[0, -1]], "the value -1"),
        ([[0.0, 1.0]], "dtype float64"),
        ([[0.5, np.nan]], "dtype float64"),
    ],
)
def test_sets_of_other_values_are_refused(make, y_set, message):
    with pytest.raises(ValueError, match=message):
        check_y_set(make(y_set))


@pytest.mark.parametrize("shape", [(3,), (3, 2, 1), ()])
def test_sets_of_another_dimension_are_refused(shape):
    with pytest.raises(ValueError, match="y_set must have the shape"):
        check_y_set(np.zeros(shape, dtype=bool))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_labels_of_each_set_in_the_order_of_the_columns(make):
    labels = sets_to_labels(make(Y_SET), np.array(["a", "b", "c"]))
    assert [row.tolist() for row in labels] == [["a", "c"], [], ["b"]]


def test_labels_of_no_sets():
    assert sets_to_labels(np.zeros((0, 2), dtype=bool), [1, 2]) == []


@pytest.mark.parametrize("classes", [["a", "b"], [["a", "b", "c"]]])
def test_classes_that_do_not_match_the_columns_are_refused(classes):
    with pytest.raises(ValueError, match="for the 3 columns"):
        sets_to_labels(Y_SET, classes)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_a_pandas_frame_keeps_the_index(make):
    index = pd.Index(["x", "y", "z"], name="who")
    frame = sets_to_frame(make(Y_SET), np.array([10, 20, 30]), like=pd.Series(0, index=index))
    expected = pd.DataFrame(Y_SET, index=index, columns=[10, 20, 30])
    pd.testing.assert_frame_equal(frame, expected, check_column_type=False)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_a_polars_frame_comes_from_polars_rows(make):
    frame = sets_to_frame(make(Y_SET), [10, 20, 30], like=pl.DataFrame({"x": [1, 2, 3]}))
    assert frame.equals(pl.DataFrame(Y_SET, schema=["10", "20", "30"]))


@pytest.mark.parametrize("like", [pd.Series(range(3)), pl.Series(range(3)), np.ones(3), None])
def test_a_column_of_lists_holds_the_labels(like):
    frame = sets_to_frame(Y_SET, ["a", "b", "c"], like=like, columns="lists")
    assert type(frame).__module__.startswith("polars" if isinstance(like, pl.Series) else "pandas")
    assert [list(labels) for labels in frame["labels"]] == [["a", "c"], [], ["b"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"like": [1, 2]}, "like has 2 rows, y_set has 3"),
        ({"columns": "list"}, "did you mean 'lists'"),
        ({"classes": ["a"]}, "for the 3 columns"),
    ],
)
def test_frames_refuse_what_does_not_match(arguments, message):
    arguments = {"classes": ["a", "b", "c"]} | arguments
    with pytest.raises(ValueError, match=message):
        sets_to_frame(Y_SET, **arguments)
