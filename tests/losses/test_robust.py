"""Losses that withstand wrong labels, written out."""

import math

import torch

from sklearn_setpred.losses import JensenShannon


def test_jensen_shannon_is_the_divergence_written_out():
    p = torch.softmax(
        torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), -1
    )
    y, pi = torch.arange(8) % 4, 0.3
    e = torch.nn.functional.one_hot(y, 4).double()
    m = pi * e + (1 - pi) * p
    divergences = [(torch.special.xlogy(a, a) - a * m.log()).sum(-1) for a in (e, p)]
    total = pi * divergences[0] + (1 - pi) * divergences[1]
    expected = total / (-(1 - pi) * math.log(1 - pi))
    torch.testing.assert_close(JensenShannon(pi=pi)(p.log(), y), expected)
