"""The temperature of a row: the best of all, by its equation."""

import math

import pytest
import torch
from random_scores import differences, scores_and_labels

from sklearn_setpred.losses import ALDRKL, LDRKL


def adaptive_reference(d, lam, alpha, n_grid=4001):
    """Largest h on an even grid: within (a / 2) (half a step)^2 below the maximum, never above."""
    k = d.shape[-1]
    a = alpha * math.log(k) / lam
    t = torch.linspace(lam * (1 - 1 / alpha), lam, n_grid, dtype=torch.float64).unsqueeze(-1)
    values = [
        (
            t * (torch.logsumexp(row / t, -1, keepdim=True) - math.log(k)) - a / 2 * (t - lam) ** 2
        ).max()
        for row in d
    ]
    slack = a / 2 * (lam / alpha / (n_grid - 1) / 2) ** 2
    return torch.stack(values), slack


@pytest.mark.parametrize("k", [2, 10, 300])
@pytest.mark.parametrize("alpha", [1.05, 1.5, 2.0, 10.0])
@pytest.mark.parametrize("lam", [0.1, 1.0, 10.0])
def test_aldr_kl_is_the_global_maximum_over_the_temperature(k, alpha, lam):
    scores, y = scores_and_labels(12, k)
    scores[::3, 0] += 5.0
    scores = lam * scores
    expected, slack = adaptive_reference(differences(scores, y, 0.1), lam, alpha)
    found = ALDRKL(lam=lam, alpha=alpha, margin=0.1)(scores, y)
    assert (found >= expected - 1e-9).all()
    assert (found <= expected + slack + 1e-9).all()


def test_aldr_kl_takes_the_better_of_two_temperatures():
    """One high score among a thousand: h has two maxima, the largest fixed point not the best."""
    gaps = torch.linspace(4.0, 7.0, 31, dtype=torch.float64)
    scores = torch.zeros(31, 1000, dtype=torch.float64)
    scores[:, 0] = gaps
    loss = ALDRKL(alpha=1.5)
    y = torch.zeros(31, dtype=torch.long)
    expected, slack = adaptive_reference(differences(scores, y), 1.0, 1.5, 2001)
    assert (loss(scores, y) - expected).min() >= -1e-9
    assert (loss(scores, y) - expected).max() <= slack + 1e-9
    # The best temperature jumps, the largest fixed point jumps later: one start is not enough.
    t = loss.temperatures(scores)
    assert t.diff().min() < -0.2
    largest = torch.ones(31, 1, dtype=torch.float64)
    for _ in range(200):
        p = torch.softmax(scores / largest, -1)
        kl = torch.special.xlogy(p, p).sum(-1, keepdim=True) + math.log(1000)
        largest = 1 - kl / (1.5 * math.log(1000))
    assert ((largest.squeeze(-1) - t) > 0.2).any()


def test_temperatures_satisfy_their_equation_and_their_range():
    scores, _ = scores_and_labels(50, 20, spread=3.0)
    scores[0] = 0.0
    scores[1, 0] = 1e4
    loss = ALDRKL(lam=2.0, alpha=2.0)
    t = loss.temperatures(scores)
    p = torch.softmax(scores / t[:, None], -1)
    divergence = torch.special.xlogy(p, p).sum(-1) + math.log(20)
    torch.testing.assert_close(t, 2.0 * (1 - divergence / (2 * math.log(20))), atol=1e-6, rtol=0)
    assert ((t >= 1.0 - 1e-12) & (t <= 2.0 + 1e-12)).all()
    assert t[0].item() == pytest.approx(2.0)
    assert t[1].item() == pytest.approx(1.0)


@pytest.mark.parametrize("k", [26, 1000])
def test_temperatures_in_single_precision_are_close_to_those_in_double(k):
    scores, y = scores_and_labels(200, k)
    scores[:, 0] += torch.linspace(0, 15, 200, dtype=torch.float64)
    loss = ALDRKL()
    single, double = (loss.temperatures(s) for s in (scores.float(), scores))
    torch.testing.assert_close(single.double(), double, atol=3e-3, rtol=0)
    torch.testing.assert_close(loss(scores.float(), y).double(), loss(scores, y), atol=2e-5, rtol=0)


def test_aldr_kl_is_no_less_than_ldr_kl_at_its_largest_temperature():
    scores, y = scores_and_labels(50, 20)
    assert (ALDRKL(lam=2.0)(scores, y) >= LDRKL(lam=2.0)(scores, y) - 1e-12).all()
