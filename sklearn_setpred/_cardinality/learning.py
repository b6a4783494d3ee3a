"""From training rows to an ensemble, and log-probabilities of rows that its experts left out."""

import math
from typing import Any, NamedTuple

import numpy as np

from sklearn_setpred._cardinality.experts import fit_splits, held_out_rows, some_rows
from sklearn_setpred._cardinality.race import Ensemble, fit_ensemble, held_out_log_p
from sklearn_setpred._networks.parts import make_splits
from sklearn_setpred._utils import memory, progress
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.sets._batches import row_batches

# How often the rows are split into folds, if cv is a number of folds.
_N_REPEATS = 2
# A warning tells of rows without a rank if they hold more than this fraction of the weight.
_TOLERATED_LOSS = 0.1


class Learned(NamedTuple):
    """What is learned before the sizes.

    Attributes
    ----------
    ensemble : Ensemble
    rows : ndarray of int
        Held-out rows whose label has a rank.
    batches : iterable of (log_p, codes)
        Their log-probabilities by models that left them out, and their labels.
    """

    ensemble: Ensemble
    rows: np.ndarray
    batches: Any


def learn(experts, rows, cv, rng, *, n_jobs=None, refine=True, always=()):
    """Fit experts; return their ensemble and its held-out log-probabilities as `Learned`.

    Parameters
    ----------
    experts : list of Expert
        Without ``refine``, a single one.
    rows : TrainingRows
    cv : int, splitter or iterable
    rng : RandomState
    n_jobs : int or None
    refine : bool
        Whether the experts' probabilities are pooled; the pool of one changes its temperature.
    always : sequence of str
        Names of experts that do not have to win the race.
    """
    if len(experts) > 1 and not refine:
        raise ValueError(
            f"estimator holds {len(experts)} classifiers, which only refine=True pools; give one "
            "of them."
        )
    repeats = make_repeats(cv, rows, rng, n_repeats=_N_REPEATS if refine else 1)
    known = rows_to_learn_from(known_rows(repeats, rows), rows.weight)
    repeats = within_memory(repeats, known, rows, len(experts), rng)
    if refine:
        how = {"n_jobs": n_jobs, "always": always}
        ensemble, log_p = fit_ensemble(experts, rows, repeats, rng, **how)
    else:
        ensemble, log_p = fit_alone(*experts, rows, repeats, rng, n_jobs)
    learned_from = held_out_rows(repeats[0])
    codes = rows.codes[learned_from]
    batches = (
        (ensemble.pooled([one[some] for one in log_p]), codes[some])
        for some in row_batches(log_p[0].shape)
    )
    return Learned(ensemble, learned_from, batches)


def fit_alone(expert, rows, repeats, rng, n_jobs=None):
    """Fit one expert on the splits; return its `Ensemble` and its held-out log-probabilities."""
    plan = expert.splits(rows, repeats)
    progress.plan({expert.name: len(plan)})
    # Seeds are drawn as for the race and for what comes after it.
    (fits,) = fit_splits([expert], rows, [plan], rng, n_jobs)
    expert.keep([fit.model for fit in fits])
    return Ensemble([expert]), [held_out_log_p(expert, fits, held_out_rows(repeats[0]))[0]]


def within_memory(repeats, known, rows, n_experts, rng):
    """Return the splits that are fitted, with the held-out rows that are read; warn of a limit.

    Above 2e8 rows times classes the number of splits falls with the square root of the cells, from
    ten down to one at 100 times as many. Of the rows that the first repeat holds out, a sample is
    drawn whose log-probabilities by all experts take at most `memory.OUT_OF_FOLD` bytes.
    """
    n, n_classes = len(rows.codes), len(rows.classes)
    n_splits, most = sum(len(splits) for splits in repeats), memory.most_rows(n_classes)
    if n > most:
        repeats = first_splits(repeats, math.ceil(n_splits * np.sqrt(most / n)))
    held_out = _if_any(np.intersect1d(known, held_out_rows(repeats[0])))
    read = some_rows(held_out, memory.most_rows(n_classes, 4 * n_experts * len(repeats)), rng)
    n_fitted = sum(len(splits) for splits in repeats)
    if n_fitted < n_splits or len(read) < len(held_out):
        warn_user(
            f"{n} rows of {n_classes} classes: models are fitted on {n_fitted} of {n_splits} "
            f"splits, and sizes are learned from {len(read)} rows, whose probabilities take "
            f"{memory.OUT_OF_FOLD / 1e9:.2g} GB at most."
        )
    return [[(train, np.intersect1d(test, read)) for train, test in splits] for splits in repeats]


def first_splits(repeats, n):
    """Return the first n splits of the repeats, and no repeat without any."""
    kept = []
    for splits in repeats:
        kept.append(splits[:n])
        n -= len(kept[-1])
    return [splits for splits in kept if splits]


def make_repeats(cv, rows, rng, n_repeats):
    """Return the splits of ``cv``: an int is split several times, given splits are taken once."""
    if not isinstance(cv, (int, np.integer)):
        n_repeats = 1
    repeats = [make_splits(cv, rows.X, rows.codes, rng, rows.groups) for _ in range(n_repeats)]
    return [[split for split in splits if rows.weights(split[0]).any()] for splits in repeats]


def known_rows(repeats, rows):
    """Say which rows are held out of models that know their label, in every repeat.

    A row of weight zero makes no label known.
    """
    known = np.ones(len(rows.codes), dtype=bool)
    for splits in repeats:
        known_here = np.zeros(len(rows.codes), dtype=bool)
        for train, test in splits:
            seen = np.zeros(len(rows.classes), dtype=bool)
            seen[rows.codes[train[rows.weights(train) > 0]]] = True
            known_here[test] = seen[rows.codes[test]]
        known &= known_here
    return known


def rows_to_learn_from(known, weight):
    """Return the rows whose label has a rank and a weight; warn if many have no rank."""
    weight = np.ones(len(known)) if weight is None else weight
    rows = _if_any(np.flatnonzero(known & (weight > 0)))
    lost = weight[~known].sum() / weight.sum()
    if lost > _TOLERATED_LOSS:
        warn_user(
            f"{np.count_nonzero(~known)} of {len(known)} rows ({lost:.0%} of the weight) take no "
            "part in learning the sizes: no fold that leaves them out holds their class. Give "
            "classes more rows, or merge rare ones."
        )
    return rows


def _if_any(rows):
    """Return the rows; raise ValueError if there are none to learn the sizes from."""
    if len(rows) == 0:
        raise ValueError(
            "No row is left to learn the sizes from: no label belongs to a class with two rows, "
            "or cv gives no fold whose training rows hold the labels of its test rows."
        )
    return rows
