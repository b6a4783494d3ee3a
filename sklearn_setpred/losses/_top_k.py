"""Losses for the label being among the k best scores."""

from __future__ import annotations

__all__ = ["SmoothTopK", "TopKCrossEntropy", "TopKHinge"]

import math
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._elementary_symmetric import log_ratio
from sklearn_setpred.losses._scores import label_scores, with_margin, without_label


@dataclass(eq=False, repr=False)
class TopKFamily(Loss):
    """Base of the losses in which the first k places count."""

    k: int = 2

    @property
    def top_1(self) -> bool:
        """Whether the first class is found: for k > 2 the first k - 1 can tie at infinity."""
        return self.k <= 2

    def check(self, n_classes: int) -> None:
        """Raise ValueError unless ``k`` is an integer in 1 ... n_classes - 1."""
        if not (isinstance(self.k, Integral) and 1 <= self.k < n_classes):
            raise ValueError(
                f"k={self.k!r} must be an integer between 1 and n_classes - 1 = {n_classes - 1}: "
                "otherwise the k largest scores always contain the label; choose a smaller k."
            )


@dataclass(eq=False, repr=False)
class TopKHinge(TopKFamily, name="top_k_hinge"):
    """Top-k hinge.

    ::

        l = max(0, mean of the k largest d_j),    d_j = f_j - f_y + margin (j != y)

    Use it as the classic top-k baseline; it does not rank like the posterior.

    Parameters
    ----------
    k : int, default=2
        Places that count, from 1 to n_classes - 1.
    margin : float, default=1.0
        At least 0.

    References
    ----------
    Lapin, Hein, Schiele, "Top-k multiclass SVM", NIPS 2015, the loss alpha.

    Examples
    --------
    d is (0, 3, 1); its two largest entries have mean 2:

    >>> import torch
    >>> from sklearn_setpred.losses import TopKHinge
    >>> TopKHinge(k=2)(torch.tensor([[2.0, 4.0, 2.0]]), torch.tensor([0]))
    tensor([2.])
    """

    margin: float = 1.0

    top_1 = False
    limits = (Limit("k", 1, "crammer_singer"),)
    search_space: ClassVar = {"k": (2, 3, 5), "margin": (0.1, 1.0, 10.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if k or the margin is out of range."""
        super().check(n_classes)
        check_number("margin", self.margin, low=0)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        shifted = with_margin(scores, target, self.margin)
        best = shifted.topk(self.k, dim=-1).values.mean(dim=-1)
        return functional.relu(best - label_scores(shifted, target))


@dataclass(eq=False, repr=False)
class SmoothTopK(TopKFamily, name="smooth_top_k"):
    """Smooth top-k hinge.

    ::

        l = t log sum_S exp((margin (y not in S) + sum_{j in S} f_j / k) / t)
            - t log sum_{S with y} exp(sum_{j in S} f_j / (k t)),    S all sets of k labels

    Use it where sets have a fixed size k and labels are noisy.

    Parameters
    ----------
    k : int, default=2
        Places that count, from 1 to n_classes - 1.
    temperature : float, default=1.0
        The smoothing t, positive.
    margin : float, default=1.0
        At least 0.

    Notes
    -----
    With z = f / (k t) without the label and e_k the elementary symmetric polynomials of exp(z),
    the loss is t softplus(margin / t + log e_k - log e_{k-1} - z_y). The ratio is computed exactly
    at every temperature in O(K k) operations.

    References
    ----------
    Berrada, Zisserman, Kumar, "Smooth loss functions for deep top-k classification", ICLR 2018.

    Examples
    --------
    With equal scores and no margin it is the logarithm of the number of sets of two labels, 3,
    over the number of sets with y, 2:

    >>> import torch
    >>> from sklearn_setpred.losses import SmoothTopK
    >>> SmoothTopK(k=2, margin=0.0)(torch.zeros(1, 3), torch.tensor([0]))
    tensor([0.4055])
    """

    temperature: float = 1.0
    margin: float = 1.0

    limits = (Limit("k", 1, "ldr_kl", using={"margin": 1.0}),)
    search_space: ClassVar = {
        "k": (2, 3, 5),
        "temperature": (0.01, 0.1, 1.0),
        "margin": (0.1, 1.0),
    }

    all_k = TopKFamily.top_1

    def check(self, n_classes: int) -> None:
        """Raise ValueError if k, the temperature or the margin is out of range."""
        super().check(n_classes)
        check_number(
            "temperature", self.temperature, low=0, is_open=True, hint="it divides the scores"
        )
        check_number("margin", self.margin, low=0)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        z = scores / (self.k * self.temperature)
        log_odds = log_ratio(without_label(z, target), self.k) - label_scores(z, target)
        return self.temperature * functional.softplus(self.margin / self.temperature + log_odds)


@dataclass(eq=False, repr=False)
class TopKCrossEntropy(TopKFamily, name="top_k_cross_entropy"):
    """Truncated top-k cross-entropy.

    ::

        l = log(1 + sum_{j in J} exp(f_j - f_y)),    J: all j != y but the k - 1 largest f_j

    Use it where only the first k places matter. It is not convex: train with cross-entropy first.

    Parameters
    ----------
    k : int, default=2
        Places that count, from 1 to n_classes - 1.

    References
    ----------
    Lapin, Hein, Schiele, "Loss functions for top-k error: analysis and insights", CVPR 2016.

    Examples
    --------
    The largest rival is left out, the one that ties with the label remains:

    >>> import torch
    >>> from sklearn_setpred.losses import TopKCrossEntropy
    >>> TopKCrossEntropy(k=2)(torch.tensor([[2.0, 9.0, 2.0]]), torch.tensor([0]))
    tensor([0.6931])
    """

    all_k = TopKFamily.top_1
    limits = (Limit("k", 1, "cross_entropy"),)
    search_space: ClassVar = {"k": (2, 3, 5)}

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        others = without_label(scores, target)
        best = others.topk(self.k - 1, dim=-1).indices
        rest = others.scatter(-1, best, -math.inf)
        return functional.softplus(torch.logsumexp(rest, dim=-1) - label_scores(scores, target))
