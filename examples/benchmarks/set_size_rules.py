"""Rules that read nothing but probabilities: levels of labels, put beside them.

Shared by the benchmarks of set sizes; needs no other package than ours.
"""

import numpy as np
from set_size_answers import calibrated
from sklearn.model_selection import ShuffleSplit

from sklearn_setpred.sets import class_levels, class_ranks, concave_hull_levels, size_costs

SAPS_WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6)


def probabilities_of(answers):
    """Return the answers without levels."""
    return answers.map(lambda columns: columns[:, : len(answers.classes)])


def with_top_k_levels(p):
    """Put minus the rank beside the probabilities: sets of one size."""
    return np.hstack([p, -class_ranks(p)])


def with_rank_levels(p):
    """Put the levels of RANK beside the probabilities: the rank, ties broken by p.

    Sets hold k labels, or one more where the next label is likely. Luo, Zhou, "Trustworthy
    classification through rank-based conformal prediction sets", 2024.
    """
    return np.hstack([p, p - class_ranks(p)])


def with_cost_levels(p, size_cost):
    """Put the levels of the plug-in rule with a cost beside the probabilities.

    With the cost "singleton" that is the path of Singleton-optimised conformal prediction
    (ICLR 2026).
    """
    sizes = np.arange(1, p.shape[1] + 1)
    covered = np.cumsum(-np.sort(-p, axis=1), axis=1)
    levels = concave_hull_levels(size_costs(sizes, size_cost), covered)
    return np.hstack([p, class_levels(class_ranks(p), sizes, levels)])


def with_saps_levels(p, weight, rng):
    """Put the levels of SAPS beside the probabilities, randomised as in the paper.

    The score of the label of rank r is ``u p_max`` for r = 1, and ``p_max + (r - 2 + u) weight``
    otherwise. Huang, Xi, Zhang, Yao, Qiu, Wei, "Conformal prediction for deep classifier via label
    ranking", ICML 2024.
    """
    u, first, ranks = rng.random((len(p), 1)), p.max(axis=1, keepdims=True), class_ranks(p)
    score = np.where(ranks == 1, u * first, first + (ranks - 2 + u) * weight)
    return np.hstack([p, -score])


def saps_sets(answers, y, level, seed):
    """Return the sets of SAPS; a fifth of the rows chooses its weight, or what the level needs."""
    fraction = max(0.2, 1.01 / (1 - level) / len(y))
    rest, chosen = next(ShuffleSplit(1, test_size=fraction, random_state=seed).split(y))
    few = answers.calibration[chosen]

    def with_weight(of, weight):
        rng = np.random.default_rng(seed)
        return of.map(lambda p: with_saps_levels(p, weight, rng))

    def size(weight):
        both = with_weight(answers._replace(calibration=few, test=few), weight)
        return calibrated(both, y[chosen], level).sum()

    kept = answers._replace(calibration=answers.calibration[rest])
    return calibrated(with_weight(kept, min(SAPS_WEIGHTS, key=size)), y[rest], level)
