"""The base of a `CardinalityAwareClassifier`, and scores of rows that it has not learned from.

Two ways give the same things: `Folds` where the probabilities of all rows fit in memory, and
`OneSplit` where they do not. Both have ``tested``, the rows that a model left out, and ``ranked``,
which of them have a label that their model knows.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from sklearn_setpred._cardinality.candidates import batches_of
from sklearn_setpred._cardinality.pool import fit_refiner, floored_log
from sklearn_setpred._inner import (
    NetworksAlone,
    fit_classifier,
    is_frozen,
    read_classes,
    read_probabilities,
)
from sklearn_setpred._networks.parts import make_splits, splits_within, validation_rows
from sklearn_setpred._utils.validation import check_integer
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._batches import in_batches

# Up to this many probabilities of the training rows are held at once (1.6 GB).
_CELLS_OF_FOLDS = 2e8


class Task(NamedTuple):
    """A base classifier and the rows to learn from, checked.

    ``codes`` are the places of ``y`` among ``classes``; ``fit_params`` go to the base's ``fit``.
    """

    inner: Any
    X: Any
    y: Any
    classes: np.ndarray
    codes: np.ndarray
    fit_params: dict

    def take(self, rows):
        """Return the task of the rows that a mask or an index chooses."""
        X, y = _safe_indexing(self.X, rows), self.classes[self.codes[rows]]
        params = _check_method_params(self.X, self.fit_params, rows)
        return self._replace(X=X, y=y, codes=self.codes[rows], fit_params=params)

    def fitted_base(self):
        """Return the base, fitted on all rows; a frozen one as it is."""
        return fit_classifier(self.inner, self.X, self.classes[self.codes], self.fit_params)


class Folds:
    """Probabilities of every row by models that left it out; the base is fitted on all rows."""

    can_refine = True

    def __init__(self, task, cv, rng, n_jobs):
        self.task = task
        self.splits = make_splits(cv, task.X, task.codes, rng)
        self.p, known = self._probabilities(n_jobs)
        self.tested = np.arange(len(task.codes))
        self.ranked = known[self.tested, task.codes]

    def _probabilities(self, n_jobs):
        """Return the probabilities of all rows, and of which classes their model knows."""
        inner, X, _, classes, codes, fit_params = self.task
        y = classes[codes]
        if is_frozen(inner):
            p = read_probabilities(inner, X, classes)
            return p, np.ones(p.shape, dtype=bool)
        return out_of_fold_probabilities(inner, X, y, classes, self.splits, fit_params, n_jobs)

    def learn(self, part, rows, floor, rng, *, refine, **options):
        """Return the base, the refiner or None, and batches of log-probabilities and labels.

        Parameters
        ----------
        part : Part
            What our networks read of the rows, their labels and weights.
        rows : ndarray of int
            The rows' numbers.
        floor : float
            Stands for smaller probabilities.
        rng : RandomState
        refine : bool
        **options
            Of `training.fit_network`.
        """
        refiner, log_p = None, floored_log(self.p[rows], floor)
        if refine:
            splits = splits_within(rows, self.splits, len(self.p))
            options["with_base"] = not isinstance(self.task.inner, NetworksAlone)
            refiner, log_p = fit_refiner(part._replace(prior=log_p), splits, rng, **options)
        return self.task.fitted_base(), refiner, batches_of(log_p, part.target)


class OneSplit:
    """Probabilities of one of ``cv`` parts of the rows by a base that left it out and is kept.

    They are read batch by batch, and there is no refiner.
    """

    can_refine = False

    def __init__(self, task, cv, rng, n_jobs):
        n = len(task.codes)
        if not isinstance(cv, (int, np.integer)):
            raise ValueError(
                f"cv={cv!r} is for up to {_CELLS_OF_FOLDS:g} probabilities, rows times classes; "
                f"{n} rows of {len(task.classes)} classes have more: give an int, of which one "
                "part is held out."
            )
        check_integer("cv", cv, low=2)
        self.task = task
        self.left_out = np.ones(n, dtype=bool)
        if not is_frozen(task.inner):
            self.left_out = validation_rows(task.codes, 1 / cv, rng)
        self.tested = np.flatnonzero(self.left_out)
        self.ranked = np.ones(len(self.tested), dtype=bool)

    def learn(self, part, rows, floor, rng, **options):
        """Return what `Folds.learn` gives."""
        base = self.task.take(~self.left_out).fitted_base()

        def log_probabilities():
            for some, codes in in_batches(len(self.task.classes), rows, part.target):
                p = read_probabilities(base, _safe_indexing(self.task.X, some), self.task.classes)
                yield floored_log(p, floor), codes

        return base, None, log_probabilities()


def way_to_learn(n_rows, n_classes):
    """Return the class that learns from so many rows of so many classes."""
    return Folds if n_rows * n_classes <= _CELLS_OF_FOLDS else OneSplit


# Rows without a rank may go unmentioned up to this share of the weight.
_TOLERATED_LOSS = 0.1


def out_of_fold_probabilities(estimator, X, y, classes, splits, fit_params, n_jobs=None):
    """Return every row the probabilities of a model that was fitted without it.

    Parameters
    ----------
    estimator : classifier
        Cloned for every split.
    X, y : rows and labels, as the estimator reads them
    classes : ndarray of shape (n_classes,)
    splits : list of (training rows, test rows)
    fit_params : dict of arrays of shape (n,)
        Handed to ``fit``, row by row.
    n_jobs : int or None

    Returns
    -------
    probabilities : ndarray of shape (n, n_classes), float64
        Zero in the columns of classes that the row's model did not see.
    known : ndarray of shape (n, n_classes), bool
        Whether the row's model saw the class; all False for rows that no model left out.
    """
    tasks = (
        delayed(_probabilities_of_fold)(estimator, X, y, classes, split, fit_params)
        for split in splits
    )
    probabilities = np.zeros((len(y), len(classes)))
    known = np.zeros(probabilities.shape, dtype=bool)
    for (_, test), (seen, values) in zip(splits, Parallel(n_jobs=n_jobs)(tasks), strict=True):
        probabilities[test], known[test] = values, seen
    return probabilities, known


def _probabilities_of_fold(estimator, X, y, classes, split, fit_params):
    """Fit on the training rows; return which classes the model knows, and its probabilities."""
    train, test = split
    params = _check_method_params(X, fit_params, train)
    fitted = fit_classifier(estimator, _safe_indexing(X, train), _safe_indexing(y, train), params)
    known = label_indices(classes, read_classes(fitted)) >= 0
    return known, read_probabilities(fitted, _safe_indexing(X, test), classes)


def rows_to_learn_from(ranked, weight):
    """Return the rows whose label has a rank and a weight; warn if many have no rank."""
    weight = np.ones(len(ranked)) if weight is None else weight
    rows = np.flatnonzero(ranked & (weight > 0))
    if len(rows) == 0:
        raise ValueError(
            "No row is left to learn the sizes from: no label belongs to a class with two rows."
        )
    lost = weight[~ranked].sum() / weight.sum()
    if lost > _TOLERATED_LOSS:
        warnings.warn(
            f"{np.count_nonzero(~ranked)} of {len(ranked)} rows ({lost:.0%} of the weight) take no "
            "part in learning the sizes: no fold that leaves them out holds their class. Give "
            "classes more rows, or merge rare ones.",
            UserWarning,
            stacklevel=4,
        )
    return rows
