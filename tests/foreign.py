"""Small classifiers with the ways of other packages."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB


class Bayes(ClassifierMixin, BaseEstimator):
    """Naive Bayes on codes; what is odd about a subclass is a method that it overrides."""

    def fit(self, X, y):
        self._fit(X, y)
        return self

    def _fit(self, X, y):
        self.classes_ = self._order(np.unique(y))
        self._columns = np.argsort(np.argsort(self.classes_))
        self._model = GaussianNB(var_smoothing=1e-3).fit(X, y)

    def _order(self, classes):
        return classes

    def _probabilities(self, X):
        return self._model.predict_proba(X)[:, self._columns]

    def predict_proba(self, X):
        return self._probabilities(X)

    def predict(self, X):
        return self.classes_[self._probabilities(X).argmax(axis=1)]


class OrdersNumbers(Bayes):
    """Orders texts that are numbers by value, as CatBoost does."""

    def _order(self, classes):
        return classes[np.argsort([float(label) for label in classes])]


class AnyOrder(Bayes):
    """Has its classes in an order of its own."""

    def _order(self, classes):
        return np.roll(classes, 1)


class WantsCodes(Bayes):
    """Refuses other labels than 0 ... n_classes - 1, as XGBoost does."""

    def fit(self, X, y, sample_weight=None, eval_set=None):
        y = np.asarray(y)
        expected = np.arange(len(np.unique(y)))
        for labels in [y] + [pair[1] for pair in eval_set or []]:
            if not set(np.unique(labels).tolist()) <= set(expected.tolist()):
                raise ValueError(f"Invalid classes. Expected: {expected}, got {np.unique(labels)}")
        if not np.array_equal(np.unique(y), expected):
            raise ValueError(f"Invalid classes. Expected: {expected}, got {np.unique(y)}")
        self.n_eval_ = len(eval_set or [])
        return super().fit(X, y)


class MergesNumbers(Bayes):
    """Reads numbers as float32, as CatBoost does: large ones merge or change."""

    def fit(self, X, y):
        y = np.asarray(y)
        return super().fit(X, y if y.dtype.kind in "OU" else y.astype(np.float32).astype(y.dtype))


class WritesTexts(Bayes):
    """Makes texts of the labels."""

    def fit(self, X, y):
        return super().fit(X, np.asarray(y).astype(str))


class ReturnsNothing(Bayes):
    """Returns None from fit, as TabNet does."""

    def fit(self, X, y):
        self._fit(X, y)


class DropsFirstClass(Bayes):
    """Learns nothing of the first class, as a pipeline with a sampler may."""

    def fit(self, X, y):
        y = np.asarray(y)
        kept = y != np.unique(y)[0]
        return super().fit(np.asarray(X)[kept], y[kept])


class HasForeignClass(Bayes):
    """Has a column for a class that y does not have."""

    def __init__(self, foreign="unknown"):
        self.foreign = foreign

    def _fit(self, X, y):
        super()._fit(X, y)
        self.classes_ = np.append(self.classes_, self.foreign)

    def predict_proba(self, X):
        p = self._probabilities(X)
        return np.column_stack([p * 0.6, np.full(len(p), 0.4)])


class Gives(Bayes):
    """Gives what ``change`` makes of the probabilities."""

    def __init__(self, change=None):
        self.change = change

    def predict_proba(self, X):
        return self.change(self._probabilities(X))
