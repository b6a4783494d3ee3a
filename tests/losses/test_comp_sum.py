"""Comp-sum losses, plain and cost-sensitive: closed forms, links, tails and regret bounds."""

import math

import pytest
import torch

from sklearn_setpred.losses import (
    GCE,
    MAE,
    CompSum,
    CostSensitiveCompSum,
    CostSensitiveConstrained,
    CrossEntropy,
    JensenShannon,
    SumExponential,
    check_costs,
)

TAUS = [0.0, 0.5, 1.0, 1.4]


def minimise(risk, k, steps=600):
    """Scores of least risk (a function of (m, k) scores), by gradient descent from 8 starts."""
    free = torch.randn(8, k, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    free.requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.988)
    for _ in range(steps):
        optimizer.zero_grad()
        risk(free).sum().backward()
        optimizer.step()
        schedule.step()
    scores = free.detach()
    return scores[risk(scores).argmin()]


def random_costs(seed, k=5):
    return 0.05 + 0.9 * torch.rand(
        k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


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


def test_constrained_exponential_is_exact_up_to_30_and_its_tangent_beyond():
    r = torch.tensor([29.0, 31.0, 1e4], dtype=torch.float64)
    scores, costs = torch.stack([r, -r], -1), torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
    expected = [math.exp(29), math.exp(30) * 2, math.exp(30) * (1e4 - 29)]
    found = CostSensitiveConstrained()(scores, costs)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("tau", TAUS)
def test_label_loss_is_the_cost_loss_at_the_cost_of_a_wrong_label(tau):
    scores = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(9) % 4
    costs = 1.0 - torch.nn.functional.one_hot(y, 4)
    torch.testing.assert_close(
        CostSensitiveCompSum(tau=tau)(scores, costs.double()), CompSum(tau=tau)(scores, y)
    )


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


def test_costs_outside_0_1_are_refused():
    check_costs(torch.tensor([[0.0, 1.0]]))
    check_costs(torch.empty(0, 3))
    for costs in ([[0.0, 1.01]], [[-0.01, 1.0]], [[math.nan, 0.0]]):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            check_costs(torch.tensor(costs))


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


def hard_cases(k, n=4000):
    """Random and adversarial (scores, weights): ties at the top, near one-hot, tiny differences."""
    generator = torch.Generator().manual_seed(0)
    w = torch.rand(n, k, dtype=torch.float64, generator=generator) ** 3
    scores = 3 * torch.randn(n, k, dtype=torch.float64, generator=generator)
    half = n // 2
    scores[:half, :2] = scores[:half].max(-1, keepdim=True).values
    scores[:half, 1] += 1e-9
    w[: half // 2, 0] = w[: half // 2, 1] + 1e-3
    w[: half // 4, 2:] *= 1e-6
    return scores, w


def regrets(scores, w, tau):
    """Surrogate and target regret of scores at weights w = 1 - cost."""
    loss = CostSensitiveCompSum(tau=tau)(scores, 1 - w)
    if tau == 1:
        least = -(w * (w / w.sum(-1, keepdim=True)).log()).nan_to_num().sum(-1)
    elif tau == 2:
        least = w.sum(-1) - w.max(-1).values
    else:
        power = (w ** (1 / (2 - tau))).sum(-1)
        least = (power ** (2 - tau) - w.sum(-1)) / (1 - tau)
    chosen = w.gather(1, scores.argmax(-1, keepdim=True)).squeeze(-1)
    return loss - least, w.max(-1).values - chosen


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
