"""The temperature of each row in the adaptive LDR-KL loss, by steps that no row changes."""

import math

import torch

# Each pass divides the interval by half as many.
_POINTS, _PASSES = 16, 9


def temperatures(scores, start, alpha):
    """Return the temperature (n,) of largest h for each row of scores (n, K).

    As `losses._temperature.row_temperatures`: a grid on the interval that holds the maximum of h
    is refined about its best point.
    """
    gaps = scores - scores.amax(dim=1, keepdim=True)
    stiffness = alpha * math.log(scores.shape[1]) / start
    steps = torch.linspace(0, 1, _POINTS, dtype=scores.dtype)
    high = torch.full_like(gaps[:, :1], start)
    low = high * (1 - 1 / alpha)
    for _ in range(_PASSES):
        t = low + (high - low) * steps
        log_mean = (gaps.unsqueeze(1) / t.unsqueeze(2)).exp().mean(dim=2).log()
        value = t * log_mean - stiffness / 2 * (t - start).square()
        best = value.argmax(dim=1, keepdim=True)
        low = t.gather(1, (best - 1).clamp_min(0))
        high = t.gather(1, (best + 1).clamp_max(_POINTS - 1))
    return (low + high).squeeze(1) / 2
