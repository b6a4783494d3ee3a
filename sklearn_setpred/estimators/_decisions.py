"""Which rows one label may answer alone: a tested level of the first label's probability."""

import math

import numpy as np
from scipy.stats import binom

# A row alone and the same row in a batch may differ in the last bits of float32 networks.
_MARGIN = 1e-6
# The least level of a label beside others; -inf is left for labels beside one that stands alone.
_LOWEST = -np.finfo(np.float64).max


def rows_to_decide(target_accuracy, confidence):
    """Return the least number of rows, all of them right, that show an accuracy."""
    return math.ceil(math.log(1 - confidence) / math.log(target_accuracy) - 1e-9)


def accuracy_level(probability, is_right, target_accuracy, confidence):
    """Return the lowest probability from which first labels are right often enough.

    Rows are taken in the order of their probability, the surest first, as long as the rows taken
    show the accuracy: if it were no more than ``target_accuracy``, so few wrong labels would have
    a probability of at most ``1 - confidence``, by the tail of the binomial distribution (learn
    then test, with fixed-sequence testing). The level is inf if the first rows that could show the
    accuracy do not.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        The probability of each row's first label.
    is_right : ndarray of shape (n,), bool
    target_accuracy, confidence : float
        Between 0 and 1.
    """
    order = np.argsort(-probability, kind="stable")
    steps, last = np.unique(-probability[order][::-1], return_index=True)
    n_rows = len(order) - last  # rows at or above each probability, ties together
    n_wrong = np.cumsum(~is_right[order])[n_rows - 1]
    fails = binom.cdf(n_wrong, n_rows, 1 - target_accuracy) > 1 - confidence
    fails &= n_rows >= rows_to_decide(target_accuracy, confidence)
    stop = np.argmax(fails) if fails.any() else len(steps)
    passed = np.flatnonzero(n_rows[:stop] >= rows_to_decide(target_accuracy, confidence))
    return float(-steps[passed[-1]]) * (1 - _MARGIN) if len(passed) else math.inf


def above_alone(level):
    """Return a level at which a label that stands alone stays alone, the lowest one for -inf."""
    return max(level, _LOWEST)


def levels_of_decisions(levels, scores, level):
    """Return the levels with which the first label stands alone where its score reaches a level.

    In all other rows the two first labels are in the set at any level.
    """
    alone = scores.max(axis=1) >= level
    first = scores.argmax(axis=1)[:, None]
    others = scores.copy()
    np.put_along_axis(others, first, -np.inf, axis=1)
    second = others.argmax(axis=1)
    levels = np.where(alone[:, None], -np.inf, np.maximum(levels, _LOWEST))
    np.put_along_axis(levels, first, np.inf, axis=1)
    levels[~alone, second[~alone]] = np.inf
    return levels
