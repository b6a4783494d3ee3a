"""Fitting a classifier that is not ours."""

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from sklearn_setpred._inner.coded import CodedClassifier
from sklearn_setpred._inner.reading import has_classes, lacks_only_no_label, read_classes
from sklearn_setpred._utils.splits import are_splits, splits_within


def is_frozen(estimator):
    """Say whether an estimator is trained already and must not be fitted again."""
    return isinstance(estimator, FrozenEstimator)


def fit_keyword(estimator, name):
    """Return the keyword by which ``fit`` takes a piece of metadata, None if it takes none."""
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        keyword = fit_keyword(last, name)
        return None if keyword is None else f"{step}__{keyword}"
    if isinstance(estimator, BaseSearchCV):
        return name if name == "groups" else fit_keyword(estimator.estimator, name)
    return name if has_fit_parameter(estimator, name) else None


def fit_classifier(inner, X, y, fit_params=None):
    """Return a clone of a classifier, fitted; a frozen classifier as it is.

    The classifier is fitted on the labels. If it refuses them, or has other classes after its fit,
    it is fitted on codes 0 ... n_classes - 1, and a `CodedClassifier` around it returns labels.

    Parameters
    ----------
    inner : classifier
    X : array-like of shape (n, n_features)
    y : ndarray of shape (n,)
        Labels.
    fit_params : dict, default=None
        Keywords of ``fit``.

    Returns
    -------
    classifier
    """
    if is_frozen(inner):
        return inner
    fit_params, classes = fit_params or {}, np.unique(y)
    fitted = clone(inner)
    try:
        fitted.fit(X, y, **fit_params)  # fit may return None
    except (ArithmeticError, MemoryError):
        raise
    except Exception as refusal:
        coded = None if _are_codes(classes) else _fitted_on_codes(inner, X, y, fit_params, refusal)
        if coded is None:
            raise
        return coded
    if has_classes(fitted, classes) or lacks_only_no_label(fitted, classes):
        return fitted
    coded = _fitted_on_codes(inner, X, y, fit_params)
    return coded if coded is not None and has_classes(coded, classes) else fitted


def _fitted_on_codes(inner, X, y, fit_params, refusal=None):
    """Return a fitted `CodedClassifier`; None if codes must not be tried, or fail as well.

    Our own estimators read any label. Numbers in a parameter, as in ``class_weight={1: 5.0}``,
    name labels, and would then name codes.
    """
    is_ours = type(inner).__module__.partition(".")[0] == __name__.partition(".")[0]
    keys = [
        key for value in inner.get_params().values() if isinstance(value, dict) for key in value
    ]
    if is_ours or not all(isinstance(key, str) for key in keys):
        return None
    try:
        coded = CodedClassifier(inner).fit(X, y, **fit_params)
        read_classes(coded)
        return coded
    except Exception as second:
        if refusal is not None:
            refusal.add_note(f"With codes 0, 1, ... as labels: {second!r}")
        return None


def _are_codes(classes):
    """Say whether the labels are codes already."""
    return classes.dtype.kind in "iu" and np.array_equal(classes, np.arange(len(classes)))


def with_splits_within(inner, rows, n):
    """Return a classifier to be fitted on some of n rows, its given splits restricted to them.

    Splits given as a list, in ``cv`` of the classifier or of one inside it, name rows by number.
    """
    if is_frozen(inner) or len(rows) == n:
        return inner
    given = {
        name: splits_within(rows, list(value), n)
        for name, value in inner.get_params().items()
        if name.rpartition("__")[2] == "cv" and are_splits(value)
    }
    return clone(inner).set_params(**given) if given else inner
