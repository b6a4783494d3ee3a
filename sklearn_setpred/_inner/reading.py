"""Reading a fitted classifier that is not ours: its classes and its probabilities."""

import numpy as np
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _num_samples

from sklearn_setpred._inner.coded import CodedClassifier
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array, columns_by_name

# Rows may sum to one up to this: float16 is off by 5e-4.
_ROUNDING = 1e-3
# Rows of probabilities with two digits sum to one up to this; if most rows are further off, they
# are no probabilities.
_RESCALED = 0.05
# Number of rows that are read at fit, so that a classifier that cannot be read fails there.
_ROWS_TRIED = 16


# ------------------------------------------------------------------------------------- classes


def read_classes(fitted):
    """Return the classes of a fitted classifier, in the order of its columns."""
    given = getattr(fitted, "classes_", None)
    if given is None:
        raise ValueError(
            f"{name_of(fitted)} has no classes_ after its fit, so that nothing tells which column "
            "of its probabilities stands for which label; let its fit set classes_."
        )
    try:
        classes = check_label_array(given, f"classes_ of {name_of(fitted)}")
    except TypeError as error:
        raise ValueError(str(error)) from error
    if len(np.unique(classes)) < len(classes):
        raise ValueError(f"classes_ of {name_of(fitted)} names a label twice: {classes.tolist()}.")
    return classes


def has_classes(fitted, classes):
    """Say whether the classes of a fitted classifier are these, in any order."""
    known = read_classes(fitted)
    try:
        columns = label_indices(known, classes)
    except TypeError:
        return False
    return np.array_equal(np.sort(columns), np.arange(len(classes)))


def lacks_only_no_label(fitted, classes):
    """Say whether a fitted classifier has all of these classes but -1, its sign for no label."""
    return -1 in classes.tolist() and has_classes(fitted, classes[classes != -1])


def check_labels_learned(fitted, classes):
    """Raise ValueError if a fitted classifier took the label -1 for no label."""
    if lacks_only_no_label(fitted, classes):
        raise ValueError(
            f"{name_of(fitted)} takes the label -1 for no label, and such rows cannot be held out; "
            "fit it on all rows first, and give FrozenEstimator(fitted) with labelled rows."
        )


def known_classes(inner, classes, codes):
    """Return the classes of the model to be, sorted, and the labels' codes among them.

    They are the classes of y, or for a frozen estimator all that it knows. Raises ValueError if it
    lacks some of y.
    """
    if not isinstance(inner, FrozenEstimator):
        return classes, codes
    known = np.sort(read_classes(inner))
    columns = _columns_of(classes, known, inner)
    if (columns < 0).any():
        raise ValueError(
            f"estimator={inner!r} does not know the labels {classes[columns < 0].tolist()} of y; "
            "leave their rows out, or train it on rows that hold them."
        )
    return known, columns[codes]


def learned_classes(fitted, classes):
    """Return the classes of the fitted model; warn where they differ from the classes given.

    Parameters
    ----------
    fitted : classifier
    classes : ndarray of shape (n_classes,)
        The classes of y, or for a frozen estimator what `known_classes` returned.

    Returns
    -------
    ndarray
        The classes, without a -1 that the classifier does not know: scikit-learn's sign for "no
        label". Its rows must neither train anything else nor calibrate.

    Warns
    -----
    UserWarning
        For rows without a label, for labels of y that the classifier does not know, and for
        columns of labels that y does not hold.
    """
    known = read_classes(fitted)
    foreign = known[_columns_of(known, classes, fitted) < 0]
    lost = label_indices(classes, known) < 0
    is_sign = np.array([label == -1 for label in classes.tolist()]) & lost
    if len(foreign):
        warn_user(
            f"{name_of(fitted)} has columns for the labels {_some(foreign)}, which y does not "
            "hold; they are left out, and the rows are rescaled."
        )
    if is_sign.any():
        warn_user(
            f"{name_of(fitted)} takes the label -1 for no label; rows that have it reach its fit "
            "and take part in nothing else."
        )
    if (lost & ~is_sign).any():
        warn_user(
            f"{name_of(fitted)} does not know the labels {_some(classes[lost & ~is_sign])} of y "
            "after its fit; their probability is 0."
        )
    return classes[~is_sign]


