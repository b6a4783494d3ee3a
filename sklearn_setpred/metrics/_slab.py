"""Coverage on the worst slab of the feature space."""

__all__ = ["worst_slab_coverage"]

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array, check_random_state

from sklearn_setpred._utils.types import ArrayLike, Samples, Seed, SetsLike
from sklearn_setpred._utils.validation import check_integer, check_number
from sklearn_setpred.metrics._checks import labelled_sets

# Sums of weights are rounded: a slab may fall short of its least weight by this fraction.
_ROUNDING = 1e-9


def worst_slab_coverage(
    y_true: ArrayLike,
    y_set: SetsLike,
    X: Samples,
    *,
    min_share: float = 0.1,
    n_directions: int = 1000,
    search_share: float = 0.25,
    random_state: Seed = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the coverage on the slab of the feature space where it is lowest.

    A slab ``{i : a <= v . x_i <= b}`` has a random direction v and ends a < b. On a random part
    of the rows, the slab with the lowest coverage is searched among the slabs that contain at
    least a fraction `min_share` of the rows. Its coverage on the other rows is returned.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    X : array-like or sparse array of shape (n, d)
        Features; bring them to a common scale first, since the directions are uniform on the
        sphere.
    min_share : float, default=0.1
        The smallest fraction of the rows in a slab, between 0 and 1.
    n_directions : int, default=1000
        Number of directions tried.
    search_share : float or None, default=0.25
        The fraction of the rows that the slab is searched on. None searches and evaluates on all
        rows; the coverage is then lower than on new rows.
    random_state : int, RandomState instance or None, default=None
        Source of the directions and of the random part.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; without a random part a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1; NaN if no row to evaluate on lies in the slab.

    Raises
    ------
    ValueError
        If `min_share` or `search_share` is out of range, `n_directions` below 1, or X has
        another number of rows.

    Notes
    -----
    Along one direction the slab is exact: with H(z) and W(z) the weight of the hits and of the
    rows up to z, the smallest ratio ``(H(b) - H(a)) / (W(b) - W(a))`` is found by Dinkelbach's
    iteration, each step of which minimises ``(H(b) - H(a)) - c (W(b) - W(a))`` in O(n).

    References
    ----------
    Cauchois, Gupta, Duchi, "Knowing what you know: valid and validated confidence sets in
    multiclass and multilabel prediction", JMLR 22, 2021.

    Romano, Sesia, Candès, "Classification with valid and adaptive coverage", NeurIPS 2020:
    the search on a part of the rows.

    Examples
    --------
    The misses are the three rows of the largest feature.

    >>> import numpy as np
    >>> from sklearn_setpred.metrics import worst_slab_coverage
    >>> X = np.arange(10.0)[:, None]
    >>> y_set = np.repeat([[True, False], [False, True]], [7, 3], axis=0)
    >>> worst_slab_coverage(
    ...     ["a"] * 10, y_set, X, min_share=0.4, search_share=None, classes=["a", "b"]
    ... )
    0.25
    """
    _check_parameters(min_share, n_directions, search_share)
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    X = check_array(X, accept_sparse="csr", input_name="X")
    if X.shape[0] != len(sets.hits):
        raise ValueError(f"X has {X.shape[0]} rows, y_true has {len(sets.hits)}.")
    rng = check_random_state(random_state)
    search, rest = _split(np.flatnonzero(sets.weight), search_share, rng)
    slabs = (
        _worst_slab(X @ v, v, sets, search, min_share)
        for v in rng.normal(size=(n_directions, X.shape[1]))
    )
    worst = min(slabs, key=lambda slab: slab.coverage)
    z = (X @ worst.direction)[rest]
    inside = (worst.start <= z) & (z <= worst.stop)
    return float(sets.rows(rest[inside]).coverage()[0])


class _Slab(NamedTuple):
    """The rows with start <= direction . x <= stop, and their coverage."""

    coverage: float
    start: float
    stop: float
    direction: np.ndarray


def _worst_slab(z, direction, sets, search, min_share):
    """Return the slab of one direction with the lowest coverage of the searched rows."""
    found = sets.rows(search)
    values, place = np.unique(z[search], return_inverse=True)
    hits = _weight_up_to(place, found.weight * found.hits)
    total = _weight_up_to(place, found.weight)
    coverage, start, stop = _smallest_ratio(hits, total, min_share * (1 - _ROUNDING) * total[-1])
    return _Slab(coverage, values[start], values[stop - 1], direction)


def _weight_up_to(place, weight):
    """Return the weight in the first 0, 1, 2 ... places."""
    return np.append(0.0, np.cumsum(np.bincount(place, weight)))


def _smallest_ratio(hits, total, min_total):
    """Return the smallest (H_b - H_a) / (W_b - W_a) with W_b - W_a >= min_total, and a and b."""
    last_a = np.searchsorted(total, total - min_total, side="right") - 1
    b = np.flatnonzero(last_a >= 0)
    last_a = last_a[b]
    best = hits[-1] / total[-1], 0, len(total) - 1
    while True:
        excess = hits - best[0] * total
        to_go = excess[b] - np.maximum.accumulate(excess)[last_a]
        i = np.argmin(to_go)
        stop, start = b[i], np.argmax(excess[: last_a[i] + 1])
        ratio = (hits[stop] - hits[start]) / (total[stop] - total[start])
        if ratio >= best[0]:
            return best
        best = ratio, start, stop


def _split(rows, search_share, rng):
    """Return the rows to search on and the rows to evaluate on: all rows, or two random parts."""
    if search_share is None:
        return rows, rows
    rows = rng.permutation(rows)
    n_search = max(1, round(search_share * len(rows)))
    return rows[:n_search], rows[n_search:]


def _check_parameters(min_share, n_directions, search_share):
    """Raise unless the parameters of the search are in range."""
    check_number("min_share", min_share, low=0, high=1, is_open=True)
    check_integer("n_directions", n_directions)
    if search_share is not None:
        check_number("search_share", search_share, low=0, high=1, is_open=True)
