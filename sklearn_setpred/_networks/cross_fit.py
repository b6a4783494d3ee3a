"""Networks trained on parts of the rows, one for each, and stopped by the rows left out."""

import itertools

import numpy as np

from sklearn_setpred._networks.parts import FoldPairs
from sklearn_setpred.sets import label_ranks

# Scores of held-out rows that are read at once (270 MB).
_CELLS = 2**25


def fit_pairs(pairs, losses, n_classes, *, seeds, is_scale_free, **options):
    """Train a network for each pair of parts.

    Of several losses, that whose network is most accurate on the rows left out of the first pair
    serves all. The networks of folds standardize their inputs alike, by all rows.

    Parameters
    ----------
    pairs : list of (Part, Part or None), or FoldPairs
        Rows to train on, and rows for early stopping.
    losses : list of Loss
        Several only if the first pair has rows left out.
    n_classes : int
    seeds : list of int
        One for each pair.
    is_scale_free : callable
        Of a loss, whether epochs are compared at the best scale of their scores.
    **options
        Of `training.fit_networks`.

    Returns
    -------
    loss : Loss
    trained : list of (Network, list of float, list of float)
        The networks with their training and validation losses. An error of training that diverges
        bears both, as ``loss`` and ``trained``.
    """
    from sklearn_setpred._networks.standardize import Standardization
    from sklearn_setpred._networks.training import fit_networks

    if len(pairs) > 1:
        options["standardization"] = Standardization(pairs.part.X, pairs.part.weight)

    def fit(some, loss, trained=()):
        own = {"seeds": seeds[len(trained) :], "scale_free": is_scale_free(loss)}
        try:
            return [*trained, *fit_networks(some, loss, n_classes, **own, **options)]
        except FloatingPointError as error:
            error.loss, error.trained = loss, [*trained, *error.trained]
            raise

    if len(losses) == 1:
        return losses[0], fit(pairs, losses[0])
    tries = [(loss, fit(pairs[:1], loss)) for loss in losses]
    ((_, valid),) = pairs[:1]
    loss, trained = max(tries, key=lambda one: held_out_accuracy(one[1], valid))
    return loss, fit(pairs[1:], loss, trained)


def held_out_accuracy(trained, valid):
    """Return the accuracy of the one network on the rows that it left out."""
    scores, target, weight = held_out_scores([network for network, *_ in trained], [(None, valid)])
    return np.average(label_ranks(scores, target) == 1, weights=weight)


def held_out_scores(networks, pairs):
    """Return the scores, labels and weights (or None) of the rows that the networks left out.

    Where these are more than memory holds, of some at equal distances.
    """
    n = max(1, _CELLS // (networks[0].n_outputs * len(networks)))
    parts = [valid.take(slice(None, None, -(-len(valid.target) // n))) for _, valid in pairs]
    scores = [network.scores(part.X) for network, part in zip(networks, parts, strict=True)]
    _, targets, weights, _ = zip(*parts, strict=True)
    weight = None if weights[0] is None else np.concatenate(weights)
    return np.concatenate(scores), np.concatenate(targets), weight


def has_held_out(pairs):
    """Say whether rows are left out for early stopping."""
    return isinstance(pairs, FoldPairs) or pairs[0][1] is not None


def mean_curve(curves):
    """Return the mean of the curves that last until each epoch."""
    epochs = itertools.zip_longest(*curves, fillvalue=np.nan)
    return [float(np.nanmean(values)) for values in epochs]
