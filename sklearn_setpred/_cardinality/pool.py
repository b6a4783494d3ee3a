"""Experts' probabilities pooled by the likelihood of held-out labels."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

# Stands for a probability of zero before the logarithm.
SMALLEST = 1e-300

# Where expectation-maximisation ends.
_MOST_STEPS, _LEAST_STEP = 1000, 1e-5
# Shares that have gone to zero would divide by denormal numbers.
_LEAST_SHARE = 1e-12
# Experts that count less than this are not worth their time.
_LEAST_COUNT = 0.01


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
    def fit(cls, by_one, by_mean, codes, row_weight, *, n_averaged=1, n_models=1):
        """Return the pool with the highest likelihood of the labels, w first and a then.

        The mean of several models is better, and deserves a greater exponent, than one of them.
        Exponents are fitted to held-out probabilities by one model and by the mean of several,
        and carried on, in 1 / (number of models), to the number of models at prediction.

        Parameters
        ----------
        by_one, by_mean : list of ndarray of shape (n, n_classes)
            Log-probabilities by the experts of rows that they were not fitted on: by one model,
            and by the mean of ``n_averaged``.
        codes : ndarray of shape (n,), int
            Labels.
        row_weight : ndarray of shape (n,)
        n_averaged, n_models : int
            Numbers of models averaged, in ``by_mean`` and for new rows.
        """
        w_mean = w = pool_exponents(by_mean, codes, row_weight)
        if n_averaged > 1:
            w_one = pool_exponents(by_one, codes, row_weight)
            steps = (1 / n_averaged - 1 / n_models) / (1 - 1 / n_averaged)
            w = np.maximum(w_mean + steps * (w_mean - w_one), 0.0)
        rows = np.arange(len(codes))
        parts = [log_linear_pool(by_mean, w_mean), *by_mean]
        of_label = [log_p[rows, codes] for log_p in parts]
        return cls(w, mixture_shares(np.exp(of_label), row_weight)).without_the_least()

    def without_the_least(self):
        """Return the pool without the experts that hardly count; their weights are zero."""
        kept = self.counts >= _LEAST_COUNT
        shares = np.where([True, *kept], self.shares, 0.0)
        return Pool(np.where(kept, self.exponents, 0.0), shares / shares.sum())

    def of(self, experts):
        """Return the pool of some of the experts, by their places."""
        return Pool(self.exponents[experts], self.shares[[0, *(1 + experts)]])

    def __call__(self, experts):
        """Return log p(y | x), (n, n_classes), from the experts' log-probabilities."""
        parts = np.stack([log_linear_pool(experts, self.exponents), *experts])
        return log_mean(parts, self.shares)

    @property
    def counts(self):
        """How much each expert counts, by itself and in the product; sums to one."""
        in_product = self.exponents / max(self.exponents.sum(), np.finfo(float).tiny)
        return self.shares[1:] + self.shares[0] * in_product


def join_features(X, scores):
    """Put scores beside the columns of X; the scores alone where X is None."""
    if X is None:
        return scores
    if sp.issparse(X):
        return sp.csr_array(sp.hstack([X, sp.csr_array(scores)]))
    return np.hstack([X, scores])


def floored_log(p, floor):
    """Return log p, softly clipped at the floor without creating ties.

    With f the floor and x = log p: ``max(x, log f) - log(1 + max(log f - x, 0))``, which is log p
    above the floor. Classifiers give zeros, whose logarithm no pool could use, and tiny
    probabilities, whose order is worth keeping.
    """
    x = np.log(np.maximum(p.astype(np.float64), SMALLEST))
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
