"""Losses of the predicted probabilities that withstand wrong labels."""

from __future__ import annotations

__all__ = ["MSE", "RLL", "SCE", "JensenShannon"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._scores import label_scores, minus_log_p


@dataclass(eq=False, repr=False)
class MSE(Loss, name="mse"):
    """Mean squared error of the probabilities, the Brier score.

    ::

        l = sum_k (e_y - p)_k^2 = 1 - 2 p_y + sum_k p_k^2,    p = softmax(f)

    Use it where labels are mildly noisy and calibrated probabilities matter: bounded by 2, proper.

    Notes
    -----
    The inverse link is softmax: the minimiser of the conditional risk has p = q.

    References
    ----------
    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
    1950.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import MSE
    >>> MSE()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.1250])
    """

    has_link = True
    top_1 = True
    all_k = True

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        p = torch.softmax(scores, dim=-1)
        return 1 - 2 * label_scores(p, target) + torch.linalg.vecdot(p, p)


@dataclass(eq=False, repr=False)
class SCE(Loss, name="sce"):
    """Symmetric cross-entropy.

    ::

        l = (1 - b) (-log p_y) + b A (1 - p_y),    A = 4,    p = softmax(f)

    Use it on noisy labels where plain robust losses train too slowly.

    Parameters
    ----------
    b : float, default=0.5
        Weight of the reverse cross-entropy, in [0, 1].

    References
    ----------
    Wang, Ma, Chen, Luo, Yi, Bailey, "Symmetric cross entropy for robust learning with noisy
    labels", ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import SCE
    >>> SCE(b=1.0)(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([3.])
    """

    b: float = 0.5

    A = 4.0
    top_1 = True
    limits = (Limit("b", 0.0, "cross_entropy"), Limit("b", 1.0, "mae", factor=A))
    search_space: ClassVar = {"b": (0.05, 0.5, 0.95)}

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks like the posterior: unless b = 1."""
        return self.b < 1

    @property
    def symmetric(self) -> bool:
        """Whether the losses of all labels sum to a constant: b = 1 alone."""
        return self.b == 1

    def check(self, n_classes: int) -> None:
        """Raise ValueError if b is outside [0, 1]."""
        check_number("b", self.b, low=0, high=1, hint="b=0 is cross-entropy")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_p = -minus_log_p(scores, target)
        return (self.b - 1) * log_p - self.b * self.A * torch.expm1(log_p)


@dataclass(eq=False, repr=False)
class JensenShannon(Loss, name="jensen_shannon"):
    """Scaled Jensen-Shannon divergence between the label and the prediction.

    ::

        l = (pi KL(e_y, m) + (1 - pi) KL(p, m)) / (-(1 - pi) log(1 - pi)),
        m = pi e_y + (1 - pi) p,    p = softmax(f)

    Use it between cross-entropy (small pi) and the mean absolute error (pi near 1).

    Parameters
    ----------
    pi : float, default=0.5
        Weight of the label in the mixture, in (0, 1).

    Notes
    -----
    It depends on p_y alone, as the classes other than y enter KL(p, m) through their sum. As pi
    tends to 1 it approaches 1 - p_y, but only logarithmically: at pi = .9 it is still .36 away.

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon divergence loss for learning with noisy
    labels", NeurIPS 2021.

    Examples
    --------
    A certain, wrong prediction costs 2 at pi = 1 / 2, the greatest value:

    >>> import torch
    >>> from sklearn_setpred.losses import JensenShannon
    >>> JensenShannon(pi=0.5)(torch.tensor([[-200.0, 0.0]]), torch.tensor([0]))
    tensor([2.])
    """

    pi: float = 0.5

    top_1 = True
    all_k = True
    limits = (Limit("pi", 0.0, "cross_entropy"),)
    search_space: ClassVar = {"pi": (0.1, 0.5, 0.9)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if pi is outside (0, 1)."""
        check_number(
            "pi", self.pi, low=0, high=1, is_open=True, hint="pi towards 0 is cross-entropy"
        )

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        pi, log_p = self.pi, -minus_log_p(scores, target)
        p, rest = log_p.exp(), -torch.expm1(log_p)
        log_m = torch.log1p((pi - 1) * rest)
        divergence = p * (log_p - log_m) - rest * math.log1p(-pi)
        return (pi * log_m - (1 - pi) * divergence) / ((1 - pi) * math.log1p(-pi))


@dataclass(eq=False, repr=False)
class RLL(Loss, name="rll"):
    """Robust log loss.

    ::

        l = log((alpha + 1) / alpha) - log(1 + p_y / alpha)
            + sum_{j != y} log(1 + p_j / alpha) / (K - 1),    p = softmax(f)

    Use it where labels are wrong at random and only the first class matters.

    Parameters
    ----------
    alpha : float, default=1.0
        Positive; the smaller, the more a badly predicted row counts.

    Notes
    -----
    The losses of all K labels sum to K log((alpha + 1) / alpha).

    References
    ----------
    Patel and Sastry, "Memorization in deep neural networks: does the loss function matter?", PAKDD
    2021.

    Examples
    --------
    Here log 2 - log(5 / 4) + log(7 / 4):

    >>> import torch
    >>> from sklearn_setpred.losses import RLL
    >>> RLL()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.0296])
    """

    alpha: float = 1.0

    top_1 = True
    symmetric = True
    search_space: ClassVar = {"alpha": (0.1, 1.0, 10.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if alpha is not positive."""
        check_number("alpha", self.alpha, low=0, is_open=True, hint="it divides the probabilities")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_t = torch.log1p(torch.softmax(scores, dim=-1) / self.alpha)
        label, n_others = label_scores(log_t, target), scores.shape[-1] - 1
        return math.log1p(1 / self.alpha) - label + (log_t.sum(dim=-1) - label) / n_others
