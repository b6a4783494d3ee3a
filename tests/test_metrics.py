import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.metrics import recall_score
from sklearn.metrics import top_k_accuracy_score as sklearn_top_k_accuracy_score
from sklearn.preprocessing import label_binarize

from sklearn_setpred import metrics
from sklearn_setpred.metrics import (
    cardinality_aware_loss,
    class_conditional_coverage,
    coverage_gap,
    coverage_score,
    coverage_size_auc_score,
    coverage_size_curve,
    empty_share,
    expected_calibration_error,
    mean_set_size,
    set_size_distribution,
    set_size_quantile,
    set_utility_score,
    singleton_accuracy_score,
    singleton_score,
    size_stratified_coverage,
    size_stratified_coverage_gap,
    strata_conditional_coverage,
    top_k_accuracy_score,
    worst_slab_coverage,
)
from sklearn_setpred.sets import class_ranks, prefix_sets, threshold_sets

# Hand-computed throughout: hits are rows 0, 1, 2, 5; sizes are 1, 2, 3, 1, 0, 1.
CLASSES = np.array(["a", "b", "c"])
Y_TRUE = np.array(["a", "b", "c", "a", "b", "c"])
Y_SET = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]], dtype=bool)
X = np.arange(12.0).reshape(6, 2) ** 2
STRATA = np.array(["s", "s", "t", "t", "t", "s"])


