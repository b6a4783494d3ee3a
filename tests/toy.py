"""A small honest set predictor, so that tests of the tools need no network."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data


class ToySetClassifier(ClassifierMixin, BaseEstimator):
    """The classes with probability at least `threshold`, and the most probable one."""

    def __init__(self, estimator=None, threshold=0.2, sparse_output=False):
        self.estimator = estimator
        self.threshold = threshold
        self.sparse_output = sparse_output

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, accept_sparse="csr")
        estimator = LogisticRegression(max_iter=1000) if self.estimator is None else self.estimator
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.model_ = clone(estimator).fit(X, y, **weight)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        check_is_fitted(self)
        return self.model_.predict_proba(validate_data(self, X, accept_sparse="csr", reset=False))

    def set_levels(self, X):
        return self.predict_proba(X)

    def predict_set(self, X, *, threshold=None):
        levels = self.set_levels(X)
        sets = levels >= (self.threshold if threshold is None else threshold)
        sets[np.arange(len(sets)), levels.argmax(axis=1)] = True
        return sp.csr_array(sets) if self.sparse_output else sets

    def predict_top_k(self, X, k=2):
        check_is_fitted(self)
        if k > len(self.classes_):
            raise ValueError(f"k={k} is above the number of classes, {len(self.classes_)}.")
        order = np.argsort(-self.predict_proba(X), axis=1, kind="stable")
        return self.classes_[order[:, :k]]

    def predict(self, X):
        return self.predict_top_k(X, 1)[:, 0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def overlapping_blobs(n_samples=120, n_classes=4):
    """Rows of 3 features whose classes overlap, so that sets have several sizes."""
    return make_blobs(n_samples, n_features=3, centers=n_classes, cluster_std=4.0, random_state=3)


class TopKToy(ToySetClassifier):
    """Sets of the top k labels, k at call time; also has a decision function."""

    def predict_set(self, X, *, k=2):
        sets = (self.predict_top_k(X, k)[:, :, None] == self.classes_).any(axis=1)
        return sp.csr_array(sets) if self.sparse_output else sets

    def set_levels(self, X):
        return -(1 + np.argsort(np.argsort(-self.predict_proba(X), axis=1), axis=1))

    def decision_function(self, X):
        scores = np.log(self.predict_proba(X))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores
