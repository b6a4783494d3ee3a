"""Comp-sum losses: closed forms, links, tails and regret bounds."""

import math

import pytest
import torch
from risks import hard_cases, minimise, regrets

from sklearn_setpred.losses import (
    GCE,
    MAE,
    CompSum,
    CostSensitiveCompSum,
    CrossEntropy,
    SumExponential,
)

TAUS = [0.0, 0.5, 1.0, 1.4]


def test_members_of_the_family_by_hand():
    scores, y = torch.log(torch.tensor([[1.0, 3.0]], dtype=torch.float64)), torch.tensor([0])
    by_hand = {
        SumExponential(): 3.0,
        CompSum(tau=0.5): 2.0,
        CrossEntropy(): math.log(4),
        GCE(q=0.5): 1.0,
        MAE(): 0.75,
        CompSum(tau=3.0): (1 - 1 / 16) / 2,
    }
    for loss, value in by_hand.items():
        assert loss(scores, y).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_gradient_is_a_power_of_the_label_probability_times_p_minus_label(tau):
    scores = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 4
    scores.requires_grad_()
    (found,) = torch.autograd.grad(CompSum(tau=tau)(scores, y).sum(), scores)
    p = torch.softmax(scores.detach(), -1)
    p_y = p.gather(1, y[:, None])
    expected = p_y ** (tau - 1) * (p - torch.nn.functional.one_hot(y, 4))
    torch.testing.assert_close(found, expected)


def test_values_fall_with_tau_and_are_bounded_above_order_one():
    scores = 5 * torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(50) % 6
    values = torch.stack([CompSum(tau=tau)(scores, y) for tau in (0, 0.5, 0.9, 1, 1.1, 1.5, 2, 3)])
    assert (values.diff(dim=0) <= 1e-12).all()
    assert (values[-3:] <= torch.tensor([[2.0], [1.0], [0.5]])).all()


def test_exponential_is_exact_up_to_exponent_30_and_its_tangent_beyond():
    exponents = torch.tensor([1.0, 29.9, 30.0, 30.1, 50.0, 1e4], dtype=torch.float64)
    # With two classes and f_0 - f_1 = -x, 1 / p_0 - 1 = exp(x); the exponent is log(1 + exp(x)).
    scores = torch.stack([-exponents, torch.zeros_like(exponents)], -1).requires_grad_()
    values = SumExponential()(scores, torch.zeros(6, dtype=torch.long))
    x = torch.nn.functional.softplus(exponents)
    tangent = math.exp(30) * (1 + x - 30) - 1
    expected = torch.where(x <= 30, torch.expm1(x), tangent)
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=0)
    (slopes,) = torch.autograd.grad(values.sum(), scores)
    expected = -torch.exp(x.clamp(max=30)) * torch.sigmoid(exponents)
    torch.testing.assert_close(slopes[:, 0], expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("tau", TAUS)
def test_label_loss_is_the_cost_loss_at_the_cost_of_a_wrong_label(tau):
    scores = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(9) % 4
    costs = 1.0 - torch.nn.functional.one_hot(y, 4)
    torch.testing.assert_close(
        CostSensitiveCompSum(tau=tau)(scores, costs.double()), CompSum(tau=tau)(scores, y)
    )


@pytest.mark.parametrize("tau", TAUS)
def test_inverse_link_recovers_the_class_probabilities(tau):
    q = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    loss = CompSum(tau=tau)
    labels = torch.arange(4)
    best = minimise(
        lambda s: (loss(s.repeat_interleave(4, 0), labels.repeat(len(s))).view(-1, 4) * q).sum(-1),
        4,
    )
    torch.testing.assert_close(loss.probabilities(best[None])[0], q, atol=1e-3, rtol=0)


def transform(tau, b, n):
    """T_tau of "Cross-entropy loss functions", H-consistency bounds of comp-sum losses."""
    if tau == 1:
        return (torch.special.xlogy(1 + b, 1 + b) + torch.special.xlogy(1 - b, 1 - b)) / 2
    if tau >= 2:
        return b / ((tau - 1) * n ** (tau - 1))
    power = 1 / (2 - tau)
    mean = (((1 + b) ** power + (1 - b) ** power) / 2) ** (2 - tau)
    if tau < 1:
        return 2 ** (1 - tau) / (1 - tau) * (1 - mean)
    return (mean - 1) / ((tau - 1) * n ** (tau - 1))


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_zero_one_regret_enters_the_comp_sum_regret_through_t_tau(tau):
    scores, w = hard_cases(4)
    surrogate, target = regrets(scores, w / w.sum(-1, keepdim=True), tau)
    assert (surrogate >= transform(tau, target, 4) - 1e-9).all()


def test_top_k_regret_of_cross_entropy_is_within_pinsker():
    scores, w = hard_cases(6)
    q = w / w.sum(-1, keepdim=True)
    surrogate, _ = regrets(scores, q, 1.0)
    for k in (1, 2, 3):
        held = q.gather(1, scores.topk(k, -1).indices).sum(-1)
        regret = q.topk(k, -1).values.sum(-1) - held
        assert (regret <= (2 * surrogate.clamp_min(0)).sqrt() + 1e-7).all()


def test_mae_has_a_zero_regret_and_a_wrong_second_class():
    q = torch.tensor([0.4, 0.39, 0.21], dtype=torch.float64)
    scores = torch.tensor([[1e3, 0.0, 1.0]], dtype=torch.float64).expand(3, 3)
    risk = (q * MAE()(scores, torch.arange(3))).sum()
    assert risk.item() == pytest.approx(1 - 0.4, abs=1e-12)
    assert scores[0].topk(2).indices.tolist() == [0, 2]
