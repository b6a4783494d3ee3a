"""Experts' probabilities pooled by the likelihood of held-out labels."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import log_softmax

from sklearn_setpred.sets._batches import row_batches, stack

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
    At last each class is recalibrated: ``softmax(s log p + b)`` (vector scaling [1]_).

    Attributes
    ----------
    exponents : ndarray of shape (n_experts,)
        w.
    shares : ndarray of shape (1 + n_experts,)
        a, which sums to one, that of the product first.
    slopes, offsets : ndarray of shape (n_classes,)
        s and b.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017.
    """

    exponents: np.ndarray
    shares: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def fit(cls, by_one, by_mean, codes, row_weight, *, n_averaged=1, n_models=1):
        """Return the pool with the highest likelihood of the labels: w first, then a, s and b.

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
        n_averaged, n_models : float
            Number of models averaged in ``by_mean``, a mean over the rows, and for new rows.
        """
        held_out = pool_exponents(by_mean, codes, row_weight)
        exponents = held_out
        if n_averaged > 1:
            by_single = pool_exponents(by_one, codes, row_weight)
            steps = (1 / n_averaged - 1 / n_models) / (1 - 1 / n_averaged)
            carried = np.maximum(held_out + steps * (held_out - by_single), 0.0)
            # The mean of more models deserves no smaller exponents in all. Where few held-out rows
            # are wrong, the exponents fitted to one model may be larger by chance.
            exponents = carried if carried.sum() >= held_out.sum() else held_out
        rows = np.arange(len(codes))
        parts = [_in_float32(lambda some: log_linear_pool(some, held_out), by_mean), *by_mean]
        shares = mixture_shares(np.exp([log_p[rows, codes] for log_p in parts]), row_weight)
        del parts
        exponents, held_out, shares = without_the_least(exponents, held_out, shares)
        mixed = _in_float32(lambda some: _mixture(some, held_out, shares), by_mean)
        return cls(exponents, shares, *vector_scaling(mixed, codes, row_weight))

    @property
    def needed(self):
        """The places of the experts that have a weight; of the first if none has."""
        places = np.flatnonzero((self.exponents > 0) | (self.shares[1:] > 0))
        return places if len(places) else np.array([0])

    def of(self, experts):
        """Return the pool of some of the experts, by their places."""
        shares = self.shares[[0, *(1 + experts)]]
        return Pool(self.exponents[experts], shares, self.slopes, self.offsets)

    def __call__(self, experts):
        """Return log p(y | x), (n, n_classes), from the experts' log-probabilities."""

        def pooled(experts):
            mixed = _mixture(experts, self.exponents, self.shares)
            return log_softmax(self.slopes * mixed + self.offsets, axis=1)

        return _by_batches(pooled, experts)

    @property
    def counts(self):
        """How much each expert counts, by itself and in the product; sums to one."""
        return counts_of(self.exponents, self.shares)


def _mixture(experts, exponents, shares):
    """Return the logarithm of the mixture of a product and of its factors, (n, n_classes)."""
    return log_mean([log_linear_pool(experts, exponents), *experts], shares)


def _batches_of(experts):
    """Return slices of rows, so that temporary arrays of all experts are small."""
    n, n_classes = experts[0].shape
    return row_batches((n, (1 + len(experts)) * n_classes))


def _by_batches(function, experts):
    """Return a function of the experts' log-probabilities, made by batches of rows."""
    batches = _batches_of(experts) or [slice(None)]
    parts = (function([log_p[rows] for log_p in experts]) for rows in batches)
    return stack(parts, len(experts[0]))


def _in_float32(function, experts):
    """Return `_by_batches` in float32, which is precise enough to fit shares and slopes to."""
    return _by_batches(lambda some: function(some).astype(np.float32), experts)


def _summed(of_rows, experts):
    """Return a function that sums what ``of_rows(w, rows)`` gives for batches: value, gradient."""
    batches = _batches_of(experts)

    def total(w):
        values, gradients = zip(*(of_rows(w, rows) for rows in batches), strict=True)
        return sum(values), sum(gradients)

    return total


