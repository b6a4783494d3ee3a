"""The first-ranked classes of each row, found without sorting the row."""

import numpy as np

# Up to this k, taking the highest score k times is faster than a partition of the row.
_MOST_PASSES = 5


def first_columns(scores, k):
    """Return the columns of the k first-ranked classes in order of rank, (n, k), for few rows."""
    return (_first_by_maxima if k <= _MOST_PASSES else _first_by_partition)(scores, k)


def _first_by_maxima(scores, k):
    """Return the k first columns: the highest score, the highest of the others, and so on."""
    if k == 1:
        return scores.argmax(axis=1)[:, None]
    left, rows = scores.copy(), np.arange(len(scores))
    columns = np.empty((len(scores), k), dtype=np.int64)
    for place in range(k):
        columns[:, place] = left.argmax(axis=1)
        highest = left[rows, columns[:, place]]
        left[rows, columns[:, place]] = -np.inf
    # A class that was taken looks like one whose score is -inf.
    used_up = highest == -np.inf
    columns[used_up] = _first_by_partition(scores[used_up], k)
    return columns


def _first_by_partition(scores, k):
    """Return the k first columns: the columns that reach the k-th score, sorted."""
    n_classes = scores.shape[1]
    kth_score = np.partition(scores, n_classes - k, axis=1)[:, [n_classes - k]]
    first = scores >= kth_score
    if np.count_nonzero(first) > k * len(scores):
        first = _without_late_ties(scores, kth_score, k)
    columns = (np.flatnonzero(first) % n_classes).reshape(-1, k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def _without_late_ties(scores, kth_score, k):
    """Mark k classes per row; of the classes tied with the k-th score, the lowest columns."""
    above, tied = scores > kth_score, scores == kth_score
    places = k - np.count_nonzero(above, axis=1)
    return above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= places[:, None]))
