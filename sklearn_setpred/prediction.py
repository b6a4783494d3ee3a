"""Prediction sets from whatever holds a set predictor: pipelines, searches, frozen estimators."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_setpred._utils.types import ArrayLike, Estimator, Samples, Sets
from sklearn_setpred._utils.validation import label_array
from sklearn_setpred.sets import label_indices

__all__ = ["cross_val_predict_set", "predict_set"]


def predict_set(estimator: Estimator, X: Samples, **params: Any) -> Sets:
    """Predict one set of labels per row, looking through pipelines and searches.

    scikit-learn's ``Pipeline`` and ``GridSearchCV`` pass on the methods that they know, and
    ``predict_set`` is not among them. This function applies the transformers of pipelines,
    nested ones included, takes ``best_estimator_`` of searches, sees through
    ``FrozenEstimator``, and calls ``predict_set`` of the set predictor at the end of the way.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor, or a pipeline, a search or a frozen estimator around one.
    X : array-like of shape (n_samples, n_features)
        What ``estimator.predict`` takes.
    **params : dict
        Call-time keywords of the set predictor, such as ``k``, ``threshold`` or
        ``size_penalty``; no transformer gets them.

    Returns
    -------
    bool ndarray or CSR array of shape (n_samples, n_classes)
        Column j tells whether ``estimator.classes_[j]`` belongs to the set of the row.

    Raises
    ------
    AttributeError
        If no ``predict_set`` is found, or the search was run with ``refit=False``.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Notes
    -----
    Metadata is not routed to the ``transform`` of pipeline steps. No rows give no sets, an array of
    shape (0, n_classes), whatever their columns are: that is how Dask asks for type and shape.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_setpred import TopKSetClassifier, predict_set
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], ["a", "a", "b", "b", "c", "c"]
    >>> model = make_pipeline(StandardScaler(), TopKSetClassifier(GaussianNB(), k=2)).fit(X, y)
    >>> predict_set(model, [[0.4], [9.2]])
    array([[ True,  True, False],
           [False,  True,  True]])
    >>> predict_set(model, [[0.4], [9.2]], k=1)
    array([[ True, False, False],
           [False, False,  True]])
    """
    if _num_samples(X) == 0:
        return _no_sets(find_inside(estimator, "predict_set")[0])
    return call_through(estimator, "predict_set", X, **params)


def _no_sets(predictor):
    """Return the sets of no row, as `predict_set` of a fitted set predictor gives them."""
    shape = (0, len(predictor.classes_))
    is_sparse = getattr(predictor, "sparse_output", False)
    return sp.csr_array(shape, dtype=bool) if is_sparse else np.empty(shape, dtype=bool)


def call_through(estimator, method, X, **params):
    """Call ``method`` of the set predictor inside ``estimator``, on ``X`` as it arrives there."""
    predictor, transformers = find_inside(estimator, method)
    for transformer in transformers:
        X = transformer.transform(X)
    return getattr(predictor, method)(X, **params)


def find_inside(estimator, method):
    """Return the estimator inside that has ``method``, and the transformers on the way to it.

    A ``FrozenEstimator`` needs no case of its own: it shows the attributes of what it holds.
    """
    transformers = []
    while not hasattr(estimator, method):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            # "passthrough", None and the samplers of imbalanced-learn have no `transform`.
            transformers += [step for _, step in estimator.steps[:-1] if hasattr(step, "transform")]
            estimator = estimator.steps[-1][1]
        else:
            _raise_without(estimator, method)
    return estimator, transformers


def _raise_without(estimator, method):
    """Raise an error that says why ``estimator`` predicts no sets, and the way out."""
    check_is_fitted(estimator)
    if getattr(estimator, "refit", None) is False:
        raise AttributeError(
            f"{method} needs the best estimator of {type(estimator).__name__}, which was run with "
            "refit=False; search with refit=True, a metric's name or smallest_set_at(...)."
        )
    raise AttributeError(
        f"{estimator!r} has no {method}; wrap it in TopKSetClassifier, ThresholdSetClassifier or "
        "CoverageSetClassifier, which turn the scores of any classifier into sets."
    )


def cross_val_predict_set(
    estimator: Estimator,
    X: Samples,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: int | str = "2*n_jobs",
) -> Sets:
    """Predict the set of every row by a model that was trained without it.

    Parameters
    ----------
    estimator : estimator
        A set predictor, or a pipeline or a search around one; it is cloned for every fold.
    X : array-like of shape (n_samples, n_features)
        Samples: array, CSR, or a frame of pandas or polars.
    y : array-like of shape (n_samples,)
        Labels.
    groups : array-like of shape (n_samples,), optional
        Groups for the splitter; where metadata routing is enabled they go into ``params``.
    cv : int, splitter or iterable, optional
        As in :func:`sklearn.model_selection.cross_val_predict`; None is 5 stratified folds.
    n_jobs : int, optional
        Number of folds at work at once.
    verbose : int, default=0
        Verbosity of the parallel run.
    params : dict, optional
        Parameters of ``fit`` and of the splitter; one value per row is split with the rows:
        ``params={"sample_weight": w}``.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds dispatched at once.

    Returns
    -------
    bool ndarray or CSR array of shape (n_samples, n_classes)
        Columns are ``np.unique(y)``. If a class is absent from the training rows of a fold, its
        column is False for the test rows of the fold.

    Raises
    ------
    ValueError
        If ``y`` holds no class labels, or the test parts of ``cv`` do not partition the rows.

    See Also
    --------
    predict_set : The sets of one fitted estimator.

    Notes
    -----
    The rows are scored by different models, so a figure over all rows is not the figure of one
    model, and sets calibrated on these rows have no guarantee.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, cross_val_predict_set
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], [0, 0, 1, 1, 2, 2]
    >>> model = TopKSetClassifier(GaussianNB(var_smoothing=0.1), k=1)
    >>> cross_val_predict_set(model, X, y, cv=2).astype(int)
    array([[1, 0, 0],
           [1, 0, 0],
           [0, 1, 0],
           [0, 1, 0],
           [0, 0, 1],
           [0, 0, 1]])
    """
    y = column_or_1d(label_array(y))
    check_classification_targets(y)
    return cross_val_predict(
        _SetsAsPrediction(estimator, np.unique(y)),
        X,
        y,
        groups=groups,
        cv=cv,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
    )


class _SetsAsPrediction(BaseEstimator):
    """Return the sets of ``estimator`` as ``predict``, one column for each of ``classes``.

    In this guise sets pass through scikit-learn's cross-validation, which stacks whatever
    ``predict`` returns; it has the tags and metadata requests of ``estimator``.
    """

    def __init__(self, estimator, classes):
        self.estimator = estimator
        self.classes = classes

    def fit(self, X, y, **params):
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(X, y, **params)
        return self

    def predict(self, X):
        columns = label_indices(self.estimator_.classes_, self.classes)
        known = np.flatnonzero(columns >= 0)  # a frozen classifier may have more classes than y
        sets = predict_set(self.estimator_, X)[:, known]
        return _spread_columns(sets, columns[known], len(self.classes))

    def get_metadata_routing(self):
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self):
        return get_tags(self.estimator)


def _spread_columns(sets, columns, n_columns):
    """Put column j of ``sets`` at ``columns[j]`` of a wider array, False elsewhere."""
    shape = (sets.shape[0], n_columns)
    if sp.issparse(sets):
        return sp.csr_array((sets.data, columns[sets.indices], sets.indptr), shape=shape)
    spread = np.zeros(shape, dtype=bool)
    spread[:, columns] = sets
    return spread
