"""How large the set should be: from the distribution of the label's rank, or trained on costs.

Both give ``values`` u of shape (n, m), one per candidate size s, from which sets follow: at
level t the size is ``argmax_s u(s) - t cost(s)``.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from sklearn_setpred._cardinality.pool import join_features
from sklearn_setpred._networks.parts import Part, validation_rows
from sklearn_setpred._utils.validation import check_option
from sklearn_setpred.sets import concave_hull_levels

# The fraction of rows that is held out to choose the best epoch of the selector.
_HELD_OUT = 0.1
FLOOR = 1e-12


@dataclass
class RankDistribution:
    """The distribution of the label's rank given x; its values are ``F(s) = P(rank <= s | x)``.

    Without a network, F is the cumulative sum of the sorted probabilities, right if they are.
    With one, over buckets of ranks between candidate sizes and up to a constant,
    ``log P(bucket | x) = log (mass of the sorted probabilities) + g(x, sorted log p)``. The
    network g starts at zero, and is dropped unless it is better on held-out rows by more than a
    standard error.
    """

    network: object = None

    @classmethod
    def fit(cls, X, sketch, ranks, weight, rng, options):
        """Learn the distribution from the ranks of rows that the scores were not fitted on.

        Parameters
        ----------
        X : array or CSR of shape (n, n_features), or None
            Columns that are read beside the scores.
        sketch : Sketch
            Of the rows' log-probabilities.
        ranks : ndarray of shape (n,), int
            Of the labels.
        weight : ndarray of shape (n,) or None
        rng : RandomState
        options : TrainingOptions

        Returns
        -------
        RankDistribution
        """
        from sklearn_setpred.losses import get_loss

        bucket, prior = sketch.buckets(ranks), _log(sketch.masses())
        features = join_features(X, sketch.head)
        part = Part(X=features, target=bucket, weight=weight, prior=prior)
        return cls(_fit_network(part, bucket, get_loss("cross_entropy"), rng, options))

    def values(self, X, sketch):
        """Return F at the candidate sizes, (n, m)."""
        if self.network is None:
            return sketch.covered
        g = self.network.scores(join_features(X, sketch.head))
        masses = softmax(_log(sketch.masses()) + g, axis=1)
        return np.cumsum(masses, axis=1)[:, :-1]


@dataclass(frozen=True)
class SetCosts:
    """The costs in [0, 1] of a row's candidate sets.

    ``c(x, s, y) = (1[rank(y) > s] + size_penalty cost(s)) / (1 + size_penalty range of cost)``
    (Cortes et al. 2024, Section 4). The costs of a row are shifted by a constant, which changes no
    decision, so that its best set, or its worst set, has the cost that drops out of the loss.

    Parameters
    ----------
    size_penalty : float
        Weight of the cost.
    cost_range : float
        The greatest less the least cost of a size.
    weightless : {0.0, 1.0}
        The cost that drops out of the loss: 0 is given to the best set, 1 to the worst.
    """

    size_penalty: float
    cost_range: float
    weightless: float

    def of_ranks(self, ranks, sketch):
        """Return the costs of rows whose label has a rank, (n, m)."""
        bucket = sketch.buckets(ranks)[:, None]
        missed = np.arange(sketch.costs.shape[1]) < bucket
        return self._shifted(missed, sketch, np.take_along_axis(self._anchors(sketch), bucket, 1))

    def expected(self, sketch):
        """Return the mean of `of_ranks` over the label, by the row's probabilities, (n, m)."""
        anchors = (sketch.masses() * self._anchors(sketch)).sum(axis=1, keepdims=True)
        return self._shifted(1 - sketch.covered, sketch, anchors)

    def _shifted(self, missed, sketch, anchors):
        """Return the costs, shifted so that a cost equal to its anchor drops out of the loss."""
        raw = missed + self.size_penalty * sketch.costs
        scale = 1 + self.size_penalty * self.cost_range
        return np.clip(self.weightless + (raw - anchors) / scale, 0, 1)

    def _anchors(self, sketch):
        """Return the least or the greatest cost for a label of each bucket, (n, m + 1).

        The sets before the bucket miss such a label; the set of the bucket and later sets hold it.
        """
        price = self.size_penalty * sketch.costs
        first, last = price[:, :1], price[:, -1:]
        if self.weightless == 0.0:
            of_all = np.minimum(price[:, 1:], 1 + first)
            return np.hstack([first, of_all, 1 + first])
        of_all = np.maximum(1 + price[:, :-1], last)
        return np.hstack([last, of_all, 1 + last])


