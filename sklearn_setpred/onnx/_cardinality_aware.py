"""The refined probabilities and the sizes of `CardinalityAwareClassifier`."""

from functools import singledispatch

import numpy as np
from onnx import TensorProto

from sklearn_setpred._cardinality.candidates import SCORES_READ, FixedSizes, SizesByThreshold
from sklearn_setpred._cardinality.pool import SMALLEST
from sklearn_setpred._cardinality.selectors import FLOOR, RankDistribution
from sklearn_setpred.onnx._graph import (
    log_softmax,
    network_scores,
    row_sum,
    softmax,
    sorted_rows,
)
from sklearn_setpred.onnx._links import link, probabilities

# Stands for an infinite level, with which costs of zero would give NaN.
_HUGE = 1e300


def log_probabilities(g, estimator, x, p_base):
    """Return the final log-probabilities from those of the classifier inside."""
    log_base = _floored_log(g, p_base, estimator.floor_)
    if estimator.refiner_ is None:
        return log_base
    experts = [log_softmax(g, log_base)] if estimator.refiner_.with_base else []
    for name, networks in estimator.refiner_.networks.items():
        expert = _expert(name)
        log_p = [expert(g, network, _read(estimator, x), log_base) for network in networks]
        experts.append(_log_mean(g, log_p, np.full(len(log_p), 1.0 / len(log_p))))
    return _pooled(g, estimator.refiner_.pool, experts)


def _pooled(g, pool, experts):
    """Return the log-probabilities of a `Pool`."""
    weighted = [g("Mul", w, log_p) for w, log_p in zip(pool.exponents, experts, strict=True)]
    return _log_mean(g, [log_softmax(g, g("Sum", *weighted)), *experts], pool.shares)


def _log_mean(g, log_p, shares):
    """Return the logarithm of the weighted mean of probabilities."""
    parts = [
        g("Add", one, np.log(share))
        for one, share in zip(log_p, shares, strict=True)
        if share > SMALLEST
    ]
    largest = g("Max", *parts)
    scaled = [g("Exp", g("Sub", part, largest)) for part in parts]
    return g("Add", largest, g("Log", g("Sum", *scaled)))


def _floored_log(g, p, floor):
    """Return log p, held up below the floor in the order of p."""
    x, log_f = g("Log", g("Max", p, np.float64(SMALLEST))), np.log(np.float64(floor))
    below = g("Max", g("Sub", log_f, x), np.float64(0))
    return g("Sub", g("Max", x, log_f), g("Log", g("Add", below, np.float64(1))))


def sizes_at(g, estimator, x, log_p, level):
    """Return the size of the sets, (n, 1), or (n, n_classes) for one level per class.

    It is the largest minimiser of ``1 - F(s) + level cost(s)``.
    """
    log_sorted, _ = sorted_rows(g, log_softmax(g, log_p), len(estimator.classes_))
    place = _places(estimator.candidates_, g, log_sorted)
    sizes, costs = g("Gather", estimator.sizes_, place), g("Gather", estimator.costs_, place)
    values = _values(g, estimator, _read(estimator, x), log_sorted, sizes, costs)
    level = np.clip(np.reshape(level, (1, -1, 1)), -_HUGE, _HUGE).astype(np.float64)
    price = g("Mul", level, g("Unsqueeze", costs, [1]))
    worth = g("Sub", g("Unsqueeze", values, [1]), price)
    best = g("ArgMax", worth, axis=2, keepdims=0, select_last_index=1)
    return g("GatherElements", sizes, best, axis=1)


@singledispatch
def _places(candidates, g, log_sorted):
    """Return the places of each row's candidates among the sizes, (n, m)."""


@_places.register(FixedSizes)
def _all_places(candidates, g, log_sorted):
    zero = g("Cast", g("Mul", _columns(g, log_sorted, 0, 1), np.float64(0)), to=TensorProto.INT64)
    return g("Add", zero, np.arange(len(candidates))[None])


