"""Rows batch by batch: cutting them, and putting together what the batches give.

Results are written into arrays made once. Small ones, kept between the large ones of each batch,
would break up the memory that the next batch needs: with 100,000 classes that came to gigabytes.
"""

import itertools

import numpy as np
import scipy.sparse as sp
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

# Scores are made for this many cells at a time (8 MB of float64), and for no fewer rows.
_BATCH_CELLS = 2**20
_BATCH_ROWS = 16
# The largest array that a method gives.
_LARGEST_ARRAY = 2**33  # bytes


def in_batches(n_classes, X, *aligned):
    """Return batches of the rows of X, each with those of the arrays aligned with X."""
    n, step = _num_samples(X), max(_BATCH_ROWS, _BATCH_CELLS // n_classes)
    if n <= step:
        yield X, *aligned
        return
    for i in range(0, n, step):
        rows = slice(i, i + step)
        yield _safe_indexing(X, rows), *(array[rows] for array in aligned)


def stack(parts, n):
    """Return the parts, an iterator of arrays or of CSR, as one of n rows; at most 8 GiB."""
    first = next(parts)
    if first.shape[0] == n:
        return first
    parts = itertools.chain([first], parts)
    return stack_csr(parts, n) if sp.issparse(first) else stack_tuples(zip(parts), n)[0]


def stack_tuples(parts, n):
    """Return arrays of n rows for an iterator of tuples of arrays of some of the rows."""
    wholes, n_filled = None, 0
    for part in parts:
        if wholes is None:
            wholes = tuple(_empty((n, *piece.shape[1:]), piece.dtype) for piece in part)
        for whole, piece in zip(wholes, part, strict=True):
            whole[n_filled : n_filled + len(piece)] = piece
        n_filled += len(part[0])
    return wholes


def stack_csr(parts, n):
    """Return CSR arrays of some of the rows each as one of n rows."""
    counts, n_filled = np.zeros(n, dtype=np.int64), 0
    for part in parts:
        if n_filled == 0:
            indices, data = Growing(part.indices.dtype), Growing(part.data.dtype)
        counts[n_filled : n_filled + part.shape[0]] = np.diff(part.indptr)
        n_filled += part.shape[0]
        indices.append(part.indices)
        data.append(part.data)
    indptr = np.append(0, np.cumsum(counts))
    return sp.csr_array((data.values, indices.values, indptr), shape=(n, part.shape[1]))


class Growing:
    """An array that grows at its end, by doubling."""

    def __init__(self, dtype):
        self._array, self._size = np.empty(1024, dtype=dtype), 0

    def append(self, values):
        """Put values behind the others."""
        end = self._size + len(values)
        if end > len(self._array):
            larger = np.empty(max(end, 2 * len(self._array)), dtype=self._array.dtype)
            larger[: self._size] = self.values
            self._array = larger
        self._array[self._size : end] = values
        self._size = end

    @property
    def values(self):
        """All values so far."""
        return self._array[: self._size]


def _empty(shape, dtype):
    """Return an array to be filled, or raise if it were too large."""
    needed = np.prod(shape, dtype=float) * np.dtype(dtype).itemsize
    if needed > _LARGEST_ARRAY:
        raise MemoryError(
            f"An array of shape {shape} needs {needed / 1e9:.2g} GB. Ask for fewer rows at a "
            "time, or for CSR: predict_set of an estimator with sparse_output=True, "
            "set_levels(X, sparse_output=True) of CardinalityAwareClassifier."
        )
    return np.empty(shape, dtype=dtype)
