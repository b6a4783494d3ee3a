"""A classifier that is fitted once on the same rows, however many methods are put around it."""

import time

import joblib
from sklearn.base import BaseEstimator, ClassifierMixin, clone

# Fitted classifiers and the seconds they took, until `Remembered.forget`.
_MEMORY = {}


class Remembered(ClassifierMixin, BaseEstimator):
    """A classifier that is not fitted twice on the same rows: methods on a base share its fits."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit, or remember."""
        key = joblib.hash((self.estimator, X, y))
        if key not in _MEMORY:
            start = time.perf_counter()
            _MEMORY[key] = clone(self.estimator).fit(X, y), time.perf_counter() - start
        self.fitted_, self.seconds_ = _MEMORY[key]
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X):
        """Return the probabilities of the classifier inside."""
        return self.fitted_.predict_proba(X)

    @staticmethod
    def forget():
        """Empty the memory."""
        _MEMORY.clear()

    @staticmethod
    def seconds_of_memory():
        """Return the seconds that went into all that is remembered."""
        return sum(seconds for _, seconds in _MEMORY.values())