def by_strata(y_true, y_set, **kwargs):
    strata = np.tile(STRATA, len(y_true) // 6) if "strata" not in kwargs else kwargs.pop("strata")
    return np.array(list(strata_conditional_coverage(y_true, y_set, strata, **kwargs).values()))


def on_worst_slab(y_true, y_set, X=X, **kwargs):
    options = {"search_share": None, "n_directions": 20, "min_share": 0.3, "random_state": 0}
    return worst_slab_coverage(y_true, y_set, X, **options, **kwargs)


# Each metric on sets, and its value on the example above.
SET_METRICS = {
    coverage_score: 4 / 6,
    class_conditional_coverage: [1 / 2, 1 / 2, 1],
    coverage_gap: (1 / 6 + 1 / 6 + 1 / 3) / 3,
    size_stratified_coverage: [0, 2 / 3, 1, 1],
    size_stratified_coverage_gap: 2 / 3,
    by_strata: [1, 1 / 3],
    mean_set_size: 8 / 6,
    set_size_quantile: 1,
    set_size_distribution: [1 / 6, 3 / 6, 1 / 6, 1 / 6],
    empty_share: 1 / 6,
    singleton_score: 3 / 6,
    singleton_accuracy_score: 2 / 3,
    cardinality_aware_loss: (2 + 0.05 * 8) / 6,
    set_utility_score: (1 + 0.65 + (1.6 / 3 - 0.6 / 9) + 1) / 6,
    # Rows 3 and 4 miss, and lie side by side in every direction of increasing columns.
    on_worst_slab: 0,
}
each_set_metric = pytest.mark.parametrize("metric", SET_METRICS)

# Metrics on scores, with what they read beside the labels.
PROBA = np.array([[6, 3, 1], [4, 5, 1], [2, 3, 5], [2, 7, 1], [8, 1, 1], [3, 3, 4]]) / 10
SCORE_METRICS = [
    top_k_accuracy_score,
    coverage_size_curve,
    coverage_size_auc_score,
    expected_calibration_error,
]
each_score_metric = pytest.mark.parametrize("metric", SCORE_METRICS)
each_metric = pytest.mark.parametrize("metric", [*SET_METRICS, *SCORE_METRICS])


def predictions_for(metric):
    return PROBA if metric in SCORE_METRICS else Y_SET


def random_problem(rng, n=300, K=6):
    posterior = rng.dirichlet(np.full(K, 0.5), size=n)
    y = np.array([rng.choice(K, p=p) for p in posterior])
    return posterior, y


# ------------------------------------------------------- facts about all metrics


@each_set_metric
def test_the_example_has_the_value_computed_by_hand(metric):
    np.testing.assert_allclose(metric(Y_TRUE, Y_SET), SET_METRICS[metric], rtol=1e-12)


def test_every_public_metric_is_in_a_list_above():
    tested = {m.__name__ for m in [*SET_METRICS, *SCORE_METRICS]}
    wrapped = {"strata_conditional_coverage", "worst_slab_coverage", "SET_UTILITIES"}
    assert set(metrics.__all__) == (tested - {"by_strata", "on_worst_slab"}) | wrapped


@each_metric
@pytest.mark.parametrize("seed", range(3))
def test_weights_equal_repetition(metric, seed):
    weight = np.random.default_rng(seed).integers(0, 4, size=6)
    repeat = np.repeat(np.arange(6), weight)
    extra, repeated = {}, {}
    if metric is on_worst_slab:
        extra, repeated = {"X": X}, {"X": X[repeat]}
    if metric is by_strata:
        extra, repeated = {"strata": STRATA}, {"strata": STRATA[repeat]}
    predictions = predictions_for(metric)
    weighted = metric(Y_TRUE, predictions, classes=CLASSES, sample_weight=weight, **extra)
    plain = metric(Y_TRUE[repeat], predictions[repeat], classes=CLASSES, **repeated)
    if metric is by_strata:
        weighted = weighted[~np.isnan(weighted)]
    np.testing.assert_allclose(weighted, plain, rtol=1e-12)


@each_metric
@pytest.mark.parametrize("unit", [1e308, 1e-320])
def test_extreme_weights_give_the_same_as_their_proportions(metric, unit):
    weight = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    predictions = predictions_for(metric)
    extra = {"strata": STRATA} if metric is by_strata else {}
    expected = metric(Y_TRUE, predictions, sample_weight=weight, **extra)
    found = metric(Y_TRUE, predictions, sample_weight=weight * unit, **extra)
    np.testing.assert_array_equal(found, expected)


@each_set_metric
@pytest.mark.parametrize("make", [np.int8, sparse.csr_array, sparse.csr_matrix, pd.DataFrame])
def test_the_container_of_the_sets_does_not_matter(metric, make):
    np.testing.assert_array_equal(metric(Y_TRUE, make(Y_SET)), metric(Y_TRUE, Y_SET))


@each_metric
@pytest.mark.parametrize(
    "make",
    [
        list,
        pd.Series,
        pl.Series,
        pd.Categorical,
        pd.Index,
        pd.DataFrame,
        pl.DataFrame,
        pa.array,
        lambda y: y.astype(object),
        lambda y: np.searchsorted(CLASSES, y).astype("datetime64[D]"),
        lambda y: np.searchsorted(CLASSES, y).astype(np.uint64) + 2**60,
        lambda y: np.searchsorted(CLASSES, y),
        lambda y: np.searchsorted(CLASSES, y) / 2,
    ],
)
def test_the_type_of_the_labels_does_not_matter(metric, make):
    predictions = predictions_for(metric)
    expected = metric(Y_TRUE, predictions)
    np.testing.assert_array_equal(metric(make(Y_TRUE), predictions), expected)
    np.testing.assert_array_equal(
        metric(make(Y_TRUE), predictions, classes=make(CLASSES)), expected
    )


@each_metric
def test_the_order_of_the_rows_does_not_matter(metric, rng):
    order = rng.permutation(6)
    extra = {"X": X[order]} if metric is on_worst_slab else {}
    extra |= {"strata": STRATA[order]} if metric is by_strata else {}
    predictions = predictions_for(metric)
    permuted = metric(Y_TRUE[order], predictions[order], **extra)
    np.testing.assert_allclose(permuted, metric(Y_TRUE, predictions), rtol=1e-12)


@each_set_metric
def test_the_order_of_the_columns_follows_classes(metric):
    order = [2, 0, 1]
    permuted = metric(Y_TRUE, Y_SET[:, order], classes=CLASSES[order])
    expected = np.asarray(SET_METRICS[metric])
    expected = expected[order] if metric is class_conditional_coverage else expected
    np.testing.assert_allclose(permuted, expected)


@each_set_metric
def test_sparse_sets_are_never_made_dense(metric):
    n_rows, n_classes = 600, 100_000  # 60 MB as a dense array
    y_true, columns = np.arange(n_rows), np.arange(n_classes)
    y_set = sparse.eye_array(n_rows, n_classes, dtype=bool, format="csr")
    extra = {"X": np.ones((n_rows, 1))} if metric is on_worst_slab else {}
    tracemalloc.start()
    metric(y_true, y_set, classes=columns, **extra)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


# --------------------------------------------------------------------- coverage


def test_coverage_is_the_samples_recall_of_scikit_learn(rng):
    posterior, y = random_problem(rng)
    y_set = posterior > 0.2
    weight = rng.random(len(y))
    one_hot = label_binarize(y, classes=np.arange(6))
    expected = recall_score(one_hot, y_set, average="samples", sample_weight=weight)
    coverage = coverage_score(y, y_set, classes=np.arange(6), sample_weight=weight)
    np.testing.assert_allclose(coverage, expected)


def test_class_conditional_coverage_is_the_recall_of_each_class(rng):
    posterior, y = random_problem(rng)
    y_set = posterior > 0.2
    expected = recall_score(label_binarize(y, classes=np.arange(6)), y_set, average=None)
    np.testing.assert_allclose(class_conditional_coverage(y, y_set), expected)


def test_a_label_that_is_not_among_the_classes_is_a_miss():
    y_true = ["z", *Y_TRUE[1:]]
    assert coverage_score(y_true, Y_SET, classes=CLASSES) == 3 / 6
    assert singleton_accuracy_score(y_true, Y_SET, classes=CLASSES) == 1 / 3
    np.testing.assert_array_equal(
        class_conditional_coverage(y_true, Y_SET, classes=CLASSES), [0, 1 / 2, 1]
    )


def test_a_class_without_rows_has_no_coverage_and_no_part_in_the_gap():
    y_true, y_set = ["a", "a"], Y_SET[[0, 3]]
    coverages = class_conditional_coverage(y_true, y_set, classes=CLASSES)
    np.testing.assert_array_equal(coverages, [1 / 2, np.nan, np.nan])
    assert coverage_gap(y_true, y_set, classes=CLASSES, target_coverage=0.9) == 0.4
    assert np.isnan(coverage_gap(["z", "z"], y_set, classes=CLASSES))


def test_gaps_are_taken_from_the_target_given():
    np.testing.assert_allclose(coverage_gap(Y_TRUE, Y_SET, target_coverage=1), 1 / 3)
    np.testing.assert_allclose(
        size_stratified_coverage_gap(Y_TRUE, Y_SET, target_coverage=0.9), 0.9
    )


def test_sizes_are_stratified_into_bins():
    by_bin = size_stratified_coverage(Y_TRUE, Y_SET, bins=[1, 2])
    np.testing.assert_array_equal(by_bin, [2 / 4, 1, 1])
    assert size_stratified_coverage_gap(Y_TRUE, Y_SET, bins=[1], target_coverage=0.9) == 0.4
    np.testing.assert_array_equal(
        size_stratified_coverage(Y_TRUE, Y_SET, bins=[5]), [4 / 6, np.nan]
    )


def test_strata_are_named_in_sorted_order():
    named = strata_conditional_coverage(Y_TRUE, Y_SET, [2, 2, 1, 1, 1, 2])
    assert named == {1: 1 / 3, 2: 1.0}
    assert list(named) == [1, 2]


# ---------------------------------------------------------------- worst slab


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


# ------------------------------------------------------------------------- size


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


# ---------------------------------------------------------- loss and utility


@pytest.mark.parametrize("size_cost", ["log", "linear", np.sqrt])
@pytest.mark.parametrize("size_penalty", [0.01, 0.1, 0.5])
def test_the_bayes_sets_minimise_the_loss(rng, size_cost, size_penalty):
    # Each row stands for its whole law of the label: one row per label, weighted by p.
    posterior = rng.dirichlet(np.full(4, 0.7), size=6)
    y = np.tile(np.arange(4), 6)
    every_set = (np.arange(16)[:, None] >> np.arange(4)) & 1 == 1

    def loss(one_set_per_row):
        return cardinality_aware_loss(
            y,
            np.repeat(one_set_per_row, 4, axis=0),
            size_penalty=size_penalty,
            size_cost=size_cost,
            sample_weight=posterior.ravel(),
        )

    costs = np.append(0, {"log": np.log, "linear": np.abs}.get(size_cost, size_cost)(range(1, 5)))
    risk = 1 - np.cumsum(np.c_[np.zeros(6), -np.sort(-posterior)], axis=1) + size_penalty * costs
    best_size = 1 + risk[:, 1:].argmin(axis=1)
    bayes = prefix_sets(posterior, best_size)
    np.testing.assert_allclose(loss(bayes), risk[np.arange(6), best_size].mean())
    for row in range(6):
        for other in every_set[1:]:
            changed = bayes.copy()
            changed[row] = other
            assert loss(bayes) <= loss(changed) + 1e-12


def test_with_linear_cost_the_bayes_sets_are_thresholded_at_the_penalty(rng):
    posterior, y = random_problem(rng, n=4000)
    losses = {
        t: cardinality_aware_loss(
            y, threshold_sets(posterior, t), size_penalty=0.1, size_cost="linear"
        )
        for t in [0.01, 0.05, 0.1, 0.2, 0.4]
    }
    assert min(losses, key=losses.get) == 0.1


def test_without_a_penalty_the_loss_is_the_miss_rate():
    loss = cardinality_aware_loss(Y_TRUE, Y_SET, size_penalty=0)
    np.testing.assert_allclose(loss, 1 - coverage_score(Y_TRUE, Y_SET))


def test_an_empty_set_costs_nothing_but_its_miss():
    def cost(k):
        return k + 5

    loss = cardinality_aware_loss(["a", "b"], [[0, 0], [0, 1]], size_cost=cost, size_penalty=0.5)
    assert loss == (1 + 0.5 * 6) / 2


@pytest.mark.parametrize("size_penalty", [-0.1, np.nan, np.inf])
def test_a_penalty_out_of_range_is_refused(size_penalty):
    with pytest.raises(ValueError, match="size_penalty="):
        cardinality_aware_loss(Y_TRUE, Y_SET, size_penalty=size_penalty)


def test_an_unknown_cost_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'log'"):
        cardinality_aware_loss(Y_TRUE, Y_SET, size_cost="logs")


@pytest.mark.parametrize(("utility", "worth"), [("u65", 0.65), ("u80", 0.80)])
def test_a_right_pair_is_worth_what_the_utility_is_named_for(utility, worth):
    pair = set_utility_score(["a"], [[1, 1, 0]], utility=utility, classes=CLASSES)
    single = set_utility_score(["a"], [[1, 0, 0]], utility=utility, classes=CLASSES)
    miss = set_utility_score(["a"], [[0, 1, 0]], utility=utility, classes=CLASSES)
    np.testing.assert_allclose([pair, single, miss], [worth, 1, 0])


def test_an_unknown_utility_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'u65'"):
        set_utility_score(Y_TRUE, Y_SET, utility="u66")


# --------------------------------------------------------------- score metrics


@pytest.mark.parametrize("k", range(1, 8))
def test_top_k_accuracy_is_the_coverage_of_the_top_k_sets(rng, k):
    scores = rng.integers(0, 3, size=(100, 6))
    y = rng.integers(0, 8, size=100)  # 6 and 7 have no column
    expected = coverage_score(y, class_ranks(scores) <= k, classes=range(6))
    assert top_k_accuracy_score(y, scores, k=k, classes=range(6)) == expected


def test_top_k_accuracy_without_ties_is_scikit_learns(rng):
    posterior, y = random_problem(rng)
    expected = sklearn_top_k_accuracy_score(y, posterior, k=2)
    np.testing.assert_allclose(top_k_accuracy_score(y, posterior), expected)


def test_top_k_accuracy_refuses_no_k():
    with pytest.raises(ValueError, match="k=0"):
        top_k_accuracy_score(Y_TRUE, PROBA, k=0)


def test_the_curve_is_that_of_the_threshold_sets(rng):
    posterior, y = random_problem(rng)
    y[:20] = 9  # without a column
    weight = rng.integers(0, 3, size=len(y))
    options = {"classes": np.arange(6), "sample_weight": weight}
    coverage, mean_size, thresholds = coverage_size_curve(y, posterior, **options)
    for c, s, t in zip(coverage[::20], mean_size[::20], thresholds[::20], strict=True):
        y_set = threshold_sets(posterior, t)
        np.testing.assert_allclose(c, coverage_score(y, y_set, **options))
        np.testing.assert_allclose(s, mean_set_size(y, y_set, **options))
    assert (np.diff(coverage) > 0).all()
    assert (np.diff(mean_size) > 0).all()
    assert (np.diff(thresholds) < 0).all()


def test_the_curve_starts_with_the_first_classes():
    coverage, mean_size, thresholds = coverage_size_curve(Y_TRUE, PROBA)
    np.testing.assert_allclose([coverage[0], mean_size[0], thresholds[0]], [4 / 6, 1, np.inf])


def test_a_class_of_level_minus_inf_never_enters_the_curve():
    levels = [[1.0, 0.0, -np.inf], [1.0, 0.0, -np.inf]]
    coverage, mean_size, thresholds = coverage_size_curve([1, 2], levels, classes=[0, 1, 2])
    np.testing.assert_array_equal(coverage, [0, 0.5])
    np.testing.assert_array_equal(mean_size, [1, 2])
    np.testing.assert_array_equal(thresholds, [np.inf, 0])


def test_the_area_of_a_perfect_and_of_a_hopeless_ranking():
    perfect, hopeless = np.eye(3), -np.eye(3)
    assert coverage_size_auc_score([0, 1, 2], perfect) == 1
    assert coverage_size_auc_score([0, 1, 2], hopeless) == 0


def test_the_area_of_rankings_is_the_mean_of_their_top_k_accuracies(rng):
    # Levels -rank give the sets of top-k: the curve has steps at k = 1 ... K.
    levels = -class_ranks(rng.random((200, 5))).astype(float)
    y = rng.integers(5, size=200)
    expected = np.mean([top_k_accuracy_score(y, levels, k=k) for k in range(1, 5)])
    np.testing.assert_allclose(coverage_size_auc_score(y, levels), expected)
    np.testing.assert_allclose(
        coverage_size_auc_score(y, levels, max_size=2), top_k_accuracy_score(y, levels, k=1)
    )


@pytest.mark.parametrize("max_size", [1, 0.5, 4])
def test_a_largest_size_out_of_range_is_refused(max_size):
    with pytest.raises(ValueError, match=f"max_size={max_size}"):
        coverage_size_auc_score(Y_TRUE, PROBA, max_size=max_size)


def test_calibration_error_sums_the_bins():
    # Confidences .6, .7, .7 in the bin (.5, .75], two of them right; .8 in (.75, 1], right.
    proba = [[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.3, 0.7]]
    y_true = ["a", "b", "a", "b"]
    expected = abs(2 - (0.6 + 0.7 + 0.7)) / 4 + abs(1 - 0.8) / 4
    error = expected_calibration_error(y_true, proba, n_bins=4)
    np.testing.assert_allclose(error, expected, atol=1e-12)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # One bin (.5, .75] with one row of two right.
    error = expected_calibration_error(["a", "b"], [[0.75, 0.25], [0.6, 0.4]], n_bins=4)
    np.testing.assert_allclose(error, abs(1 - 1.35) / 2)


def test_the_true_posterior_is_calibrated(rng):
    posterior, y = random_problem(rng, n=20_000)
    assert expected_calibration_error(y, posterior) < 0.02
    sharper = posterior**2 / (posterior**2).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y, sharper) > 0.08


