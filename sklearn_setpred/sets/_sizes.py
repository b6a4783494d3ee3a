"""Candidate sizes, their costs, and the penalty up to which each is worth its cost."""

import numpy as np
from scipy import sparse

from sklearn_setpred._utils.types import ArrayLike, Floats, Integers, SizeCost
from sklearn_setpred._utils.validation import check_option
from sklearn_setpred.sets._ranks import top_k

SIZE_COSTS = {"log": np.log, "linear": np.copy, "singleton": lambda sizes: sizes + (sizes > 1)}
"""Costs of a set's size known by name; each maps sizes (m,) to costs (m,)."""

# Up to this many classes all sizes are candidates: the levels of a row take time in proportion to
# their number. Above it sizes beyond _FINE_SIZES double in _STEPS_TO_DOUBLE steps.
ALL_SIZES_UP_TO = 1024
_FINE_SIZES = 64
_STEPS_TO_DOUBLE = 8


def check_sizes(sizes: ArrayLike | None, n_classes: int) -> Integers:
    """Return the candidate sizes, (m,), strictly increasing between 1 and n_classes.

    None means all sizes; for more than 1024 classes it means 1 ... 64, then sizes that grow by a
    tenth, and n_classes.
    """
    if sizes is None:
        return _default_sizes(n_classes)
    array = np.asarray(sizes)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"sizes={sizes!r} must be a list of one or more sizes, or None for all.")
    if array.dtype.kind not in "iu":
        raise ValueError(f"sizes={sizes!r} must be integers.")
    if array.min() < 1 or array.max() > n_classes:
        raise ValueError(f"sizes={sizes!r} must lie between 1 and the {n_classes} classes.")
    if np.any(array[1:] <= array[:-1]):
        raise ValueError(f"sizes={sizes!r} must be strictly increasing.")
    return array.astype(np.int64)


def check_thresholds(thresholds: ArrayLike) -> Floats:
    """Return thresholds of the probability, (m,), strictly decreasing, above 0 and up to 1."""
    array = np.asarray(thresholds)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"thresholds={thresholds!r} must be a list of one or more numbers.")
    if array.dtype.kind not in "iuf" or not np.all((array > 0) & (array <= 1)):
        raise ValueError(f"thresholds={thresholds!r} must be numbers above 0 and up to 1.")
    return np.unique(array.astype(np.float64))[::-1]


def size_costs(sizes: ArrayLike, size_cost: SizeCost) -> Floats:
    """Return the cost of each size.

    Parameters
    ----------
    sizes : array-like of shape (m,), int
        Positive and increasing.
    size_cost : {"log", "linear", "singleton"} or callable
        ``"log"`` is ``cost(k) = log k``, ``"linear"`` is ``cost(k) = k``, ``"singleton"`` is
        ``cost(k) = k + 1[k > 1]``; a callable takes the sizes (m,), float64, and returns their
        costs (m,): finite, non-negative, non-decreasing.

    Returns
    -------
    ndarray of shape (m,), float64

    Raises
    ------
    ValueError
        If the name is unknown, or the callable returns something else.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_setpred.sets import size_costs
    >>> size_costs([1, 4, 9], "linear")
    array([1., 4., 9.])
    >>> size_costs([1, 4, 9], np.sqrt)
    array([1., 2., 3.])
    """
    cost = size_cost if callable(size_cost) else _known_cost(size_cost)
    sizes = np.asarray(sizes, dtype=np.float64)
    costs = np.asarray(cost(sizes), dtype=np.float64)
    _check_costs(costs, sizes, size_cost)
    return costs


