"""The temperature of each row in the adaptive LDR-KL loss, without a loop.

With the gaps d = f - max f of a row, t0 = lam and a = alpha log K / t0, it maximises

    h(t) = t log mean exp(d / t) - (a / 2) (t - t0)^2    over t in [t0 (1 - 1 / alpha), t0],

whose maxima are fixed points of the increasing ``g(t) = t0 - KL(softmax(d / t), uniform) / a``.
Iterating g from the ends of the interval leads to the lowest and the highest of them; the better
one is the maximum, unless it lies between two others.
"""

import math
from typing import NamedTuple

import numpy as np

from sklearn_setpred.onnx._graph import row_sum

# A few iterations come near the fixed point, whose error each Newton step squares.
_ITERATIONS, _NEWTON_STEPS = 12, 8


class _Problem(NamedTuple):
    """The gaps (n, K), by name, and the constants."""

    gaps: str
    log_k: float
    t0: float
    alpha: float

    @property
    def a(self):
        return self.alpha * self.log_k / self.t0

    @property
    def lowest(self):
        return self.t0 * (1 - 1 / self.alpha)


def temperatures(g, loss, scores, n_classes):
    """Return the temperature (n, 1) of each row of scores (n, n_classes)."""
    gaps = g("Sub", scores, g("ReduceMax", scores, [1], keepdims=1))
    problem = _Problem(gaps, math.log(n_classes), loss.lam, loss.alpha)
    low, high = (_fixed_point(g, problem, end) for end in (problem.lowest, problem.t0))
    is_high = g("GreaterOrEqual", _value(g, problem, high), _value(g, problem, low))
    return g("Where", is_high, high, low)


def _fixed_point(g, problem, t):
    """Return the fixed point (n, 1) of g next to an end of the interval."""
    t = np.float64(t)
    for _ in range(_ITERATIONS):
        t, _ = _image(g, problem, t)
    for _ in range(_NEWTON_STEPS):
        image, slope = _image(g, problem, t)
        step = g("Div", g("Sub", t, image), g("Sub", np.float64(1), slope))
        t = g("Clip", g("Sub", t, step), np.float64(problem.lowest), np.float64(problem.t0))
    return t


def _image(g, problem, t):
    """Return g(t) and its slope, ``Var(z) / (t a)`` with z = d / t."""
    z = g("Div", problem.gaps, t)
    weights = g("Exp", z)
    total = row_sum(g, weights)
    p = g("Div", weights, total)
    mean = row_sum(g, g("Mul", p, z))
    variance = row_sum(g, g("Mul", p, g("Pow", g("Sub", z, mean), np.float64(2))))
    kl = g("Add", g("Sub", mean, g("Log", total)), np.float64(problem.log_k))
    image = g("Sub", np.float64(problem.t0), g("Div", kl, np.float64(problem.a)))
    return image, g("Div", variance, g("Mul", t, np.float64(problem.a)))


def _value(g, problem, t):
    """Return h(t)."""
    weights = g("Exp", g("Div", problem.gaps, t))
    gain = g("Mul", t, g("Log", g("ReduceMean", weights, [1], keepdims=1)))
    distance = g("Sub", t, np.float64(problem.t0))
    return g("Sub", gain, g("Mul", g("Mul", distance, distance), np.float64(problem.a / 2)))
