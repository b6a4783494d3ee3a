"""Parts of the rows to train on, and the rows held out of them, also where classes are rare."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import StratifiedGroupKFold, check_cv

from sklearn_setpred._utils.splits import checked_splits, splits_within
from sklearn_setpred._utils.validation import check_integer


class Part(NamedTuple):
    """Rows to train a network on, or to validate it with.

    ``target`` holds labels (n,) or costs (n, m), ``weight`` the rows' weights (n,), ``prior`` known
    scores (n, m) to which the network's scores are added.
    """

    X: np.ndarray | sp.csr_array
    target: np.ndarray
    weight: np.ndarray | None = None
    prior: np.ndarray | None = None

    def take(self, rows):
        """Return the part of the rows that a mask or an index chooses."""
        pieces = self._asdict().items()
        return Part(**{name: None if piece is None else piece[rows] for name, piece in pieces})

    def with_weights_of_mean_one(self):
        """Return the part with its weights, where there are some, scaled to mean one."""
        if self.weight is None:
            return self
        return self._replace(weight=self.weight / self.weight.mean())


def with_positive_weights(part):
    """Return the rows whose weight is positive, the weights scaled to mean one."""
    if part.weight is None:
        return part
    return part.take(part.weight > 0).with_weights_of_mean_one()


class TrainingPairs:
    """Pairs of rows to train on and held-out rows, each made when its turn comes.

    Parameters
    ----------
    part : Part
        All rows that train or are held out by splits.
    splits : list of (training rows, held-out rows), default=()
        Masks or indices. Without splits there is one pair, and all rows train.
    given : Part, optional
        Held-out rows of the one pair without splits.
    """

    def __init__(self, part, splits=(), given=None):
        self.part, self.splits, self.given = part, splits, given

    def __len__(self):
        return max(len(self.splits), 1)

    def __iter__(self):
        if not self.splits:
            yield self.part.with_weights_of_mean_one(), self.given
        for split in self.splits:
            yield tuple(self.part.take(rows).with_weights_of_mean_one() for rows in split)


def validation_rows(codes, fraction, rng):
    """Choose rows to hold out: about a fraction of every class, never its last row.

    Parameters
    ----------
    codes : ndarray of shape (n,), int
        Class of each row.
    fraction : float
        Fraction to hold out.
    rng : RandomState

    Returns
    -------
    ndarray of shape (n,), bool
        True for the rows held out; at least one, if a class has two rows.
    """
    place, _ = _places_within_classes(codes, rng)
    spare = np.flatnonzero(place > 0)
    if len(spare) == 0:
        return np.zeros(len(codes), dtype=bool)
    # Sorted by class, every step-th of the rows is taken, so that each class gives its fraction.
    spare = spare[np.lexsort((place[spare], codes[spare]))]
    wanted = int(np.clip(round(fraction * len(codes)), 1, len(spare)))
    chosen = np.floor((np.arange(wanted) + rng.uniform()) * len(spare) / wanted).astype(int)
    held_out = np.zeros(len(codes), dtype=bool)
    held_out[spare[chosen]] = True
    return held_out


def fold_numbers(codes, n_folds, rng):
    """Return the fold that each row is tested in, -1 for a row that always trains.

    A class is spread evenly over the folds, over as many as it has rows if these are fewer;
    the only row of a class stays in every training part.
    """
    place, counts = _places_within_classes(codes, rng)
    # Classes continue round-robin, so that folds are of equal size also where all are rare.
    spread = np.where(counts > 1, counts, 0)
    first = np.cumsum(spread) - spread
    return np.where(counts[codes] == 1, -1, (first[codes] + place) % n_folds)


def _places_within_classes(codes, rng):
    """Return each row's place, from 0, in a random order of its class; and the classes' sizes."""
    counts = np.bincount(codes)
    order = np.lexsort((rng.uniform(size=len(codes)), codes))
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place, counts


def make_splits(cv, X, codes, rng, groups=None):
    """Return the (training rows, test rows) of ``cv``: an int, a splitter or an iterable.

    With ``groups`` (n,), an int keeps the rows of a group together.
    """
    is_number = isinstance(cv, (int, np.integer))
    if is_number and groups is not None:
        check_integer("cv", cv, low=2)
        cv, is_number = StratifiedGroupKFold(cv, shuffle=True, random_state=rng), False
    if not is_number:
        splits = check_cv(cv, codes, classifier=True).split(X, codes, groups)
        return checked_splits(cv, splits, len(codes))
    check_integer("cv", cv, low=2)
    folds = fold_numbers(codes, cv, rng)
    parts = [(np.flatnonzero(folds != i), np.flatnonzero(folds == i)) for i in range(cv)]
    return [(train, test) for train, test in parts if len(test) > 0]


def splits_of_weighted(cv, part, rng, groups=None):
    """Return the splits of the rows of positive weight, as places among these.

    The splits of a number ``cv`` are those without the other rows.
    """
    n = len(part.target)
    rows = np.arange(n) if part.weight is None else np.flatnonzero(part.weight > 0)
    if isinstance(cv, (int, np.integer)):
        groups = None if groups is None else groups[rows]
        return make_splits(cv, part.X[rows], part.target[rows], rng, groups)
    return splits_within(rows, make_splits(cv, part.X, part.target, rng, groups), n)
