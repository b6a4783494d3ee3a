"""LDR losses: the worst case over label distributions, temperatures, links."""

import math

import pytest
import torch
from scipy.optimize import minimize
from sklearn.base import clone

from sklearn_setpred.losses import ALDRKL, GCE, LDAM, LDRKL, CrossEntropy, LDRTopK, TopKHinge


def scores_and_labels(n, k, spread=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(n, k, dtype=torch.float64, generator=generator)
    return scores, torch.randint(k, (n,), generator=generator)


def differences(scores, y, margin=0.0):
    """d_k = f_k - f_y + margin (k != y)."""
    d = scores - scores.gather(1, y[:, None]) + margin
    return d.scatter(1, y[:, None], 0.0)


def worst_case(d, lam, cap=1.0):
    """max over p <= cap in the simplex of p.d - lam KL(p, uniform), by SLSQP."""
    k = len(d)

    def negative(p):
        return -(p @ d - lam * (p * math.log(k) + torch_xlogy(p)).sum())

    found = minimize(
        negative,
        [1 / k] * k,
        method="SLSQP",
        bounds=[(1e-12, cap)] * k,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    return -found.fun


def torch_xlogy(p):
    return torch.special.xlogy(torch.as_tensor(p), torch.as_tensor(p)).numpy()


# Older releases of scipy say so whenever a step of SLSQP ends at a bound.
STEPS_TO_BOUNDS = "ignore:Values in x were outside bounds:RuntimeWarning"


@pytest.mark.filterwarnings(STEPS_TO_BOUNDS)
@pytest.mark.parametrize("lam", [0.5, 1.0, 3.0])
def test_ldr_kl_is_the_worst_case_over_label_distributions(lam):
    scores, y = scores_and_labels(4, 5)
    expected = [worst_case(d.numpy(), lam) for d in differences(scores, y, 0.3)]
    found = LDRKL(lam=lam, margin=0.3)(scores, y)
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0
    )


@pytest.mark.filterwarnings(STEPS_TO_BOUNDS)
@pytest.mark.parametrize("k", [2, 3])
def test_ldr_top_k_is_the_worst_case_with_capped_probabilities(k):
    scores, y = scores_and_labels(5, 5, spread=3.0)
    expected = [worst_case(d.numpy(), 0.7, cap=1 / k) for d in differences(scores, y, 0.3)]
    found = LDRTopK(k=k, lam=0.7, margin=0.3)(scores, y)
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_ldr_kl_is_tempered_cross_entropy_less_its_constant():
    scores, y = scores_and_labels(20, 6)
    for lam in (0.1, 1.0, 10.0):
        expected = lam * (CrossEntropy()(scores / lam, y) - math.log(6))
        torch.testing.assert_close(LDRKL(lam=lam)(scores, y), expected)


def test_ldr_kl_falls_with_lam_from_the_maximum_to_the_mean():
    scores, y = scores_and_labels(20, 6)
    d = differences(scores, y, 0.5)
    lams = [1e-6, 0.1, 1.0, 10.0, 1e7]
    values = torch.stack([LDRKL(lam=lam, margin=0.5)(scores, y) for lam in lams])
    assert (values.diff(dim=0) <= 0).all()
    torch.testing.assert_close(values[0], d.max(-1).values, atol=1e-4, rtol=0)
    torch.testing.assert_close(values[-1], d.mean(-1), atol=1e-4, rtol=0)


def test_ldr_kl_becomes_symmetric_with_large_lam():
    scores, _ = scores_and_labels(20, 5)
    sums = sum(LDRKL(lam=1e7, margin=0.5)(scores, torch.full((20,), y)) for y in range(5))
    torch.testing.assert_close(
        sums, torch.full((20,), 0.5 * 4, dtype=torch.float64), atol=1e-3, rtol=0
    )


def test_gradient_rows_sum_to_zero_and_the_loss_is_convex():
    for loss in (LDRKL(lam=0.5, margin=1.0), ALDRKL(margin=1.0), LDRTopK(k=2)):
        scores, y = scores_and_labels(50, 6)
        other, _ = scores_and_labels(50, 6, seed=1)
        leaf = scores.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf, y).sum(), leaf)
        assert gradient.sum(-1).abs().max() < 1e-12
        middle = loss((scores + other) / 2, y)
        assert (middle <= (loss(scores, y) + loss(other, y)) / 2 + 1e-9).all()


