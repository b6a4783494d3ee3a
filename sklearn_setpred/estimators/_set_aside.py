"""Rows that are set aside before anything is fitted, to calibrate with."""

import math
import numbers
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples, check_consistent_length

from sklearn_setpred._utils.validation import check_integer, check_number
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.estimators._calibration import check_reachable, n_different, new_labels
from sklearn_setpred.sets._labels import check_label_array


class CalibrationRows(NamedTuple):
    """The numbers of calibration rows, their labels and groups, and what else is known of them."""

    rows: np.ndarray
    labels: np.ndarray
    is_new: np.ndarray  # no training row has the label
    groups: np.ndarray
    strata: np.ndarray | None

    def take(self, kept):
        """Return the rows that a mask chooses."""
        return CalibrationRows(*(None if values is None else values[kept] for values in self))

    @property
    def n_groups(self):
        """Number of groups."""
        return n_different(self.groups)


def row_groups(groups, X):
    """Return the number of each row's group; without groups, each row is one."""
    if groups is None:
        return np.arange(_num_samples(X))
    groups = check_label_array(groups, "groups")
    check_consistent_length(X, groups)
    return np.unique(groups, return_inverse=True)[1]


def set_aside(labels, strata, groups, held_out, train=None):
    """Return the numbers of the training rows, and the calibration rows.

    Where all rows of a class are set aside, the first of them trains too, unless that would tear
    a group apart.

    Parameters
    ----------
    labels, groups : ndarray of shape (n,)
    strata : ndarray of shape (n,) or None
    held_out : ndarray of shape (n,), bool
        The rows to set aside; all of them for a frozen classifier.
    train : ndarray of int, default=None
        The other rows; a user's splits may leave some out.
    """
    n, train = len(labels), np.flatnonzero(~held_out) if train is None else np.sort(train)
    is_new = held_out & ~np.isin(labels, labels[train]) & (len(train) > 0)
    calibration = CalibrationRows(np.arange(n), labels, is_new, groups, strata).take(held_out)
    if calibration.n_groups == len(calibration.rows):
        new = np.flatnonzero(is_new)
        _, first = np.unique(labels[new], return_index=True)
        train = np.sort(np.append(train, new[first]))
    return train, calibration


def choose_rows(calibration_size, groups, random_state):
    """Return a mask of the rows to set aside: whole groups, at least ``calibration_size``."""
    n = len(groups)
    if isinstance(calibration_size, numbers.Integral):
        size = check_integer("calibration_size", calibration_size, high=n - 1)
    else:
        check_number("calibration_size", calibration_size, low=0, high=1, is_open=True)
        size = math.ceil(calibration_size * n)
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = check_random_state(random_state).permutation(len(counts))
    n_chosen = np.searchsorted(np.cumsum(counts[order]), size) + 1
    if n_chosen >= len(counts):
        raise ValueError(
            f"calibration_size={calibration_size!r} leaves no row to train on: there are {n} rows "
            f"in {len(counts)} groups; lower it or give more rows."
        )
    return np.isin(places, order[:n_chosen])


def check_new_labels(calibration, alpha, conditional):
    """Tell of calibration rows that miss for sure; raise where they are too many."""
    if calibration.is_new.any():
        such_as = f", such as {calibration.labels[calibration.is_new].tolist()[0]!r}"
        check_reachable(calibration, alpha, conditional, such_as)
        warn_user(
            f"{new_labels(calibration)}{such_as}; they count as misses, as new rows of unknown "
            "labels will be."
        )