def test_one_bin_compares_accuracy_with_mean_confidence(rng):
    posterior, y = random_problem(rng)
    expected = abs(np.mean(posterior.argmax(axis=1) == y) - posterior.max(axis=1).mean())
    error = expected_calibration_error(y, posterior, n_bins=1)
    np.testing.assert_allclose(error, expected)


@pytest.mark.parametrize("proba", [PROBA * 2, PROBA - 0.5])
def test_scores_are_no_probabilities(proba):
    with pytest.raises(ValueError, match="softmax"):
        expected_calibration_error(Y_TRUE, proba)


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="n_bins=0"):
        expected_calibration_error(Y_TRUE, PROBA, n_bins=0)


# ------------------------------------------------------------------- bad input


@each_metric
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y_true": []}, ValueError, "y_true is empty"),
        ({"y_true": Y_TRUE[:5]}, ValueError, "y_true has 5 rows"),
        ({"y_true": np.column_stack([Y_TRUE, Y_TRUE])}, ValueError, "y_true must have the shape"),
        ({"y_true": [0, 1, 2, 0, 1, np.nan]}, ValueError, "y_true contains NaN"),
        ({"y_true": ["a", "b", "a", "a", "b", "a"]}, ValueError, "name the columns"),
        ({"classes": ["a", "b"]}, ValueError, "classes has 2 labels"),
        ({"classes": ["a", "b", "b"]}, ValueError, "a label twice"),
        ({"classes": [0, 1, 2]}, TypeError, "cannot be compared"),
        ({"sample_weight": np.ones(5)}, ValueError, "sample_weight must have the shape"),
        ({"sample_weight": [1, 1, 1, 1, 1, -1]}, ValueError, "not negative"),
        ({"sample_weight": [1, 1, 1, 1, 1, np.nan]}, ValueError, "finite"),
        ({"sample_weight": np.zeros(6)}, ValueError, "zero for every row"),
    ],
)
def test_bad_input_is_refused_by_every_metric(metric, changes, error, message):
    arguments = {"y_true": Y_TRUE} | changes
    y_true = arguments.pop("y_true")
    extra = {"strata": STRATA} if metric is by_strata else {}
    with pytest.raises(error, match=message):
        metric(y_true, predictions_for(metric), **arguments, **extra)


