"""How large the set should be: a law of the label's rank, or a rule trained on costs.

Both give ``values`` u of shape (n, m), one per candidate size s, from which sets follow: at
level t the size is ``argmax_s u(s) - t cost(s)``.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from sklearn_setpred.estimators._folds import Part, validation_rows
from sklearn_setpred.estimators._refine import join_features
from sklearn_setpred.utils.validation import check_option

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

    network: object = None

    @classmethod
    def fit(cls, X, sketch, ranks, weight, rng, *, build, **options):
        """Learn the law from the ranks of rows that the scores were not fitted on.

        Parameters
        ----------
        X : array or CSR of shape (n, n_features), or None
            What can be read beside the scores.
        sketch : Sketch
            Of the rows' log-probabilities.
        ranks : ndarray of shape (n,), int
            Of the labels.
        weight : ndarray of shape (n,) or None
        rng : RandomState
        build, **options
            Of `training.fit_network`.

        Returns
        -------
        RankLaw
        """
        from sklearn_setpred.losses import get_loss

        bucket, prior = sketch.buckets(ranks), _log(sketch.masses())
        part = Part(join_features(X, sketch.head), bucket, weight, prior)
        build = replace(build, zero_start=True)
        loss = get_loss("cross_entropy")
        return cls(_fit_network(part, bucket, loss, prior.shape[1], rng, build=build, **options))

    def values(self, X, sketch):
        """Give F at the candidate sizes, (n, m)."""
        if self.network is None:
            return sketch.covered
        g = self.network.scores(join_features(X, sketch.head))
        masses = softmax(_log(sketch.masses()) + g, axis=1)
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
    def fit(cls, X, sketch, ranks, weight, rng, *, loss, size_penalty, **options):
        """Train on the costs of each row's candidate sets.

        Parameters
        ----------
        X, sketch, ranks, weight, rng, **options
            As in `RankLaw`.
        loss : Loss
            With ``target = "cost"``.
        size_penalty : float
            Weight of the cost.

        Returns
        -------
        CostRule
        """
        costs = set_costs(ranks, sketch.sizes, sketch.costs, size_penalty)
        part = Part(join_features(X, sketch.head), costs, weight)
        strata = sketch.buckets(ranks)
        network = _fit_network(part, strata, loss, costs.shape[1], rng, **options)
        return cls(network, loss)

    def values(self, X, sketch):
        """Give the inverse link of the scores of the candidate sizes, (n, m)."""
        import torch

        scores = torch.from_numpy(self.network.scores(join_features(X, sketch.head)))
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


def _log(masses):
    """Give the logarithm of masses, of which some may be zero."""
    return np.log(np.maximum(masses, FLOOR))


def set_costs(ranks, sizes, costs, size_penalty):
    """Give the normalised costs of the candidate sets, (n, m), in [0, 1].

    ``c(x, s, y) = (1[rank(y) > s] + size_penalty cost(s)) / (1 + size_penalty max cost)``
    (Cortes et al. 2024, Section 4), the maximum over all sets.
    """
    raw = (ranks[:, None] > sizes) + size_penalty * costs
    return raw / (1.0 + size_penalty * costs.max())


def _fit_network(part, strata, loss, n_outputs, rng, **options):
    """Train a network; a share of the rows, drawn by strata, stops it early."""
    from sklearn_setpred.training import fit_network

    held_out = validation_rows(strata, _HELD_OUT, rng)
    valid = part.take(held_out) if held_out.any() else None
    seed = rng.randint(2**31 - 1)
    return fit_network(part.take(~held_out), valid, loss, n_outputs, seed=seed, **options)[0]
