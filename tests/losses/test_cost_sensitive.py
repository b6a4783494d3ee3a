"""Losses on costs: closed forms, links and regret bounds."""

import math

import pytest
import torch
from risks import hard_cases, minimise, random_costs, regrets

from sklearn_setpred.losses import CostSensitiveCompSum, CostSensitiveConstrained

TAUS = [0.0, 0.5, 1.0, 1.4]


def test_constrained_exponential_is_exact_up_to_30_and_its_tangent_beyond():
    r = torch.tensor([29.0, 31.0, 1e4], dtype=torch.float64)
    scores, costs = torch.stack([r, -r], -1), torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
    expected = [math.exp(29), math.exp(30) * 2, math.exp(30) * (1e4 - 29)]
    found = CostSensitiveConstrained()(scores, costs)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("loss", [CostSensitiveCompSum(), CostSensitiveConstrained()], ids=repr)
def test_mean_over_costs_is_the_loss_at_the_mean_cost(loss):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(1, 5, dtype=torch.float64, generator=generator)
    costs = torch.rand(7, 5, dtype=torch.float64, generator=generator)
    mean = loss(scores, costs.mean(0, keepdim=True)).squeeze()
    torch.testing.assert_close(loss(scores.expand(7, 5), costs).mean(), mean)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("seed", range(3))
def test_comp_sum_minimiser_and_minimum_have_their_closed_form(tau, seed):
    cost, loss = random_costs(seed), CostSensitiveCompSum(tau=tau)
    best = minimise(lambda s: loss(s, cost.expand_as(s)), 5)
    w = 1 - cost
    power = w ** (1 / (2 - tau))
    if tau == 1:
        least = -(w * (w / w.sum()).log()).sum()
    else:
        least = (power.sum() ** (2 - tau) - w.sum()) / (1 - tau)
    assert loss(best[None], cost[None]).item() == pytest.approx(least.item(), abs=1e-6)
    torch.testing.assert_close(torch.softmax(best, -1), power / power.sum(), atol=1e-3, rtol=0)
    torch.testing.assert_close(loss.probabilities(best[None])[0], w / w.sum(), atol=1e-3, rtol=0)
    assert best.argmax() == cost.argmin()


CONSTRAINED = {
    "exp": lambda c: (c.log().mean() - c.log(), len(c) * c.log().mean().exp()),
    "squared_hinge": lambda c: (
        len(c) / (c * (1 / c).sum()) - 1,
        len(c) ** 2 / (1 / c).sum(),
    ),
    "hinge": lambda c: (one_hot_scores(c, 1.0), len(c) * c.min()),
    "rho_margin": lambda c: (one_hot_scores(c, 1.0), c.min()),
}


def one_hot_scores(cost, rho):
    """(m - 1) rho at the cheapest, -rho elsewhere."""
    scores = torch.full_like(cost, -rho)
    scores[cost.argmin()] = (len(cost) - 1) * rho
    return scores


@pytest.mark.parametrize("phi", CONSTRAINED)
@pytest.mark.parametrize("seed", range(3))
def test_constrained_minimiser_and_minimum_have_their_closed_form(phi, seed):
    cost, loss = random_costs(seed), CostSensitiveConstrained(phi=phi)
    scores, least = CONSTRAINED[phi](cost)
    assert loss(scores[None], cost[None]).item() == pytest.approx(least.item(), abs=1e-9)
    around = 3 * torch.randn(
        20000, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    assert (loss(around, cost.expand_as(around)) >= least - 1e-9).all()
    near = scores + 1e-2 * around
    assert (loss(near, cost.expand_as(near)) >= least - 1e-9).all()


ON_COSTS = [
    *(CostSensitiveCompSum(tau) for tau in (0.0, 0.5, 1.0, 1.5, 1.9, 2.0)),
    *(CostSensitiveConstrained(phi) for phi in CONSTRAINED),
]


@pytest.mark.parametrize("loss", ON_COSTS, ids=repr)
def test_the_link_of_a_loss_on_costs_is_where_its_risk_is_least(loss):
    cost = torch.stack([random_costs(seed) for seed in range(3)])
    scores = loss.link(cost).requires_grad_()
    if loss.all_k:
        loss(scores, cost).sum().backward()
        torch.testing.assert_close(scores.grad, torch.zeros_like(scores), atol=1e-9, rtol=0)
    else:
        assert not scores.any()


@pytest.mark.parametrize("loss", ON_COSTS, ids=repr)
def test_the_link_of_costs_that_are_0_or_1_is_finite(loss):
    cost = torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert loss.link(cost).isfinite().all()


@pytest.mark.parametrize("loss", ON_COSTS, ids=repr)
def test_a_choice_of_weightless_cost_does_not_move_the_scores(loss):
    cost = torch.tensor([[0.3, loss.weightless_cost, 0.6]], dtype=torch.float64)
    centre = torch.tensor([[0.1, -0.2, 0.1]], dtype=torch.float64)
    # All that counts is what the other choices cost.
    alone = [cost.where(torch.arange(3) == k, loss.weightless_cost) for k in (0, 2)]
    parts = [loss(centre, one) for one in alone]
    torch.testing.assert_close(loss(centre, cost), sum(parts))
    nothing = torch.full_like(cost, loss.weightless_cost)
    torch.testing.assert_close(loss(centre, nothing), torch.zeros_like(parts[0]))


@pytest.mark.parametrize(
    ("tau", "gamma"),
    [
        (0.0, lambda t, m: 2 * t.sqrt()),
        (1.0, lambda t, m: 2 * t.sqrt()),
        (1.5, lambda t, m: 2 * (m**0.5 * t).sqrt()),
        (1.7, lambda t, m: 2 * (m**0.7 * t).sqrt()),
        (2.0, lambda t, m: m * t),
    ],
)
def test_target_regret_is_bounded_by_the_comp_sum_regret(tau, gamma):
    surrogate, target = regrets(*hard_cases(5), tau)
    assert (target <= gamma(surrogate.clamp_min(0), 5) + 1e-7).all()
    assert target.max() > 0.1


@pytest.mark.parametrize(
    ("phi", "gamma"),
    [
        ("exp", lambda t: 2 * t.sqrt()),
        ("squared_hinge", lambda t: (2 * t).sqrt()),
        ("hinge", lambda t: t),
        ("rho_margin", lambda t: t),
    ],
)
def test_target_regret_is_bounded_by_the_constrained_regret(phi, gamma):
    scores, w = hard_cases(5)
    cost = 1 - 0.99 * w
    least = torch.stack([CONSTRAINED[phi](c)[1] for c in cost])
    surrogate = CostSensitiveConstrained(phi=phi)(scores, cost) - least
    target = cost.gather(1, scores.argmax(-1, keepdim=True)).squeeze(-1) - cost.min(-1).values
    assert (target <= gamma(surrogate.clamp_min(0)) + 1e-7).all()
    assert target.max() > 0.1
