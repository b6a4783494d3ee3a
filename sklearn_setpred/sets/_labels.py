"""From labels to columns."""

from typing import Any

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Integers, Labels
from sklearn_setpred._utils.validation import label_array, of_one_kind

_NUMBERS, _STRINGS, _DATES = "biuf", "OU", "Mm"


def check_label_array(labels: ArrayLike, name: str = "labels") -> Labels:
    """Return labels as an array of numbers, of strings or of dates.

    Parameters
    ----------
    labels : array-like of shape (n,) or (n, 1)
        Numbers, strings or dates: an array, also of Arrow, a series, an index or a frame of one
        column.
    name : str, default="labels"
        The argument that an error speaks of.

    Returns
    -------
    ndarray of shape (n,)
        Numbers have a numeric dtype, strings a string dtype or object, dates datetime64.

    Raises
    ------
    ValueError
        If there is more than one column, or a missing value.
    TypeError
        If strings and other values are mixed, or the values are of another kind.
    """
    array = label_array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must have the shape (n_samples,), got {array.shape}.")
    if array.dtype.kind == "O":
        array = of_one_kind(array, name)
    if array.dtype.kind not in _NUMBERS + _STRINGS + _DATES:
        raise TypeError(f"{name} must hold numbers, strings or dates, got dtype {array.dtype}.")
    # NaN and NaT differ from themselves.
    missing = array != array
    if missing.any():
        value = "NaN" if array.dtype.kind == "f" else "NaT"
        raise ValueError(f"{name} contains {value} in row {int(missing.argmax())}.")
    return array


def label_indices(labels: ArrayLike, classes: ArrayLike) -> Integers:
    """Return the column of each label, -1 for a label that is not among the classes.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Numbers, strings or dates.
    classes : array-like of shape (K,)
        The label of each column, in any order.

    Returns
    -------
    ndarray of shape (n,), int64
        Numbers of two types are compared exactly, large integers too.

    Raises
    ------
    TypeError
        If the two hold different kinds of labels, such as strings and numbers.

    Examples
    --------
    >>> from sklearn_setpred.sets import label_indices
    >>> label_indices(["dog", "cat", "emu"], classes=["cat", "dog"])
    array([ 1,  0, -1])
    """
    labels, classes = check_label_array(labels), check_label_array(classes, "classes")
    if labels.size == 0 or classes.size == 0:
        return np.full(labels.shape, -1)
    # NumPy compares numbers with strings as strings: it would find 1 equal to "1".
    if _kind(labels) != _kind(classes):
        raise TypeError(
            f"labels such as {labels[0]!r} cannot be compared with classes such as"
            f" {classes[0]!r}; give both as strings, both as numbers or both as dates."
        )
    labels, is_exact = _in_type_of(classes, labels)
    order = np.argsort(classes, kind="stable")
    place = np.searchsorted(classes, labels, sorter=order)
    nearest = order[np.minimum(place, len(classes) - 1)]
    return np.where(is_exact & (classes[nearest] == labels), nearest, -1)


def columns_by_name(table: Any, classes: Any) -> Any:
    """Return a frame with its columns in the order of the classes, if they are named by these.

    Numbers that only count the columns are no names. Anything else is returned as it is.
    """
    names = getattr(table, "columns", None)
    if names is None or type(names).__name__ == "RangeIndex" or len(names) != len(classes):
        return table
    try:
        places = label_indices(classes, names)
    except (TypeError, ValueError):
        return table
    return table[[names[place] for place in places]] if (places >= 0).all() else table


def _in_type_of(classes, labels):
    """Return the labels in the dtype of the classes, and which of them it holds exactly.

    NumPy would compare int64 with uint64 as float64, in which integers above 2**53 merge.
    """
    if labels.dtype.kind not in _NUMBERS or labels.dtype == classes.dtype:
        return labels, np.True_
    with np.errstate(invalid="ignore"):
        cast = labels.astype(classes.dtype)
        is_exact = (cast.astype(labels.dtype) == labels) & ((cast < 0) == (labels < 0))
    return cast, is_exact


def _kind(labels):
    """Return the kind of labels from `check_label_array`; two kinds are never compared."""
    return next(kind for kind in (_NUMBERS, _STRINGS, _DATES) if labels.dtype.kind in kind)
