"""A classifier that is fitted once on the same rows, however many methods are put around it."""

import time

import joblib
from sklearn.base import BaseEstimator, ClassifierMixin, clone


class Remembered(ClassifierMixin, BaseEstimator):
    """A classifier that is not fitted twice on the same rows: methods on one base share its fits.

    The memory is the class's, and `forget` empties it.
    """

    memory = {}  # noqa: RUF012, shared on purpose

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit, or remember."""
        key = joblib.hash((self.estimator, X, y))
        if key not in self.memory:
            start = time.perf_counter()
            self.memory[key] = clone(self.estimator).fit(X, y), time.perf_counter() - start
        self.fitted_, self.seconds_ = self.memory[key]
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X):
        """Give the probabilities of the classifier inside."""
        return self.fitted_.predict_proba(X)

    @classmethod
    def forget(cls):
        """Empty the memory."""
        cls.memory.clear()

    @classmethod
    def seconds_of_memory(cls):
        """Give the seconds that went into all that is remembered."""
        return sum(seconds for _, seconds in cls.memory.values())
