"""Losses of the spherical family: functions of the label's score, the sum, the sum of squares."""

from __future__ import annotations

__all__ = ["TaylorSoftmax", "ZLoss"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Loss
from sklearn_setpred.losses._scores import label_scores


@dataclass(eq=False, repr=False)
class ZLoss(Loss, name="z_loss"):
    """Z-loss: softplus of the standardised score of the label.

    ::

        l = log(1 + exp(a (b - z_y))) / a,    z = (f - mean(f)) / std(f),    a scale, b shift

    Use it with very many classes or for the ranking at a chosen depth: larger shifts aim at the
    top of the ranking.

    Parameters
    ----------
    scale : float, default=1.0
        The scale a, positive.
    shift : float, default=1.0
        The shift b.

    Notes
    -----
    Shifting or scaling the scores of a row leaves the loss unchanged. For equal scores the
    deviation is taken to be 1. A certain prediction has z_y = sqrt(K - 1), so the least value is
    ``log(1 + exp(a (b - sqrt(K - 1)))) / a``. Probabilities (softmax) rank but are not calibrated.

    References
    ----------
    de Brebisson and Vincent, "The Z-loss: a shift and scale invariant classification loss
    belonging to the spherical family", arXiv:1604.08859, 2016.

    Examples
    --------
    The standardised scores are 1 and -1:

    >>> import torch
    >>> from sklearn_setpred.losses import ZLoss
    >>> ZLoss()(torch.tensor([[7.0, 3.0]]), torch.tensor([0]))
    tensor([0.6931])
    """

    scale: float = 1.0
    shift: float = 1.0

    top_1 = True
    all_k = True
    search_space: ClassVar = {"scale": (0.3, 1.0, 3.0), "shift": (1.0, 3.0, 10.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if the scale is not positive."""
        check_number("scale", self.scale, low=0, is_open=True, hint="it divides the loss")

    def infimum(self, n_classes: int) -> float:
        """Return the value at a certain, right prediction."""
        best = torch.tensor(float(n_classes - 1), dtype=torch.float64).sqrt()
        return (functional.softplus(self.scale * (self.shift - best)) / self.scale).item()

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        centred = scores - scores.mean(dim=-1, keepdim=True)
        deviation = torch.linalg.vector_norm(centred, dim=-1) / math.sqrt(scores.shape[-1])
        # With deviation 1 for equal scores the gradient leads out of the tie.
        z = label_scores(centred, target) / deviation.masked_fill(deviation == 0, 1.0)
        return functional.softplus(self.scale * (self.shift - z)) / self.scale


@dataclass(eq=False, repr=False)
class TaylorSoftmax(Loss, name="taylor_softmax"):
    """Logarithmic loss of the Taylor softmax.

    ::

        l = -log p_y,    p_k = (1 + f_k + f_k^2 / 2) / sum_j (1 + f_j + f_j^2 / 2)

    Use it to try heavier tails than cross-entropy has: probabilities never get very small.

    Notes
    -----
    The probability of a class is least at a score of -1 and grows on either side, so classes rank
    by log(1 + f + f^2 / 2) and not by f. The inverse link is p itself.

    References
    ----------
    de Brebisson and Vincent, "An exploration of softmax alternatives belonging to the spherical
    loss family", ICLR 2016.

    Examples
    --------
    The terms are 1 and 1 + 2 + 2 = 5:

    >>> import torch
    >>> from sklearn_setpred.losses import TaylorSoftmax
    >>> TaylorSoftmax()(torch.tensor([[0.0, 2.0]]), torch.tensor([0]))
    tensor([1.7918])
    """

    has_link = True
    top_1 = True
    all_k = True

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        terms = taylor_terms(scores)
        return terms.sum(dim=-1).log() - label_scores(terms, target).log()

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return the Taylor softmax."""
        return torch.softmax(self.decision_scores(scores), dim=-1)

    def decision_scores(self, scores: Tensor) -> Tensor:
        """Return log(1 + f + f^2 / 2)."""
        return taylor_terms(scores).log()


def taylor_terms(scores: Tensor) -> Tensor:
    """Return 1 + f + f^2 / 2, written without cancellation: at least 1 / 2."""
    return ((scores + 1).square() + 1) / 2
