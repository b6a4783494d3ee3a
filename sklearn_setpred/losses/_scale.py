"""Log-loss after temperature scaling: how well scores rank, whatever their size."""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from sklearn_setpred.losses._base import Loss

LOG_POWERS = (-4.0, 2.0)


class ScaledLogLoss:
    """Log-loss of the probabilities of a loss, raised to the power that suits the rows best.

    ``-log(p_y^s / sum_k p_k^s)``, the same s > 0 for all rows, where the mean is least: the
    log-loss after temperature scaling [1]_. A network whose scores have grown too large can still
    learn to rank; under label noise they soon are, and a loss that sees their size would stop it.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def __call__(self, scores: Tensor, target: Tensor) -> Tensor:
        """Give the log-loss of each row, at the best power for them all."""
        log_p = self.loss.probabilities(scores).clamp_min(torch.finfo(scores.dtype).tiny).log()

        def mean(log_power):
            return cross_entropy(math.exp(log_power) * log_p, target).item()

        best = minimize_scalar(mean, bounds=LOG_POWERS, method="bounded", options={"xatol": 0.05})
        return cross_entropy(math.exp(best.x) * log_p, target, reduction="none")
