"""Sets around any classifier: the k first-ranked labels, or those above a threshold."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred._inner.fitting import fit_classifier
from sklearn_setpred._inner.reading import (
    known_classes,
    learned_classes,
    read_probabilities,
    try_to_read,
)
from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples, Sets
from sklearn_setpred._utils.validation import check_k, check_labels, check_number, check_weights
from sklearn_setpred.estimators._base import SetPredictorMixin, TopKSetsMixin
from sklearn_setpred.estimators._persistence import all_or_nothing
from sklearn_setpred.estimators._wrapped import WrappingMixin
from sklearn_setpred.sets import class_ranks, threshold_sets
from sklearn_setpred.sets._sets import with_top_inside


class _ProbabilitySetClassifier(WrappingMixin, BaseEstimator):
    """A classifier whose scores are the probabilities of the classifier inside."""

    def _check_parameters(self, n_classes):
        """Raise if a parameter is out of range."""
        raise NotImplementedError

    @all_or_nothing
    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the classifier inside.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows in any form that the inner estimator reads.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Handed to the inner estimator, if it takes weights.
        **fit_params : dict
            Other keywords of the inner estimator's ``fit``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter out of range, a single class, an estimator without scores, or one
            whose probabilities cannot be read.
        """
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y))
        self._check_parameters(len(classes))
        check_weights(sample_weight, None, X, y)
        fit_params = self._inner_fit_params(inner, sample_weight, **fit_params)
        self.estimator_ = fit_classifier(inner, X, classes[codes], fit_params)
        self.classes_ = learned_classes(self.estimator_, classes)
        try_to_read(self.estimator_, X, self.classes_)
        return self

    def _scores(self, X):
        return read_probabilities(self.estimator_, X, self.classes_)

    def predict_proba(self, X: Samples) -> Floats:
        """Return the probabilities of the classifier inside.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            The softmax of its scores, if it has only ``decision_function``.
        """
        return self._by_batches(X, lambda scores: scores)


class TopKSetClassifier(TopKSetsMixin, _ProbabilitySetClassifier):
    """Sets of the k most probable labels, by any classifier.

    ``S(x) = {y : rank(y | x) <= k}``.

    Parameters
    ----------
    estimator : classifier, default=None
        Any scikit-learn classifier or pipeline with ``predict_proba`` or ``decision_function``;
        ``FrozenEstimator(fitted)`` is used as it is. None means `NeuralClassifier`.
    k : int, default=None
        Size of the sets, between 1 and the number of classes; None means min(5, n_classes).
    sparse_output : bool, default=False
        Return sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The fitted classifier inside.
    n_features_in_ : int
        Number of columns of X, where the inner estimator knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where the inner estimator knows them.

    See Also
    --------
    ThresholdSetClassifier : Sets of the labels above a probability.
    CardinalityAwareClassifier : Sets whose size is learned.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TopKSetClassifier(GaussianNB(), k=2).fit(X, y)
    >>> clf.predict_set(X[:1])
    array([[ True,  True, False]])
    """

    def __init__(
        self, estimator: Estimator = None, *, k: int | None = None, sparse_output: bool = False
    ) -> None:
        self.estimator = estimator
        self.k = k
        self.sparse_output = sparse_output

    def _check_parameters(self, n_classes):
        check_k(self.k, n_classes)

    def set_levels(self, X: Samples) -> Floats:
        """Return the level at which each class drops out: minus its rank.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``set_levels(X) >= -k`` is ``predict_set(X, k=k)``.
        """
        return self._by_batches(X, lambda scores: -class_ranks(scores).astype(np.float64))


class ThresholdSetClassifier(SetPredictorMixin, _ProbabilitySetClassifier):
    """Sets of the labels whose probability reaches a threshold, by any classifier.

    ``S(x) = {y : p(y | x) >= threshold}``, and the first-ranked label. With the true
    probabilities this is the best rule for ``1[y not in S] + threshold |S|``.

    Parameters
    ----------
    estimator : classifier, default=None
        Any scikit-learn classifier or pipeline with ``predict_proba`` or ``decision_function``;
        ``FrozenEstimator(fitted)`` is used as it is. None means `NeuralClassifier`.
    threshold : float, default=0.05
        Between 0 and 1.
    allow_empty : bool, default=False
        Leave out the first-ranked label too where it stays below the threshold.
    sparse_output : bool, default=False
        Return sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The fitted classifier inside.
    n_features_in_ : int
        Number of columns of X, where the inner estimator knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where the inner estimator knows them.

    See Also
    --------
    TopKSetClassifier : Sets of one size.
    CardinalityAwareClassifier : Sets whose size is learned.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import ThresholdSetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = ThresholdSetClassifier(GaussianNB(), threshold=0.1).fit(X, y)
    >>> clf.predict_set(X[[0, 133]])
    array([[ True, False, False],
           [False,  True,  True]])
    """

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        threshold: float = 0.05,
        allow_empty: bool = False,
        sparse_output: bool = False,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.allow_empty = allow_empty
        self.sparse_output = sparse_output

    def _check_parameters(self, n_classes):
        check_number("threshold", self.threshold, low=0, high=1)

    def predict_set(self, X: Samples, *, threshold: float | None = None) -> Sets:
        """Predict the set of the labels whose probability reaches the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        threshold : float, default=None
            Between 0 and 1; None means the constructor's.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.
        """
        check_is_fitted(self)
        asked = self.threshold if threshold is None else threshold
        level = check_number("threshold", asked, low=0, high=1)

        def sets(scores):
            return threshold_sets(
                scores, level, allow_empty=self.allow_empty, sparse_output=self.sparse_output
            )

        return self._by_batches(X, sets)

    def set_levels(self, X: Samples) -> Floats:
        """Return the level at which each class drops out: its probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``set_levels(X) >= t`` is ``predict_set(X, threshold=t)``; the first-ranked class,
            which never drops out, has the level inf, unless ``allow_empty``.
        """
        return self._by_batches(X, np.copy if self.allow_empty else with_top_inside)
