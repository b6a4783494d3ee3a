"""Powers of probabilities: temperature scaling of a trained network.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from sklearn_setpred.losses._scores import minus_log_p

# If all rows are predicted right, the best power is infinite.
LOG_POWERS = (-3.0, 2.0)


def to_power(p: Tensor, power: float) -> Tensor:
    """Return p_k^s / sum_j p_j^s of each row, s = power."""
    return torch.softmax(power * log(p), dim=-1)


def best_power(p: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
    """Return the s at which the mean log-loss of p_k^s / sum_j p_j^s is least.

    Parameters
    ----------
    p : Tensor of shape (n, K)
        Probabilities.
    target : Tensor of shape (n,)
        Labels.
    weight : Tensor of shape (n,), optional
        Weights of the rows.
    """
    log_p = log(p)

    def mean_log_loss(log_power):
        values = minus_log_p(math.exp(log_power) * log_p, target)
        return (values.mean() if weight is None else (weight * values).mean()).item()

    return math.exp(minimize_scalar(mean_log_loss, bounds=LOG_POWERS, method="bounded").x)


def log(p: Tensor) -> Tensor:
    """Return the logarithms of probabilities, finite where a probability is zero."""
    return p.clamp_min(torch.finfo(p.dtype).tiny).log()