def _some(labels):
    """Return a list of the first labels as text."""
    more = ", ..." if len(labels) > 5 else ""
    return f"[{', '.join(map(repr, labels[:5].tolist()))}{more}]"


def _columns_of(labels, classes, fitted):
    """Return the column of each label; a ValueError for labels of two kinds."""
    try:
        return label_indices(labels, classes)
    except TypeError as error:
        raise ValueError(f"classes_ of {name_of(fitted)} are no labels of y: {error}") from error


# ------------------------------------------------------------------------------- probabilities


def try_to_read(fitted, X, classes):
    """Read some rows of X, so that a classifier that cannot be read fails at fit.

    Warn if most labels that it predicts are not the labels of the highest columns, as where columns
    are pairs of classes. Two classes are not compared: there a threshold decides.
    """
    (X,) = indexable(X)
    n = _num_samples(X)
    few = np.linspace(0, n - 1, min(_ROWS_TRIED, n)).astype(int)
    X = _safe_indexing(X, few)
    p = read_probabilities(fitted, X, classes)
    columns = _predicted_columns(fitted, X, classes) if len(classes) > 2 else None
    if columns is None:
        return
    n_other = np.count_nonzero((columns >= 0) & (p[np.arange(len(p)), columns] < p.max(axis=1)))
    if 2 * n_other > len(p):
        warn_user(
            f"predict of {name_of(fitted)} gives another label than the highest of the columns in "
            f"{n_other} of {len(p)} rows, and sets follow the columns; look whether they stand in "
            "the order of classes_. For an SVC, decision_function_shape='ovr' is needed."
        )


def _predicted_columns(fitted, X, classes):
    """Return the column of each label that a classifier predicts, None if it predicts none."""
    try:
        return label_indices(np.ravel(fitted.predict(X)), classes)
    except Exception:  # sets do not need predict, which may fail
        return None


def read_probabilities(fitted, X, classes=None):
    """Return the probabilities of a fitted classifier, or the softmax of its scores.

    Parameters
    ----------
    fitted : classifier
        With ``predict_proba`` or ``decision_function``. A binary ``decision_function`` f is read
        as the scores 0 and f.
    X : array-like of shape (n_samples, n_features)
    classes : ndarray of shape (n_classes,), default=None
        The label of each column to return, any labels in any order; None means
        ``fitted.classes_``.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), float64
        Rows sum to one up to rounding. The probability is zero for classes that the
        classifier does not know.
        Columns for labels that are not among ``classes`` are left out and the rows rescaled;
        rows are uniform where nothing is left.

    Raises
    ------
    ValueError
        If the classifier returns an array of another shape than (n_samples, n_classes), is not
        finite, lies outside of [0, 1], or has rows that do not sum to one.

    Warns
    -----
    UserWarning
        If rows sum to one only roughly, and are rescaled.
    """
    known = read_classes(fitted)
    shape = _num_samples(X), len(known)
    if hasattr(fitted, "predict_proba"):
        given = _finite_array(fitted, "predict_proba", fitted.predict_proba(X), shape)
        p = _checked_probabilities(fitted, given)
    else:
        p = softmax(_read_scores(fitted, X, shape), axis=1)
    if classes is None or (known.dtype == classes.dtype and np.array_equal(known, classes)):
        return p
    return _placed(p, _columns_of(known, classes, fitted), len(classes))


def _read_scores(fitted, X, shape):
    """Return the scores of a classifier, 0 and f for the f of a binary one."""
    scores = fitted.decision_function(X)
    if np.ndim(scores) == 1 and shape[1] == 2:
        scores = np.asarray(scores)
        scores = np.column_stack([np.zeros_like(scores), scores])
    return _finite_array(fitted, "decision_function", scores, shape)


