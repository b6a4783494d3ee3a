"""Refined probabilities: a base classifier and two kinds of network, pooled by likelihood."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import log_softmax

from sklearn_setpred.estimators._folds import Part

# Stands for a probability of zero before the logarithm.
SMALLEST = 1e-300


@dataclass
class Refiner:
    """Log-linear pool of a base classifier's probabilities with networks that correct them.

    ``p(y | x)`` is proportional to ``prod_i p_i(y | x) ** w_i``, ``w_i >= 0``, over the experts

    - base: the classifier;
    - residual: networks ``log p_base(x) + g(x, log p_base(x))``, whose g starts at zero;
    - plain: networks on x alone, where x can be read.

    Of each kind there is one network per fold; their log-probabilities are averaged.

    Attributes
    ----------
    networks : dict of list of Network
        By the name of the expert.
    weights : dict of float
        By the name of the expert, base included.
    """

    networks: dict
    weights: dict

    def log_probabilities(self, X, log_base):
        """Give the pooled log-probabilities, (n, n_classes), of rows and their base's."""
        experts = {"base": log_base}
        for name, networks in self.networks.items():
            part = _expert_part(name, X, log_base)
            experts[name] = np.mean([_log_probabilities(net, part) for net in networks], axis=0)
        return pool(list(experts.values()), [self.weights[name] for name in experts])


def fit_refiner(part, splits, rng, *, build, **options):
    """Fit the experts fold by fold and pool them on the rows they were not fitted on.

    Parameters
    ----------
    part : Part
        X as numbers or None, labels, weights, and as prior the log-probabilities of the base
        for rows that it was not fitted on.
    splits : list of (training rows, test rows)
        The test rows of a fold stop its networks early.
    rng : RandomState
    build, **options
        Of `training.fit_network`.

    Returns
    -------
    refiner : Refiner
    log_p : ndarray of shape (n, n_classes)
        Pooled log-probabilities, by networks that the row was not fitted on; those of the base
        for rows that no fold tests.

    Raises
    ------
    ValueError
        If there are no splits.
    """
    if not splits:
        raise ValueError(
            "cv gives no fold whose training rows have probabilities by a model that left them "
            "out; use two or more folds, or refine=False."
        )
    log_base = part.prior
    builds = {"residual": replace(build, zero_start=True), "plain": build}
    if part.X is None:
        del builds["plain"]
    networks, experts = {}, {"base": log_base}
    for name, expert_build in builds.items():
        expert_part = _expert_part(name, part.X, log_base)
        expert_part = expert_part._replace(target=part.target, weight=part.weight)
        networks[name], experts[name] = _fit_expert(
            expert_part, log_base, splits, rng, build=expert_build, **options
        )
    tested = np.concatenate([test for _, test in splits])
    held_out = [log_p[tested] for log_p in experts.values()]
    labels = part._replace(X=None).take(tested)
    w = pool_weights(held_out, labels.target, labels.weight)
    log_p = log_base.copy()
    log_p[tested] = pool(held_out, w)
    return Refiner(networks, dict(zip(experts, w.tolist(), strict=True))), log_p


def _expert_part(name, X, log_base):
    """Give what an expert reads: x, or for the residual also the base, its prior."""
    if name == "plain":
        return Part(X, None)
    return Part(join_features(X, log_base), None, None, log_base)


def _fit_expert(part, log_base, splits, rng, **options):
    """Fit a network per fold; give them and the log-probabilities of the rows left out."""
    from sklearn_setpred.losses import get_loss
    from sklearn_setpred.training import fit_networks

    parts, test_parts = ([part.take(rows) for rows in side] for side in zip(*splits, strict=True))
    seeds = [rng.randint(2**31 - 1) for _ in splits]
    loss, n_classes = get_loss("cross_entropy"), log_base.shape[1]
    networks = fit_networks(parts, test_parts, loss, n_classes, seeds=seeds, **options)
    log_p = log_base.copy()
    for network, test_part, (_, test) in zip(networks, test_parts, splits, strict=True):
        log_p[test] = _log_probabilities(network, test_part)
    return networks, log_p


def _log_probabilities(network, part):
    """Give ``log_softmax(prior + scores)``, (n, n_classes)."""
    scores = network.scores(part.X)
    return log_softmax(scores if part.prior is None else part.prior + scores, axis=1)


def join_features(X, scores):
    """Put scores beside the columns of X; the scores alone where X is None."""
    if X is None:
        return scores
    if sp.issparse(X):
        return sp.csr_array(sp.hstack([X, sp.csr_array(scores)]))
    return np.hstack([X, scores])


def floored_log(p, floor):
    """Give log p, held up below the floor in the order of p.

    With f the floor and x = log p: ``max(x, log f) - log(1 + max(log f - x, 0))``, which is log p
    above the floor. Classifiers give zeros, whose logarithm no pool could use, and tiny
    probabilities, whose order is worth keeping.
    """
    x = np.log(np.maximum(p, SMALLEST))
    return np.maximum(x, np.log(floor)) - np.log1p(np.maximum(np.log(floor) - x, 0.0))


def pool(experts, weights):
    """Give ``log_softmax(sum_i w_i log p_i)``, (n, n_classes)."""
    total = sum(w * log_p for w, log_p in zip(weights, experts, strict=True))
    return log_softmax(total, axis=1)


def pool_weights(experts, codes, row_weight=None):
    """Give the weights of the log-linear pool with the highest likelihood of the labels.

    Minimises the convex ``-sum_r v_r log p(y_r | x_r)`` over ``w >= 0``.

    Parameters
    ----------
    experts : list of ndarray of shape (n, n_classes)
        Log-probabilities of rows that the experts were not fitted on.
    codes : ndarray of shape (n,), int
        Labels.
    row_weight : ndarray of shape (n,) or None

    Returns
    -------
    ndarray of shape (n_experts,), float64
    """
    experts = np.stack(experts)
    v = np.ones(len(codes)) if row_weight is None else row_weight
    v = v / v.sum()
    rows = np.arange(len(codes))
    of_label = experts[:, rows, codes]

    def negative_log_likelihood(w):
        log_p = log_softmax(np.tensordot(w, experts, axes=1), axis=1)
        expected = np.einsum("rk,irk->ir", np.exp(log_p), experts)
        return -(v @ log_p[rows, codes]), (expected - of_label) @ v

    start = np.full(len(experts), 1.0 / len(experts))
    bounds = [(0.0, None)] * len(experts)
    return minimize(negative_log_likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds).x