@each_set_metric
@pytest.mark.parametrize(
    ("y_set", "message"),
    [
        (Y_SET * 2, "the value 2"),
        (Y_SET.astype(float), "dtype float64"),
        (np.where(Y_SET, np.nan, 0), "dtype float64"),
        (Y_SET[0], "y_set must have the shape"),
        (Y_SET[:, :, None], "y_set must have the shape"),
        (Y_SET[:, :2], "2 columns"),
    ],
)
def test_bad_sets_are_refused_by_every_metric(metric, y_set, message):
    with pytest.raises(ValueError, match=message):
        metric(Y_TRUE, y_set)


@each_score_metric
def test_nan_scores_are_refused_by_every_metric(metric):
    with pytest.raises(ValueError, match="contains NaN in row 0"):
        metric(Y_TRUE, np.where(PROBA == 0.6, np.nan, PROBA))


@pytest.mark.parametrize("bins", [[2, 1], [1, 1], [[1]]])
def test_bins_that_do_not_increase_are_refused(bins):
    with pytest.raises(ValueError, match="strictly increasing"):
        size_stratified_coverage(Y_TRUE, Y_SET, bins=bins)


@pytest.mark.parametrize("metric", [coverage_gap, size_stratified_coverage_gap])
def test_a_target_out_of_range_is_refused(metric):
    with pytest.raises(ValueError, match="target_coverage=95"):
        metric(Y_TRUE, Y_SET, target_coverage=95)


def test_strata_of_another_length_are_refused():
    with pytest.raises(ValueError, match="strata has 5 rows"):
        strata_conditional_coverage(Y_TRUE, Y_SET, STRATA[:5])


# --------------------------------------------------------------------- a peer


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_metrics_agree_with_mapie_where_it_has_them(rng):
    mapie = pytest.importorskip("mapie.metrics.classification")
    posterior, y = random_problem(rng)
    y_set = threshold_sets(posterior, 0.15)
    peers = y_set[:, :, None]
    np.testing.assert_allclose(
        coverage_score(y, y_set), mapie.classification_coverage_score(y, peers)[0]
    )
    np.testing.assert_allclose(
        mean_set_size(y, y_set), mapie.classification_mean_width_score(peers)[0]
    )
    by_size = size_stratified_coverage(y, y_set)
    np.testing.assert_allclose(
        np.nanmin(by_size), mapie.classification_ssc_score(y, peers, num_bins=None)[0]
    )
