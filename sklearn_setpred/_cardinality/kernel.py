"""A classifier that asks the neighbours: class probabilities from a kernel over training rows."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred.sets._batches import row_batches

_CONCENTRATIONS = (8.0, 16.0, 32.0, 64.0)


class KernelClassifier(ClassifierMixin, BaseEstimator):
    """Class probabilities from a kernel over the training rows, for embeddings.

    ``p(y | x)`` is proportional to ``sum_j v_j exp(t cos(x, x_j)) 1[y_j = y]`` over the training
    rows with weights v (the kernel estimator of Nadaraya and Watson with the kernel of the von
    Mises-Fisher distribution); the concentration t is chosen by the likelihood of every label
    given the other rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    oob_decision_function_ : ndarray of shape (n, n_classes), float64
        Probabilities of the training rows, each given the other rows.
    """

    def fit(self, X, y, sample_weight=None):
        """Keep the rows and choose the concentration."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weight = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight)
        self.rows_ = unit_rows(X)
        self.codes_, self.weight_ = codes, weight
        p = np.empty((len(_CONCENTRATIONS), len(codes), len(self.classes_)))
        for rows in self._batches(self.rows_):
            cosines = self.rows_[rows] @ self.rows_.T
            cosines[np.arange(len(cosines)), np.arange(len(codes))[rows]] = -np.inf
            for of_t, t in zip(p, _CONCENTRATIONS, strict=True):
                of_t[rows] = self._probabilities(cosines, t)
        floor = 1 / (10 * np.count_nonzero(weight))
        log_p = np.log(np.maximum(p[:, np.arange(len(codes)), codes], floor))
        best = np.argmax(log_p @ weight)
        self.concentration_, self.oob_decision_function_ = _CONCENTRATIONS[best], p[best].copy()
        return self

    def predict_proba(self, X):
        """Return the class probabilities, float64 of shape (n, n_classes)."""
        check_is_fitted(self)
        X, p = unit_rows(X), np.empty((len(X), len(self.classes_)))
        for rows in self._batches(X):
            p[rows] = self._probabilities(X[rows] @ self.rows_.T, self.concentration_)
        return p

    def _batches(self, X):
        """Return slices of rows whose cosines with all training rows take little memory."""
        return row_batches((len(X), len(self.rows_)), least=16)

    @property
    def votes(self):
        """The weight of each training row in the column of its class."""
        shape = len(self.codes_), len(self.classes_)
        return sp.csr_array((self.weight_, self.codes_, np.arange(shape[0] + 1)), shape=shape)

    def _probabilities(self, cosines, t):
        """Return the votes of the training rows, weighted by the kernel and normalised."""
        kernel = np.exp(t * (cosines - cosines.max(axis=1, keepdims=True)))
        votes = kernel @ self.votes
        return votes / np.maximum(votes.sum(axis=1, keepdims=True), np.finfo(float).tiny)


def unit_rows(X):
    """Return the rows divided by their norms, float32."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return (X / np.maximum(norms, np.finfo(float).tiny)).astype(np.float32)
