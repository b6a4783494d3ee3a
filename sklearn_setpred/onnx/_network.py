"""Networks of the package, as their modules compute them."""

import copy

import torch


def network_scores(network, x):
    """Return the scores of a `Network`, float64, of rows (n, n_features), float64."""
    mean, scale = network.standardization.mean, network.standardization.scale
    standardized = (x - torch.from_numpy(mean)) / torch.from_numpy(scale)
    module = copy.deepcopy(network.module).cpu().eval()
    return module(standardized.float()).double()
