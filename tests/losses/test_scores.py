"""Normalised scores, margins and their link, exponentials that do not overflow."""

import math

import pytest
import torch

from sklearn_setpred.losses import LDRKL
from sklearn_setpred.losses._scores import (
    LARGEST_EXPONENT,
    complement,
    expm1_with_linear_tail,
)


def test_link_with_margin_keeps_the_order_of_certain_predictions():
    """A margin turns certainty towards 1 / 2; the top class must not fall behind by rounding."""
    scores = torch.tensor([[40.0, 12.0, 1.0], [1e4, 0.0, -5.0]])
    p = LDRKL(lam=0.5, margin=5.0).probabilities(scores)
    assert torch.equal(p.argmax(-1), torch.tensor([0, 0]))
    assert p.isfinite().all()
    torch.testing.assert_close(p.sum(-1), torch.ones(2))


@pytest.mark.parametrize(
    ("normalize", "scores", "normalized"),
    [
        ("l1", [-1.0, 3.0], [-0.5, 1.5]),
        # softplus(log(e^a - 1)) = a: 1 and 3, whose mean is 2.
        ("softplus", [math.log(math.expm1(1)), math.log(math.expm1(3))], [0.5, 1.5]),
    ],
)
def test_normalised_scores_have_mean_one(normalize, scores, normalized):
    scores, y = torch.tensor([scores], dtype=torch.float64), torch.tensor([1])
    loss = LDRKL(lam=2.0, normalize=normalize)
    d = normalized[0] - normalized[1]
    assert loss(scores, y).item() == pytest.approx(2 * math.log((math.exp(d / 2) + 1) / 2))
    p = loss.probabilities(scores)[0, 1].item()
    assert p == pytest.approx(1 / (1 + math.exp(d / 2)))


@pytest.mark.parametrize("lam", [1.0, 10.0])
def test_normalised_scores_cap_the_probabilities(lam):
    k = 11
    certain = 1e4 * torch.eye(k, dtype=torch.float64)[:1]
    p = LDRKL(lam=lam, normalize="l1").probabilities(certain).max().item()
    assert p == pytest.approx(math.exp(k / lam) / (math.exp(k / lam) + k - 1))
    assert not LDRKL(normalize="l1").has_link


def test_the_complement_of_a_certain_probability_is_the_sum_of_the_others():
    rest = torch.tensor([[1e-9, 2e-9]])
    p = torch.cat([1 - rest.sum(dim=-1, keepdim=True), rest], dim=-1)
    assert p[0, 0] == 1  # in float32
    torch.testing.assert_close(complement(p), torch.tensor([[3e-9, 1.0, 1.0]]), rtol=1e-6, atol=0)


def test_an_exponential_goes_on_as_its_tangent():
    x = torch.tensor([-1.0, 2.0, LARGEST_EXPONENT, LARGEST_EXPONENT + 2], dtype=torch.float64)
    expected = torch.expm1(x)
    expected[3] = expected[2] + 2 * math.exp(LARGEST_EXPONENT)
    torch.testing.assert_close(expm1_with_linear_tail(x), expected)
