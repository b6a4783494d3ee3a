"""What every set predictor shares: one ranking, and everything that follows from it."""

from sklearn.base import ClassifierMixin
from sklearn.utils import indexable
from sklearn.utils.validation import _num_samples, check_is_fitted

import sklearn_setpred
from sklearn_setpred._utils.types import ArrayLike, Labels, Samples, Sets
from sklearn_setpred._utils.validation import check_k
from sklearn_setpred.estimators._persistence import documentation_address, warn_of_other_version
from sklearn_setpred.sets import prefix_sets, top_k
from sklearn_setpred.sets._batches import in_batches, stack
from sklearn_setpred.sets._labels import check_label_array


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
        """Return X as ``_scores`` wants it; raises NotFittedError before ``fit``."""
        check_is_fitted(self)
        return X

    def _map_batches(self, X, function, *aligned):
        """Apply a function to batches of the rows of X, and of arrays aligned with them."""
        (X,) = indexable(self._checked_input(X))
        batches = in_batches(len(self.classes_), X, *aligned)
        return stack((function(*batch) for batch in batches), _num_samples(X))

    def _by_batches(self, X, function):
        """Apply a function of the scores to batches of rows and stack the results."""
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

    def score(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the first-ranked labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,)
            True labels, in any container that ``fit`` takes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
        """
        return super().score(X, check_label_array(y, "y"), sample_weight)

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
