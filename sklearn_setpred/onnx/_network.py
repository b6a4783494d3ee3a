"""Networks of the package, as their modules compute them."""

import copy

import torch

from sklearn_setpred._networks.standardize import LARGEST, DenseStandardization


def network_scores(network, x):
    """Return the scores of a `Network`, float64, of rows (n, n_features), float64."""
    known = network.standardization
    z = (x - torch.from_numpy(known.center)) / torch.from_numpy(known.scale)
    if isinstance(known, DenseStandardization):
        z = z / (1 + (z / LARGEST) ** 2).sqrt()
    module = copy.deepcopy(network.module).cpu().eval()
    return module(z.clamp(-1e30, 1e30).float()).double()
