"""From ranks and levels to sets, and from sets to labels."""

from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_setpred._utils.types import ArrayLike, Labels, Sets, SetsLike
from sklearn_setpred.sets._batches import row_batches
from sklearn_setpred.sets._first import first_columns
from sklearn_setpred.sets._ranks import check_scores


def prefix_sets(scores: ArrayLike, sizes: ArrayLike, sparse_output: bool = False) -> Sets:
    """Return the sets of the first-ranked classes, with a size for each row.

    ``y in S_i  iff  rank_i(y) <= sizes_i``.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        Any real numbers without NaN.
    sizes : int or array-like of shape (n,), int
        Between 1 and K.
    sparse_output : bool, default=False
        Return a CSR array, made batch by batch, without an array of (n, K) cells.

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
    return (_csr_prefixes if sparse_output else _dense_prefixes)(scores, sizes)


def threshold_sets(
    levels: ArrayLike,
    level: ArrayLike,
    *,
    top: ArrayLike | None = None,
    allow_empty: bool = False,
    sparse_output: bool = False,
) -> Sets:
    """Return the sets of the classes whose level reaches a threshold, and the first class.

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
        Do not add the first class.
    sparse_output : bool, default=False
        Return a CSR array, made batch by batch, without an array of (n, K) cells.

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

    return _csr_by_batches(sets_of, levels.shape) if sparse_output else sets_of(slice(None))


def check_y_set(y_set: SetsLike) -> Sets:
    """Return sets as a boolean array, or as a boolean CSR array in canonical form.

    Integers 0 and 1 are taken too. A CSR array has sorted columns and stores no False.
    """
    is_sparse = sparse.issparse(y_set)
    array: Any = sparse.csr_array(y_set, copy=True) if is_sparse else np.asarray(y_set)
    if array.ndim != 2:
        raise ValueError(
            f"y_set must have the shape (n_samples, n_classes), got {array.shape};"
            " of sets at several levels, pass one: y_set[:, :, 0]."
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
    """Return the labels in each set.

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


def with_top_inside(levels):
    """Return levels at which the first class of each row never drops out: inf for it."""
    levels = levels.copy()
    np.put_along_axis(levels, levels.argmax(axis=1)[:, None], np.inf, axis=1)
    return levels


def check_columns(classes, y_set):
    """Return the label of each column of the sets, shape (K,)."""
    classes = np.asarray(classes)
    if classes.shape != y_set.shape[1:]:
        raise ValueError(f"classes has {classes.size} labels, y_set has {y_set.shape[1]} columns.")
    return classes


def _check_row_sizes(sizes, shape):
    """Return one size per row, shape (n,), int64."""
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


def _dense_prefixes(scores, sizes):
    """Return the sets of the sizes_i first-ranked classes as an array."""
    sets = np.zeros(scores.shape, dtype=bool)
    cells, starts = sets.reshape(-1), np.arange(len(sizes)) * scores.shape[1]
    for rows in _batches_of_like_size(sizes, scores.shape):
        columns, inside = _prefixes(scores[rows], sizes[rows])
        cells[(columns + starts[rows, None])[inside]] = True
    return sets


def _csr_prefixes(scores, sizes):
    """Return the sets of the sizes_i first-ranked classes as a CSR array."""
    indptr = np.append(0, np.cumsum(sizes))
    indices = np.empty(indptr[-1], dtype=_index_dtype(scores.shape[1]))
    for rows in _batches_of_like_size(sizes, scores.shape):
        columns, inside = _prefixes(scores[rows], sizes[rows])
        columns[~inside] = scores.shape[1]
        columns.sort(axis=1)
        places = indptr[:-1][rows, None] + np.arange(columns.shape[1])
        indices[places[inside]] = columns[inside]
    return _csr_sets(indices, indptr, scores.shape)


def _prefixes(scores, sizes):
    """Return the first columns of each row, (n, k), and which of them lie inside its set."""
    columns = first_columns(scores, sizes.max())
    return columns, np.arange(columns.shape[1]) < sizes[:, None]


def _batches_of_like_size(sizes, shape):
    """Return batches of rows with sets of like size: one large set slows only its own batch."""
    batches = row_batches(shape)
    if len(sizes) == 0 or sizes.min() == sizes.max():
        return batches
    order = np.argsort(sizes, kind="stable")
    return [order[rows] for rows in batches]


def _csr_by_batches(sets_of, shape):
    """Return the sets that ``sets_of`` makes for a slice of rows, as a CSR array."""
    counts, indices = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
    for rows in row_batches(shape):
        sets = sets_of(rows)
        counts.append(np.count_nonzero(sets, axis=1))
        indices.append((np.flatnonzero(sets) % shape[1]).astype(_index_dtype(shape[1])))
    return _csr_sets(np.concatenate(indices), np.cumsum(np.concatenate(counts)), shape)


def _csr_sets(indices, indptr, shape):
    """Return the CSR array that is True at the columns ``indices``."""
    dtype = _index_dtype(max(indptr[-1], shape[1]))
    pieces = np.ones(len(indices), dtype=bool), indices.astype(dtype, copy=False)
    return sparse.csr_array((*pieces, indptr.astype(dtype)), shape=shape)


def _index_dtype(largest):
    """Return the smaller integer type that holds a number."""
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64
