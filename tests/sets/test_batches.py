"""Rows cut into batches come back in order, from arrays, tuples and CSR."""

import numpy as np
import pytest
from scipy import sparse
from some_scores import work_in_batches_of

from sklearn_setpred.sets._batches import in_batches, stack, stack_tuples

N, STEP = 50, 16


@pytest.fixture
def batches(monkeypatch):
    """Return 50 rows of 4 classes in batches of 16, each with its row numbers."""
    work_in_batches_of(monkeypatch, 4 * STEP)
    X = np.arange(4.0 * N).reshape(N, 4)
    return X, [*in_batches(4, X, np.arange(N))]


def test_aligned_arrays_are_cut_with_the_rows(batches):
    X, parts = batches
    assert [len(rows) for _, rows in parts] == [16, 16, 16, 2]
    for part, rows in parts:
        np.testing.assert_array_equal(part, X[rows])


def test_rows_that_fit_into_one_batch_are_not_copied():
    X = np.zeros((N, 4))
    ((batch,),) = in_batches(4, X)
    assert batch is X


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_batches_are_stacked_in_order(batches, make):
    X, parts = batches
    whole = stack((make(part) for part, _ in parts), N)
    assert type(whole) is type(make(X))
    np.testing.assert_array_equal(whole.toarray() if sparse.issparse(whole) else whole, X)


def test_tuples_of_arrays_are_stacked_one_by_one(batches):
    X, parts = batches
    first, second = stack_tuples(((rows, part) for part, rows in parts), N)
    np.testing.assert_array_equal(first, np.arange(N))
    np.testing.assert_array_equal(second, X)


def test_csr_batches_keep_the_smaller_index_type(batches):
    _, parts = batches
    whole = stack((sparse.csr_array(part > 0) for part, _ in parts), N)
    assert (whole.dtype, whole.indices.dtype) == (bool, np.int32)
