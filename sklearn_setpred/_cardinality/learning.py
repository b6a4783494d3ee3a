"""From training rows to an ensemble, and log-probabilities of rows that its experts left out.

Where the probabilities of all rows fit in memory, experts are fitted on several splits and pooled
(`cross_fit`); where they do not, one expert is fitted without a part of the rows (`hold_out`).
"""

from typing import Any, NamedTuple

import numpy as np

from sklearn_setpred._cardinality.candidates import batches_of
from sklearn_setpred._cardinality.race import Ensemble, fit_ensemble
from sklearn_setpred._networks.parts import make_splits, validation_rows
from sklearn_setpred._utils import progress
from sklearn_setpred._utils.validation import check_integer
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.sets._batches import in_batches

# Up to this many probabilities of the training rows are held at once (1.6 GB).
_MOST_CELLS = 2e8
# So often the rows are split into folds, where the number of folds is given.
_N_REPEATS = 2
# Rows without a rank may go unmentioned up to this fraction of the weight.
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
    """Fit experts and return what is `Learned`.

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
    is_large = not fits_in_memory(len(rows.codes), len(rows.classes))
    if len(experts) > 1 and (is_large or not refine):
        raise ValueError(
            f"estimator holds {len(experts)} classifiers, which only refine=True pools, and only "
            f"for up to {_MOST_CELLS:g} rows times classes; give one of them."
        )
    if is_large:
        return hold_out(experts[0], rows, cv, rng)
    repeats = make_repeats(cv, rows, rng, n_repeats=_N_REPEATS if refine else 1)
    learned_from = rows_to_learn_from(known_rows(repeats, rows), rows.weight)
    if refine:
        how = {"n_jobs": n_jobs, "always": always}
        ensemble, log_p = fit_ensemble(experts, rows, repeats, learned_from, rng, **how)
    else:
        (expert,) = experts
        progress.plan({expert.name: expert.n_fits(repeats)})
        expert.start(rows, repeats[0][:1], rng)
        (outputs,) = expert.go_on(rows, repeats, rng, n_jobs)
        ensemble, log_p = Ensemble(experts), expert.log_p(outputs[learned_from])
    return Learned(ensemble, learned_from, batches_of(log_p, rows.codes[learned_from]))


def hold_out(expert, rows, cv, rng):
    """Fit one expert without one of ``cv`` parts of the rows, which are read batch by batch."""
    n = len(rows.codes)
    if not isinstance(cv, (int, np.integer)):
        raise ValueError(
            f"cv={cv!r} is for up to {_MOST_CELLS:g} probabilities, rows times classes; "
            f"{n} rows of {len(rows.classes)} classes have more: give an int, of which one "
            "part is held out."
        )
    check_integer("cv", cv, low=2)
    held_out = validation_rows(rows.codes, 1 / cv, rng)
    split = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    learned_from = split[1] if expert.has_seen_rows else np.arange(n)
    learned_from = _if_any(learned_from[_positive(rows.weight, learned_from)])
    progress.plan({expert.name: 1})
    expert.fit_once(rows, split, rng.randint(2**31 - 1))
    progress.step(expert.name)

    def log_probabilities():
        for some, codes in in_batches(len(rows.classes), learned_from, rows.codes[learned_from]):
            yield expert.log_probabilities(*rows.inputs(some)), codes

    return Learned(Ensemble([expert]), learned_from, log_probabilities())


def fits_in_memory(n_rows, n_classes):
    """Say whether the probabilities of all rows can be held at once."""
    return n_rows * n_classes <= _MOST_CELLS


def make_repeats(cv, rows, rng, n_repeats):
    """Return the splits of ``cv``: an int is split several times, given splits are taken once."""
    if not isinstance(cv, (int, np.integer)):
        n_repeats = 1
    return [make_splits(cv, rows.X, rows.codes, rng, rows.groups) for _ in range(n_repeats)]


def known_rows(repeats, rows):
    """Say which rows are held out of models that know their label, in every repeat."""
    known = np.ones(len(rows.codes), dtype=bool)
    for splits in repeats:
        known_here = np.zeros(len(rows.codes), dtype=bool)
        for train, test in splits:
            seen = np.zeros(len(rows.classes), dtype=bool)
            seen[rows.codes[train]] = True
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


def _positive(weight, rows):
    """Say which of some rows have a positive weight."""
    return np.ones(len(rows), dtype=bool) if weight is None else weight[rows] > 0
