"""Metrics on the scores, levels and probabilities that sets are made from."""

__all__ = [
    "classwise_calibration_error",
    "coverage_size_auc_score",
    "coverage_size_curve",
    "expected_calibration_error",
    "top_k_accuracy_score",
]

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Floats
from sklearn_setpred._utils.validation import check_integer
from sklearn_setpred.metrics._checks import check_weight, named_columns, true_columns
from sklearn_setpred.sets import label_ranks
from sklearn_setpred.sets._ranks import check_scores
from sklearn_setpred.sets._sets import with_top_inside


def top_k_accuracy_score(
    y_true: ArrayLike,
    scores: ArrayLike,
    *,
    k: int = 2,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the fraction of rows whose true label is among the k first-ranked classes.

    ``mean_i 1[rank_i(y_i) <= k]`` with ``rank(y) = 1 + #{s_j > s_y} + #{j < y : s_j = s_y}``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    scores : array-like of shape (n, K)
        Scores of the classes, higher for likelier classes.
    k : int, default=2
        At least 1; from K on every label among the classes is a hit.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        If k is below 1.

    Notes
    -----
    Differences from scikit-learn's metric of this name: ties go to the lower column, as in all
    set predictors of this package; labels that are not among the classes are allowed, as a fold
    may have them; two classes have two columns.

    Examples
    --------
    >>> from sklearn_setpred.metrics import top_k_accuracy_score
    >>> scores = [[0.5, 0.2, 0.3], [0.3, 0.4, 0.3], [0.6, 0.2, 0.2]]
    >>> round(top_k_accuracy_score(["a", "c", "b"], scores, classes=["a", "b", "c"]), 3)
    0.667
    """
    check_integer("k", k)
    scores = check_scores(named_columns(scores, y_true, classes))
    columns = true_columns(y_true, classes, *scores.shape)
    hits = (label_ranks(scores, columns) <= k) & (columns >= 0)
    return float(np.average(hits, weights=check_weight(sample_weight, len(hits))))


def coverage_size_curve(
    y_true: ArrayLike,
    levels: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Return coverage and mean size of the nested sets that levels describe.

    At each threshold t the sets are ``{y : level_y >= t}``, united with the class of the highest
    level; t runs down through the levels of the true labels, where the coverage changes.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    levels : array-like of shape (n, K)
        The level at which each class drops out of its set, as from ``set_levels``;
        probabilities work too. A class of level -inf is never in a set.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    coverage : ndarray of shape (p,), float64
        Non-decreasing.
    mean_size : ndarray of shape (p,), float64
        Non-decreasing.
    thresholds : ndarray of shape (p,), float64
        Decreasing, the first one inf.

    Examples
    --------
    >>> from sklearn_setpred.metrics import coverage_size_curve
    >>> levels = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]
    >>> coverage, mean_size, thresholds = coverage_size_curve(
    ...     ["a", "b"], levels, classes=["a", "b", "c"]
    ... )
    >>> coverage, mean_size, thresholds
    (array([0.5, 1. ]), array([1. , 1.5]), array([inf, 0.4]))
    """
    levels = check_scores(named_columns(levels, y_true, classes), "levels")
    columns = true_columns(y_true, classes, *levels.shape)
    weight = check_weight(sample_weight, len(columns))
    levels = with_top_inside(levels)
    true_levels = np.where(columns >= 0, levels[np.arange(len(columns)), columns], -np.inf)
    jumps = np.unique(true_levels[(true_levels > -np.inf) & (weight > 0)])
    thresholds = np.union1d(jumps, np.inf)
    coverage = _mean_count_above(true_levels[:, None], thresholds, weight)
    mean_size = _mean_count_above(levels, thresholds, weight)
    return coverage[::-1], mean_size[::-1], thresholds[::-1]


def coverage_size_auc_score(
    y_true: ArrayLike,
    levels: ArrayLike,
    *,
    max_size: float | None = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean of the coverage over the mean sizes from 1 to `max_size`.

    ``1 / (max_size - 1) * integral_1^max_size C(s) ds`` with ``C(s)`` the largest coverage on
    the `coverage_size_curve` whose mean size is at most s.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    levels : array-like of shape (n, K)
        The level at which each class drops out of its set, as from ``set_levels``;
        probabilities work too.
    max_size : float, default=None
        The mean size up to which the area is taken, above 1; None takes K. With many classes
        the sizes of interest are a small part of K.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        If `max_size` is not above 1 or exceeds K.

    Examples
    --------
    Half of the rows are covered at sizes from 1 to 1.5, all of them from 1.5 to 3.

    >>> from sklearn_setpred.metrics import coverage_size_auc_score
    >>> levels = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]
    >>> coverage_size_auc_score(["a", "b"], levels, classes=["a", "b", "c"])
    0.875
    """
    n_classes = check_scores(levels, "levels").shape[1]
    max_size = n_classes if max_size is None else max_size
    if not 1 < max_size <= n_classes:
        raise ValueError(f"max_size={max_size!r} must lie above 1, up to the {n_classes} classes.")
    coverage, mean_size, _ = coverage_size_curve(
        y_true, levels, classes=classes, sample_weight=sample_weight
    )
    ends = np.minimum(np.append(mean_size, np.inf), max_size)
    return float(np.sum(coverage * np.diff(ends)) / (max_size - 1))


def expected_calibration_error(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    n_bins: int = 15,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean distance between confidence and accuracy of the first-ranked class.

    With the rows in bins B_m of equal width of their largest probability,
    ``ECE = sum_m |B_m| / n * |acc(B_m) - conf(B_m)|``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a wrong prediction.
    proba : array-like of shape (n, K)
        Probabilities of the classes.
    n_bins : int, default=15
        Bin m holds the confidences in ``((m - 1) / n_bins, m / n_bins]``.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, lower is better.

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1] or `n_bins` is below 1.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    Four rows with confidence 0.75, three of them right:

    >>> from sklearn_setpred.metrics import expected_calibration_error
    >>> expected_calibration_error(["a", "a", "a", "b"], [[0.75, 0.25]] * 4)
    0.0
    """
    proba, columns, weight = _checked_proba(y_true, proba, n_bins, classes, sample_weight)
    confidence = proba.max(axis=1)
    return _binned_error(confidence, np.argmax(proba, axis=1) == columns, weight, n_bins)


def classwise_calibration_error(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    n_bins: int = 15,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean over classes of the distance between probability and frequency.

    With the rows in bins B_m of equal width of their probability of class k,
    ``1 / K sum_k sum_m |B_m| / n * |mean of 1[y = k] - mean of p_k|``, the means over B_m.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes is none of them.
    proba : array-like of shape (n, K)
        Probabilities of the classes.
    n_bins : int, default=15
        Bin m holds the probabilities in ``((m - 1) / n_bins, m / n_bins]``.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, lower is better.

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1] or `n_bins` is below 1.

    References
    ----------
    Kull, Perello-Nieto, Kängsepp, Silva Filho, Song, Flach, "Beyond temperature scaling: obtaining
    well-calibrated multi-class probabilities with Dirichlet calibration", NeurIPS 2019.

    Examples
    --------
    Class a is said to have 0.75 and has 0.5, class b the other way round:

    >>> from sklearn_setpred.metrics import classwise_calibration_error
    >>> classwise_calibration_error(["a", "a", "b", "b"], [[0.75, 0.25]] * 4)
    0.25
    """
    proba, columns, weight = _checked_proba(y_true, proba, n_bins, classes, sample_weight)
    errors = [_binned_error(p, columns == k, weight, n_bins) for k, p in enumerate(proba.T)]
    return float(np.mean(errors))


def check_proba(proba):
    """Return probabilities as an array; raise unless they lie between 0 and 1."""
    proba = check_scores(proba, "proba")
    if proba.min(initial=0) < 0 or proba.max(initial=1) > 1:
        raise ValueError("proba must lie between 0 and 1; scores need a softmax first.")
    return proba


def _checked_proba(y_true, proba, n_bins, classes, sample_weight):
    """Return the probabilities, the column of each true label and the weights, checked."""
    check_integer("n_bins", n_bins)
    proba = check_proba(named_columns(proba, y_true, classes))
    columns = true_columns(y_true, classes, *proba.shape)
    return proba, columns, check_weight(sample_weight, len(columns))


def _binned_error(p, happened, weight, n_bins):
    """Return the mean distance, over bins, of probabilities from the frequency of the event."""
    bins = np.ceil(p * n_bins).astype(np.intp)
    return float(np.abs(np.bincount(bins, weight * (happened - p))).sum() / weight.sum())


def _mean_count_above(levels, thresholds, weight):
    """Return the mean over rows of #{j : levels_ij >= t} at each of the ascending thresholds."""
    reached = np.searchsorted(thresholds, levels.ravel(), side="right")
    repeated = np.repeat(weight, levels.shape[1])
    weight_at = np.bincount(reached, repeated, minlength=len(thresholds) + 1)
    return np.cumsum(weight_at[:0:-1])[::-1] / weight.sum()