@_places.register(SizesByThreshold)
def _places_by_threshold(candidates, g, log_sorted):
    log_t = np.log(candidates.thresholds)[None, None]
    reached = g("GreaterOrEqual", g("Unsqueeze", log_sorted, [2]), log_t)
    count = g("ReduceSum", g("Cast", reached, to=TensorProto.INT64), [1], keepdims=0)
    return g("Sub", g("Max", count, np.int64(1)), np.int64(1))


def _read(estimator, x):
    """Return x where the networks read it, None where they read the scores alone."""
    return x if estimator.reads_ == "x and scores" else None


def _join(g, x, scores):
    """Put scores beside the columns of x."""
    return scores if x is None else g("Concat", x, scores, axis=1)


def _expert(name):
    """Return the function for the log-probabilities of one kind of expert."""
    return {"plain": _plain, "residual": _residual}[name]


def _plain(g, network, x, log_base):
    return log_softmax(g, network_scores(g, network, x))


def _residual(g, network, x, log_base):
    return log_softmax(g, g("Add", log_base, network_scores(g, network, _join(g, x, log_base))))


def _values(g, estimator, x, log_sorted, sizes, costs):
    """Return the values of the candidate sizes, (n, m)."""
    selector, m = estimator.selector_, len(estimator.candidates_)
    cumulative = g("CumSum", g("Exp", log_sorted), np.int64(1))
    covered = g("GatherElements", cumulative, g("Sub", sizes, np.int64(1)), axis=1)
    masses = _masses(g, covered, m)

    def learned(start):
        if selector.network is None:
            return start
        head = _columns(g, log_sorted, 0, min(SCORES_READ, len(estimator.classes_)))
        return g("Add", start, network_scores(g, selector.network, _join(g, x, head)))

    if not isinstance(selector, RankDistribution):
        start = link(g, selector.loss, _expected(g, selector.costs, masses, covered, costs, m), m)
        return probabilities(g, selector.loss, learned(start), m)
    if selector.network is None:
        return covered
    masses = softmax(g, learned(g("Log", g("Max", masses, np.float64(FLOOR)))))
    return _columns(g, g("CumSum", masses, np.int64(1)), 0, m)


def _expected(g, of_sets, masses, covered, costs, m):
    """Return the expected costs of the candidate sets, (n, m), see `SetCosts`."""
    price = g("Mul", costs, np.float64(of_sets.size_penalty))
    missing = g("Add", price, np.float64(1))
    first, last = _columns(g, price, 0, 1), _columns(g, price, m - 1, m)
    if of_sets.weightless == 0.0:
        beyond = _columns(g, missing, 0, 1)
        between = g("Min", _columns(g, price, 1, m), beyond)
    else:
        first, beyond = last, _columns(g, missing, m - 1, m)
        between = g("Max", _columns(g, missing, 0, m - 1), last)
    anchors = g("Concat", first, between, beyond, axis=1)
    anchor = row_sum(g, g("Mul", masses, anchors))
    raw = g("Sub", missing, covered)
    scale = np.float64(1 + of_sets.size_penalty * of_sets.cost_range)
    costs = g("Add", np.float64(of_sets.weightless), g("Div", g("Sub", raw, anchor), scale))
    return g("Min", g("Max", costs, np.float64(0)), np.float64(1))


def _masses(g, covered, m):
    """Return the probability of each bucket of ranks, (n, m + 1)."""
    zero = g("Mul", _columns(g, covered, 0, 1), np.float64(0))
    edges = g("Concat", zero, covered, g("Add", zero, np.float64(1)), axis=1)
    upper, lower = _columns(g, edges, 1, m + 2), _columns(g, edges, 0, m + 1)
    return g("Max", g("Sub", upper, lower), np.float64(0))


def _columns(g, values, start, stop):
    """Return the columns from start up to, and without, stop."""
    return g("Slice", values, [start], [stop], [1])
