"""The first-ranked classes of each row, found without sorting the row."""

import numpy as np

# Up to this k it is cheapest to take the highest score k times.
_MOST_PASSES = 16
# The k-th largest of this many times k maxima is close below the k-th score: few others reach it.
_GROUPS_PER_PLACE = 4


def first_columns(scores, k):
    """Return the columns of the k first-ranked classes in order of rank, (n, k), for few rows."""
    if k == 1:
        return scores.argmax(axis=1)[:, None]
    if k <= _MOST_PASSES:
        return _first_by_maxima(scores, k)
    if 2 * _GROUPS_PER_PLACE * k <= scores.shape[1]:
        return _first_by_bounds(scores, k)
    return _first_by_partition(scores, k)


def _first_by_maxima(scores, k):
    """Return the k first columns, k small: the highest score, the highest of the others, ..."""
    left, rows = scores.copy(), np.arange(len(scores))
    columns = np.empty((len(scores), k), dtype=np.int64)
    for place in range(k):
        columns[:, place] = left.argmax(axis=1)
        highest = left[rows, columns[:, place]]
        left[rows, columns[:, place]] = -np.inf
    # What has been taken cannot be told from scores of -inf.
    used_up = highest == -np.inf
    columns[used_up] = _first_by_partition(scores[used_up], k)
    return columns


def _first_by_bounds(scores, k):
    """Return the k first columns, k far below K: those few scores that reach a bound are sorted."""
    candidates = scores >= _lower_bounds(scores, k)
    counts = np.count_nonzero(candidates, axis=1)
    few = counts <= 2 * k + 8
    if few.all():
        return _first_of_candidates(scores, candidates, counts, k)
    columns = np.empty((len(scores), k), dtype=np.int64)
    columns[few] = _first_of_candidates(scores[few], candidates[few], counts[few], k)
    columns[~few] = _first_by_partition(scores[~few], k)
    return columns


def _lower_bounds(scores, k):
    """Return a number that at least k scores of the row reach, (n, 1): the k-th of some maxima."""
    maxima = _group_maxima(scores, _GROUPS_PER_PLACE * k)
    place = maxima.shape[1] - k
    return np.partition(maxima, place, axis=1)[:, [place]]


def _group_maxima(scores, n_groups):
    """Return the maxima of groups of columns, between n_groups and twice as many per row.

    Columns of one group lie far apart: in a row sorted by class neighbours are in no one group.
    """
    while scores.shape[1] >= 2 * n_groups:
        half = -(-scores.shape[1] // 2)
        n_pairs = scores.shape[1] - half
        folded = scores[:, :half].copy()
        np.maximum(folded[:, :n_pairs], scores[:, half:], out=folded[:, :n_pairs])
        scores = folded
    return scores


def _first_of_candidates(scores, candidates, counts, k):
    """Return the k first columns among the candidates, of which each row has k or more."""
    flat = np.flatnonzero(candidates)
    inside = np.arange(counts.max(initial=k)) < counts[:, None]
    columns = np.zeros(inside.shape, dtype=np.int64)
    columns[inside] = flat % scores.shape[1]
    # A stable sort keeps the padding behind candidates of score -inf.
    descending = np.full(inside.shape, np.inf, dtype=scores.dtype)
    descending[inside] = -scores.take(flat)
    order = np.argsort(descending, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(columns, order, axis=1)


def _first_by_partition(scores, k):
    """Return the k first columns where k is large, or where many scores are tied."""
    n_classes = scores.shape[1]
    if k == n_classes:
        return np.argsort(-scores, axis=1, kind="stable")
    kth_score = np.partition(scores, n_classes - k, axis=1)[:, [n_classes - k]]
    first = scores >= kth_score
    crowded = np.flatnonzero(np.count_nonzero(first, axis=1) > k)
    first[crowded] &= _within_k(scores[crowded], kth_score[crowded], k)
    columns = np.nonzero(first)[1].reshape(-1, k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def _within_k(scores, kth_score, k):
    """Leave out the classes tied with the k-th score that come after the k-th place."""
    tied = scores == kth_score
    places = k - np.count_nonzero(scores > kth_score, axis=1)
    return ~tied | (np.cumsum(tied, axis=1) <= places[:, None])