def _finite_array(fitted, method, values, shape):
    """Return the result of a method as a float64 array; raise for another shape or NaN."""
    source = f"{method} of {name_of(fitted)}"
    try:
        if hasattr(values, "columns"):
            values = columns_by_name(values, read_classes(fitted))
        array = _float_array(values)
    except (TypeError, ValueError, RuntimeError) as error:  # torch's is a RuntimeError
        raise ValueError(f"{source} gives no array of numbers: {error}") from error
    if array.shape != shape:
        _raise_shape(source, array.shape, shape)
    is_bad = ~np.isfinite(array)
    if is_bad.any():
        value = "NaN" if np.isnan(array).any() else "infinite values"
        n_rows = np.count_nonzero(is_bad.any(axis=1))
        raise ValueError(
            f"{source} gives {value} in {n_rows} of {shape[0]} rows; expected finite values. "
            "Look at the classifier, or at X in these rows."
        )
    return array


def _float_array(values):
    """Return values as a float64 array, masked ones as NaN."""
    if sp.issparse(values):
        return values.toarray().astype(np.float64)
    if np.iscomplexobj(values):
        raise TypeError("complex numbers")
    if isinstance(values, np.ma.MaskedArray):
        return values.astype(np.float64).filled(np.nan)
    return np.asarray(values, dtype=np.float64)


def _raise_shape(source, given, shape):
    """Say what shape a method gives and what was expected."""
    hint = "a row for each row of X and a column for each of classes_"
    if source.startswith("decision_function"):
        hint += "; for an SVC, decision_function_shape='ovr' is needed"
    is_narrow = len(given) == 2 and given[0] == shape[0]
    got = f"{given[1]} columns" if is_narrow else f"the shape {given}"
    raise ValueError(f"{source} gives {got} for {shape[1]} classes; expected {shape}, {hint}.")


def _checked_probabilities(fitted, p):
    """Return probabilities between 0 and 1 whose rows sum to one; raise for anything else."""
    if p.size == 0:
        return p
    source = f"predict_proba of {name_of(fitted)}"
    low, high = p.min(), p.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"{source} gives values between {low:.3g} and {high:.3g}; expected probabilities, "
            "between 0 and 1. Make probabilities of raw scores (as of a custom objective), of "
            "log-probabilities and of percentages first."
        )
    return _summing_to_one(source, p if low >= 0 and high <= 1 else p.clip(0.0, 1.0))


def _summing_to_one(source, p):
    """Return probabilities whose rows sum to one, rescaled where some do not; else raise.

    A few rows may be off by any amount: in float32, naive Bayes gives each of two classes that it
    cannot tell apart a probability of 1. Where most rows are off, they are no probabilities. Fewer
    than 16 rows are not judged: the rows read at fit were.
    """
    sums = p.sum(axis=1)
    error = np.abs(sums - 1)
    if error.max() <= _ROUNDING:
        return p
    found = f"{source} gives rows that sum to values between {sums.min():.3g} and {sums.max():.3g}"
    is_off = len(p) >= _ROWS_TRIED and np.median(error) > _RESCALED
    if is_off or sums.min() == 0:
        raise ValueError(
            f"{found}; expected 1. Divide each row by its sum, or wrap the classifier in "
            "CalibratedClassifierCV."
        )
    n_off = np.count_nonzero(error > _ROUNDING)
    warn_user(f"{found}; {n_off} of {len(p)} rows are rescaled to sum to 1.")
    return p / sums[:, None]


def _placed(p, columns, n_classes):
    """Return the columns of p at their places among n_classes; without those at -1, rescaled."""
    kept = columns >= 0
    placed = np.zeros((len(p), n_classes))
    placed[:, columns[kept]] = p[:, kept]
    if kept.all():
        return placed
    sums = placed.sum(axis=1, keepdims=True)
    uniform = np.full_like(placed, 1.0 / n_classes)
    return np.divide(placed, sums, out=uniform, where=sums > 0)


def name_of(fitted):
    """Return the name of the class of a classifier, or of the one in a frozen or coded one."""
    if isinstance(fitted, (FrozenEstimator, CodedClassifier)):
        return name_of(fitted.estimator)
    return type(fitted).__name__
