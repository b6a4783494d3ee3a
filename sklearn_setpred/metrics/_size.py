"""How large sets are, and how good the sets of one label are."""

__all__ = [
    "empty_share",
    "mean_set_size",
    "set_size_distribution",
    "set_size_quantile",
    "singleton_accuracy_score",
    "singleton_score",
]

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Floats, SetsLike
from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.metrics._checks import labelled_sets

# A fraction of the rows may fall short of q by this much: q * n is rounded.
_ROUNDING = 1e-12


def mean_set_size(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean number of labels in a set.

    ``mean_i |S_i|``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; checked, but not used.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and K.

    Examples
    --------
    >>> from sklearn_setpred.metrics import mean_set_size
    >>> mean_set_size(["a", "b"], [[1, 0], [1, 1]])
    1.5
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return sets.mean(sets.sizes)


def set_size_quantile(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    q: float = 0.5,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> int:
    """Return the smallest size that a fraction q of the sets does not exceed.

    ``min {k : mean_i 1[|S_i| <= k] >= q}``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; checked, but not used.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    q : float, default=0.5
        Between 0 and 1: 0.5 gives the (lower) median, 0 the smallest and 1 the largest size.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    int
        A size that occurs; ``numpy.quantile(sizes, q, method="inverted_cdf")``.

    Raises
    ------
    ValueError
        If q does not lie between 0 and 1.

    Examples
    --------
    >>> from sklearn_setpred.metrics import set_size_quantile
    >>> set_size_quantile(["a", "b", "c"], [[1, 0, 0], [1, 1, 0], [1, 1, 1]], q=0.9)
    3
    """
    check_number("q", q, low=0, high=1)
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    sizes = np.flatnonzero(sets.size_weights())
    reached = np.cumsum(sets.size_weights()[sizes])
    return int(sizes[np.searchsorted(reached, (q - _ROUNDING) * reached[-1])])


def set_size_distribution(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """Return the fraction of sets of each size.

    ``share_k = mean_i 1[|S_i| = k]`` for k = 0 ... K.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; checked, but not used.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    ndarray of shape (K + 1,), float64
        Sums to 1; entry k is the fraction of sets with k labels.

    Examples
    --------
    >>> from sklearn_setpred.metrics import set_size_distribution
    >>> set_size_distribution(["a", "b", "b", "a"], [[1, 0], [1, 1], [0, 1], [1, 0]])
    array([0.  , 0.75, 0.25])
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return sets.size_weights() / sets.weight.sum()


def empty_share(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the fraction of sets without a label.

    ``mean_i 1[|S_i| = 0]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; checked, but not used.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> from sklearn_setpred.metrics import empty_share
    >>> empty_share(["a", "b"], [[0, 0], [1, 1]])
    0.5
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return sets.mean(sets.sizes == 0)


def singleton_score(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the fraction of sets with exactly one label.

    ``mean_i 1[|S_i| = 1]``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; checked, but not used.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Between 0 and 1, higher is better at equal coverage.

    Examples
    --------
    >>> from sklearn_setpred.metrics import singleton_score
    >>> singleton_score(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 0]])
    0.75
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return sets.mean(sets.sizes == 1)


def singleton_accuracy_score(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the accuracy of the sets with exactly one label.

    ``mean over {i : |S_i| = 1} of 1[y_i in S_i]``: the accuracy of the decisions that a user
    need not check.

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
        Between 0 and 1, higher is better; NaN if no set holds exactly one label.

    Examples
    --------
    >>> from sklearn_setpred.metrics import singleton_accuracy_score
    >>> singleton_accuracy_score(["a", "b", "b", "a"], [[1, 0], [1, 1], [1, 0], [1, 1]])
    0.5
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    return float(sets.rows(sets.sizes == 1).coverage()[0])
