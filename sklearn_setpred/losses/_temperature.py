"""The temperature of each row in the adaptive LDR-KL loss: a global maximum in one dimension.

Over a temperature t in [t0 (1 - 1 / alpha), t0] a row of scores d is worth

    h(t) = t log mean exp(d / t) - (a / 2) (t - t0)^2,    a = alpha log K / t0,
    h'(t) = -a F(t),    F(t) = t - t0 + KL(softmax(d / t), uniform) / a.

There may be several maxima. The best point of an even grid is near the highest one, and Halley's
method for F = 0 then cubes the error with each step. All rows take the same steps: nothing on a GPU
waits for a result.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

# Cells of the grid, (n, points, K), that are held at once on a CPU: as many as fit the cache.
CELLS = 1 << 18
LARGEST_GRID = 64


class Range(NamedTuple):
    """The temperatures that a row may have, and the curvature a of the penalty."""

    lowest: float
    highest: float
    curvature: float

    @property
    def n_points(self) -> int:
        """Points of the grid: the more, the more temperatures differ; 8 at alpha = 2."""
        return min(LARGEST_GRID, math.ceil(4 * self.highest / self.lowest))


def temperature_range(lam: float, alpha: float, n_classes: int) -> Range:
    """Return the range [lam (1 - 1 / alpha), lam] with a = alpha log K / lam."""
    return Range(lam * (1 - 1 / alpha), lam, alpha * math.log(n_classes) / lam)


def row_temperatures(scores: Tensor, span: Range) -> Tensor:
    """Return the temperature (n, 1) of largest h for each row of scores (n, K)."""
    cells_per_row = span.n_points * scores.shape[-1]
    n_rows = max(1, CELLS // cells_per_row)
    if scores.device.type != "cpu" or len(scores) <= n_rows:
        return solve(scores, span)
    return torch.cat([solve(part, span) for part in scores.split(n_rows)])


def solve(scores: Tensor, span: Range) -> Tensor:
    """Return the temperature (n, 1) of largest h."""
    gaps = scores - scores.amax(dim=-1, keepdim=True)
    t = best_on_grid(gaps, span)
    # The grid leaves an error of a few percent: cubed, and cubed again in double precision.
    for _ in range(2 if scores.dtype is torch.float64 else 1):
        t = halley_step(gaps, t, span)
    return t


def best_on_grid(gaps: Tensor, span: Range) -> Tensor:
    """Return the grid's temperature (n, 1) of largest h, from the gaps d - max d.

    Up to a constant of the row, h = t (log sum exp(gaps / t) - log K + a (t0 - t / 2)).
    """

    def grid(start: float, end: float) -> Tensor:
        return torch.linspace(start, end, span.n_points, dtype=gaps.dtype, device=gaps.device)

    t = grid(span.lowest, span.highest)
    shift = span.curvature * span.highest - math.log(gaps.shape[-1])
    shifts = grid(*(shift - span.curvature * end / 2 for end in (span.lowest, span.highest)))
    log_sums = (gaps.unsqueeze(-2) / t.unsqueeze(-1)).exp_().sum(dim=-1).log_()
    return t.take(log_sums.add_(shifts).mul_(t).argmax(dim=-1, keepdim=True))


def halley_step(gaps: Tensor, t: Tensor, span: Range) -> Tensor:
    """Return t (n, 1) one step closer to F(t) = 0.

    With the mean, variance and third central moment of z = log p, p = softmax(d / t):
    a F = a t + mean - (a t0 - log K), a t F' = a t - variance, a t^2 F'' = 3 variance + third.
    """
    z = torch.log_softmax(gaps / t, dim=-1)
    p = z.exp()
    mean = torch.linalg.vecdot(p, z).unsqueeze(-1)
    squares = p.mul_(z.sub_(mean)).mul_(z)
    variance = squares.sum(dim=-1, keepdim=True)
    third = torch.linalg.vecdot(squares, z).unsqueeze(-1)
    stiff = span.curvature * t
    value = mean.add_(stiff).sub_(span.curvature * span.highest - math.log(gaps.shape[-1]))
    slope = stiff.sub_(variance)
    square = slope.square().clamp_min_(torch.finfo(t.dtype).tiny)
    bend = torch.addcmul(square, value, third.add_(variance, alpha=3), value=-0.5)
    # No more than twice Newton's step, t value / slope.
    step = value.mul_(slope).mul_(t).div_(torch.maximum(bend, square.div_(2)))
    return (t - step).clamp_(span.lowest, span.highest)
