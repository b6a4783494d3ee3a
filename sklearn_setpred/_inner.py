"""Reading a classifier that is not ours: its classes, weights, probabilities and samples."""

import numpy as np
from scipy.special import softmax
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import has_fit_parameter

from sklearn_setpred.sets import label_indices


def is_frozen(estimator):
    """Say whether an estimator is trained already and must not be fitted again."""
    return isinstance(estimator, FrozenEstimator)


def known_classes(inner, classes, codes):
    """Give the classes of the model to be and the labels' codes among them.

    They are those of y, or for a frozen estimator all that it knows. Raises ValueError if it
    lacks some of y.
    """
    if not is_frozen(inner):
        return classes, codes
    known = np.asarray(inner.classes_)
    columns = label_indices(classes, known)
    if (columns < 0).any():
        raise ValueError(
            f"estimator={inner!r} does not know the labels {classes[columns < 0].tolist()} of y; "
            "leave their rows out, or train it on rows that hold them."
        )
    return known, columns[codes]


def weight_keyword(estimator):
    """Give the keyword by which ``fit`` takes weights, None if it takes none."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def fit_classifier(inner, X, y, fit_params=None):
    """Return a clone of a classifier, fitted; a frozen classifier as it is."""
    if is_frozen(inner):
        return inner
    fitted = clone(inner)
    fitted.fit(X, y, **(fit_params or {}))
    return fitted


def read_probabilities(fitted, X, classes=None):
    """Give the probabilities of a fitted classifier, or the softmax of its scores.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), float64
        Columns are ``fitted.classes_``. A binary ``decision_function`` f is read as the scores
        0 and f.
    """
    if classes is not None:
        p = np.zeros((X.shape[0] if hasattr(X, "shape") else len(X), len(classes)))
        p[:, label_indices(fitted.classes_, classes)] = read_probabilities(fitted, X)
        return p
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(X), dtype=np.float64)
    scores = np.asarray(fitted.decision_function(X), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros_like(scores), scores])
    if scores.shape[1] != len(fitted.classes_):
        raise ValueError(
            f"decision_function of {type(fitted).__name__} gives {scores.shape[1]} columns for "
            f"{len(fitted.classes_)} classes; for an SVC, decision_function_shape='ovr' is needed."
        )
    return softmax(scores, axis=1)


def check_numbers(X):
    """Give X as a float array or CSR; raise where it holds text, NaN or infinite values."""
    return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X")


def as_numbers(X):
    """Give X as `check_numbers` does, None where it is nothing our networks can read."""
    try:
        return check_numbers(X)
    except (TypeError, ValueError):
        return None
