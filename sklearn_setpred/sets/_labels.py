"""From labels to columns."""

import numpy as np
from numpy.typing import ArrayLike

from sklearn_setpred._utils.types import Integers, Labels


def check_label_array(labels: ArrayLike, name: str = "labels") -> Labels:
    """Return labels as an array of numbers or of strings, shape (n,).

    Lists, series of pandas or polars, categoricals and object arrays are taken. Numbers get a
    numeric dtype, strings a string dtype or object. ``name`` is the argument named by an error.
    Raises ValueError for other shapes and missing values, TypeError for mixed or other values.
    """
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must have the shape (n_samples,), got {array.shape}.")
    if array.dtype.kind == "O":
        array = _check_objects(array, name)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} contains NaN in row {int(np.isnan(array).argmax())}.")
    if array.dtype.kind not in "biufOUT":
        raise TypeError(f"{name} must hold numbers or strings, got dtype {array.dtype}.")
    return array


def label_indices(labels: ArrayLike, classes: ArrayLike) -> Integers:
    """Return the column of each label, -1 for a label that is not among the classes.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Numbers or strings.
    classes : array-like of shape (K,)
        The label of each column, in any order.

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    TypeError
        If one of the two holds strings and the other numbers.

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
    if _are_strings(labels) != _are_strings(classes):
        raise TypeError(
            f"labels such as {labels[0]!r} cannot be compared with classes such as"
            f" {classes[0]!r}; give both as strings or both as numbers."
        )
    order = np.argsort(classes, kind="stable")
    place = np.searchsorted(classes, labels, sorter=order)
    nearest = order[np.minimum(place, len(classes) - 1)]
    return np.where(classes[nearest] == labels, nearest, -1)


def _check_objects(array, name):
    """Return an object array as numbers, or as it is if all its values are strings."""
    are_strings = {isinstance(value, str) for value in array}
    if are_strings == {True}:
        return array
    numbers = np.asarray(array.tolist())
    if are_strings == {True, False} or numbers.dtype.kind == "O":
        raise TypeError(
            f"{name} must hold numbers only or strings only, without missing values;"
            f" got values of the types {sorted({type(value).__name__ for value in array})}."
        )
    return numbers


def _are_strings(labels):
    """Say whether an array from `check_label_array` holds strings."""
    return labels.dtype.kind in "OUT"
