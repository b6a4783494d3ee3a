"""From ranks and levels to sets, and from sets to labels."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from sklearn_setpred.sets._ranks import check_scores, row_batches, top_k
from sklearn_setpred.utils.types import Labels, Sets, SetsLike


def prefix_sets(scores: ArrayLike, sizes: ArrayLike, sparse_output: bool = False) -> Sets:
    """Give the sets of the first-ranked classes, of a given size in each row.

    ``y in S_i  iff  rank_i(y) <= sizes_i``.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        Any real numbers without NaN.
    sizes : int or array-like of shape (n,), int
        Between 1 and K.
    sparse_output : bool, default=False
        Give a CSR array; it is made batch by batch, without an array of (n, K) cells.

    Returns
    -------
    ndarray or scipy.sparse.csr_array of shape (n, K), bool

    Raises
    ------
    ValueError
        If a size is no integer between 1 and K.

    Examples
    --------
    >>> from sklearn_setpred.sets import prefix_sets
    >>> prefix_sets([[0.2, 0.5, 0.3], [0.8, 0.1, 0.1]], sizes=[2, 1])
    array([[False,  True,  True],
           [ True, False, False]])
    """
    scores = check_scores(scores)
    sizes = _check_row_sizes(sizes, scores.shape)

    def sets_of(rows):
        return _prefixes(scores[rows], sizes[rows])

    return _dense_or_csr(sets_of, scores.shape, sparse_output)


def threshold_sets(
    levels: ArrayLike,
    level: ArrayLike,
    *,
    top: ArrayLike | None = None,
    allow_empty: bool = False,
    sparse_output: bool = False,
) -> Sets:
    """Give the sets of the classes whose level reaches a given one, and the first class.

    ``S_i = {y : levels_iy >= level} ∪ {top_i}``.

    Parameters
    ----------
    levels : array-like of shape (n, K)
        The level at which each class drops out; infinite values are allowed, NaN is not.
    level : float or array-like that broadcasts to (n, K)
        One level for all, or (n, 1) for one per row, or (K,) for one per class.
    top : array-like of shape (n,), int, default=None
        The column of each row's first-ranked class; None takes the highest level, ties going
        to the lower column.
    allow_empty : bool, default=False
        Leave out the union with the first class.
    sparse_output : bool, default=False
        Give a CSR array; it is made batch by batch, without an array of (n, K) cells.

    Returns
    -------
    ndarray or scipy.sparse.csr_array of shape (n, K), bool

    Raises
    ------
    ValueError
        If a level is NaN.

    Examples
    --------
    >>> from sklearn_setpred.sets import threshold_sets
    >>> threshold_sets([[0.2, 0.4, 0.4], [0.8, 0.1, 0.1]], 0.5)
    array([[False,  True, False],
           [ True, False, False]])
    """
    levels = check_scores(levels, "levels")
    if np.isnan(level).any():
        raise ValueError(f"level={level!r} is NaN, which no class can reach.")
    level = np.broadcast_to(level, levels.shape)
    if not allow_empty:
        top = np.argmax(levels, axis=1) if top is None else np.asarray(top)

    def sets_of(rows):
        sets = levels[rows] >= level[rows]
        if not allow_empty:
            np.put_along_axis(sets, top[rows, None], True, axis=1)
        return sets

    return _dense_or_csr(sets_of, levels.shape, sparse_output)


def check_y_set(y_set: SetsLike) -> Sets:
    """Give sets as a boolean array or a boolean CSR array.

    Parameters
    ----------
    y_set : array-like or sparse array of shape (n, K)
        Boolean, or integers 0 and 1.

    Returns
    -------
    ndarray or scipy.sparse.csr_array of shape (n, K), bool
        A CSR array has sorted columns and stores no False.

    Raises
    ------
    ValueError
        If it has not two dimensions, is of another type, or holds other integers.

    Examples
    --------
    >>> from sklearn_setpred.sets import check_y_set
    >>> check_y_set([[0, 1], [1, 1]])
    array([[False,  True],
           [ True,  True]])
    """
    is_sparse = sparse.issparse(y_set)
    array: Any = sparse.csr_array(y_set, copy=True) if is_sparse else np.asarray(y_set)
    if array.ndim != 2:
        raise ValueError(
            f"y_set must have the shape (n_samples, n_classes), got {array.shape};"
            " of sets at several levels give one, such as y_set[:, :, 0]."
        )
    if is_sparse:
        array.sum_duplicates()
    values = array.data if is_sparse else array
    if values.dtype.kind not in "biu" or np.any((values != 0) & (values != 1)):
        raise ValueError(
            f"y_set must be boolean (or integers 0 and 1), got {_describe(values)}; sets are made"
            " from scores by predict_set or by a comparison such as scores >= 0.1."
        )
    array = array.astype(bool, copy=False)
    if is_sparse:
        array.eliminate_zeros()
    return array


def sets_to_labels(y_set: SetsLike, classes: ArrayLike) -> list[Labels]:
    """Give the labels in each set.

    Parameters
    ----------
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,)
        The label of each column.

    Returns
    -------
    list of n ndarrays
        The labels of row i in the order of the columns.

    Raises
    ------
    ValueError
        If there is not one class per column.

    Examples
    --------
    >>> from sklearn_setpred.sets import sets_to_labels
    >>> for labels in sets_to_labels([[0, 1, 1], [1, 0, 0]], ["cat", "dog", "emu"]):
    ...     print(*labels)
    dog emu
    cat
    """
    y_set = check_y_set(y_set)
    classes = check_columns(classes, y_set)
    y_set = sparse.csr_array(y_set)
    labels = classes[y_set.indices]
    return [labels[start:stop] for start, stop in pairwise(y_set.indptr)]


def check_columns(classes, y_set):
    """Give the label of each column of the sets, shape (K,)."""
    classes = np.asarray(classes)
    if classes.shape != y_set.shape[1:]:
        raise ValueError(f"{classes.size} classes given for the {y_set.shape[1]} columns of y_set.")
    return classes


def _check_row_sizes(sizes, shape):
    """Give one size per row, shape (n,), int64."""
    array = np.asarray(sizes)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise ValueError(f"sizes must be integers, got dtype {array.dtype}.")
    if array.size > 0 and (array.min() < 1 or array.max() > shape[1]):
        raise ValueError(f"sizes must lie between 1 and the {shape[1]} classes, got {sizes!r}.")
    return np.broadcast_to(array.astype(np.int64), shape[:1])


def _describe(values):
    """Name the dtype and, for integers, a value that is neither 0 nor 1."""
    if values.dtype.kind not in "iu":
        return f"dtype {values.dtype}"
    return f"the value {values[(values != 0) & (values != 1)].flat[0]}"


def _prefixes(scores, sizes):
    """Give the sets of the sizes_i first-ranked classes, dense."""
    columns = top_k(scores, sizes.max(initial=1))
    sets = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(sets, columns, np.arange(columns.shape[1]) < sizes[:, None], axis=1)
    return sets


def _dense_or_csr(sets_of, shape, sparse_output):
    """Give the sets that ``sets_of`` makes for a slice of rows: at once, or in CSR batches."""
    if not sparse_output:
        return sets_of(slice(None))
    blocks = [sparse.csr_array(sets_of(rows)) for rows in row_batches(shape)]
    return sparse.vstack(blocks or [sparse.csr_array(shape, dtype=bool)], format="csr")
