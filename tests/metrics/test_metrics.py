"""Every metric: its value by hand, weights, containers, bad input, and a peer."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sets_by_hand import CLASSES, PROBA, STRATA, Y_SET, Y_TRUE, X, random_problem

from sklearn_setpred import metrics
from sklearn_setpred.metrics import (
    cardinality_aware_loss,
    class_conditional_coverage,
    classwise_calibration_error,
    coverage_gap,
    coverage_score,
    coverage_size_auc_score,
    coverage_size_curve,
    empty_share,
    expected_calibration_error,
    macro_coverage_score,
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
from sklearn_setpred.sets import threshold_sets


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
    macro_coverage_score: 2 / 3,
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


SCORE_METRICS = [
    top_k_accuracy_score,
    coverage_size_curve,
    coverage_size_auc_score,
    expected_calibration_error,
    classwise_calibration_error,
]


each_score_metric = pytest.mark.parametrize("metric", SCORE_METRICS)


each_metric = pytest.mark.parametrize("metric", [*SET_METRICS, *SCORE_METRICS])


def predictions_for(metric):
    return PROBA if metric in SCORE_METRICS else Y_SET


@each_set_metric
def test_the_example_has_the_value_computed_by_hand(metric):
    np.testing.assert_allclose(metric(Y_TRUE, Y_SET), SET_METRICS[metric], rtol=1e-12)


def test_every_public_metric_is_in_a_list_above():
    tested = {m.__name__ for m in [*SET_METRICS, *SCORE_METRICS]}
    wrapped = {"strata_conditional_coverage", "worst_slab_coverage", "coverage_excess_risk"}
    wrapped |= {"SET_UTILITIES", "CoverageMonitor", "recalibration_gain"}
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
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_of_frames_that_are_named_by_the_classes_are_read_by_name(metric, make):
    predictions = predictions_for(metric)
    columns = [(CLASSES[j], predictions[:, j]) for j in (2, 0, 1)]
    for classes in (None, CLASSES):
        found = metric(Y_TRUE, make(dict(columns)), classes=classes)
        np.testing.assert_array_equal(found, metric(Y_TRUE, predictions))


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
