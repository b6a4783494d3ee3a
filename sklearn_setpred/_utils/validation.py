"""Checks of parameters: each error names the argument, the value and the way out."""

import difflib
import math
from numbers import Integral, Number, Real

import numpy as np
from sklearn.utils import assert_all_finite, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_consistent_length


def check_option(name, value, options):
    """Raise ValueError unless ``value`` is one of ``options``; names the nearest one."""
    options = list(options)
    if (value is None or isinstance(value, str)) and value in options:
        return value
    names = [option for option in options if option is not None]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.65)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"{name}={value!r} is unknown; {hint}Known values: {options}")


def check_number(name, value, *, low=None, high=None, is_open=False, hint=""):
    """Raise unless ``value`` is finite and lies in the closed, or open, interval."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value!r} must be a number, got {type(value).__name__}.")
    too_low = low is not None and (value <= low if is_open else value < low)
    too_high = high is not None and (value >= high if is_open else value > high)
    if too_low or too_high or not math.isfinite(value):
        interval = _interval(low, high, is_open)
        raise ValueError(f"{name}={value!r} is not in {interval}{hint and '; ' + hint}.")
    return value


def check_integer(name, value, *, low=1, high=None):
    """Raise unless ``value`` is an integer between ``low`` and ``high``, both included."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value!r} must be an integer, got {type(value).__name__}.")
    return check_number(name, value, low=low, high=high)


def check_k(k, n_classes):
    """Return ``k``, or min(5, n_classes) for None; raise unless it lies in 1 ... n_classes."""
    if k is None:
        return min(5, n_classes)
    check_integer("k", k)
    if k > n_classes:
        raise ValueError(f"k={k} is above the number of classes, {n_classes}; lower k.")
    return int(k)


def _interval(low, high, is_open):
    """Write an interval as the mathematician does."""
    left = "(-inf" if low is None else f"{'(' if is_open else '['}{low}"
    right = "inf)" if high is None else f"{high}{')' if is_open else ']'}"
    return f"{left}, {right}"


def label_array(labels):
    """Return labels in a container of any kind as an array of NumPy.

    scikit-learn would read integers of the types of pandas and of Arrow as float64, in which
    large ones merge, and knows nothing of NumPy's StringDType.
    """
    array = np.asarray(labels)
    if array.dtype.kind == "U" and isinstance(labels, (list, tuple)):
        # NumPy writes numbers and NaN among strings as strings.
        objects = np.array(labels, dtype=object)
        return array if all(isinstance(label, str) for label in objects.flat) else objects
    return array.astype(object) if array.dtype.kind == "T" else array


def of_one_kind(array, name):
    """Return an object array as numbers, or as it is if all its values are strings."""
    are_strings = {isinstance(value, str) for value in array}
    if are_strings == {True}:
        return array
    # Scalars of NumPy become Python's first: an int64 beside a uint64 would make float64.
    values = [value.item() if isinstance(value, np.generic) else value for value in array]
    numbers = np.asarray(values)
    if are_strings == {True, False} or numbers.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold numbers only or strings only, without missing values; got values of "
            f"the types {sorted({type(value).__name__ for value in array})}. Make strings or "
            "numbers of them first."
        )
    return numbers


def check_labels(X, y, *, least=2):
    """Return the classes and the code of each row's label; raise if y is no vector of labels.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    least : int, default=2
        The least number of classes.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,), int64
    """
    if y is None:
        raise ValueError(
            "y=None: this classifier requires y to be passed, but the target y is None."
        )
    y = column_or_1d(label_array(y), warn=True)
    check_consistent_length(X, y)
    _check_no_gaps(y)
    y = of_one_kind(y, "y") if y.dtype.kind == "O" else y
    if y.dtype.kind in "Mm" and np.isnat(y).any():
        raise ValueError("Input y contains NaT.")
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < least:
        needed = "2 classes" if least == 2 else "1 class"
        raise ValueError(
            f"y holds {len(classes)} class; a classifier needs samples of at least {needed}."
        )
    return classes, codes


def _check_no_gaps(y):
    """Raise ValueError where labels are missing: NaN, infinity, None or what pandas writes."""
    if y.dtype.kind != "O":
        assert_all_finite(y, input_name="y")
        return
    n_missing = sum(map(is_missing, y.tolist()))
    if n_missing:
        raise ValueError(
            f"Input y contains NaN or None in {n_missing} of {len(y)} rows; leave these rows out."
        )


def is_missing(value):
    """Say whether a value is None, NaN, or what pandas writes for it."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def check_weights(sample_weight, class_weight, X, y):
    """Return the weight of each row, or None where all are one.

    Raises ValueError for negative weights and for weights that sum to zero.
    """
    if sample_weight is None and class_weight is None:
        return None
    if isinstance(sample_weight, Number):
        raise ValueError(f"sample_weight={sample_weight!r} is one number; give one for each row.")
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    weight = weight_that_sums(weight)
    if class_weight is not None:
        weight = weight_that_sums(weight * compute_sample_weight(class_weight, y))
    if not weight.sum() > 0:
        raise ValueError("sample_weight sums to zero; at least one row needs a positive weight.")
    return weight


def weight_for_others(sample_weight):
    """Return weights as they are given, extreme ones in a unit in which they can be summed."""
    if sample_weight is None:
        return sample_weight
    weight = np.asarray(sample_weight, dtype=np.float64)
    scaled = weight_that_sums(weight)
    return sample_weight if scaled is weight else scaled


def weight_that_sums(weight):
    """Return weights whose sum neither overflows nor vanishes: extreme ones over their largest."""
    largest = weight.max(initial=0.0)
    return weight if largest == 0 or 1e-100 < largest < 1e100 else weight / largest
