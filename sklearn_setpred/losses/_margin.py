"""The classic multi-class margin losses."""

from __future__ import annotations

__all__ = ["CrammerSinger", "WestonWatkins"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Loss
from sklearn_setpred.losses._rowwise import Pullback, rowwise
from sklearn_setpred.losses._scores import add_to_label_, label_scores, without_label


@rowwise
def lead_of_best_rival(scores: Tensor, target: Tensor) -> tuple[Tensor, Pullback]:
    """Return max_{k != y} f_k - f_y; at ties the gradient is that of the first of the best."""
    rival = without_label(scores, target).max(dim=-1)

    def pullback(g: Tensor) -> Tensor:
        gradients = g.new_zeros(scores.shape)
        return add_to_label_(add_to_label_(gradients, rival.indices, g), target, -g)

    return rival.values - label_scores(scores, target), pullback


@rowwise
def mean_excess(scores: Tensor, target: Tensor, margin: float) -> tuple[Tensor, Pullback]:
    """Return sum_{k != y} max(0, margin + f_k - f_y) / K."""
    bar = label_scores(scores, target) - margin
    excess = (scores - bar.unsqueeze(-1)).relu_().scatter_(-1, target.unsqueeze(-1), 0.0)

    def pullback(g: Tensor) -> Tensor:
        gradients = excess.sign()
        count = gradients.sum(dim=-1, keepdim=True)
        share = g / scores.shape[-1]
        return add_to_label_(gradients.mul_(share), target, -share * count)

    return excess.mean(dim=-1), pullback


@dataclass(eq=False, repr=False)
class CrammerSinger(Loss, name="crammer_singer"):
    """Multi-class hinge of Crammer and Singer.

    ::

        l = max(0, m + max_{k != y} f_k - f_y)

    Use it where one class nearly always has more than half of the probability; otherwise it does
    not find the most probable class.

    Parameters
    ----------
    margin : float, default=1.0
        The margin m, at least 0.

    References
    ----------
    Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector
    machines", JMLR 2001.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import CrammerSinger
    >>> CrammerSinger()(torch.tensor([[2.0, 0.0, 1.5]]), torch.tensor([0]))
    tensor([0.5000])
    """

    margin: float = 1.0

    search_space: ClassVar = {"margin": (0.1, 1.0, 10.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if the margin is negative."""
        check_number("margin", self.margin, low=0)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return functional.relu(self.margin + lead_of_best_rival(scores, target))


@dataclass(eq=False, repr=False)
class WestonWatkins(Loss, name="weston_watkins"):
    """Multi-class hinge of Weston and Watkins, divided by the number of classes.

    ::

        l = sum_{k != y} max(0, m + f_k - f_y) / K

    Use it as a classic baseline; it does not rank like the posterior.

    Parameters
    ----------
    margin : float, default=1.0
        The margin m, at least 0.

    Notes
    -----
    The textbook form lacks the factor 1 / K; with it the size of the gradient does not depend on
    the number of classes.

    References
    ----------
    Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import WestonWatkins
    >>> WestonWatkins()(torch.tensor([[2.0, 0.0, 1.5, 2.0]]), torch.tensor([0]))
    tensor([0.3750])
    """

    margin: float = 1.0

    search_space: ClassVar = {"margin": (0.1, 1.0, 10.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if the margin is negative."""
        check_number("margin", self.margin, low=0)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return mean_excess(scores, target, self.margin)
