"""Refined probabilities: a base classifier and two kinds of network, pooled by likelihood."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from sklearn_setpred._networks.parts import Part

# Stands for a probability of zero before the logarithm.
SMALLEST = 1e-300
# Where expectation-maximisation ends.
_MOST_STEPS, _LEAST_STEP = 1000, 1e-5
# Shares that have gone to zero would divide by denormal numbers.
_LEAST_SHARE = 1e-12


@dataclass
class Pool:
    """Experts' probabilities made one: a mixture of their log-linear pool and of themselves.

    ``p(y | x) = a_0 q(y | x) + sum_i a_i p_i(y | x)``, with ``q`` proportional to
    ``prod_i p_i ** w_i``, ``w_i >= 0``. The product is sharp where the experts support each other,
    and follows one that is overconfident; the sum keeps a label that any of them believes in.

    Attributes
    ----------
    exponents : ndarray of shape (n_experts,)
        w.
    shares : ndarray of shape (1 + n_experts,)
        a, which sums to one, that of the product first.
    """

    exponents: np.ndarray
    shares: np.ndarray

    @classmethod
    def fit(cls, experts, codes, row_weight=None):
        """Return the pool with the highest likelihood of the labels, w first and a then.

        Parameters
        ----------
        experts : list of ndarray of shape (n, n_classes)
            Log-probabilities of rows that the experts were not fitted on.
        codes : ndarray of shape (n,), int
            Labels.
        row_weight : ndarray of shape (n,) or None
        """
        v = np.ones(len(codes)) if row_weight is None else row_weight
        w = pool_exponents(experts, codes, v)
        rows = np.arange(len(codes))
        of_label = [log_p[rows, codes] for log_p in [log_linear_pool(experts, w), *experts]]
        return cls(w, mixture_shares(np.exp(of_label), v))

    def __call__(self, experts):
        """Return log p(y | x), (n, n_classes), from the experts' log-probabilities."""
        parts = np.stack([log_linear_pool(experts, self.exponents), *experts])
        return log_mean(parts, self.shares)

    @property
    def counts(self):
        """How much each expert counts, by itself and in the product; sums to one."""
        in_product = self.exponents / max(self.exponents.sum(), np.finfo(float).tiny)
        return self.shares[1:] + self.shares[0] * in_product


@dataclass
class Refiner:
    """A pool of a base classifier's probabilities with networks that correct them.

    The experts are

    - base: the classifier;
    - residual: networks ``log p_base(x) + g(x, log p_base(x))``, whose g starts at zero;
    - plain: networks on x alone, where x can be read.

    Of each kind there is one network per fold; their probabilities are averaged.

    Attributes
    ----------
    networks : dict of list of Network
        By the name of the expert.
    pool : Pool
        Of the base, where it is an expert, and the experts in the order of ``networks``.
    with_base : bool
        Whether the base is an expert; one that says nothing is none.
    """

    networks: dict
    pool: Pool
    with_base: bool = True

    @property
    def weights(self):
        """How much each expert counts, by name, a dict of float that sums to one."""
        names = [*(["base"] if self.with_base else []), *self.networks]
        return dict(zip(names, self.pool.counts.tolist(), strict=True))

    def log_probabilities(self, X, log_base):
        """Return the pooled log-probabilities, (n, n_classes), of rows and their base's."""
        experts = [log_softmax(log_base, axis=1)] if self.with_base else []
        for name, networks in self.networks.items():
            part = _expert_part(name, X, log_base)
            experts.append(log_mean([_log_probabilities(net, part) for net in networks]))
        return self.pool(experts)


def fit_refiner(part, splits, rng, *, build, with_base=True, **options):
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
    with_base : bool
        Whether the base is an expert and has networks that correct it.

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
    builds = {"residual": replace(build, zero_start=True)} if with_base else {}
    if part.X is not None:
        builds["plain"] = build
    networks, experts = {}, [log_softmax(log_base, axis=1)] if with_base else []
    for name, expert_build in builds.items():
        expert_part = _expert_part(name, part.X, log_base)
        expert_part = expert_part._replace(target=part.target, weight=part.weight)
        networks[name], log_p = _fit_expert(
            expert_part, log_base, splits, rng, build=expert_build, **options
        )
        experts.append(log_p)
    tested = np.concatenate([test for _, test in splits])
    held_out = [log_p[tested] for log_p in experts]
    labels = part._replace(X=None).take(tested)
    pool = Pool.fit(held_out, labels.target, labels.weight)
    log_p = log_base.copy()
    log_p[tested] = pool(held_out)
    return Refiner(networks, pool, with_base), log_p


