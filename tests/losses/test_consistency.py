"""Which losses find the most probable class, and which rank all classes like the posterior."""

import math
from functools import cache

import pytest
import torch

from sklearn_setpred.losses import LOSSES, get_loss

LABEL_LOSSES = [name for name, loss in LOSSES.items() if loss.target == "label"]
STEEP = torch.tensor([0.7, 0.2, 0.06, 0.04], dtype=torch.float64)
FLAT = torch.tensor([0.3, 0.28, 0.22, 0.2], dtype=torch.float64)
Q = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)


def risks(loss, scores, q):
    """Conditional risk sum_y q_y loss(scores, y) of each row."""
    n, k = scores.shape
    labels = torch.arange(k).repeat(n)
    values = loss(scores.repeat_interleave(k, dim=0), labels)
    return (values.view(n, k) * q).sum(-1)


def starts(k, generator):
    """Random scores, and certain predictions of every one and two classes at several scales."""
    random = torch.randn(20, k, dtype=torch.float64, generator=generator)
    eye = torch.eye(k, dtype=torch.float64)
    corners = torch.cat([eye, (eye[:, None] + 0.5 * eye[None]).view(-1, k), -eye])
    two_scales = (50 * eye[:, None] - 1e6 * eye[None]).view(-1, k)
    return torch.cat([random, two_scales, *(scale * corners for scale in (1.0, 5.0, 1e6))])


def least_risk(loss, q, order=None):
    """Infimum of the conditional risk, among scores with s_i >= s_j if order is (i, j)."""
    free = starts(len(q), torch.Generator().manual_seed(0)).requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.3)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.965)
    best = math.inf
    for _ in range(160):
        optimizer.zero_grad()
        risk = risks(loss, ordered(loss, free, order), q)
        best = min(best, risk.min().item())
        risk.sum().backward()
        optimizer.step()
        schedule.step()
    return best


def ordered(loss, scores, order):
    """Scores whose entry i is replaced by entry j where the loss ranks it below."""
    if order is None:
        return scores
    i, j = order
    # Taylor softmax alone falls and rises again; all other links increase with the score.
    key = (scores + 1).abs() if loss.name == "taylor_softmax" else scores
    columns = list(scores.unbind(-1))
    columns[i] = torch.where(key[:, i] < key[:, j], columns[j], columns[i])
    return torch.stack(columns, -1)


@cache
def unrestricted(name, q):
    """Infimum of the conditional risk."""
    return least_risk(get_loss(name), q)


def reversal_gap(name, i, q):
    """What it costs to rank class i + 1, the less probable, at least as high as class i."""
    loss, least = get_loss(name), unrestricted(name, q)
    # Unbounded below: no ranking of these classes is worse than another.
    return least_risk(loss, q, order=(i + 1, i)) - least if least > -1e4 else 0.0


@pytest.mark.parametrize("name", [n for n in LABEL_LOSSES if get_loss(n).top_1])
def test_top_1_consistent_losses_put_the_most_probable_class_first(name):
    assert reversal_gap(name, 0, Q) > 3e-3


@pytest.mark.parametrize("name", [n for n in LABEL_LOSSES if not get_loss(n).top_1])
def test_other_losses_reach_their_least_risk_with_another_class_first(name):
    assert reversal_gap(name, 0, FLAT) < 1e-3


@pytest.mark.parametrize("name", [n for n in LABEL_LOSSES if get_loss(n).all_k])
def test_all_k_consistent_losses_rank_the_second_above_the_third(name):
    assert reversal_gap(name, 1, Q) > 3e-3
    assert reversal_gap(name, 1, STEEP) > 3e-4


@pytest.mark.parametrize("name", [n for n in LABEL_LOSSES if not get_loss(n).all_k])
def test_other_losses_reach_their_least_risk_with_the_third_above_the_second(name):
    assert min(reversal_gap(name, 1, q) for q in (Q, STEEP)) < 2e-3


def test_cross_entropy_gaps_are_those_of_tied_frequencies():
    """By hand: tying two classes costs sum q log(q / tied): .0072 and .0101 here."""
    for i in (0, 1):
        a, b = Q[i].item(), Q[i + 1].item()
        tied = (a + b) / 2
        by_hand = a * math.log(a / tied) + b * math.log(b / tied)
        assert reversal_gap("cross_entropy", i, Q) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("name", LABEL_LOSSES)
def test_symmetry_is_declared_as_found(name):
    scores = 3 * torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sums = risks(get_loss(name), scores, torch.ones(5, dtype=torch.float64))
    assert get_loss(name).symmetric == ((sums - sums[0]).abs().max() < 1e-9).item()
