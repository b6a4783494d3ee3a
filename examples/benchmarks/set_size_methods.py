"""Set predictors of the benchmark of set sizes: MAPIE's, crepes' and plain rules, and ours."""

from typing import NamedTuple

import numpy as np
from crepes import WrapClassifier
from crepes.extras import hinge, margin
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import RAPSConformityScore
from remembered import Remembered
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from set_size_answers import (
    Answers,
    Given,
    ask,
    calibrated,
    log_floored,
    probabilities,
    stopwatch,
    with_levels,
)
from set_size_rules import (
    probabilities_of,
    saps_sets,
    with_cost_levels,
    with_rank_levels,
    with_top_k_levels,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ShuffleSplit

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier

PENALTIES = (0.01, 0.03, 0.1)
SURROGATES = {
    "comp-sum surrogate": "cost_sensitive_comp_sum",
    "constrained surrogate": "cost_sensitive_constrained",
}
# The surrogates are trained for one penalty; their path is a tilt of the rule of this one.
_PENALTY_TILTED = 0.03


class Outcome(NamedTuple):
    """Sets of the test rows by one method, asked for a coverage or at a penalty."""

    method: str
    target_kind: str  # "coverage" or "penalty"
    value: float
    sets: np.ndarray  # with the top-1 label
    answers: Answers
    raw_sets: np.ndarray | None = None  # as another package gives them


# ------------------------------------------------------------------- calibrated coverage


def mapie_sets(score, answers, y, level, seed):
    """Return the raw sets of MAPIE; all but LAC's are randomized, as in the papers."""
    if score == "raps":  # a fifth of the rows choose its parameters, or what the level asks for
        score = UnstratifiedRAPS(max(0.2, 1.01 / (1 - level) / len(y)))
    sets = SplitConformalClassifier(
        Given(answers.classes),
        confidence_level=level,
        conformity_score=score,
        prefit=True,
        random_state=seed,
    ).conformalize(answers.calibration, y)
    params = {} if score == "lac" else {"include_last_label": "randomized"}
    return sets.predict_set(answers.test, params)[1][:, :, 0]


def mapie_paths(score, answers, y, levels, seed):
    """Return the raw sets of MAPIE at each level, and the seconds they took."""
    for level in levels:
        with stopwatch() as seconds:
            raw_sets = mapie_sets(score, answers, y, level, seed)
        yield level, raw_sets, seconds[0]


def crepes_paths(score, answers, y, levels, seed):
    """Return the raw sets of crepes at each level, and the seconds they took.

    They are those of its ``predict_set``, which finds the p-values anew for every level: the
    longest part of the whole benchmark.
    """
    with stopwatch() as seconds:
        model = WrapClassifier(Given(answers.classes))
        model.calibrate(answers.calibration, y, nc=score, seed=seed)
        p_values = model.predict_p(answers.test)
    for level in levels:
        yield level, p_values >= 1 - level, seconds[0]


class UnstratifiedRAPS(RAPSConformityScore):
    """RAPS that draws the rows which choose its parameters from all rows alike.

    MAPIE draws them by class, and raises where a class has a single calibration row.
    """

    def __init__(self, share):
        super().__init__(share)
        self.share = share

    def split_data(self, X, y, y_enc, sample_weight=None, groups=None):
        """Set rows aside for the choice of lambda and k."""
        splitter = ShuffleSplit(1, test_size=self.share, random_state=self.random_state)
        kept, self.rows_raps = next(splitter.split(X))
        self.X_raps, self.y_raps = X[self.rows_raps], y_enc[self.rows_raps]
        self.y_raps_no_enc = y[self.rows_raps]
        self.n_samples_ = len(kept)
        return X[kept], y[kept], y_enc[kept], sample_weight, groups


PEERS = {
    "LAC (MAPIE)": (mapie_paths, "lac"),
    "APS (MAPIE)": (mapie_paths, "aps"),
    "RAPS (MAPIE)": (mapie_paths, "raps"),
    "hinge (crepes)": (crepes_paths, hinge),
    "margin (crepes)": (crepes_paths, margin),
}


def peers(answers, y, levels, seed):
    """Return the outcomes of the other packages."""
    rows = np.arange(len(answers.test))
    for method, (paths, score) in PEERS.items():
        for level, raw_sets, seconds in paths(score, answers, y, levels, seed):
            sets = raw_sets.copy()
            sets[rows, answers.top] = True
            timed = answers._replace(predict_seconds=answers.predict_seconds + seconds)
            yield Outcome(method, "coverage", level, sets, timed, raw_sets)


def rule(method, answers, y, levels):
    """Return the outcomes of a rule with levels, calibrated by `CoverageSetClassifier`."""
    for level in levels:
        yield Outcome(method, "coverage", level, calibrated(answers, y, level), answers)


def at_penalties(method, answers):
    """Yield the sets ``{y : level_y >= penalty}``; probabilities as levels: the plug-in rule."""
    for penalty in PENALTIES:
        yield Outcome(method, "penalty", penalty, answers.sets_above(penalty), answers)


# ------------------------------------------------------------------------- answers


def at_temperature(answers, y, seed):
    """Scale the temperature on a fifth of the calibration rows; give the answers and the rest."""
    rest, chosen = next(ShuffleSplit(1, test_size=0.2, random_state=seed).split(y))
    of_label = np.searchsorted(answers.classes, y[chosen])
    temperature = best_temperature(answers.calibration[chosen], of_label)
    answers = answers.map(lambda p: softmax(log_floored(p) / temperature, axis=1))
    return answers._replace(calibration=answers.calibration[rest]), y[rest]


def best_temperature(p, codes):
    """Return the T with the highest likelihood of ``softmax(log p / T)``."""
    log_p, rows = log_floored(p), np.arange(len(codes))

    def loss(log_t):
        return -log_softmax(log_p / np.exp(log_t), axis=1)[rows, codes].mean()

    return np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x)


