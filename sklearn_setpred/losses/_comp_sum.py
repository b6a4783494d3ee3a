"""Comp-sum losses: one family from sum-exponential over cross-entropy to 1 - p_y."""

from __future__ import annotations

__all__ = ["GCE", "MAE", "TGCE", "CompSum", "CrossEntropy", "SumExponential"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._scores import expm1_with_linear_tail, minus_log_p


def comp_sum_values(surprisal: Tensor, tau: float) -> Tensor:
    """Return (p^(tau - 1) - 1) / (1 - tau), -log p at tau = 1, from -log p; any shape."""
    if tau == 1:
        return surprisal
    return expm1_with_linear_tail((1 - tau) * surprisal) / (1 - tau)


def comp_sum_link(scores: Tensor, tau: float) -> Tensor:
    """Return p^(2 - tau) renormalised, p = softmax(scores); softmax where no link exists."""
    return torch.softmax((2 - tau) * scores if tau < 2 else scores, dim=-1)


class CompSumFamily(Loss):
    """Base of the comp-sum losses; a member defines its ``order`` tau."""

    top_1 = True

    @property
    def order(self) -> float:
        """The order tau in the family."""
        raise NotImplementedError

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks like the posterior: all orders below 2."""
        return self.order < 2

    has_link = all_k

    @property
    def symmetric(self) -> bool:
        """Whether the losses of all labels sum to a constant: order 2 alone."""
        return self.order == 2

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return comp_sum_values(minus_log_p(scores, target), self.order)

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return p^(2 - tau) renormalised."""
        return comp_sum_link(scores, self.order)


@dataclass(eq=False, repr=False)
class CompSum(CompSumFamily, name="comp_sum"):
    """Comp-sum loss of order tau.

    ::

        l = (p_y^(tau - 1) - 1) / (1 - tau),    -log p_y at tau = 1,    p = softmax(f)

    Use it to choose between fitting every row (small tau) and giving up on rows that look
    mislabelled (large tau); tau = 1 is the safe choice, 1 < tau < 2 withstands label noise.

    Parameters
    ----------
    tau : float, default=1.0
        Order, at least 0. The greater, the less a badly predicted row counts; bounded by
        1 / (tau - 1) above 1.

    Notes
    -----
    The gradient is p_y^(tau - 1) (p - e_y). Below order 1 the loss is exponential in the scores;
    it is exact while (1 - tau) (-log p_y) <= 30 and continues as its tangent beyond. For tau < 2
    the minimiser of the conditional risk has p_k proportional to q_k^(1 / (2 - tau)), so the
    inverse link is p^(2 - tau) renormalised; from 2 on it is a certain prediction of the most
    probable class, and no link exists.

    References
    ----------
    Mao, Mohri, Zhong, "Cross-entropy loss functions: theoretical analysis and applications",
    ICML 2023.

    Examples
    --------
    Here p_y = 1 / 4:

    >>> import torch
    >>> from sklearn_setpred.losses import CompSum
    >>> scores, y = torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0])
    >>> [round(CompSum(tau=tau)(scores, y).item(), 4) for tau in (0, 1, 1.5, 2)]
    [3.0, 1.3863, 1.0, 0.75]
    """

    tau: float = 1.0

    limits = (
        Limit("tau", 0.0, "sum_exponential"),
        Limit("tau", 1.0, "cross_entropy"),
        Limit("tau", 1.7, "gce"),
        Limit("tau", 2.0, "mae"),
    )
    search_space: ClassVar = {"tau": (0.0, 0.5, 1.0, 1.5, 2.0)}

    @property
    def order(self) -> float:
        """The order tau in the family."""
        return self.tau

    def check(self, n_classes: int) -> None:
        """Raise ValueError if tau is negative."""
        check_number("tau", self.tau, low=0, hint="tau=1 is cross-entropy")


@dataclass(eq=False, repr=False)
class SumExponential(CompSumFamily, name="sum_exponential"):
    """Sum-exponential loss, the comp-sum loss of order 0.

    ::

        l = sum_{k != y} exp(f_k - f_y) = 1 / p_y - 1,    p = softmax(f)

    Use it only where labels are clean: a single mislabelled row can dominate the mean.

    Notes
    -----
    Exact while -log p_y <= 30, continued as its tangent beyond. The inverse link is p^2
    renormalised.

    References
    ----------
    Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999,
    for the form; Mao, Mohri, Zhong, "Cross-entropy loss functions: theoretical analysis and
    applications", ICML 2023, for the analysis.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import SumExponential
    >>> SumExponential()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([3.])
    """

    order = 0.0


@dataclass(eq=False, repr=False)
class CrossEntropy(CompSumFamily, name="cross_entropy"):
    """Cross-entropy, the comp-sum loss of order 1.

    ::

        l = -log p_y,    p = softmax(f)

    Use it first: calibrated probabilities, the ranking of the posterior at every k.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import CrossEntropy
    >>> CrossEntropy()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.3863])
    """

    order = 1.0


@dataclass(eq=False, repr=False)
class GCE(CompSumFamily, name="gce"):
    """Generalised cross-entropy, the comp-sum loss of order 1 + q.

    ::

        l = (1 - p_y^q) / q,    -log p_y at q = 0,    p = softmax(f)

    Use it where some labels are wrong and the ranking beyond the first class still matters.

    Parameters
    ----------
    q : float, default=0.7
        Between 0 (cross-entropy) and 1 (mean absolute error); the greater, the more robust and the
        slower to train.

    Notes
    -----
    The inverse link is p^(1 - q) renormalised; none exists at q = 1.

    References
    ----------
    Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with noisy
    labels", NeurIPS 2018.

    Examples
    --------
    Here p_y = 1 / 4:

    >>> import torch
    >>> from sklearn_setpred.losses import GCE
    >>> GCE(q=0.5)(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([1.])
    """

    q: float = 0.7

    limits: ClassVar[Sequence[Limit]] = (
        Limit("q", 0.0, "cross_entropy"),
        Limit("q", 1.0, "mae"),
    )
    search_space: ClassVar = {"q": (0.05, 0.7, 0.95)}

    @property
    def order(self) -> float:
        """The order tau in the family."""
        return 1 + self.q

    def check(self, n_classes: int) -> None:
        """Raise ValueError if q is outside [0, 1]."""
        check_number(
            "q", self.q, low=0, high=1, hint="q=0 is cross-entropy, q=1 the mean absolute error"
        )


@dataclass(eq=False, repr=False)
class MAE(CompSumFamily, name="mae"):
    """Mean absolute error, the comp-sum loss of order 2.

    ::

        l = 1 - p_y = sum_k |e_y - p|_k / 2,    p = softmax(f)

    Use it as the robust end of the comparison, with few classes: it withstands uniform label
    noise, but ranks nothing beyond the first class and trains slowly or not at all with many
    classes.

    References
    ----------
    Ghosh, Kumar, Sastry, "Robust loss functions under label noise for deep neural networks", AAAI
    2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import MAE
    >>> MAE()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([0.7500])
    """

    order = 2.0


@dataclass(eq=False, repr=False)
class TGCE(GCE, name="tgce"):
    """Truncated generalised cross-entropy.

    ::

        l = (1 - max(p_y, k)^q) / q,    p = softmax(f),    k the truncation

    Use it on noisy labels after a warm start (``partial_fit`` or ``warm_start``): rows predicted
    below the truncation have no gradient, so from scratch with many classes nothing moves.

    Parameters
    ----------
    q : float, default=0.7
        As in the generalised cross-entropy, between 0 and 1.
    truncation : float, default=0.5
        Label probability k at and below which a row is given up, in [0, 1].

    Notes
    -----
    Stateless: the truncation looks at the present scores alone. At the default, at most one class
    of a row is above the truncation, so that only the first place of the ranking is learnt.

    References
    ----------
    Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with noisy
    labels", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_setpred.losses import TGCE
    >>> loss = TGCE(q=1.0, truncation=0.5)
    >>> loss(torch.log(torch.tensor([[1.0, 3.0], [1.0, 3.0]])), torch.tensor([0, 1]))
    tensor([0.5000, 0.2500])
    """

    truncation: float = 0.5

    has_link = False
    all_k = False
    symmetric = False
    limits = (Limit("truncation", 0.0, "gce"),)

    def needs_warm_start(self, n_classes: int) -> bool:
        """Say whether most rows of fresh weights are below the truncation.

        Parameters
        ----------
        n_classes : int
            Number of classes K.

        Returns
        -------
        bool
        """
        return self.truncation > 1.0 / n_classes

    def check(self, n_classes: int) -> None:
        """Raise ValueError if q or the truncation is outside [0, 1]."""
        super().check(n_classes)
        check_number("truncation", self.truncation, low=0, high=1, hint="truncation=0 is gce")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        minus_log_k = -math.log(self.truncation) if self.truncation > 0 else math.inf
        return comp_sum_values(minus_log_p(scores, target).clamp_max(minus_log_k), self.order)
