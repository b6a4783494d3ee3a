"""The refined probabilities and the sizes of `CardinalityAwareClassifier`, in torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_setpred._cardinality.candidates import SCORES_READ, FixedSizes
from sklearn_setpred._cardinality.pool import SMALLEST
from sklearn_setpred._cardinality.selectors import FLOOR, RankDistribution
from sklearn_setpred.onnx._experts import expert_log_p
from sklearn_setpred.onnx._network import network_scores

# Stands for an infinite level, with which costs of zero would give NaN.
_HUGE = 1e300


def log_probabilities(estimator, x, recorder):
    """Return the final log-probabilities, (n, n_classes)."""
    ensemble = estimator.ensemble_
    if ensemble.pool is None:
        return expert_log_p(ensemble.experts[0], x, recorder)
    needed = ensemble.pool.needed
    log_p = [expert_log_p(ensemble.experts[i], x, recorder) for i in needed]
    return pooled(ensemble.pool.of(needed), log_p)


def check_columns(estimator):
    """Raise NotImplementedError if the built-in experts read categories or missing values of X."""
    reader = estimator.columns_.reader_
    if reader is not None and (reader.categorical or reader.had_gaps.any()):
        raise NotImplementedError(
            "categories and missing values, which the built-in experts read, have no translation; "
            "encode and impute in a pipeline before this estimator"
        )


def sizes_at(estimator, x, log_p, level):
    """Return the size of the sets, (n, 1), or (n, n_classes) for one level per class.

    It is the largest maximiser of ``F(s) - level cost(s)``.
    """
    found = sketch(estimator.candidates_, log_p)
    level = level.clamp(-_HUGE, _HUGE).reshape(1, -1, 1)
    worth = _values(estimator, x, found).unsqueeze(1) - level * found.costs.unsqueeze(1)
    last = worth.shape[2] - 1 - worth.flip(2).argmax(dim=2)
    return found.sizes[0][last] if len(found.sizes) == 1 else found.sizes.gather(1, last)


def _values(estimator, x, found):
    """Return the values of the candidate sizes, (n, m)."""
    selector = estimator.selector_
    network = selector.network
    g = 0.0 if network is None else network_scores(network, _read(estimator, x, found.head))
    if not isinstance(selector, RankDistribution):
        start = selector.loss.link(expected_costs(selector.costs, found))
        return selector.loss.probabilities(start + g)
    if network is None:
        return found.covered
    masses = (bucket_masses(found.covered).clamp_min(FLOOR).log() + g).softmax(dim=1)
    return masses.cumsum(dim=1)[:, :-1]


def _read(estimator, x, scores):
    """Put scores beside the columns of x, where the networks read them."""
    return torch.cat([x, scores], dim=1) if estimator.reads_ == "X and scores" else scores


# ------------------------------------------------------- as in `_cardinality`, on tensors


def pooled(pool, experts):
    """Return the log-probabilities of a `Pool`, (n, n_classes)."""
    product = sum(w * log_p for w, log_p in zip(pool.exponents, experts, strict=True))
    mixed = log_mean(torch.stack([product.log_softmax(dim=1), *experts]), pool.shares)
    slopes, offsets = torch.from_numpy(pool.slopes), torch.from_numpy(pool.offsets)
    return (slopes * mixed + offsets).log_softmax(dim=1)


def log_mean(log_p, shares):
    """Return the logarithm of the weighted mean of probabilities, from their logarithms."""
    log_shares = torch.from_numpy(np.log(np.maximum(shares, SMALLEST)))
    return (log_p + log_shares[:, None, None]).logsumexp(dim=0)


class Sketch(NamedTuple):
    """As `_cardinality.candidates.Sketch`; sizes and costs may have one row for all."""

    head: Tensor
    sizes: Tensor
    costs: Tensor
    covered: Tensor


def sketch(candidates, log_p):
    """Return the `Sketch` of rows of log-probabilities, (n, n_classes)."""
    ordered = log_p.log_softmax(dim=1).topk(log_p.shape[1], dim=1).values
    head, covered = ordered[:, :SCORES_READ], ordered.exp().cumsum(dim=1)
    sizes, costs = torch.from_numpy(candidates.sizes), torch.from_numpy(candidates.costs)
    if isinstance(candidates, FixedSizes):
        return Sketch(head, sizes[None], costs[None], covered[:, sizes - 1])
    log_t = torch.from_numpy(np.log(candidates.thresholds))
    place = (ordered.unsqueeze(2) >= log_t).sum(dim=1).clamp_min(1) - 1
    return Sketch(head, sizes[place], costs[place], covered.gather(1, place))


def bucket_masses(covered):
    """Return the probability of each bucket of ranks, (n, m + 1)."""
    zero = torch.zeros_like(covered[:, :1])
    return torch.cat([zero, covered, zero + 1], dim=1).diff(dim=1).clamp_min(0)


def expected_costs(set_costs, found):
    """Return the expected costs of the candidate sets, (n, m), as `SetCosts.expected`."""
    price = set_costs.size_penalty * found.costs
    first, last, missed = price[:, :1], price[:, -1:], 1 + price
    if set_costs.weightless == 0.0:
        anchors = [first, torch.minimum(price[:, 1:], missed[:, :1]), missed[:, :1]]
    else:
        anchors = [last, torch.maximum(missed[:, :-1], last), missed[:, -1:]]
    masses = bucket_masses(found.covered)
    anchor = (masses * torch.cat(anchors, dim=1)).sum(dim=1, keepdim=True)
    scale = 1 + set_costs.size_penalty * set_costs.cost_range
    return (set_costs.weightless + (missed - found.covered - anchor) / scale).clamp(0, 1)
