"""The stateful form of ALDR-KL: one fixed-point step for each visit of a row.

The algorithm of Zhu, Ying, Yang (ICML 2023) remembers a temperature for every training row and
moves it once whenever the row is met. The package solves for the temperature instead; this form
serves to compare the two and nothing else. A loss is not told which rows it sees. So the number of
each row is written into further columns of X, bit by bit; the network takes them off and tells the
loss.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from sklearn_setpred import NeuralClassifier
from sklearn_setpred.losses import ALDRKL


class Memory:
    """The temperatures of the training rows, and the rows of the present batch."""

    def __init__(self, n_rows, temperature):
        self.temperatures = torch.full((n_rows,), float(temperature))
        self.rows = None


@dataclass(eq=False, repr=False)
class OneStepALDRKL(ALDRKL):
    """ALDR-KL with a remembered temperature for each training row.

    Where no gradient is taken, on validation rows, the loss is that of the exact temperature.
    """

    memory: Memory = None

    def excess(self, scores, target):
        """Return the loss less its infimum, over lam, at temperatures moved by one step."""
        if not torch.is_grad_enabled():
            return super().excess(scores, target)
        log_k = math.log(scores.shape[-1])
        t = self.step(scores.detach(), target, log_k)
        penalty = self.alpha * log_k / 2 * (t / self.lam - 1 + 1 / self.alpha).square()
        ce = nn.functional.cross_entropy(scores / t.unsqueeze(-1), target, reduction="none")
        return t / self.lam * ce - penalty

    def step(self, scores, target, log_k):
        """Return the temperature of each row, moved by one step, without margin, and remembered."""
        f = scores.scatter_add(-1, target.unsqueeze(-1), torch.full_like(scores, self.margin))
        remembered, rows = self.memory.temperatures, self.memory.rows
        p = torch.softmax(f / remembered[rows].unsqueeze(-1), dim=-1) + 1e-5
        p /= p.sum(dim=-1, keepdim=True)
        divergence = log_k - torch.special.entr(p).sum(dim=-1)
        remembered[rows] = self.lam * (1 - divergence / (self.alpha * log_k))
        return remembered[rows]


class RowReader(nn.Module):
    """One hidden layer on all columns but the last, whose bits are the number of the row."""

    def __init__(self, n_features, n_classes, *, width, n_bits, memory):
        super().__init__()
        self.n_bits, self.memory = n_bits, memory
        sizes = n_features - n_bits, width
        self.layers = nn.Sequential(nn.Linear(*sizes), nn.ReLU(), nn.Linear(width, n_classes))

    def forward(self, x):
        """Return the scores; in training, tell the memory which rows these are."""
        x, bits = x[:, : -self.n_bits], x[:, -self.n_bits :]
        if self.training:
            # Standardization keeps a bit of 1 above the mean of its column.
            self.memory.rows = (bits > 0).long() @ (2 ** torch.arange(self.n_bits))
        return self.layers(x)


class OneStepClassifier:
    """`NeuralClassifier` with `OneStepALDRKL`, for arrays and CSR; its other losses are exact."""

    def __init__(self, loss_params, hidden_layer_sizes, **options):
        self.loss_params, self.options = loss_params, options
        (self.width,) = hidden_layer_sizes

    def fit(self, X, y, X_val, y_val):
        """Train, stopped by the validation rows."""
        self.n_bits = (len(y) - 1).bit_length()
        self.memory = Memory(len(y), self.loss_params.get("lam", ALDRKL.lam))
        reader = partial(RowReader, width=self.width, n_bits=self.n_bits, memory=self.memory)
        loss = OneStepALDRKL(**self.loss_params, memory=self.memory)
        self.model = NeuralClassifier(loss, module=reader, device="cpu", **self.options)
        X, X_val = self.numbered(X, np.arange(len(y))), self.numbered(X_val)
        self.model.fit(X, y, X_val=X_val, y_val=y_val)
        self.loss_ = ALDRKL(**self.loss_params)
        return self

    def numbered(self, X, numbers=0):
        """Return X with the bits of the rows' numbers as more columns."""
        numbers = np.broadcast_to(numbers, X.shape[0])
        bits = (numbers[:, None] >> np.arange(self.n_bits) & 1).astype(X.dtype)
        return sp.hstack([X, bits], format="csr") if sp.issparse(X) else np.hstack([X, bits])

    def predict_proba(self, X):
        """Return the probabilities of the classes."""
        return self.model.predict_proba(self.numbered(X))

    def decision_function(self, X):
        """Return the scores of the classes."""
        return self.model.decision_function(self.numbered(X))
