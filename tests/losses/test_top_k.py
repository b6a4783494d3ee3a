"""Top-k losses against the definition over all sets of labels."""

import itertools
import math

import pytest
import torch

from sklearn_setpred.losses import SmoothTopK, TopKCrossEntropy, TopKHinge


def over_all_sets(scores, y, k, temperature, margin):
    """Return the smooth top-k loss of one row by listing all sets of k labels."""
    sets = list(itertools.combinations(range(len(scores)), k))
    worth = torch.stack([scores[list(s)].sum() / k + margin * (y not in s) for s in sets])
    right = torch.stack([scores[list(s)].sum() / k for s in sets if y in s])
    return temperature * (
        torch.logsumexp(worth / temperature, 0) - torch.logsumexp(right / temperature, 0)
    )


@pytest.mark.parametrize("k", [1, 2, 5, 10])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_smooth_top_k_sums_over_all_sets(k, temperature):
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(4, 11, dtype=torch.float64, generator=generator)
    scores[0] = 0.0
    scores.requires_grad_()
    y = torch.tensor([0, 1, 2, 3])
    loss = SmoothTopK(k=k, temperature=temperature, margin=0.5)(scores, y)
    expected = torch.stack([over_all_sets(s, i, k, temperature, 0.5) for i, s in enumerate(scores)])
    torch.testing.assert_close(loss, expected)
    (found,) = torch.autograd.grad(loss.sum(), scores)
    (wanted,) = torch.autograd.grad(expected.sum(), scores)
    torch.testing.assert_close(found, wanted, atol=1e-10, rtol=1e-8)


def test_smooth_top_k_at_small_temperature_compares_with_the_kth_rival():
    scores = torch.tensor([[3.0, 9.0, 7.0, 1.0, 0.0]], dtype=torch.float64)
    loss = SmoothTopK(k=2, temperature=1e-4)(scores, torch.tensor([0]))
    assert loss.item() == pytest.approx(1 + (7 - 3) / 2, abs=1e-3)


def test_gradient_at_small_temperature_and_large_scores_reaches_the_kth_rival():
    scores = torch.tensor([[-1e4, 3e4, 2e4, 1e4, 0.0]], requires_grad=True)
    loss = SmoothTopK(k=2, temperature=0.01)(scores, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(loss.sum(), scores)
    torch.testing.assert_close(gradient, torch.tensor([[-0.5, 0.0, 0.5, 0.0, 0.0]]))


def test_top_k_losses_vanish_inside_the_first_k_and_not_behind():
    scores = torch.tensor([[100.0, 100.0, 0.0, 0.0]], dtype=torch.float64)
    for loss in (SmoothTopK(k=2), TopKCrossEntropy(k=2), TopKHinge(k=2)):
        assert loss(scores, torch.tensor([2])).item() > 10
    for loss in (SmoothTopK(k=2), TopKCrossEntropy(k=2)):
        assert loss(scores, torch.tensor([0])).item() == pytest.approx(0.0, abs=1e-9)


def test_top_k_cross_entropy_leaves_out_the_largest_rivals():
    scores = torch.log(torch.tensor([[1.0, 8.0, 4.0, 2.0]], dtype=torch.float64))
    by_hand = {1: 15.0, 2: 7.0, 3: 3.0}
    for k, total in by_hand.items():
        found = TopKCrossEntropy(k=k)(scores, torch.tensor([0])).item()
        assert found == pytest.approx(math.log(total))


def test_top_k_hinge_is_the_mean_of_the_k_largest_differences():
    scores = torch.tensor([[2.0, 4.0, 2.0, -5.0]], dtype=torch.float64)
    by_hand = {1: 3.0, 2: 2.0, 3: 4 / 3}
    for k, value in by_hand.items():
        assert TopKHinge(k=k)(scores, torch.tensor([0])).item() == pytest.approx(value)
