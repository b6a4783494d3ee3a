"""Cut rows into batches, and stack the results of the batches."""

import itertools

import numpy as np
import scipy.sparse as sp
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sklearn_setpred._utils import memory

_CELL = np.dtype(np.float64).itemsize
# Scores are made for no fewer rows at a time than this.
_LEAST_ROWS = 16


def row_batches(shape, *, least=1):
    """Return slices of the rows of an array of scores, each within the budget of a batch."""
    n_rows, n_classes = shape
    return memory.row_slices(n_rows, _CELL * n_classes, memory.BATCH, least=least)


def in_batches(n_classes, X, *aligned):
    """Yield batches of the rows of X, each with the same rows of the aligned arrays."""
    batches = row_batches((_num_samples(X), n_classes), least=_LEAST_ROWS)
    if len(batches) <= 1:
        yield X, *aligned
        return
    for rows in batches:
        yield _safe_indexing(X, rows), *(array[rows] for array in aligned)


def stack(parts, n):
    """Return the parts, an iterator of arrays or of CSR, as one of n rows; at most 8 GiB."""
    first = next(parts)
    if first.shape[0] == n:
        return first
    parts = itertools.chain([first], parts)
    if sp.issparse(first):
        return sp.vstack([*parts], format="csr")
    return stack_tuples(zip(parts), n)[0]


def stack_tuples(parts, n):
    """Return arrays of n rows for an iterator of tuples of arrays of some of the rows.

    They are written into arrays made once: a list of parts would take the memory twice.
    """
    wholes, n_filled = None, 0
    for part in parts:
        if wholes is None:
            wholes = tuple(_empty((n, *piece.shape[1:]), piece.dtype) for piece in part)
        for whole, piece in zip(wholes, part, strict=True):
            whole[n_filled : n_filled + len(piece)] = piece
        n_filled += len(part[0])
    return wholes


def _empty(shape, dtype):
    """Return an array to be filled; raise MemoryError if it is larger than any result may be."""
    needed = np.prod(shape, dtype=float) * np.dtype(dtype).itemsize
    if needed > memory.LARGEST_RESULT:
        raise MemoryError(
            f"An array of shape {shape} needs {needed / 1e9:.2g} GB. Pass fewer rows at a time, "
            "or ask for CSR: predict_set of an estimator with sparse_output=True, "
            "set_levels(X, sparse_output=True) of CardinalityAwareClassifier."
        )
    return np.empty(shape, dtype=dtype)