def test_ldr_top_k_tends_to_the_mean_of_the_k_largest_differences():
    scores, y = scores_and_labels(30, 6)
    found = LDRTopK(k=2, lam=1e-6, margin=1.0)(scores, y)
    largest = differences(scores, y, 1.0).topk(2, -1).values.mean(-1)
    torch.testing.assert_close(found, largest, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.clamp_min(0), TopKHinge(k=2)(scores, y), atol=1e-4, rtol=0)


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


def expected_risk(loss, scores, q):
    n, k = scores.shape
    values = loss(scores.repeat_interleave(k, 0), torch.arange(k).repeat(n))
    return (values.view(n, k) * q).sum(-1)


def minimiser(loss, q):
    """Scores of least conditional risk, by Newton-like descent from zero."""
    scores = torch.zeros(1, len(q), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [scores],
        max_iter=500,
        tolerance_grad=1e-12,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        risk = expected_risk(loss, scores, q).sum()
        risk.backward()
        return risk

    optimizer.step(closure)
    return scores.detach()


Q = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "tolerance"),
    [
        (LDRKL(), 1e-5),
        (LDRKL(lam=0.5, margin=1.0), 1e-5),
        (LDRKL(lam=3.0, margin=2.0), 1e-5),
        (LDAM(margin=1.0, class_counts=(100, 5, 20, 10)), 1e-5),
        (LDRKL(lam=2.0, q=0.7), 1e-5),
        (LDRKL(lam=2.0, q=0.7, margin=0.5), 1e-5),
        (ALDRKL(), 1e-5),
        (ALDRKL(margin=0.1), 1e-3),
        (ALDRKL(lam=2.0, q=0.7), 1e-5),
        (ALDRKL(q=0.5, margin=0.1), 1e-2),
    ],
    ids=repr,
)
def test_inverse_link_recovers_the_class_probabilities(loss, tolerance):
    found = loss.probabilities(minimiser(loss, Q))
    torch.testing.assert_close(found[0], Q, atol=tolerance, rtol=0)


def test_ldr_kl_with_q_is_generalised_cross_entropy_at_its_temperature():
    scores, y = scores_and_labels(20, 6)
    for lam in (0.5, 3.0):
        expected = lam * (GCE(q=0.7)(scores / lam, y) - math.log(6))
        torch.testing.assert_close(LDRKL(lam=lam, q=0.7)(scores, y), expected)


@pytest.mark.parametrize("loss", [LDRKL(lam=2.0), ALDRKL(lam=2.0), ALDRKL(margin=0.3)], ids=repr)
def test_with_q_a_row_loses_its_pull_as_its_loss_grows(loss):
    scores, y = scores_and_labels(50, 6, spread=6.0)
    q, gradients = 0.7, []
    for value in (0.0, q):
        leaf = scores.clone().requires_grad_()
        values = clone(loss).set_params(q=value)(leaf, y)
        gradients.append(torch.autograd.grad(values.sum(), leaf)[0])
    excess = (loss(scores, y) - loss.infimum(6)) / loss.lam
    weight = torch.exp(-q * excess).unsqueeze(-1)
    torch.testing.assert_close(gradients[1], weight * gradients[0])
    assert weight.min() < 0.1


def test_towards_q_0_the_transform_vanishes():
    scores, y = scores_and_labels(20, 6)
    for loss in (LDRKL(lam=2.0, margin=0.3), ALDRKL(lam=2.0, margin=0.3)):
        near = clone(loss).set_params(q=1e-9)
        torch.testing.assert_close(near(scores, y), loss(scores, y), atol=1e-6, rtol=0)


def test_a_margin_beyond_which_the_link_falls_is_refused():
    # The link rises while exp(-margin / lam) >= q: up to a margin of 2 log 2.
    scores = torch.linspace(-8, 8, 41, dtype=torch.float64)
    scores = torch.stack([scores, torch.zeros(41, dtype=torch.float64)], dim=-1)
    for factor, rises in ((0.99, True), (1.1, False)):
        loss = LDRKL(lam=2.0, q=0.5, margin=factor * 2 * math.log(2))
        assert (loss.probabilities(scores)[:, 0].diff() > 0).all() == rises
    with pytest.raises(ValueError, match=r"margin=1.52.* must be at most 1.39 with q=0.5"):
        loss.check(2)
    with pytest.raises(ValueError, match=r"margin=0.4 must be at most 0.347 with q=0.5"):
        ALDRKL(q=0.5, margin=0.4).check(2)
    LDRKL(lam=2.0, q=0.5, margin=1.38).check(2)


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
