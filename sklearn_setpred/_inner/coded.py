"""A classifier that takes codes only, given labels."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone

from sklearn_setpred._utils.types import Labels
from sklearn_setpred.sets import label_indices


class CodedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier fitted on codes 0 ... n_classes - 1 in place of labels that it refuses.

    Attributes of the fitted classifier can be read on this one too.

    Parameters
    ----------
    estimator : classifier

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier; its classes are codes.
    labels_ : ndarray of shape (n_classes,)
        The label of each code.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X, y, **fit_params):
        """Fit the classifier on the codes of the labels, those in ``eval_set`` included."""
        self.labels_, codes = np.unique(y, return_inverse=True)
        if "eval_set" in fit_params:
            fit_params["eval_set"] = self._coded_pairs(fit_params["eval_set"])
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(X, codes, **fit_params)
        return self

    def _coded_pairs(self, pairs):
        """Return (X, y), or a list of such pairs, with codes in place of the labels."""
        if isinstance(pairs, tuple):
            X, y = pairs
            return X, label_indices(y, self.labels_)
        return [self._coded_pairs(pair) for pair in pairs]

    @property
    def classes_(self) -> Labels:
        """The labels, in the order of the columns."""
        codes = np.asarray(self.estimator_.classes_, dtype=np.int64)
        if codes.min() < 0 or codes.max() >= len(self.labels_):
            raise ValueError(
                f"{type(self.estimator).__name__} has the classes_ {codes.tolist()} after a fit on "
                f"the codes 0 ... {len(self.labels_) - 1}."
            )
        return self.labels_[codes]

    def predict(self, X):
        """Predict a label for each row."""
        codes = np.asarray(self.estimator_.predict(X), dtype=np.int64)
        return self.labels_[codes.ravel()]

    def __getattr__(self, name):
        # Not fitted yet, or on the way out of a pickle: there is nothing to ask.
        if name.startswith("__") or "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.estimator_, name)