def _least(of_all, start, ridge, bounds=None):
    """Return where ``of_all(z) + ridge |z - start|^2 / 2`` is least."""

    def penalised(z):
        value, gradient = of_all(z)
        moved = z - start
        return value + 0.5 * ridge * (moved @ moved), gradient + ridge * moved

    return minimize(penalised, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def counts_of(exponents, shares):
    """Return how much each expert counts in a pool, by itself and in the product."""
    in_product = exponents / max(exponents.sum(), np.finfo(float).tiny)
    return shares[1:] + shares[0] * in_product


def without_the_least(exponents, held_out, shares):
    """Return exponents and shares that are zero for experts that hardly count."""
    kept = counts_of(exponents, shares) >= _LEAST_COUNT
    shares = np.where([True, *kept], shares, 0.0)
    exponents, held_out = (np.where(kept, w, 0.0) for w in (exponents, held_out))
    return exponents, held_out, shares / shares.sum()


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
    log_p = np.stack(log_p, dtype=np.float64)
    shares = np.full(len(log_p), 1.0 / len(log_p)) if shares is None else shares
    log_p, shares = log_p[shares > 0], shares[shares > 0]
    top = log_p.max(axis=0)
    # scipy's logsumexp takes longer than all the rest of a pool.
    return top + np.log(sum(a * p for a, p in zip(shares, np.exp(log_p - top), strict=True)))


def log_linear_pool(experts, w):
    """Return ``log_softmax(sum_i w_i log p_i)``, (n, n_classes)."""
    experts = (log_p.astype(np.float64, copy=False) for log_p in experts)
    return log_softmax(sum(w_i * log_p for w_i, log_p in zip(w, experts, strict=True)), axis=1)


def pool_exponents(experts, codes, row_weight):
    """Return the exponents of the log-linear pool with the highest likelihood of the labels.

    Minimises the convex ``-sum_r v_r log q(y_r | x_r) + |w - 1 / m|^2 / (2 n)`` over ``w >= 0``,
    of m experts and n rows. The ridge counts about as much as one row: where all rows are right,
    the likelihood alone grows with w without end.

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
    v = row_weight / row_weight.sum()

    def negative_log_likelihood(w, rows):
        log_p = np.stack([one[rows] for one in experts], dtype=np.float64)
        labels = np.arange(log_p.shape[1]), codes[rows]
        log_q = log_softmax(np.tensordot(w, log_p, axes=1), axis=1)
        expected = np.einsum("rk,irk->ir", np.exp(log_q), log_p)
        return -(v[rows] @ log_q[labels]), (expected - log_p[:, *labels]) @ v[rows]

    of_all, ridge = _summed(negative_log_likelihood, experts), 1 / np.count_nonzero(v)
    start = np.full(len(experts), 1.0 / len(experts))
    bounds = [(0.0, None)] * len(experts)
    return _least(of_all, start, ridge, bounds=bounds)


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


def vector_scaling(log_p, codes, row_weight):
    """Return slopes s and offsets b with the highest likelihood under ``softmax(s log p + b)``.

    Minimises ``-sum_r v_r log q(y_r | x_r) + (K / n) (|s - 1|^2 + |b|^2)``, a ridge that grows
    with the number of classes for each row [1]_.

    Parameters
    ----------
    log_p : ndarray of shape (n, n_classes)
        Log-probabilities of held-out rows.
    codes : ndarray of shape (n,), int
    row_weight : ndarray of shape (n,)
        v.

    References
    ----------
    .. [1] E. Berta, D. Holzmüller, M. Jordan, F. Bach, "Structured matrix scaling for multi-class
       calibration", 2025.
    """
    n, n_classes = log_p.shape
    v, ridge = row_weight / row_weight.sum(), n_classes / n

    def negative_log_likelihood(z, rows):
        tilt, offsets = np.split(z, 2)
        of_rows = log_p[rows].astype(np.float64, copy=False)
        labels = np.arange(len(of_rows)), codes[rows]
        log_q = log_softmax((1.0 + tilt) * of_rows + offsets, axis=1)
        residual = np.exp(log_q)
        residual[labels] -= 1.0
        residual *= v[rows, None]
        gradient = [(residual * of_rows).sum(axis=0), residual.sum(axis=0)]
        return -(v[rows] @ log_q[labels]), np.concatenate(gradient)

    of_all = _summed(negative_log_likelihood, [log_p])
    tilt, offsets = np.split(_least(of_all, np.zeros(2 * n_classes), 2 * ridge), 2)
    return 1.0 + tilt, offsets
