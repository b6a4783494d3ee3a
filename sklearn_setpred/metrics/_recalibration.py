"""How much better probabilities become when they are recalibrated."""

__all__ = ["recalibration_gain"]

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.model_selection import KFold

from sklearn_setpred._utils.types import ArrayLike, Seed
from sklearn_setpred._utils.validation import check_integer, check_option
from sklearn_setpred.metrics._checks import check_weight, true_columns
from sklearn_setpred.metrics._scores import check_proba

# As in scikit-learn's log_loss, what is said to be impossible is only very unlikely.
_FLOOR = np.finfo(np.float64).eps


def recalibration_gain(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    loss: str = "log",
    cv: int = 5,
    random_state: Seed = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return by how much the loss of probabilities falls when they are recalibrated.

    ``mean_i loss(y_i, p_i) - loss(y_i, g(p_i))``, where ``g(p)`` is proportional to
    ``p_k^a exp(b_k)``. The slope a and the offsets b have the lowest log-loss on rows of other
    folds, with a penalty that counts about as much as one row.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels, all among the classes.
    proba : array-like of shape (n, K)
        Probabilities of the classes, of rows that did not train the classifier.
    loss : {"log", "brier"}, default="log"
        ``-log p_y``, or ``sum_k (p_k - 1[y = k])^2``.
    cv : int, default=5
        Number of folds.
    random_state : int, RandomState instance or None, default=None
        Source of the folds.
    classes : array-like of shape (K,), default=None
        The label of each column; None takes the sorted labels of `y_true`, if they are K.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows, in the mean and where g is learned.

    Returns
    -------
    float
        About 0 or below if the probabilities are calibrated, as far as g can see; else an estimate,
        too low on average, of their calibration error in units of the loss. What remains of the
        loss is that of the ranking and of the rows (refinement).

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1], the loss is unknown, there are fewer rows than
        folds, or a label is not among the classes.

    References
    ----------
    Berta, Holzmüller, Jordan, Bach, "Rethinking early stopping: refine, then calibrate", 2025:
    the calibration error of a proper loss as what recalibration gains, and refinement as the rest.

    Examples
    --------
    A classifier that is as sure as it should be, and one that is too sure:

    >>> import numpy as np
    >>> from sklearn_setpred.metrics import recalibration_gain
    >>> y = ["a", "a", "a", "b"] * 50
    >>> honest, too_sure = np.array([[[0.75, 0.25]], [[0.99, 0.01]]]).repeat(200, axis=1)
    >>> print(abs(round(recalibration_gain(y, honest, random_state=0), 1)))
    0.0
    >>> print(round(recalibration_gain(y, too_sure, random_state=0), 1))
    0.6
    """
    check_option("loss", loss, ["log", "brier"])
    proba = check_proba(proba)
    columns = true_columns(y_true, classes, *proba.shape)
    if (columns < 0).any():
        raise ValueError(
            f"{np.count_nonzero(columns < 0)} labels of y_true are not among the classes, and have "
            "no probability; leave their rows out."
        )
    check_integer("cv", cv, low=2, high=len(columns))
    weight = check_weight(sample_weight, len(columns))
    log_p = np.log(np.maximum(proba, _FLOOR))
    recalibrated = np.empty_like(log_p)
    for rest, fold in KFold(cv, shuffle=True, random_state=random_state).split(log_p):
        slope, offsets = _recalibration(log_p[rest], columns[rest], weight[rest])
        recalibrated[fold] = log_softmax(slope * log_p[fold] + offsets, axis=1)
    gain = _loss(loss, log_p, columns) - _loss(loss, recalibrated, columns)
    return float(np.average(gain, weights=weight))


def _loss(name, log_p, columns):
    """Return the loss of each row."""
    rows = np.arange(len(columns))
    if name == "log":
        return -log_p[rows, columns]
    distance = np.exp(log_p)
    distance[rows, columns] -= 1
    return (distance**2).sum(axis=1)


def _recalibration(log_p, columns, weight):
    """Return slope and offsets of the lowest log-loss of rows, with a penalty on both."""
    rows, total = np.arange(len(columns)), weight.sum()
    if total == 0:
        return 1.0, np.zeros(log_p.shape[1])
    # The ridge counts the rows of positive weight, whatever the unit of the weights.
    weight, ridge = weight / total, 1 / np.count_nonzero(weight)

    def value_and_gradient(theta):
        moved = theta - start
        log_q = log_softmax(theta[0] * log_p + theta[1:], axis=1)
        value = -weight @ log_q[rows, columns] + 0.5 * ridge * moved @ moved
        error = np.exp(log_q)
        error[rows, columns] -= 1
        error *= weight[:, None]
        gradient = np.append((error * log_p).sum(), error.sum(axis=0))
        return value, gradient + ridge * moved

    start = np.append(1.0, np.zeros(log_p.shape[1]))
    theta = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B").x
    return theta[0], theta[1:]