def _expert_part(name, X, log_base):
    """Return what an expert reads: x, or for the residual also the base, its prior."""
    if name == "plain":
        return Part(X, None)
    return Part(join_features(X, log_base), None, None, log_base)


def _fit_expert(part, log_base, splits, rng, **options):
    """Fit a network per fold; give them and the log-probabilities of the rows left out."""
    from sklearn_setpred._networks.training import fit_networks
    from sklearn_setpred.losses import get_loss

    parts, test_parts = ([part.take(rows) for rows in side] for side in zip(*splits, strict=True))
    seeds = [rng.randint(2**31 - 1) for _ in splits]
    loss, n_classes = get_loss("cross_entropy"), log_base.shape[1]
    # The pool finds the scale.
    options |= {"seeds": seeds, "scale_free": True}
    pairs = zip(parts, test_parts, strict=True)
    networks = [network for network, *_ in fit_networks(pairs, loss, n_classes, **options)]
    log_p = log_base.copy()
    for network, test_part, (_, test) in zip(networks, test_parts, splits, strict=True):
        log_p[test] = _log_probabilities(network, test_part)
    return networks, log_p


def _log_probabilities(network, part):
    """Return ``log_softmax(prior + scores)``, (n, n_classes)."""
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
    """Return log p, held up below the floor in the order of p.

    With f the floor and x = log p: ``max(x, log f) - log(1 + max(log f - x, 0))``, which is log p
    above the floor. Classifiers give zeros, whose logarithm no pool could use, and tiny
    probabilities, whose order is worth keeping.
    """
    x = np.log(np.maximum(p, SMALLEST))
    return np.maximum(x, np.log(floor)) - np.log1p(np.maximum(np.log(floor) - x, 0.0))


def log_mean(log_p, shares=None):
    """Return the logarithm of the weighted mean of probabilities, from their logarithms."""
    log_p = np.stack(log_p)
    shares = np.full(len(log_p), 1.0 / len(log_p)) if shares is None else shares
    return logsumexp(log_p, axis=0, b=shares[:, None, None])


def log_linear_pool(experts, w):
    """Return ``log_softmax(sum_i w_i log p_i)``, (n, n_classes)."""
    return log_softmax(sum(w_i * log_p for w_i, log_p in zip(w, experts, strict=True)), axis=1)


def pool_exponents(experts, codes, row_weight):
    """Return the exponents of the log-linear pool with the highest likelihood of the labels.

    Minimises the convex ``-sum_r v_r log q(y_r | x_r)`` over ``w >= 0``.

    Parameters
    ----------
    experts : list of ndarray of shape (n, n_classes)
        Log-probabilities.
    codes : ndarray of shape (n,), int
        Labels.
    row_weight : ndarray of shape (n,)
        v.

    Returns
    -------
    ndarray of shape (n_experts,), float64
    """
    experts = np.stack(experts)
    v, rows = row_weight / row_weight.sum(), np.arange(len(codes))
    of_label = experts[:, rows, codes]

    def negative_log_likelihood(w):
        log_q = log_softmax(np.tensordot(w, experts, axes=1), axis=1)
        expected = np.einsum("rk,irk->ir", np.exp(log_q), experts)
        return -(v @ log_q[rows, codes]), (expected - of_label) @ v

    start = np.full(len(experts), 1.0 / len(experts))
    bounds = [(0.0, None)] * len(experts)
    return minimize(negative_log_likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def mixture_shares(p, row_weight):
    """Return the shares of a mixture with the highest likelihood, by expectation-maximisation.

    Each step lets a part count as much as it counts in the mixture's probabilities of the labels:
    ``a_i <- sum_r v_r a_i p_i(y_r) / sum_j a_j p_j(y_r)``, which never lowers the likelihood.

    Parameters
    ----------
    p : ndarray of shape (n_parts, n)
        Probability of each row's label under each part.
    row_weight : ndarray of shape (n,)
        v.

    Returns
    -------
    ndarray of shape (n_parts,), float64
        Sums to one.
    """
    v = row_weight / row_weight.sum()
    shares = np.full(len(p), 1.0 / len(p))
    for _ in range(_MOST_STEPS):
        before = shares
        shares = before * ((p / np.maximum(before @ p, SMALLEST)) @ v)
        if np.abs(shares - before).max() < _LEAST_STEP:
            break
    shares[shares < _LEAST_SHARE] = 0.0
    return shares / shares.sum()
