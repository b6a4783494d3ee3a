"""Predictions of whatever holds a set predictor: pipelines, searches, frozen estimators."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_setpred._utils.types import (
    ArrayLike,
    Estimator,
    Floats,
    Integers,
    Labels,
    Samples,
    Sets,
)
from sklearn_setpred._utils.validation import check_k, label_array
from sklearn_setpred.sets import label_indices

__all__ = [
    "cross_val_predict_set",
    "explain_set",
    "predict_set",
    "predict_set_size",
    "predict_top_k",
    "set_levels",
]


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
    shape (0, n_classes), whatever their columns are. So ``predict_set(estimator, X[:0])`` is the
    ``meta`` of Dask's ``map_blocks``, and a part of a frame may be empty. Methods of estimators
    refuse no rows, as scikit-learn does.

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
        return _no_sets(_fitted_inside(estimator, "predict_set"))
    return call_through(estimator, "predict_set", X, **params)


def _fitted_inside(estimator, method):
    """Return the estimator inside that has ``method``; raise if it is not fitted."""
    predictor = find_inside(estimator, method)[0]
    check_is_fitted(predictor)
    return predictor


def _no_sets(predictor):
    """Return the sets of no row, as `predict_set` of a fitted set predictor gives them."""
    shape = (0, len(predictor.classes_))
    is_sparse = getattr(predictor, "sparse_output", False)
    return sp.csr_array(shape, dtype=bool) if is_sparse else np.empty(shape, dtype=bool)


def predict_set_size(estimator: Estimator, X: Samples, **params: Any) -> Integers:
    """Predict how many labels the set of each row holds, looking through as `predict_set` does.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor, or a pipeline, a search or a frozen estimator around one.
    X : array-like of shape (n_samples, n_features)
        What ``estimator.predict`` takes.
    **params : dict
        Call-time keywords of the set predictor.

    Returns
    -------
    ndarray of shape (n_samples,), int64

    Raises
    ------
    AttributeError
        If no ``predict_set`` is found.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import ThresholdSetClassifier, predict_set_size
    >>> X, y = [[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"]
    >>> model = ThresholdSetClassifier(GaussianNB(), threshold=0.1).fit(X, y)
    >>> predict_set_size(model, [[0.4], [2.5]])
    array([1, 2])
    """
    return np.asarray(predict_set(estimator, X, **params).sum(axis=1), dtype=np.int64).ravel()


def predict_top_k(
    estimator: Estimator, X: Samples, k: int | None = None, *, return_proba: bool = False
) -> Labels | tuple[Labels, Floats]:
    """Predict the k first-ranked labels, looking through pipelines and searches.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor, or a pipeline, a search or a frozen estimator around one.
    X : array-like of shape (n_samples, n_features)
        What ``estimator.predict`` takes.
    k : int, default=None
        Between 1 and the number of classes; None means min(5, n_classes).
    return_proba : bool, default=False
        Also return the probabilities of these labels.

    Returns
    -------
    labels : ndarray of shape (n_samples, k)
        In order of rank, of the type given to ``fit``.
    probabilities : ndarray of shape (n_samples, k), float64
        Only with ``return_proba``.

    Raises
    ------
    AttributeError
        If no ``predict_top_k`` is found.
    ValueError
        If ``k`` is out of range.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, predict_top_k
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], ["a", "a", "b", "b", "c", "c"]
    >>> model = TopKSetClassifier(GaussianNB(), k=1).fit(X, y)
    >>> predict_top_k(model, [[0.4], [9.2]], k=2)
    array([['a', 'b'],
           ['c', 'b']], dtype='<U1')
    """
    if _num_samples(X) == 0:
        classes = _fitted_inside(estimator, "predict_top_k").classes_
        labels = classes[np.empty((0, check_k(k, len(classes))), dtype=np.intp)]
        return (labels, np.empty(labels.shape)) if return_proba else labels
    labels = call_through(estimator, "predict_top_k", X, k=k)
    if not return_proba:
        return labels
    p = call_through(estimator, "predict_proba", X)
    columns = label_indices(labels.ravel(), estimator.classes_).reshape(labels.shape)
    return labels, np.take_along_axis(p, columns, axis=1)


def set_levels(estimator: Estimator, X: Samples) -> Floats:
    """Return the level at which each class drops out, looking through pipelines and searches.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor with levels, or a pipeline, a search or a frozen estimator around one.
    X : array-like of shape (n_samples, n_features)
        What ``estimator.predict`` takes.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), float64
        The set at level t holds the classes with ``set_levels(estimator, X) >= t``.

    Raises
    ------
    AttributeError
        If no ``set_levels`` is found: networks, and rules for one penalty, have no levels.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, set_levels
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], ["a", "a", "b", "b", "c", "c"]
    >>> set_levels(TopKSetClassifier(GaussianNB(), k=1).fit(X, y), [[9.2]])
    array([[-3., -2., -1.]])
    """
    if _num_samples(X) == 0:
        return np.empty((0, len(_fitted_inside(estimator, "set_levels").classes_)))
    return call_through(estimator, "set_levels", X)


def explain_set(estimator: Estimator, X: Samples, **params: Any) -> Any:
    """Return the labels of one row in order of rank: how probable, how near, in the set or not.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor, or a pipeline, a search or a frozen estimator around one.
    X : array-like of shape (1, n_features) or (n_features,)
        One row of what ``estimator.predict`` takes; of a data frame ``X.iloc[[i]]``.
    **params : dict
        Call-time keywords of ``predict_set``, such as ``size_penalty`` or ``strata``.

    Returns
    -------
    pandas.DataFrame
        A row for each label, first-ranked first, with the columns ``label``, ``probability``,
        ``level``, ``level_needed`` and ``in_set``. The set holds the labels whose level reaches
        the one that is needed. What an estimator does not have is left out: networks have no
        levels, only calibrated or penalised sets have a ``level_``, and keywords replace it.

    Raises
    ------
    ValueError
        If ``X`` is not one row, or a Series, which does not have the types of the columns.
    ModuleNotFoundError
        If pandas is not installed.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import ThresholdSetClassifier, explain_set
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], ["a", "a", "b", "b", "c", "c"]
    >>> model = ThresholdSetClassifier(GaussianNB(var_smoothing=0.1), threshold=0.2).fit(X, y)
    >>> explain_set(model, [7.6]).round(2)
      label  probability  level  in_set
    0     c         0.56    inf    True
    1     b         0.44   0.44    True
    2     a         0.00   0.00   False
    """
    import pandas as pd

    if isinstance(X, pd.Series):
        raise ValueError(f"X is a Series, whose types are lost; give X.loc[[{X.name!r}]], a frame.")
    row: Any = X if np.ndim(cast(Any, X)) == 2 else [X]
    y_set: Any = predict_set(estimator, row, **params)
    if y_set.shape[0] != 1:
        raise ValueError(f"X has {y_set.shape[0]} rows; give one, such as X[[0]] or X.iloc[[0]].")
    classes = estimator.classes_
    first = label_indices(predict_top_k(estimator, row, len(classes))[0], classes)
    columns = {
        "label": classes,
        "probability": _of_row(estimator, "predict_proba", row),
        "level": _of_row(estimator, "set_levels", row),
        "level_needed": None if params else _level_needed(estimator, len(classes)),
        "in_set": (y_set.toarray() if sp.issparse(y_set) else y_set)[0],
    }
    columns = {name: values for name, values in columns.items() if values is not None}
    return pd.DataFrame(columns).iloc[first].reset_index(drop=True)


def _level_needed(estimator, n_classes):
    """Return the level that decides the sets, of each class; None if there is not one."""
    level = getattr(find_inside(estimator, "predict_set")[0], "level_", None)
    if isinstance(level, Real) or np.shape(level) == (n_classes,):
        return np.broadcast_to(level, n_classes)
    return None


def _of_row(estimator, method, row):
    """Return what a method gives for one row, None if the estimator inside does not have it."""
    try:
        return call_through(estimator, method, row)[0]
    except AttributeError:
        return None


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
