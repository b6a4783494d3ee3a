"""The classic multi-class margin losses."""

from __future__ import annotations

__all__ = ["CrammerSinger", "WestonWatkins"]

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Loss
from sklearn_setpred.losses._scores import label_scores, without_label


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
        best_rival = without_label(scores, target).max(dim=-1).values
        return relu(self.margin + best_rival - label_scores(scores, target))


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
        bar = label_scores(scores, target) - self.margin
        excess = relu(scores - bar.unsqueeze(-1)).sum(dim=-1)
        # The label's own excess is the margin, at any scores.
        return (excess - self.margin) / scores.shape[-1]
