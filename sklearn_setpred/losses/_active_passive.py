"""Active passive losses: normalised cross-entropy plus a bounded function of p_y."""

from __future__ import annotations

__all__ = ["NCEAGCE", "NCEAUL", "NCERCE"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._scores import label_scores


@dataclass(eq=False, repr=False)
class ActivePassive(Loss):
    """alpha NCE + beta X; a subclass defines X, a function of p_y, as ``passive``."""

    alpha: float = 5.0
    beta: float = 5.0

    top_1 = True
    search_space: ClassVar = {"alpha": (0.1, 5.0, 9.9), "beta": (0.1, 5.0, 9.9)}

    def passive(self, log_p: Tensor) -> Tensor:
        """Return the passive loss X from log p_y."""
        raise NotImplementedError

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a weight is negative."""
        check_number("alpha", self.alpha, low=0, hint="it weighs the normalised cross-entropy")
        check_number("beta", self.beta, low=0, hint="it weighs the passive loss")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_p = torch.log_softmax(scores, dim=-1)
        label = label_scores(log_p, target)
        normalized = label / log_p.sum(dim=-1)
        return self.alpha * normalized + self.beta * self.passive(label)


@dataclass(eq=False, repr=False)
class NCERCE(ActivePassive, name="nce_rce"):
    """Normalised cross-entropy plus reverse cross-entropy.

    ::

        l = alpha log p_y / sum_k log p_k + beta A (1 - p_y),    A = -log(1e-4),    p = softmax(f)

    Use it where labels are wrong at random and only the first class matters.

    Parameters
    ----------
    alpha, beta : float, default=5.0
        Weights of the two parts, at least 0.

    References
    ----------
    Ma, Huang, Wang, Romano, Erfani, Bailey, "Normalized loss functions for deep learning with
    noisy labels", ICML 2020.

    Examples
    --------
    The first part alone, log(1 / 4) / (log(1 / 4) + log(3 / 4)):

    >>> import torch
    >>> from sklearn_setpred.losses import NCERCE
    >>> NCERCE(alpha=1.0, beta=0.0)(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([0.8281])
    """

    A = -math.log(1e-4)
    symmetric = True
    limits = (Limit("alpha", 0.0, "mae", factor=5 * A),)

    def passive(self, log_p: Tensor) -> Tensor:
        """Return A (1 - p_y)."""
        return -self.A * torch.expm1(log_p)


@dataclass(eq=False, repr=False)
class NCEAUL(ActivePassive, name="nce_aul"):
    """Normalised cross-entropy plus asymmetric unhinged loss.

    ::

        l = alpha log p_y / sum_k log p_k + beta ((a - p_y)^q - (a - 1)^q) / q,    p = softmax(f)

    Use it where labels are wrong at random and only the first class matters.

    Parameters
    ----------
    alpha, beta : float, default=5.0
        Weights of the two parts, at least 0.
    a : float, default=6.0
        Above 1.
    q : float, default=1.5
        Positive; the asymmetric unhinged loss is 1 - p_y at q = 1.

    References
    ----------
    Zhou, Liu, Jiang, Gao, Ji, "Asymmetric loss functions for learning with noisy labels", ICML
    2021.

    Examples
    --------
    The second part alone, ((2 - 1 / 4)^2 - 1) / 2:

    >>> import torch
    >>> from sklearn_setpred.losses import NCEAUL
    >>> loss = NCEAUL(alpha=0.0, beta=1.0, a=2.0, q=2.0)
    >>> loss(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.0312])
    """

    a: float = 6.0
    q: float = 1.5

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a weight is negative, a not above 1 or q not positive."""
        super().check(n_classes)
        check_number("a", self.a, low=1, is_open=True, hint="a - p_y must stay positive")
        check_number("q", self.q, low=0, is_open=True, hint="q=1 is the mean absolute error")

    def passive(self, log_p: Tensor) -> Tensor:
        """Return ((a - p_y)^q - (a - 1)^q) / q."""
        return ((self.a - log_p.exp()) ** self.q - (self.a - 1) ** self.q) / self.q


@dataclass(eq=False, repr=False)
class NCEAGCE(ActivePassive, name="nce_agce"):
    """Normalised cross-entropy plus asymmetric generalised cross-entropy.

    ::

        l = alpha log p_y / sum_k log p_k + beta ((a + 1)^q - (a + p_y)^q) / q,    p = softmax(f)

    Use it where labels are wrong at random and only the first class matters.

    Parameters
    ----------
    alpha, beta : float, default=5.0
        Weights of the two parts, at least 0.
    a : float, default=3.0
        Positive.
    q : float, default=1.5
        Positive; the asymmetric generalised cross-entropy is 1 - p_y at q = 1.

    References
    ----------
    Zhou, Liu, Jiang, Gao, Ji, "Asymmetric loss functions for learning with noisy labels", ICML
    2021.

    Examples
    --------
    The second part alone, (2^2 - (1 + 1 / 4)^2) / 2:

    >>> import torch
    >>> from sklearn_setpred.losses import NCEAGCE
    >>> loss = NCEAGCE(alpha=0.0, beta=1.0, a=1.0, q=2.0)
    >>> loss(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.2188])
    """

    a: float = 3.0
    q: float = 1.5

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a weight is negative, or a or q not positive."""
        super().check(n_classes)
        check_number("a", self.a, low=0, is_open=True, hint="a + p_y must stay away from 0")
        check_number("q", self.q, low=0, is_open=True, hint="q=1 is the mean absolute error")

    def passive(self, log_p: Tensor) -> Tensor:
        """Return ((a + 1)^q - (a + p_y)^q) / q."""
        return ((self.a + 1) ** self.q - (self.a + log_p.exp()) ** self.q) / self.q
