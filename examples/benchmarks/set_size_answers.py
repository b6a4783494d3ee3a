"""The answers of a classifier for calibration and test rows, and its calibrated sets.

Shared by the benchmarks of set sizes; needs no other package than ours.
"""

import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.sets import threshold_sets


class Answers(NamedTuple):
    """What a classifier says of calibration and test rows: probabilities, levels beside them."""

    calibration: np.ndarray
    test: np.ndarray
    classes: np.ndarray
    fit_seconds: float
    predict_seconds: float

    def map(self, function):
        """Apply a function to both parts."""
        return self._replace(calibration=function(self.calibration), test=function(self.test))

    @property
    def top(self):
        """The column of each test row's first-ranked class."""
        return self.test[:, : len(self.classes)].argmax(axis=1)

    def sets_above(self, level):
        """Return the test rows' classes of at least a level, and the first-ranked one."""
        return threshold_sets(self.test[:, -len(self.classes) :], level, top=self.top)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are its answers: probabilities, then levels if there are any."""

    def __init__(self, classes):
        self.classes = classes
        self.classes_ = classes

    def fit(self, X, y):
        """Do nothing; checks of other packages want a method of this name."""
        return self

    def predict_proba(self, X):
        """Return the first columns."""
        return X[:, : len(self.classes)]

    def predict(self, X):
        """Return the label of the highest probability."""
        return self.classes[self.predict_proba(X).argmax(axis=1)]

    def set_levels(self, X):
        """Return the last columns: the levels, or the probabilities where these are alone."""
        return X[:, -len(self.classes) :].copy()


@contextmanager
def stopwatch(clock=time.perf_counter):
    """Return a list that holds the seconds passed once the block is over."""
    seconds, start = [], clock()
    yield seconds
    seconds.append(clock() - start)


def ask(fitted, problem, answer, fit_seconds, clock=time.perf_counter):
    """Return the answers of a fitted classifier; ``answer(fitted, X)`` gives the columns."""
    calibration = answer(fitted, problem.calibration[0])
    with stopwatch(clock) as seconds:
        test = answer(fitted, problem.test[0])
    return Answers(calibration, test, problem.classes, fit_seconds, *seconds)


def probabilities(fitted, X):
    """Return probabilities that sum to one in float64, as the other packages demand."""
    if hasattr(fitted, "predict_proba"):
        p = np.asarray(fitted.predict_proba(X), dtype=np.float64)
        return p / p.sum(axis=1, keepdims=True)
    return softmax(np.asarray(fitted.decision_function(X), dtype=np.float64), axis=1)


def with_levels(fitted, X):
    """Return the probabilities, and beside them the levels of a classifier that has any."""
    if not hasattr(fitted, "set_levels"):
        return probabilities(fitted, X)
    return np.hstack([fitted.predict_proba(X), fitted.set_levels(X)])


def log_floored(p):
    """Return logarithms that are finite where a forest's or a Bayes classifier's p is zero."""
    return np.log(np.maximum(p, 1e-10))


def calibrated(answers, y, level):
    """Return the sets of `CoverageSetClassifier`; it adds the top-1 label itself."""
    fitted = FrozenEstimator(Given(answers.classes))
    sets = CoverageSetClassifier(fitted, target_coverage=level).fit(answers.calibration, y)
    return sets.predict_set(answers.test)
