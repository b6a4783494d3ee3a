"""The refined probabilities and the sizes of `CardinalityAwareClassifier`."""

import numpy as np

from sklearn_setpred.estimators._refine import SMALLEST
from sklearn_setpred.estimators._selectors import FLOOR, SCORES_READ, RankLaw
from sklearn_setpred.onnx._graph import log_softmax, network_scores, softmax, sorted_rows
from sklearn_setpred.onnx._links import probabilities

# Stands for an infinite level, with which costs of zero would give NaN.
_HUGE = 1e300


def log_probabilities(g, estimator, x, p_base):
    """Give the final log-probabilities from those of the classifier inside."""
    log_base = _floored_log(g, p_base, estimator.floor_)
    if estimator.refiner_ is None:
        return log_base
    experts = {"base": log_base}
    for name, networks in estimator.refiner_.networks.items():
        expert = _expert(name)
        log_p = [expert(g, network, _read(estimator, x), log_base) for network in networks]
        experts[name] = g("Div", g("Sum", *log_p), np.float64(len(networks)))
    weights = estimator.refiner_.weights
    weighted = [g("Mul", np.float64(weights[name]), log_p) for name, log_p in experts.items()]
    return log_softmax(g, g("Sum", *weighted))


def _floored_log(g, p, floor):
    """Give log p, held up below the floor in the order of p."""
    x, log_f = g("Log", g("Max", p, np.float64(SMALLEST))), np.log(np.float64(floor))
    below = g("Max", g("Sub", log_f, x), np.float64(0))
    return g("Sub", g("Max", x, log_f), g("Log", g("Add", below, np.float64(1))))


def sizes_at(g, estimator, x, log_p, level):
    """Give the size of the sets, (n, 1), or (n, n_classes) for one level per class.

    It is the largest minimiser of ``1 - F(s) + level cost(s)``.
    """
    values = _values(g, estimator, _read(estimator, x), log_p)
    level = np.clip(np.atleast_1d(level), -_HUGE, _HUGE).astype(np.float64)
    worth = g("Sub", g("Unsqueeze", values, [1]), np.outer(level, estimator.costs_)[None])
    best = g("ArgMax", worth, axis=2, keepdims=0, select_last_index=1)
    return g("Gather", estimator.sizes_, best)


def _read(estimator, x):
    """Give x where the networks read it, None where they read the scores alone."""
    return x if estimator.reads_ == "x and scores" else None


def _join(g, x, scores):
    """Put scores beside the columns of x."""
    return scores if x is None else g("Concat", x, scores, axis=1)


def _expert(name):
    """Give the function for the log-probabilities of one kind of expert."""
    return {"plain": _plain, "residual": _residual}[name]


def _plain(g, network, x, log_base):
    return log_softmax(g, network_scores(g, network, x))


def _residual(g, network, x, log_base):
    return log_softmax(g, g("Add", log_base, network_scores(g, network, _join(g, x, log_base))))


def _values(g, estimator, x, log_p):
    """Give the values of the candidate sizes, (n, m)."""
    selector, sizes, n_classes = estimator.selector_, estimator.sizes_, len(estimator.classes_)
    log_sorted, _ = sorted_rows(g, log_p, n_classes)

    def scores():
        head = _columns(g, log_sorted, 0, min(SCORES_READ, n_classes))
        return network_scores(g, selector.network, _join(g, x, head))

    if not isinstance(selector, RankLaw):
        return probabilities(g, selector.loss, scores(), len(sizes))
    masses = _bucket_masses(g, log_sorted, sizes)
    if selector.network is not None:
        prior = g("Log", g("Max", masses, np.float64(FLOOR)))
        masses = softmax(g, g("Add", prior, scores()))
    return _columns(g, g("CumSum", masses, np.int64(1)), 0, len(sizes))


def _bucket_masses(g, log_sorted, sizes):
    """Give the probability of each bucket of ranks, (n, m + 1)."""
    covered = g("Gather", g("CumSum", g("Exp", log_sorted), np.int64(1)), sizes - 1, axis=1)
    zero = g("Mul", _columns(g, covered, 0, 1), np.float64(0))
    edges = g("Concat", zero, covered, g("Add", zero, np.float64(1)), axis=1)
    n_edges = len(sizes) + 2
    upper, lower = _columns(g, edges, 1, n_edges), _columns(g, edges, 0, n_edges - 1)
    return g("Max", g("Sub", upper, lower), np.float64(0))


def _columns(g, values, start, stop):
    """Give the columns from start up to, and without, stop."""
    return g("Slice", values, [start], [stop], [1])
