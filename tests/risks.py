"""Risks of comp-sum losses, their least scores, and cases that are hard to bound."""

import torch

from sklearn_setpred.losses import CostSensitiveCompSum


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