def concave_hull_levels(costs: ArrayLike, cumulative: ArrayLike) -> Floats:
    """Return the penalty up to which each candidate size is worth its cost.

    With ``F(s) = P(rank <= s | x)`` at the candidate sizes, the levels are the slopes of the
    upper concave hull of the points ``(cost(s), F(s))``. A candidate has the slope of the hull
    edge whose left end lies below it and whose right end does not::

        level(s) = max_{t >= s} min_{r < t} (F(t) - F(r)) / (cost(t) - cost(r)),

    and ``level = inf`` for the first candidate.

    Parameters
    ----------
    costs : array-like of shape (m,) or (n, m)
        Cost of each candidate size, non-decreasing along the row; (m,) where all rows have the
        same candidates.
    cumulative : array-like of shape (n, m)
        F at each candidate size.

    Returns
    -------
    ndarray of shape (n, m), float64
        Non-increasing along the row. The last candidate with ``level >= p`` minimises
        ``1 - F(s) + p cost(s)``; among several minimisers it is the largest.

    Notes
    -----
    Between candidates of equal cost the slope is inf, or -inf where F falls: if the largest
    candidate covers most, all of them have its level and enter together.

    For a concave cost such as the logarithm the sequence of single steps
    ``(F(s + 1) - F(s)) / (cost(s + 1) - cost(s))`` may rise, and adding labels as long as a step
    pays stops too early; the hull looks across such steps.

    Examples
    --------
    The step from 1 to 2 gains 0.1 per unit of cost, the step from 2 to 3 gains 0.3: only the two
    steps together are worth taking, at 0.2 per unit.

    >>> from sklearn_setpred.sets import concave_hull_levels
    >>> concave_hull_levels([1, 2, 3], [[0.5, 0.6, 0.9]])
    array([[inf, 0.2, 0.2]])
    """
    cumulative = np.asarray(cumulative, dtype=np.float64)
    costs = np.broadcast_to(np.asarray(costs, dtype=np.float64), cumulative.shape)
    slopes = _smallest_slopes(costs, cumulative)
    return np.maximum.accumulate(slopes[:, ::-1], axis=1)[:, ::-1]


def class_levels(ranks: ArrayLike, sizes: ArrayLike, levels: ArrayLike) -> Floats:
    """Return, for each class, the level of the smallest candidate set that contains it.

    Parameters
    ----------
    ranks : array-like of shape (n, K), int
        From `class_ranks`; or of some classes only, (n, any).
    sizes : array-like of shape (m,) or (n, m), int
        Candidate sizes, non-decreasing along the row; (m,) where all rows have the same.
    levels : array-like of shape (n, m)
        Level of each candidate, non-increasing along the row, as from `concave_hull_levels`.

    Returns
    -------
    ndarray of the shape of ranks, float64
        ``class_levels >= p`` is the set whose size is the last candidate with level >= p;
        -inf for the classes beyond the largest candidate.

    Examples
    --------
    >>> from sklearn_setpred.sets import class_levels
    >>> class_levels([[2, 1, 4, 3]], sizes=[1, 3], levels=[[float("inf"), 0.2]])
    array([[ 0.2,  inf, -inf,  0.2]])
    """
    levels = np.asarray(levels, dtype=np.float64)
    never = np.full((len(levels), 1), -np.inf)
    return np.take_along_axis(np.hstack([levels, never]), _candidates_of(ranks, sizes), axis=1)


def sparse_class_levels(
    scores: ArrayLike, sizes: ArrayLike, levels: ArrayLike, floor: float
) -> sparse.csr_array:
    """Return `class_levels` of the classes whose level is ``floor`` or more, as CSR.

    Parameters
    ----------
    scores : array-like of shape (n, K)
        What ranks the classes, without NaN.
    sizes : array-like of shape (m,) or (n, m), int
        Candidate sizes, as for `class_levels`.
    levels : array-like of shape (n, m)
        Level of each candidate, non-increasing along the row and inf for the first.
    floor : float
        Positive, so that an entry that is not stored, read as zero, lies below all levels.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, K), float64
        Only the classes kept are sorted.

    Examples
    --------
    >>> from sklearn_setpred.sets import sparse_class_levels
    >>> levels = sparse_class_levels(
    ...     [[0.2, 0.5, 0.1, 0.2]], sizes=[1, 3], levels=[[float("inf"), 0.2]], floor=0.1)
    >>> levels.toarray()
    array([[0.2, inf, 0. , 0.2]])
    """
    levels = np.asarray(levels, dtype=np.float64)
    sizes = np.broadcast_to(sizes, levels.shape)
    last = np.count_nonzero(levels >= floor, axis=1, keepdims=True) - 1
    kept = np.take_along_axis(sizes, last, axis=1)
    ranks = np.arange(1, kept.max(initial=1) + 1)[None, :]
    columns, inside = top_k(scores, ranks.size), ranks <= kept
    values = class_levels(ranks, sizes, levels)
    ends = np.append(0, np.cumsum(kept))
    shape = (len(levels), np.shape(scores)[1])
    found = sparse.csr_array((values[inside], columns[inside], ends), shape=shape)
    found.sort_indices()
    return found


