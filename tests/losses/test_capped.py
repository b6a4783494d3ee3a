"""Softmax whose probabilities have an upper bound."""

import math

import pytest
import torch

from sklearn_setpred.losses._capped import capped_softmax


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_capped_softmax_satisfies_its_optimality_conditions(k):
    generator = torch.Generator().manual_seed(0)
    z = 5 * torch.randn(50, 8, dtype=torch.float64, generator=generator)
    p = capped_softmax(z, k)
    torch.testing.assert_close(p.sum(-1), torch.ones(50, dtype=torch.float64))
    assert (p <= 1 / k + 1e-12).all()
    free = p < 1 / k - 1e-12
    # z - log p is one constant off the cap and no smaller on it.
    multiplier = torch.where(free, z - p.log(), -math.inf).amax(-1, keepdim=True)
    assert ((z - p.log() - multiplier).abs()[free] < 1e-9).all()
    assert ((z - p.log() - multiplier)[~free] > -1e-9).all()
