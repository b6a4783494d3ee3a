"""How far the coverage of rows is from the target, told by how well hits can be predicted."""

__all__ = ["coverage_excess_risk"]

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.validation import check_consistent_length

from sklearn_setpred._utils.types import ArrayLike, Estimator, Samples, Seed, SetsLike
from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.metrics._checks import labelled_sets


def coverage_excess_risk(
    y_true: ArrayLike,
    y_set: SetsLike,
    X: Samples,
    *,
    target_coverage: float | None = None,
    estimator: Estimator = None,
    cv: int = 5,
    random_state: Seed = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return by how much a regression on X predicts the hits better than the target coverage.

    With ``h_i = 1[y_i in S_i]`` and predictions ``c(x_i)`` of the hits of rows left out,
    ``mean_i (h_i - target_coverage)^2 - (h_i - c(x_i))^2``. If c(x) were the coverage at x, that
    would be the mean squared distance of the coverage at x from the target; what is returned is
    less, on average.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels; one that is not among the classes counts as a miss.
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    X : array-like or sparse array of shape (n, d)
        Features, as the estimator reads them.
    target_coverage : float, default=None
        Between 0 and 1; None takes the overall coverage.
    estimator : regressor, default=None
        Predicts the hits; None takes thirty shallow trees of scikit-learn's
        ``HistGradientBoostingRegressor``.
    cv : int, default=5
        Number of folds.
    random_state : int, RandomState instance or None, default=None
        Source of the folds.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows in the mean.

    Returns
    -------
    float
        At most 1; about 0 or below if the coverage does not depend on x, as far as can be seen.

    Raises
    ------
    ValueError
        If the target is out of range, or X has another number of rows.

    References
    ----------
    Braun, Holzmüller, Jordan, Bach, "Conditional coverage diagnostics for conformal prediction",
    2025: the excess risk of the target coverage (ERT), with the squared loss.

    Examples
    --------
    A third of the rows is never covered, and x tells which:

    >>> import numpy as np
    >>> from sklearn_setpred.metrics import coverage_excess_risk
    >>> X = np.arange(300.0)[:, None]
    >>> y_set = np.repeat([[True, False], [False, True]], [200, 100], axis=0)
    >>> risk = coverage_excess_risk(["a"] * 300, y_set, X, classes=["a", "b"], random_state=0)
    >>> print(round(risk, 2))
    0.22
    """
    sets = labelled_sets(y_true, y_set, classes, sample_weight)
    check_consistent_length(X, sets.hits)
    target = sets.mean(sets.hits) if target_coverage is None else target_coverage
    check_number("target_coverage", target, low=0, high=1)
    # Hits are noisy: trees that fit them closely predict worse than the target does.
    few = HistGradientBoostingRegressor(max_depth=3, max_iter=30, min_samples_leaf=50)
    regressor = few if estimator is None else clone(estimator)
    folds = KFold(cv, shuffle=True, random_state=random_state)
    hits = sets.hits.astype(np.float64)
    coverage = np.clip(cross_val_predict(regressor, X, hits, cv=folds), 0, 1)
    return sets.mean((hits - target) ** 2 - (hits - coverage) ** 2)
