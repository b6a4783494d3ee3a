"""How large the set should be: a law of the label's rank, or a rule trained on costs.

Both give ``values`` u of shape (n, m), one per candidate size s, from which sets follow: at
level t the size is ``argmax_s u(s) - t cost(s)``.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from sklearn_setpred.estimators._folds import Part, validation_rows
from sklearn_setpred.estimators._refine import join_features
from sklearn_setpred.sets import label_ranks
from sklearn_setpred.utils.validation import check_option

# Of the sorted scores the selector reads the head; the tail behind it is smooth.
SCORES_READ = 64
# The share of rows that stops the selector's training early.
_HELD_OUT = 0.1
FLOOR = 1e-12


@dataclass
class RankLaw:
    """The law of the label's rank given x; its values are ``F(s) = P(rank <= s | x)``.

    Without a network it is read off the sorted probabilities, which is right where these are.
    With one, over buckets of ranks between candidate sizes and up to a constant,
    ``log P(bucket | x) = log (mass of the sorted probabilities) + g(x, sorted log p)``. As g
    starts at zero, the ranks have to teach it anything else.
    """

    sizes: np.ndarray
    network: object = None

    @classmethod
    def fit(cls, part, sizes, rng, *, build, **options):
        """Learn the law from the ranks of rows that the scores were not fitted on.

        Parameters
        ----------
        part : Part
            X as numbers or None, labels, weights, and as prior the log-probabilities.
        sizes : ndarray of shape (m,), int
            Candidate sizes.
        rng : RandomState
        build, **options
            Of `training.fit_network`.

        Returns
        -------
        RankLaw
        """
        from sklearn_setpred.losses import get_loss

        bucket = np.searchsorted(sizes, label_ranks(part.prior, part.target))
        prior = _log(bucket_masses(part.prior, sizes))
        ranks_part = Part(_features(part.X, part.prior), bucket, part.weight, prior)
        build = replace(build, zero_start=True)
        loss = get_loss("cross_entropy")
        network = _fit_network(
            ranks_part, bucket, loss, prior.shape[1], rng, build=build, **options
        )
        return cls(sizes, network)

    def values(self, X, log_p):
        """Give F at the candidate sizes, (n, m)."""
        masses = bucket_masses(log_p, self.sizes)
        if self.network is not None:
            g = self.network.scores(_features(X, log_p))
            masses = softmax(_log(masses) + g, axis=1)
        return np.cumsum(masses, axis=1)[:, :-1]


@dataclass
class CostRule:
    """A rule trained on costs for one penalty; its values are those of the loss's inverse link.

    For the comp-sum losses they estimate ``1 - E[c(x, s, y) | x]`` up to a factor (Cortes et al.
    2024, Section 4, cost-sensitive comp-sum surrogates).
    """

    network: object
    loss: object

    @classmethod
    def fit(cls, part, sizes, costs, size_penalty, loss, rng, **options):
        """Train on the costs of each row's candidate sets.

        Parameters
        ----------
        part, sizes, rng, **options
            As in `RankLaw`.
        costs : ndarray of shape (m,)
            Cost of each size.
        size_penalty : float
            Weight of the cost.
        loss : Loss
            With ``target = "cost"``.

        Returns
        -------
        CostRule
        """
        ranks = label_ranks(part.prior, part.target)
        c = set_costs(ranks, sizes, costs, size_penalty)
        costs_part = Part(_features(part.X, part.prior), c, part.weight)
        network = _fit_network(costs_part, part.target, loss, len(sizes), rng, **options)
        return cls(network, loss)

    def values(self, X, log_p):
        """Give the inverse link of the scores of the candidate sizes, (n, m)."""
        import torch

        scores = torch.from_numpy(self.network.scores(_features(X, log_p)))
        return self.loss.probabilities(scores).numpy()


def cost_loss(surrogate):
    """Give the loss on costs for a name or instance; raise for any other loss."""
    from sklearn_setpred.losses import LOSSES, Loss, get_loss

    known = [name for name, loss in LOSSES.items() if loss.target == "cost"]
    if not isinstance(surrogate, Loss):
        check_option("surrogate", surrogate, ["rank", *known])
    loss = get_loss(surrogate)
    if loss.target != "cost":
        raise ValueError(f"surrogate={surrogate!r} compares scores with labels; use {known}.")
    return loss


def bucket_masses(log_p, sizes):
    """Give the probability of each bucket of ranks, (n, m + 1).

    Bucket j holds the ranks above the size before it and up to ``sizes[j]``, the last bucket
    those above all sizes.
    """
    covered = np.cumsum(-np.sort(-np.exp(log_p), axis=1), axis=1)[:, sizes - 1]
    n = len(log_p)
    edges = np.hstack([np.zeros((n, 1)), covered, np.ones((n, 1))])
    return np.maximum(np.diff(edges, axis=1), 0.0)


def _log(masses):
    """Give the logarithm of masses, of which some may be zero."""
    return np.log(np.maximum(masses, FLOOR))


def set_costs(ranks, sizes, costs, size_penalty):
    """Give the normalised costs of the candidate sets, (n, m), in [0, 1].

    ``c(x, s, y) = (1[rank(y) > s] + size_penalty cost(s)) / (1 + size_penalty max cost)``
    (Cortes et al. 2024, Section 4).
    """
    raw = (ranks[:, None] > sizes) + size_penalty * costs
    return raw / (1.0 + size_penalty * costs.max())


def _features(X, log_p):
    """Give what a selector reads: x, where it can, and the sorted log-probabilities."""
    return join_features(X, -np.sort(-log_p, axis=1)[:, :SCORES_READ])


def _fit_network(part, strata, loss, n_outputs, rng, **options):
    """Train a network; a share of the rows, drawn by strata, stops it early."""
    from sklearn_setpred.training import fit_network

    held_out = validation_rows(strata, _HELD_OUT, rng)
    valid = part.take(held_out) if held_out.any() else None
    seed = rng.randint(2**31 - 1)
    return fit_network(part.take(~held_out), valid, loss, n_outputs, seed=seed, **options)[0]
