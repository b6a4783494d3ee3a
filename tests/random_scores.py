"""Random scores and targets for a loss, and the gradient of its values."""

import torch

from sklearn_setpred.losses import LOSSES

NAMES = sorted(LOSSES)


def data(loss, n, n_classes, dtype=torch.float64, spread=2.0, seed=0):
    """Return random scores and targets for a loss."""
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(n, n_classes, dtype=torch.float64, generator=generator)
    if loss.target == "label":
        return scores.to(dtype), torch.randint(n_classes, (n,), generator=generator)
    costs = torch.rand(n, n_classes, dtype=torch.float64, generator=generator)
    return scores.to(dtype), costs.to(dtype)


def gradient(loss, scores, target):
    """Return the gradient of the sum of the losses in the scores."""
    scores = scores.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(scores, target).sum(), scores)[0]


def scores_and_labels(n, k, spread=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(n, k, dtype=torch.float64, generator=generator)
    return scores, torch.randint(k, (n,), generator=generator)


def differences(scores, y, margin=0.0):
    """d_k = f_k - f_y + margin (k != y)."""
    d = scores - scores.gather(1, y[:, None]) + margin
    return d.scatter(1, y[:, None], 0.0)