def with_singleton_levels(p):
    """Put the levels of the plug-in rule with the cost "singleton" beside the probabilities."""
    return with_cost_levels(p, "singleton")


def plain_rules(answers, y, levels, seed):
    """Return the outcomes of rules that read probabilities alone."""
    log_cost = answers.map(lambda p: with_cost_levels(p, "log"))
    yield from rule("plug-in, log cost", log_cost, y, levels)
    yield from rule("singleton", answers.map(with_singleton_levels), y, levels)
    yield from rule("fixed top-k", answers.map(with_top_k_levels), y, levels)
    yield from rule("RANK", answers.map(with_rank_levels), y, levels)
    for level in levels:
        yield Outcome("SAPS", "coverage", level, saps_sets(answers, y, level, seed), answers)


# ------------------------------------------------------------------------------ ours


def fit_ours(base, problem, **params):
    """Return our classifier around a base, fitted, and the seconds it took, remembered ones too."""
    remembered = Remembered.seconds_of_memory()
    with stopwatch() as seconds:
        model = CardinalityAwareClassifier(base, **params).fit(*problem.train)
    return model, seconds[0] + remembered


def path_answers(problem, model, seconds):
    """Return the refined probabilities and the levels of one fit that serves every penalty."""
    return ask(model, problem, with_levels, seconds)


def tilt_answers(problem, model, seconds):
    """Return the probabilities and the tilts t at which classes drop out of a surrogate's sets.

    The set of tilt t has the size ``argmax_s u(s) - t cost(s)``, u the rule's values.
    """

    def answer(model, X):
        return np.hstack([model.predict_proba(X), model._path_levels(X)])

    return ask(model, problem, answer, seconds)


def surrogates(base, problem, levels, seed):
    """Return the outcomes of the paper's surrogates on the base's ranking."""
    for method, loss in SURROGATES.items():
        for penalty in PENALTIES:
            params = {"surrogate": loss, "size_penalty": penalty, "random_state": seed}
            model, seconds = fit_ours(base, problem, refine=False, **params)
            answers = tilt_answers(problem, model, seconds)
            yield Outcome(method, "penalty", penalty, answers.sets_above(0.0), answers)
            if penalty == _PENALTY_TILTED:
                yield from rule(method, answers, problem.calibration[1], levels)


def outcomes(classifier, problem, levels, seed):
    """Return the outcomes of all methods around one classifier."""
    Remembered.forget()
    frozen = isinstance(classifier, FrozenEstimator)
    base = classifier if frozen else Remembered(classifier)
    y = problem.calibration[1]

    # Of our own network there is a form without a base: the networks of the folds.
    refined = None if isinstance(classifier, NeuralClassifier) else base
    ours = path_answers(problem, *fit_ours(refined, problem, random_state=seed))
    model, seconds = fit_ours(base, problem, refine=False, random_state=seed)
    unrefined, fitted = path_answers(problem, model, seconds), model.estimator_
    seconds = 0.0 if frozen else fitted.seconds_
    plain = ask(fitted, problem, probabilities, seconds)
    scaled, y_rest = at_temperature(plain, y, seed)
    paths = {
        "ours": (ours, y),
        "ours, unrefined": (unrefined, y),
        "LAC": (plain, y),
        "LAC, temperature": (scaled, y_rest),
    }
    for method, (answers, labels) in paths.items():
        yield from rule(method, answers, labels, levels)
        yield from at_penalties(method, answers)
    yield from peers(plain, y, levels, seed)
    yield from plain_rules(plain, y, levels, seed)
    refined = probabilities_of(ours)
    yield from rule("ours, singleton", refined.map(with_singleton_levels), y, levels)
    yield from surrogates(base, problem, levels, seed)