def _default_sizes(n_classes):
    """Return all sizes; with very many classes, the small sizes and a grid of the others."""
    if n_classes <= ALL_SIZES_UP_TO:
        return np.arange(1, n_classes + 1)
    doublings = np.log2(n_classes / _FINE_SIZES)
    grown = _FINE_SIZES * 2 ** (np.arange(1, doublings * _STEPS_TO_DOUBLE) / _STEPS_TO_DOUBLE)
    small = np.arange(1, _FINE_SIZES + 1)
    return np.unique(np.concatenate([small, grown.astype(np.int64), [n_classes]]))


def _candidates_of(ranks, sizes):
    """Return the place of the first size that reaches each rank, m if none does."""
    ranks, sizes = np.asarray(ranks), np.atleast_2d(sizes)
    # Rows are lifted above each other, so that one search serves them all.
    rows = np.arange(len(sizes), dtype=np.int64)[:, None]
    lift = rows * (max(ranks.max(initial=0), sizes.max(initial=0)) + 1)
    return np.searchsorted((sizes + lift).ravel(), ranks + lift) - rows * sizes.shape[1]


def _known_cost(name):
    """Return the cost of that name."""
    return SIZE_COSTS[check_option("size_cost", name, SIZE_COSTS)]


def _check_costs(costs, sizes, size_cost):
    """Raise unless the costs are finite, non-negative and non-decreasing, one per size."""
    if costs.shape != sizes.shape:
        raise ValueError(
            f"size_cost={size_cost!r} returned costs of shape {costs.shape} for sizes of shape "
            f"{sizes.shape}; it must return one cost per size."
        )
    if not np.isfinite(costs).all() or (costs < 0).any() or (np.diff(costs) < 0).any():
        raise ValueError(
            f"size_cost={size_cost!r} returned {costs} for the sizes {sizes};"
            " costs must be finite, non-negative and non-decreasing."
        )


def _smallest_slopes(costs, cumulative):
    """Return min_{r < t} (F(t) - F(r)) / (cost(t) - cost(r)) for each t, inf for the first.

    The r that attains the minimum is the vertex before t on the upper hull of the points up to
    t. It is found by walking left along the hull of the points up to t - 1, in which a vertex is
    passed if the edge into it is not steeper than the line from it to t. A vertex passed once is
    hidden for good, so that all walks of a row together take O(m) steps.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        edges = np.diff(cumulative, axis=1) / np.diff(costs, axis=1)
    slopes = np.insert(edges, 0, np.inf, axis=1)
    # Where edges fall, as along sorted probabilities, every point is a vertex.
    falls = np.isfinite(edges).all(axis=1) & (edges[:, 1:] < edges[:, :-1]).all(axis=1)
    others = np.flatnonzero(~falls)
    slopes[others] = _walked_slopes(costs[others], cumulative[others])
    return slopes


def _walked_slopes(costs, cumulative):
    """Return `_smallest_slopes` of rows some of whose points are below the hull."""
    slopes = np.full(cumulative.shape, np.inf)
    left = np.zeros(cumulative.shape, dtype=np.intp)
    for t in range(1, cumulative.shape[1]):
        rows = np.arange(len(cumulative))
        r = np.full(len(rows), t - 1)
        while rows.size:
            gain = cumulative[rows, t] - cumulative[rows, r]
            step = costs[rows, t] - costs[rows, r]
            upright = np.where(gain < 0, -np.inf, np.inf)
            slope = np.divide(gain, step, out=upright, where=step > 0)
            slopes[rows, t], left[rows, t] = slope, r
            passed = (slope >= slopes[rows, r]) & (r > 0)
            rows, r = rows[passed], left[rows[passed], r[passed]]
    return slopes
