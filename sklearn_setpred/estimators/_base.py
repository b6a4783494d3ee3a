"""What every set predictor shares: one ranking, and everything that follows from it."""

import functools
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import (
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
from sklearn_setpred.estimators._batches import in_batches, stack
from sklearn_setpred.sets import prefix_sets, top_k
from sklearn_setpred.utils.types import Labels, Samples, Sets
from sklearn_setpred.utils.validation import check_k

Fit = TypeVar("Fit", bound=Callable[..., Any])


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


def documentation_address():
    """Give the address of the documentation in the metadata of the package, or ""."""
    try:
        entries = metadata("sklearn-setpred").get_all("Project-URL", [])
    except PackageNotFoundError:  # a source tree that was never installed
        return ""
    address_of = dict(entry.split(", ", 1) for entry in entries)
    return address_of.get("Documentation", "").rstrip("/")


def forget_fit(estimator):
    """Remove the attributes of an earlier fit."""
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)


class SetPredictorMixin(ClassifierMixin):
    """Predictions of a classifier with one ranking of the classes per row.

    The rank of a class is ``1 + #{s_j > s_y} + #{j < y : s_j = s_y}`` on the final scores, which
    a subclass gives through ``_scores(X)``, float64 of shape (n_samples, n_classes).
    """

    classes_: Labels

    _doc_link_module = "sklearn_setpred"

    @property
    def _doc_link_template(self):
        """Where the HTML repr finds the page of an estimator; "" makes no link."""
        address = documentation_address()
        return address and f"{address}/generated/sklearn_setpred.{{estimator_name}}.html"

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
        batches = in_batches(len(self.classes_), X, *aligned)
        return stack((function(*batch) for batch in batches), _num_samples(X))

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
        return self._sets_of_first(X, k)

    def _sets_of_first(self, X, k):
        """Give the sets of the k first-ranked labels."""
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
