"""Ratios of elementary symmetric polynomials."""

import math

import pytest
import torch

from sklearn_setpred.losses._elementary_symmetric import log_ratio


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e4])
def test_ratio_of_symmetric_polynomials_is_exact_at_any_spread(k, spread):
    """Against logcumsumexp-style recursion over the labels, in float64."""
    z = spread * torch.randn(6, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
    log_e = torch.full((6, k + 1), -math.inf, dtype=torch.float64)
    log_e[:, 0] = 0.0
    for column in z.unbind(-1):
        log_e[:, 1:] = torch.logaddexp(log_e[:, 1:], log_e[:, :-1] + column[:, None])
    torch.testing.assert_close(log_ratio(z, k), log_e[:, k] - log_e[:, k - 1])
    found = log_ratio(z.float(), k).double()
    torch.testing.assert_close(found, log_e[:, k] - log_e[:, k - 1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("k", [1, 60, 150, 299])
def test_ratio_for_equal_scores_is_a_ratio_of_binomials(k):
    for dtype in (torch.float32, torch.float64):
        found = log_ratio(torch.zeros(2, 300, dtype=dtype), k)
        torch.testing.assert_close(found, torch.full_like(found, math.log((301 - k) / k)))
