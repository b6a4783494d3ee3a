"""Sets hold the classes up to a size or a level; sets given by users are checked."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from some_scores import SCORES_OF_MANY_CLASSES, scores_with_ties, work_in_batches_of

from sklearn_setpred.sets import class_ranks, prefix_sets, sets_to_labels, threshold_sets
from sklearn_setpred.sets._sets import check_y_set


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
    with pytest.raises(ValueError, match="y_set has 3 columns"):
        sets_to_labels(Y_SET, classes)
