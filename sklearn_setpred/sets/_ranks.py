"""From scores to ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_setpred._utils.types import ArrayLike, Integers
from sklearn_setpred._utils.validation import check_integer
from sklearn_setpred.sets._batches import row_batches
from sklearn_setpred.sets._first import first_columns


def check_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.floating[Any]]:
    """Return scores as a floating array (n, K) without NaN; float32 stays float32.

    Infinite scores are allowed. ``name`` is the argument named by an error.
    """
    scores = np.asarray(scores)
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"{name} must have the shape (n_samples, n_classes), got {scores.shape}.")
    # The maximum hands NaN on, and needs no second array of (n, K).
    missing = np.isnan(scores.max(axis=1))
    if missing.any():
        raise ValueError(f"{name} contains NaN in row {missing.argmax()}, which has no order then.")
    return scores


def class_ranks(scores: ArrayLike) -> NDArray[np.int32]:
    """Rank every class of every row, the highest score first.

    ``rank(y) = 1 + #{j : s_j > s_y} + #{j < y : s_j = s_y}``: ties go to the lower column.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        Any real numbers without NaN.

    Returns
    -------
    ndarray of shape (n, K), int32
        Each row is a permutation of 1 ... K.

    Examples
    --------
    >>> from sklearn_setpred.sets import class_ranks
    >>> class_ranks([[0.2, 0.5, 0.2, 0.1]])
    array([[2, 1, 3, 4]], dtype=int32)
    """
    scores = check_scores(scores)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty(scores.shape, dtype=np.int32)
    positions = np.arange(1, scores.shape[1] + 1, dtype=np.int32)
    np.put_along_axis(ranks, order, positions[None, :], axis=1)
    return ranks


def label_ranks(scores: ArrayLike, y_indices: ArrayLike) -> Integers:
    """Rank one class per row, without sorting.

    ``rank(y) = 1 + #{j : s_j > s_y} + #{j < y : s_j = s_y}``, as in `class_ranks`.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        Any real numbers without NaN.
    y_indices : array-like of shape (n,), int
        The column of each row's label; -1 for a label that has no column.

    Returns
    -------
    ndarray of shape (n,), int64
        Ranks from 1 to K. A label without a column ranks K + 1, behind every class, so that
        ``ranks <= k`` calls it a miss for every k and ``ranks <= K`` picks the rows with a rank.

    Examples
    --------
    >>> from sklearn_setpred.sets import label_ranks
    >>> label_ranks([[0.2, 0.5, 0.2], [0.2, 0.5, 0.2]], [2, -1])
    array([3, 4])
    """
    scores = check_scores(scores)
    n_classes = scores.shape[1]
    y = np.asarray(y_indices, dtype=np.int64)[:, None]
    own = np.take_along_axis(scores, np.maximum(y, 0), axis=1)
    before = (scores > own) | ((scores == own) & (np.arange(n_classes) < y))
    return np.where(y[:, 0] >= 0, 1 + np.count_nonzero(before, axis=1), n_classes + 1)


def top_k(scores: ArrayLike, k: int) -> Integers:
    """Return the columns of the k first-ranked classes of each row, in order of rank.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        Any real numbers without NaN.
    k : int
        Between 1 and K.

    Returns
    -------
    ndarray of shape (n, k), int64
        ``top_k(scores, k)[i, r - 1]`` is the class of rank r in row i; ties go to the lower
        column, also where they cross the k-th place.

    Raises
    ------
    ValueError
        If k is no integer between 1 and K.

    Examples
    --------
    >>> from sklearn_setpred.sets import top_k
    >>> top_k([[0.2, 0.5, 0.2, 0.1]], k=2)
    array([[1, 0]])
    """
    scores = check_scores(scores)
    check_integer("k", k, low=1, high=scores.shape[1])
    order = np.empty((len(scores), k), dtype=np.int64)
    for rows in row_batches(scores.shape):
        order[rows] = first_columns(scores[rows], k)
    return order
