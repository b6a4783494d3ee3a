"""What every set predictor shares: one ranking, and everything that follows from it."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import scipy.sparse as sp
from sklearn.base import ClassifierMixin
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import (
    _safe_indexing,
    assert_all_finite,
    column_or_1d,
    compute_sample_weight,
    indexable,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_consistent_length,
    check_is_fitted,
)

import sklearn_setpred
from sklearn_setpred.sets import prefix_sets, top_k
from sklearn_setpred.utils.types import Labels, Samples, Sets
from sklearn_setpred.utils.validation import check_k

Fit = TypeVar("Fit", bound=Callable[..., Any])

# Scores are made for this many cells at a time (32 MB of float64).
_BATCH_CELLS = 2**22


def all_or_nothing(fit: Fit) -> Fit:
    """Decorate a method that fits: where it fails, the estimator is left as it was."""

    @functools.wraps(fit)
    def wrapper(self, *args, **kwargs):
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Fit, wrapper)


class SetPredictorMixin(ClassifierMixin):
    """Predictions of a classifier with one ranking of the classes per row.

    The rank of a class is ``1 + #{s_j > s_y} + #{j < y : s_j = s_y}`` on the final scores, which
    a subclass gives through ``_scores(X)``, float64 of shape (n_samples, n_classes).
    """

    classes_: Labels

    def __getstate__(self):
        return {**super().__getstate__(), "_setpred_version": sklearn_setpred.__version__}

    def __setstate__(self, state):
        state = dict(state)
        warn_of_other_version(self, state.pop("_setpred_version", "unknown"))
        super().__setstate__(state)

    def _checked_input(self, X):
        """Give X as ``_scores`` wants it; raises NotFittedError before ``fit``."""
        check_is_fitted(self)
        return X

    def _map_batches(self, X, function, *aligned):
        """Apply a function to batches of the rows of X, and of arrays aligned with them."""
        (X,) = indexable(self._checked_input(X))
        n, step = _num_samples(X), max(1, _BATCH_CELLS // len(self.classes_))
        if n <= step:
            return function(X, *aligned)
        batches = [slice(i, i + step) for i in range(0, n, step)]
        parts = [
            function(_safe_indexing(X, rows), *(array[rows] for array in aligned))
            for rows in batches
        ]
        return sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)

    def _by_batches(self, X, function):
        """Apply a function of the scores to batches of rows and stack what it gives."""
        return self._map_batches(X, lambda batch: function(self._scores(batch)))

    def predict(self, X: Samples) -> Labels:
        """Predict the first-ranked label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, of the type given to ``fit``.
        """
        codes = self._by_batches(X, lambda scores: scores.argmax(axis=1))
        return self.classes_[codes]

    def predict_top_k(self, X: Samples, k: int | None = None) -> Labels:
        """Predict the k first-ranked labels, in order of rank.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        k : int, default=None
            Between 1 and the number of classes; None means min(5, n_classes).

        Returns
        -------
        ndarray of shape (n_samples, k)
            Labels, of the type given to ``fit``.
        """
        check_is_fitted(self)
        k = check_k(k, len(self.classes_))
        return self.classes_[self._by_batches(X, lambda scores: top_k(scores, k))]


class TopKSetsMixin(SetPredictorMixin):
    """Sets of the ``k`` first-ranked classes; ``k`` is a parameter of the constructor."""

    def predict_set(self, X: Samples, *, k: int | None = None) -> Sets:
        """Predict the set of the k first-ranked labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        k : int, default=None
            Size of the sets, between 1 and the number of classes; None means the
            constructor's ``k``.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.
        """
        check_is_fitted(self)
        k = check_k(self.k if k is None else k, len(self.classes_))
        return self._by_batches(X, lambda scores: prefix_sets(scores, k, self.sparse_output))


def check_labels(X, y):
    """Give the classes and the code of each row's label; raise if y is no vector of labels.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,), int64
    """
    if y is None:
        raise ValueError(
            "y=None: this classifier requires y to be passed, but the target y is None."
        )
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds {len(classes)} class; a classifier needs samples of at least 2 classes."
        )
    return classes, codes


def check_weights(sample_weight, class_weight, X, y):
    """Give the weight of each row, or None where all are one.

    Raises ValueError for negative weights and for weights that sum to zero.
    """
    if sample_weight is None and class_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if class_weight is not None:
        weight = weight * compute_sample_weight(class_weight, y)
    if not weight.sum() > 0:
        raise ValueError("sample_weight sums to zero; at least one row needs a positive weight.")
    return weight


def warn_of_other_version(estimator, version):
    """Warn, as scikit-learn does, if an estimator was written by another version of ours."""
    if version != sklearn_setpred.__version__:
        warning = InconsistentVersionWarning(
            estimator_name=f"{type(estimator).__name__} of sklearn_setpred",
            current_sklearn_version=sklearn_setpred.__version__,
            original_sklearn_version=version,
        )
        warnings.warn(warning, stacklevel=3)
