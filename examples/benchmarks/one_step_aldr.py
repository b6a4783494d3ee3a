"""The stateful form of ALDR-KL: one fixed-point step for each visit of a row.

The algorithm of Zhu, Ying, Yang (ICML 2023) remembers a temperature for every training row and
moves it once whenever the row is met. The package solves for the temperature instead; this
form serves to compare the two and nothing else.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from sklearn_setpred import NeuralClassifier
from sklearn_setpred.losses import ALDRKL


@dataclass(eq=False, repr=False)
class OneStepALDRKL(ALDRKL):
    """ALDR-KL with a temperature remembered for each of ``n_rows`` training rows.

    In training, a target is ``row * K + label``; where no gradient is taken it is the label, and
    the loss that of the exact temperature.
    """

    n_rows: int = 0

    def __post_init__(self):
        self.remembered = torch.full((self.n_rows,), float(self.lam))

    def forward(self, scores, target):
        """Return the loss of each row."""
        if not torch.is_grad_enabled():
            return super().forward(scores, target)
        n_classes = scores.shape[-1]
        row, label = target // n_classes, (target % n_classes).unsqueeze(-1)
        f, log_k = self.normalized(scores), math.log(n_classes)
        t = self.step(f.detach(), row, log_k)
        d = (f - f.gather(-1, label) + self.margin).scatter(-1, label, 0.0)
        penalty = self.alpha * log_k / (2 * self.lam) * (t - self.lam).square()
        return t * (torch.logsumexp(d / t.unsqueeze(-1), dim=-1) - log_k) - penalty

    def step(self, f, row, log_k):
        """Return the temperature of each row, moved by one step and remembered."""
        p = torch.softmax(f / self.remembered[row].unsqueeze(-1), dim=-1) + 1e-5
        p /= p.sum(dim=-1, keepdim=True)
        divergence = log_k - torch.special.entr(p).sum(dim=-1)
        self.remembered[row] = self.lam * (1 - divergence / (self.alpha * log_k))
        return self.remembered[row]


class OneStepClassifier(NeuralClassifier):
    """Network classifier that tells its loss which row a score belongs to."""

    def _pairs(self, part, *how):
        """Let the targets of training rows also hold the number of the row."""
        n_classes, rows = part.target.max() + 1, np.arange(len(part.target))
        return super()._pairs(part._replace(target=part.target + n_classes * rows), *how)
