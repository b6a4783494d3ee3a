"""LDR losses: the worst case over label distributions, links, the transform."""

import math

import pytest
import torch
from random_scores import differences, scores_and_labels
from scipy.optimize import minimize
from sklearn.base import clone

from sklearn_setpred.losses import ALDRKL, GCE, LDAM, LDRKL, CrossEntropy, LDRTopK, TopKHinge


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


@pytest.mark.parametrize("q", [0.0, 0.7])
@pytest.mark.parametrize("loss", [LDRKL(), ALDRKL(alpha=3.0)], ids=repr)
def test_without_a_margin_the_temperature_is_the_unit_of_the_scores(loss, q):
    scores, y = scores_and_labels(20, 6)
    for lam in (0.5, 3.0):
        found = clone(loss).set_params(lam=lam, q=q)(scores, y)
        expected = lam * clone(loss).set_params(q=q)(scores / lam, y)
        torch.testing.assert_close(found, expected)


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
