"""Coverage and size in one number."""

__all__ = ["SET_UTILITIES", "cardinality_aware_loss", "set_utility_score"]

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, SetsLike, SizeCost
from sklearn_setpred._utils.validation import check_number, check_option
from sklearn_setpred.metrics._checks import labelled_sets
from sklearn_setpred.sets import size_costs

SET_UTILITIES = {
    "u65": lambda x: 1.6 * x - 0.6 * x**2,
    "u80": lambda x: 2.2 * x - 1.2 * x**2,
}
"""Utilities known by name; each maps the discounted accuracy x in [0, 1] to [0, 1]."""


def cardinality_aware_loss(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    size_penalty: float = 0.05,
    size_cost: SizeCost = "linear",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the fraction of misses plus the penalised mean cost of the set sizes.

    ``mean_i 1[y_i not in S_i] + size_penalty * cost(|S_i|)``.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    size_penalty : float, default=0.05
        Weight of the size, not negative.
    size_cost : {"log", "linear", "singleton"} or callable, default="linear"
        ``"log"`` is ``cost(k) = log k``, ``"linear"`` is ``cost(k) = k``, ``"singleton"`` is
        ``cost(k) = k + 1[k > 1]``; a callable takes the sizes 1 ... K and returns their costs:
        finite, non-negative, non-decreasing.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows; a weight of 2 counts as a row that occurs twice.

    Returns
    -------
    float
        Lower is better.

    Raises
    ------
    ValueError
        If the penalty is negative or the cost unknown.

    Notes
    -----
    An empty set costs 0, whatever the cost. The loss is not divided by its largest value, so it
    compares sets only under the same penalty and cost.

    References
    ----------
    Cortes, Mao, Mohri, Mohri, Zhong, "Cardinality-aware set prediction and top-k classification",
    NeurIPS 2024.

    Examples
    --------
    One miss in two rows, and 1.5 labels on average: 0.5 + 0.1 * 1.5.

    >>> from sklearn_setpred.metrics import cardinality_aware_loss
    >>> y_set = [[1, 1], [1, 0]]
    >>> cardinality_aware_loss(["a", "b"], y_set, size_penalty=0.1, size_cost="linear")
    0.65
    """
    check_number("size_penalty", size_penalty, low=0)
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    costs = np.append(0.0, size_costs(np.arange(1, sets.n_classes + 1), size_cost))
    return sets.mean(~sets.hits + size_penalty * costs[sets.sizes])


def set_utility_score(
    y_true: ArrayLike,
    y_set: SetsLike,
    *,
    utility: str = "u65",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean utility of the discounted accuracy.

    With ``x_i = 1[y_i in S_i] / |S_i|``, 0 for an empty set, the mean of ``u(x_i)``::

        u65(x) = 1.6 x - 0.6 x^2,        u80(x) = 2.2 x - 1.2 x^2.

    A set with the true label is worth 1 if it has one label, 0.65 or 0.80 if it has two. A miss
    is worth 0.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    utility : {"u65", "u80"}, default="u65"
        How much more a set of two labels is worth than a guess between them, which is worth 0.5.
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
        If the utility is unknown.

    References
    ----------
    Zaffalon, Corani, Mauá, "Evaluating credal classifiers by utility-discounted predictive
    accuracy", International Journal of Approximate Reasoning 53(8), 2012.

    Examples
    --------
    >>> from sklearn_setpred.metrics import set_utility_score
    >>> round(set_utility_score(["a", "b"], [[1, 0], [1, 1]], utility="u80"), 3)
    0.9
    """
    check_option("utility", utility, SET_UTILITIES)
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    discounted = sets.hits / np.maximum(sets.sizes, 1)
    return sets.mean(SET_UTILITIES[utility](discounted))
