"""How often sets contain the true label: overall, by class, by size, by stratum."""

__all__ = [
    "class_conditional_coverage",
    "coverage_gap",
    "coverage_score",
    "macro_coverage_score",
    "size_stratified_coverage",
    "size_stratified_coverage_gap",
    "strata_conditional_coverage",
]

from typing import Any

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Floats, SetsLike
from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.metrics._checks import labelled_sets
from sklearn_setpred.sets._labels import check_label_array


def coverage_score(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the fraction of rows whose set contains the true label.

    ``mean_i 1[y_i in S_i]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, higher is better.

    Notes
    -----
    If every true label has a column this is ``recall_score(Y, y_set, average="samples")`` with Y
    the one-hot labels. The set of all labels scores 1: read it beside `mean_set_size`.

    Examples
    --------
    >>> from sklearn_setpred.metrics import coverage_score
    >>> coverage_score(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 0]])
    0.75
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return sets.mean(sets.hits)


def class_conditional_coverage(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """Return the coverage of the rows of each class.

    ``c_y = mean over {i : y_i = y} of 1[y in S_i]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes has no entry in the result.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    ndarray of shape (K,), float64
        In the order of the columns; NaN for a class without rows.

    Examples
    --------
    >>> from sklearn_setpred.metrics import class_conditional_coverage
    >>> class_conditional_coverage(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 0]])
    array([1. , 0.5])
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    known = sets.rows(sets.columns >= 0)
    return known.coverage(known.columns, sets.n_classes)


def macro_coverage_score(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean over classes of the coverage.

    ``mean_y c_y`` over the classes that have rows, with ``c_y`` of `class_conditional_coverage`;
    a rare class counts as much as a frequent one.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes belongs to no class.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, higher is better; NaN if no true label is among the classes.

    References
    ----------
    Ding, Fermanian, Salmon, "Conformal prediction for long-tailed classification", ICLR 2026.

    Examples
    --------
    >>> from sklearn_setpred.metrics import macro_coverage_score
    >>> macro_coverage_score(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 0]])
    0.75
    """
    coverages = class_conditional_coverage(
        y_true, y_set, classes=classes, sample_weight=sample_weight
    )
    known = coverages[~np.isnan(coverages)]
    return float(np.mean(known)) if known.size else np.nan


def coverage_gap(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    target_coverage: float | None = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean distance of the coverage of a class from the target.

    ``CovGap = mean_y |c_y - target_coverage|`` over the classes that have rows; every class
    counts the same.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes belongs to no class.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    target_coverage : float, default=None
        The coverage asked of every class; None takes the overall coverage.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        A fraction, not a percentage as in the paper; 0 if every class has the target coverage,
        NaN if no true label is among the classes.

    References
    ----------
    Ding, Angelopoulos, Bates, Jordan, Tibshirani, "Class-conditional conformal prediction with
    many classes", NeurIPS 2023.

    Examples
    --------
    >>> from sklearn_setpred.metrics import coverage_gap
    >>> coverage_gap(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 0]], target_coverage=1)
    0.25
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    known = sets.rows(sets.columns >= 0)
    gaps = _gaps(sets, known.coverage(known.columns, sets.n_classes), target_coverage)
    return float(np.mean(gaps)) if gaps.size else np.nan


def size_stratified_coverage(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    bins: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """Return the coverage of the rows whose sets have each size.

    ``c_j = mean over {i : |S_i| in bin j} of 1[y_i in S_i]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    bins : array-like of shape (b,), int, default=None
        The last size of each bin, increasing; one more bin takes the sizes above. ``[1, 3, 10]``
        makes the bins 0-1, 2-3, 4-10, 11 and more. None makes one bin per size from 0 to K.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    ndarray of shape (b + 1,) or (K + 1,), float64
        The coverage of each bin; NaN for a bin without rows.

    Raises
    ------
    ValueError
        If the bins do not increase.

    References
    ----------
    Angelopoulos, Bates, Malik, Jordan, "Uncertainty sets for image classifiers using conformal
    prediction", ICLR 2021.

    Examples
    --------
    >>> from sklearn_setpred.metrics import size_stratified_coverage
    >>> size_stratified_coverage(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [0, 1]])
    array([       nan, 0.33333333, 1.        ])
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return _coverage_by_size(sets, bins)


def size_stratified_coverage_gap(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    target_coverage: float | None = None,
    bins: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the largest distance of the coverage at a set size from the target.

    ``SSCV = max_j |c_j - target_coverage|`` over the bins of sizes that have rows.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    target_coverage : float, default=None
        The coverage asked at every size; None takes the overall coverage.
    bins : array-like of shape (b,), int, default=None
        The last size of each bin, increasing; one more bin takes the sizes above. None makes one
        bin per size: a size with few rows then decides easily.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        0 if the sets of every size have the target coverage.

    References
    ----------
    Angelopoulos, Bates, Malik, Jordan, "Uncertainty sets for image classifiers using conformal
    prediction", ICLR 2021: the size-stratified coverage violation.

    Examples
    --------
    >>> from sklearn_setpred.metrics import size_stratified_coverage_gap
    >>> y_set = [[1, 0], [1, 1], [1, 0], [1, 0], [1, 0]]
    >>> size_stratified_coverage_gap(["a", "b", "b", "a", "a"], y_set, target_coverage=0.5)
    0.5
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return float(np.max(_gaps(sets, _coverage_by_size(sets, bins), target_coverage)))


def strata_conditional_coverage(
    y_true: ArrayLike,
    y_set: SetsLike,
    strata: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> dict[Any, float]:
    """Return the coverage of the rows of each stratum.

    ``c_g = mean over {i : strata_i = g} of 1[y_i in S_i]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    strata : array-like of shape (n,)
        The stratum of each row, such as a site, a device or an age group.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    dict
        The coverage of each stratum, in sorted order; NaN for a stratum without weight.

    Examples
    --------
    >>> from sklearn_setpred.metrics import strata_conditional_coverage
    >>> y_set = [[1, 0], [1, 1], [1, 0], [1, 0]]
    >>> strata_conditional_coverage(["a", "b", "b", "a"], y_set, ["new", "old", "old", "new"])
    {'new': 1.0, 'old': 0.5}
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    strata = _check_strata(strata, len(sets.hits))
    names, groups = np.unique(strata, return_inverse=True)
    return dict(zip(names.tolist(), sets.coverage(groups, len(names)).tolist(), strict=True))


def _coverage_by_size(sets, bins):
    """Return the coverage of each bin of sizes."""
    if bins is None:
        return sets.coverage(sets.sizes, sets.n_classes + 1)
    bins = np.asarray(bins)
    if bins.ndim != 1 or np.any(np.diff(bins) <= 0):
        raise ValueError(f"bins={bins.tolist()} must be a list of strictly increasing sizes.")
    return sets.coverage(np.searchsorted(bins, sets.sizes), len(bins) + 1)


def _gaps(sets, coverages, target_coverage):
    """Return the distances from the target of the coverages that are known."""
    if target_coverage is None:
        target_coverage = sets.mean(sets.hits)
    check_number("target_coverage", target_coverage, low=0, high=1)
    return np.abs(coverages[~np.isnan(coverages)] - target_coverage)


def _check_strata(strata, n_rows):
    """Return one stratum per row."""
    strata = check_label_array(strata, "strata")
    if len(strata) != n_rows:
        raise ValueError(f"strata has {len(strata)} rows, y_true has {n_rows}.")
    return strata