@dataclass
class CostRule:
    """A rule trained on costs for one penalty, with the values of the loss's inverse link.

    For the comp-sum losses they estimate ``1 - E[c(x, s, y) | x]`` up to a factor (Cortes et al.
    2024, Section 4, cost-sensitive comp-sum surrogates). The network's scores are added to the
    scores of least risk at the costs that the probabilities expect. ``network`` is None where it
    was not better on held-out rows by more than a standard error.
    """

    network: object
    loss: object
    costs: SetCosts

    @classmethod
    def fit(cls, X, sketch, ranks, weight, rng, options, *, loss, size_penalty):
        """Train on the costs of each row's candidate sets.

        Parameters
        ----------
        X, sketch, ranks, weight, rng, options
            As in `RankDistribution`.
        loss : Loss
            With ``target = "cost"``.
        size_penalty : float
            Weight of the cost.

        Returns
        -------
        CostRule
        """
        rule = cls(None, loss, SetCosts(size_penalty, np.ptp(sketch.costs), loss.weightless_cost))
        costs = rule.costs.of_ranks(ranks, sketch)
        features, prior = join_features(X, sketch.head), rule._start(sketch)
        part = Part(X=features, target=costs, weight=weight, prior=prior)
        rule.network = _fit_network(part, sketch.buckets(ranks), loss, rng, options)
        return rule

    def values(self, X, sketch):
        """Return the inverse link of the scores of the candidate sizes, (n, m)."""
        import torch

        scores = self._start(sketch)
        if self.network is not None:
            scores = scores + self.network.scores(join_features(X, sketch.head))
        return self.loss.probabilities(torch.from_numpy(scores)).numpy()

    def _start(self, sketch):
        """Return the scores before training, (n, m)."""
        import torch

        return self.loss.link(torch.from_numpy(self.costs.expected(sketch))).numpy()


def size_levels(candidates, selector, X, log_p):
    """Return the candidate sizes of rows of log-probabilities and their levels, both (n, m).

    At level t, the size is the last candidate whose level is at least t.
    """
    sketch = candidates.sketch(log_p)
    return sketch.sizes, concave_hull_levels(sketch.costs, selector.values(X, sketch))


def sizes_at(sizes, levels, level, n_classes):
    """Return the size chosen for each row at a level, (n,); at -inf, all labels."""
    if level == -np.inf:
        return np.full(len(sizes), n_classes)
    last = (levels >= level).sum(axis=1, keepdims=True) - 1
    return np.take_along_axis(sizes, last, axis=1)[:, 0]


def cost_loss(surrogate):
    """Return the loss on costs for a name or instance; raise for any other loss."""
    from sklearn_setpred.losses import LOSSES, Loss, get_loss

    known = [name for name, loss in LOSSES.items() if loss.target == "cost"]
    if not isinstance(surrogate, Loss):
        check_option("surrogate", surrogate, ["rank", *known])
    loss = get_loss(surrogate)
    if loss.target != "cost":
        raise ValueError(f"surrogate={surrogate!r} compares scores with labels; use {known}.")
    return loss


def _log(masses):
    """Return the logarithm of masses, kept away from zero."""
    return np.log(np.maximum(masses, FLOOR))


def _fit_network(part, strata, loss, rng, options):
    """Train a network that starts at the prior; a fraction of the rows chooses the best epoch.

    Returns
    -------
    Network or None
        None where the best epoch was not better on those rows than the prior alone by more than
        a standard error.
    """
    from sklearn_setpred._networks.training import fit_network

    held_out = validation_rows(strata, _HELD_OUT, rng)
    valid = part.take(held_out) if held_out.any() else None
    options = replace(options, build=replace(options.build, zero_start=True), scale_free=False)
    seed, n_outputs = rng.randint(2**31 - 1), part.prior.shape[1]
    network = fit_network(part.take(~held_out), valid, loss, n_outputs, options, seed=seed).network
    return network if valid is None or _has_learned(network, valid, loss) else None


def _has_learned(network, valid, loss):
    """Say whether a network lowers the loss of held-out rows by more than a standard error.

    The best of many epochs is always somewhat better than nothing.
    """
    scores = valid.prior + network.scores(valid.X)
    gains = _losses(loss, valid, valid.prior) - _losses(loss, valid, scores)
    return gains.mean() > gains.std() / np.sqrt(len(gains))


def _losses(loss, part, scores):
    """Return the weighted loss of each row at its scores, (n,)."""
    import torch

    values = loss(torch.from_numpy(scores), torch.from_numpy(part.target)).numpy()
    return values if part.weight is None else part.weight * values
