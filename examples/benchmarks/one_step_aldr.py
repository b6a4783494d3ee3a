"""The stateful form of ALDR-KL: one fixed-point step for each visit of a row.

The algorithm of Zhu, Ying, Yang (ICML 2023) remembers a temperature for every training row and
moves it once whenever the row is met. The package solves for the temperature instead; this
form serves to compare the two and nothing else. It takes the loss and a callback::

    NeuralClassifier(OneStepALDRKL(), callbacks=[RowNumbers()])
"""

import math

import torch
from skorch.callbacks import Callback

from sklearn_setpred.losses import ALDRKL


class OneStepALDRKL(ALDRKL):
    """ALDR-KL with a temperature remembered for each training row.

    Where gradients are taken, a target is the number of a row, as `RowNumbers` sees to; elsewhere
    it is the label, and the loss is that of the exact temperature.
    """

    def remember(self, labels):
        """Begin anew with the labels of the training rows."""
        self.labels = labels
        self.remembered = torch.full_like(labels, self.lam, dtype=torch.float32)

    def forward(self, scores, target):
        """Return the loss of each row."""
        if torch.is_grad_enabled():
            self.rows, target = target, self.labels[target]
        return super().forward(scores, target)

    def excess(self, scores, target):
        """Return what `ALDRKL.excess` does, at the remembered temperatures when training."""
        if not torch.is_grad_enabled():
            return super().excess(scores, target)
        t, log_k = self.step(scores.detach()), math.log(scores.shape[-1])
        d = scores - scores.gather(-1, target.unsqueeze(-1))
        above = (t - self.lowest_temperature).square()
        penalty = self.alpha * log_k / (2 * self.lam) * above
        return (t * torch.logsumexp(d / t.unsqueeze(-1), dim=-1) - penalty) / self.lam

    def step(self, scores):
        """Return the temperatures of the rows of a batch, moved by one step and remembered."""
        log_k = math.log(scores.shape[-1])
        p = torch.softmax(scores / self.remembered[self.rows].unsqueeze(-1), dim=-1) + 1e-5
        p /= p.sum(dim=-1, keepdim=True)
        divergence = log_k - torch.special.entr(p).sum(dim=-1)
        self.remembered[self.rows] = self.lam * (1 - divergence / (self.alpha * log_k))
        return self.remembered[self.rows]


class RowNumbers(Callback):
    """Gives `OneStepALDRKL` the labels of the training rows, and their numbers as targets."""

    def on_train_begin(self, net, X, **kwargs):
        """Exchange labels for numbers."""
        net.criterion_.loss.remember(X.target)
        X.target = torch.arange(len(X.target), device=X.target.device)
