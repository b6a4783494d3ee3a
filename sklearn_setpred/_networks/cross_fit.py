"""Networks trained on pairs of rows, one for each, and the mean of their curves."""

import itertools

import numpy as np
from sklearn.utils.parallel import Parallel, delayed


def fit_pairs(pairs, loss, n_classes, options, *, seeds, start=None):
    """Train a network for each pair; yield them one by one, as `training.Trained`.

    The networks of several pairs standardize their inputs alike, by all rows, so that their mean
    is one network.

    Parameters
    ----------
    pairs : TrainingPairs
    loss : Loss
    n_classes : int
    options : TrainingOptions
    seeds : list of int
        One for each pair.
    start : Network, optional
        Where the only network starts from.
    """
    from sklearn_setpred._networks.standardize import standardization_of
    from sklearn_setpred._networks.training import fit_network

    shared = None
    if len(pairs) > 1:
        reads_csr = options.build.reads_csr
        shared = standardization_of(pairs.part.X, pairs.part.weight, reads_csr=reads_csr)
    how = {"standardization": shared, "start": start}
    # One at a time, unless a context such as joblib's parallel_config asks for more.
    yield from Parallel(n_jobs=None if len(pairs) > 1 else 1, return_as="generator")(
        delayed(fit_network)(*pair, loss, n_classes, options, seed=seed, **how)
        for pair, seed in zip(pairs, seeds, strict=True)
    )


def mean_curve(curves):
    """Return the mean curve: at each epoch, the mean of the curves that are so long."""
    epochs = itertools.zip_longest(*curves, fillvalue=np.nan)
    return [float(np.nanmean(values)) for values in epochs]
