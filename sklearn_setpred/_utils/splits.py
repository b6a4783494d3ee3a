"""Splits that the user gives: pairs of training rows and test rows."""

from collections.abc import Iterable

import numpy as np


def are_splits(cv):
    """Say whether ``cv`` is a list of (training rows, test rows)."""
    return isinstance(cv, Iterable) and not isinstance(cv, str) and not hasattr(cv, "split")


def name_of_cv(cv):
    """Return the text for ``cv`` in errors, without the rows of its splits."""
    return "cv, an iterable of splits," if are_splits(cv) else f"cv={cv!r}"


def checked_splits(cv, splits, n):
    """Return the splits of ``cv`` as arrays of row numbers; raise ValueError if they are none.

    Every row is tested at most once, by a model that it does not train.
    """
    name = name_of_cv(cv)
    splits = [(_row_numbers(train, n, name), _row_numbers(test, n, name)) for train, test in splits]
    if not splits:
        raise ValueError(f"{name} gives no split; an iterator can be read once only: give a list.")
    if any(np.isin(test, train).any() for train, test in splits):
        raise ValueError(f"{name} tests rows on a model that they train; take them out.")
    if np.bincount(np.concatenate([test for _, test in splits])).max(initial=0) > 1:
        raise ValueError(f"{name} tests rows more than once; use KFold or its relatives.")
    return splits


def _row_numbers(rows, n, name):
    """Return one side of a split as an array of row numbers."""
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n,):
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.zeros(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"{name} must name rows by the numbers 0 ... {n - 1}, got {rows!r}.")
    return rows


def splits_within(rows, splits, n):
    """Return the splits in terms of places among ``rows``, without the other rows."""
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    parts = [tuple(place[side][place[side] >= 0] for side in split) for split in splits]
    return [(train, test) for train, test in parts if len(train) and len(test)]
