"""The temperature of each row in the adaptive LDR-KL loss: a global maximum in one dimension.

Over a temperature t in [t0 (1 - 1 / alpha), t0] a row of scores d is worth

    h(t) = t log mean exp(d / t) - (a / 2) (t - t0)^2,    a = alpha log K / t0,
    h'(t) = -KL(t) - a (t - t0),    KL(t) = KL(softmax(d / t), uniform),

so that maxima are fixed points of g(t) = t0 - KL(t) / a. KL falls with t, g increases, and
iterating g from both ends of an interval that holds all fixed points narrows it to one that still
does. Nearly always a bound on the curvature then proves the fixed point unique, and Newton's
method finds it; the other rows are scanned.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_setpred.losses._rowwise import by_chunks

NARROWINGS = 6
NEWTON_STEPS = 50
GRID = 32


def exp(x: Tensor) -> Tensor:
    """Return exp(x) through the power of two, which is twice as fast on a CPU."""
    return (x * math.log2(math.e)).exp2_()


class Moments(NamedTuple):
    """Moments of z = (d - max d) / t under softmax(z), one per row."""

    log_sum: Tensor  # log sum exp(z), z = (d - max d) / t
    mean: Tensor  # of z, at most 0
    variance: Tensor  # of z

    @property
    def negative_entropy(self) -> Tensor:
        """KL divergence from the uniform distribution, less log K."""
        return self.mean - self.log_sum

    def rows(self, index: Tensor) -> Moments:
        """Return the moments of some rows."""
        return Moments(*(moment[index] for moment in self))

    def put_(self, index: Tensor, values: Moments) -> None:
        """Replace the moments of some rows."""
        for moment, value in zip(self, values, strict=True):
            moment[index] = value


def moments(gaps: Tensor, temperature: Tensor) -> Moments:
    """Return the moments of softmax(d / t) from gaps d - max d, (n, K), and t, (n,)."""
    z = gaps / temperature.unsqueeze(-1)
    weights = exp(z)
    total = weights.sum(dim=-1)
    mean = torch.linalg.vecdot(weights, z) / total
    square = torch.linalg.vecdot(weights.mul_(z), z) / total
    return Moments(total.log(), mean, (square - mean.square()).clamp_min(0))


class Problem(NamedTuple):
    """The rows to solve and the two constants of the problem."""

    gaps: Tensor  # d - max d, (n, K)
    start: float  # t0
    alpha: float

    @property
    def stiffness(self) -> float:
        """The constant a."""
        return self.alpha * math.log(self.gaps.shape[-1]) / self.start

    def rows(self, index: Tensor) -> Problem:
        """Return the problem of some rows."""
        return self._replace(gaps=self.gaps[index])

    @property
    def lowest(self) -> float:
        """The temperature t0 (1 - 1 / alpha) of a certain prediction."""
        return self.start * (1 - 1 / self.alpha)

    def temperature(self, negative_entropy: Tensor) -> Tensor:
        """Return t0 - KL / a."""
        return self.start - (negative_entropy + math.log(self.gaps.shape[-1])) / self.stiffness

    def image(self, at: Moments) -> Tensor:
        """Return g(t) from the moments at t."""
        return self.temperature(at.negative_entropy)

    def lower_bound(self, at: Moments) -> Tensor:
        """Return a lower bound of g(lowest), and so of all fixed points, from the moments at t0.

        The entropy is at least -log max p = log Z, which is convex in 1 / t.
        """
        log_sum = at.log_sum + at.mean * (self.start / self.lowest - 1)
        return self.temperature(-log_sum.clamp_min(0))

    def value(self, temperature: Tensor) -> Tensor:
        """Return h(t), up to what does not depend on t."""
        log_mean = moments(self.gaps, temperature).log_sum - math.log(self.gaps.shape[-1])
        penalty = self.stiffness / 2 * (temperature - self.start).square()
        return temperature * log_mean - penalty


def row_temperatures(scores: Tensor, start: float, alpha: float) -> Tensor:
    """Return the temperature (n,) of largest h for each row of scores (n, K)."""

    def temperatures(part: Tensor) -> Tensor:
        return solve(Problem(part - part.amax(dim=-1, keepdim=True), start, alpha))

    return by_chunks(temperatures, scores)


def solve(problem: Problem) -> Tensor:
    """Return the best temperature of each row, proven unique where possible, scanned elsewhere."""
    high = problem.gaps.new_full((len(problem.gaps),), problem.start)
    at = moments(problem.gaps, high)
    low, high = problem.lower_bound(at), problem.image(at)
    at = moments(problem.gaps, high)
    left = doubtful(problem, low, high, at)
    if len(left):
        low[left] = problem.lowest
    for _ in range(NARROWINGS):
        if not len(left):
            break
        part, part_at = problem.rows(left), at.rows(left)
        low[left] = part.image(moments(part.gaps, low[left]))
        high[left] = part.image(part_at)
        at.put_(left, moments(part.gaps, high[left]))
        left = left[doubtful(part, low[left], high[left], at.rows(left))]
    solution = newton(problem, low, high, at)
    if len(left):
        solution[left] = scan(problem.rows(left), low[left], high[left])
    return solution


def doubtful(problem: Problem, low: Tensor, high: Tensor, at: Moments) -> Tensor:
    """Return the indices of the rows whose fixed point in [low, high] is not proven unique."""
    return (~is_unique(problem, low, high, at)).nonzero().squeeze(-1)


def is_unique(problem: Problem, low: Tensor, high: Tensor, at: Moments) -> Tensor:
    """Tell the rows with h'' < 0 all over [low, high], ``at`` being the moments at ``high``.

    h'' = Var_t(d) / t^3 - a. With m the mean at ``high``, every t in the interval has
    Var_t(d) <= E_t (d - m)^2 <= Var_high(d) Z(high) / Z(low), as Z(t) = sum exp((d - max d) / t)
    and its terms increase with t. As log Z is convex in 1 / t, the ratio is at most
    exp((high / low - 1) (-mean z)), z = (d - max d) / high; and at most Z(high).
    """
    log_ratio = torch.minimum((high / low - 1) * -at.mean, at.log_sum)
    return at.variance * high.square() * log_ratio.exp() < problem.stiffness * low**3


def newton(problem: Problem, low: Tensor, high: Tensor, at: Moments) -> Tensor:
    """Return the fixed point of g in [low, high] by Newton's method, from the moments at ``high``.

    As g increases, g(t) bounds the fixed point on the same side as t.
    """
    solution, t, left = high.clone(), high, torch.arange(len(high), device=high.device)
    # A step squares the error: what follows one smaller than this is below rounding.
    tolerance = problem.start * math.sqrt(torch.finfo(high.dtype).eps)
    for _ in range(NEWTON_STEPS):
        image = problem.image(at)
        low, high = torch.where(t > image, low, image), torch.where(t > image, image, high)
        slope = 1 - at.variance / (t * problem.stiffness)
        last, t = t, torch.clamp(t - (t - image) / slope, low, high)
        solution[left] = t
        moved = ((t - last).abs() > tolerance).nonzero().squeeze(-1)
        if not len(moved):
            break
        if len(moved) < len(left):
            problem, left = problem.rows(moved), left[moved]
            t, low, high = t[moved], low[moved], high[moved]
        at = moments(problem.gaps, t)
    return solution


def scan(problem: Problem, low: Tensor, high: Tensor) -> Tensor:
    """Return the best of all fixed points of g that a grid on [low, high] brackets."""
    grid, images = images_on_grid(problem, low, high)
    # h rises while t < g(t): a maximum lies where t overtakes g(t), at the latest at `high`.
    above = grid > images
    above[:, 0], above[:, -1] = False, True
    row, cell = (above[:, 1:] & ~above[:, :-1]).nonzero(as_tuple=True)
    cells, left, right = problem.rows(row), grid[row, cell], grid[row, cell + 1]
    found = newton(cells, left, right, moments(cells.gaps, right))
    values = torch.full_like(grid, -math.inf)
    values[row, cell] = cells.value(found)
    grid[row, cell] = found
    return grid.gather(-1, values.argmax(dim=-1, keepdim=True)).squeeze(-1)


def images_on_grid(problem: Problem, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return temperatures from low to high, (n, GRID), and g there.

    They are even in b = 1 / t, so that exp(b d) follows from its neighbour by one product.
    """
    steps = torch.linspace(1, 0, GRID, dtype=low.dtype, device=low.device)
    width = (1 / low - 1 / high).unsqueeze(-1)
    inverse = 1 / high.unsqueeze(-1) + width * steps
    ratio = exp(problem.gaps * (width / (GRID - 1)))
    weights = exp(problem.gaps / high.unsqueeze(-1))
    negative_entropy = torch.empty_like(inverse)
    for step in reversed(range(GRID)):
        total = weights.sum(dim=-1)
        mean = torch.linalg.vecdot(weights, problem.gaps) / total
        negative_entropy[:, step] = inverse[:, step] * mean - total.log()
        weights.mul_(ratio)
    return 1 / inverse, problem.temperature(negative_entropy)
