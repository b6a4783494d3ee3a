"""Label-distributionally robust losses: the worst case over distributions of the label."""

from __future__ import annotations

__all__ = ["ALDRKL", "LDRKL", "LDRTopK"]

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_setpred._utils.validation import check_number, check_option
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._capped import capped_softmax
from sklearn_setpred.losses._comp_sum import comp_sum_values
from sklearn_setpred.losses._scores import (
    NORMALIZATIONS,
    at_least_float32,
    full_precision,
    label_scores,
    margin_link,
    minus_log_p,
    with_margin,
)
from sklearn_setpred.losses._temperature import Range, row_temperatures, temperature_range
from sklearn_setpred.losses._top_k import TopKFamily


def worst_case(scores: Tensor, target: Tensor, p: Tensor, lam: float | Tensor) -> Tensor:
    """Return sum_k p_k (f_k - f_y) - lam KL(p, 1 / K), f = scores, for the constant maximiser p.

    As p maximises, the derivative through it is zero and the gradient in the scores is p - e_y.
    """
    divergence = torch.special.entr(p).sum(dim=-1).neg() + math.log(p.shape[-1])
    return (p * scores).sum(dim=-1) - label_scores(scores, target) - lam * divergence


class LDRFamily(Loss):
    """Base of the losses that have a temperature, a margin and normalised scores."""

    top_1 = True
    search_space: ClassVar = {"q": (0.5, 0.7, 0.9), "lam": (0.5, 1.0, 2.0)}

    @property
    def scale_free(self) -> bool:
        """Whether epochs are compared at the best temperature: unless the loss is bounded."""
        return self.normalize is None and self.q == 0

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks like the posterior: unless q = 1."""
        return self.q < 1

    @property
    def has_link(self) -> bool:
        """Whether ``probabilities`` inverts the link: unless q = 1 or scores are normalised."""
        return self.q < 1 and self.normalize is None

    @property
    def lowest_temperature(self) -> float:
        """The least temperature that a row may have."""
        return self.lam

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a hyper-parameter is out of range."""
        check_number(
            "lam", self.lam, low=0, is_open=True, hint="towards 0 the loss becomes crammer_singer"
        )
        check_number(
            "q", self.q, low=0, high=1, hint="q=0 is the loss itself, q=1 its bounded form"
        )
        # Beyond it the link no longer rises with the score.
        largest = self.lowest_temperature * math.log(1 / self.q) if self.q else math.inf
        check_number("margin", self.margin, low=0)
        if self.margin > largest:
            raise ValueError(
                f"margin={self.margin!r} must be at most {largest:.3g} with q={self.q!r}: the loss "
                "does not rank like the posterior otherwise; choose a smaller margin or q."
            )
        check_option("normalize", self.normalize, NORMALIZATIONS)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        f = self.normalized(scores)
        f = with_margin(f, target, self.margin) if self.margin else f
        excess = comp_sum_values(self.excess(f, target), 1 + self.q)
        return self.lam * excess + self.infimum(scores.shape[-1])

    def excess(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return L: the loss at q = 0 less its infimum, divided by lam.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Normalised scores, the margin taken off the score of the label.
        target : Tensor of shape (n,)
            Integer labels.

        Returns
        -------
        Tensor of shape (n,)
        """
        raise NotImplementedError

    def normalized(self, scores: Tensor) -> Tensor:
        """Return the scores the loss sees."""
        return NORMALIZATIONS[self.normalize](scores)


@dataclass(eq=False, repr=False)
class LDRKL(LDRFamily, name="ldr_kl"):
    """Label-distributionally robust loss with Kullback-Leibler regularisation.

    ::

        l = max_p sum_k p_k d_k - lam KL(p, 1 / K) = lam log mean_k exp(d_k / lam),
        d_k = f_k - f_y + margin (k != y)

        with q > 0:  l = lam (1 - exp(-q L)) / q - lam log K,    L = log sum_k exp(d_k / lam)

    Use it for top-k prediction with a robustness of your choice. With q = 0 small temperatures
    behave like a margin loss, 1 like cross-entropy, large ones withstand label noise; with q > 0 a
    row loses its pull as its label becomes improbable, at every temperature.

    Parameters
    ----------
    lam : float, default=1.0
        Temperature, positive.
    q : float, default=0.0
        Comp-sum transform, between 0 (none) and 1, as in the generalised cross-entropy; the
        greater, the less a badly predicted row counts.
    margin : float, default=0.0
        How far another class's score must stay below the label's score, at least 0 and at most
        -lam log q.
    normalize : {None, "l1", "softplus"}, default=None
        Divide the scores of a row, or their softplus, by their mean absolute value. With
        "softplus", temperatures from K / 4 to K / 2 withstand label noise well.

    Notes
    -----
    Without margin, LDR-KL with q is generalised cross-entropy at temperature lam: L = -log p_y, p =
    softmax(f / lam), so l = lam (1 - p_y^q) / q up to a constant, and q = 1 is lam times the mean
    absolute error. With q the gradient is exp(-q L) times the gradient without. The inverse link is
    q_j proportional to ``p_j^(1 - q) r_j^(1 + q)``, r_j = 1 - p_j + p_j exp(-margin / lam).

    With q = 0 and margin = 0 the loss is lam times cross-entropy of f / lam, less lam log K. It
    falls with lam, from max_k d_k (Crammer and Singer) to mean_k d_k; the mean sums to a constant
    over the labels. The infimum is -lam log K. Normalised scores have mean 1, so no p_j exceeds
    ``e^(K / lam) / (e^(K / lam) + K - 1)``, and probabilities are not calibrated.

    References
    ----------
    Zhu, Ying, Yang, "Label distributionally robust losses for multi-class classification:
    consistency, robustness and adaptivity", ICML 2023, LDR-KL; Mao, Mohri, Zhong, "Cross-entropy
    loss functions: theoretical analysis and applications", ICML 2023, for the transform.

    Examples
    --------
    Here log((1 + exp(log 3)) / 2) = log 2:

    >>> import torch
    >>> from sklearn_setpred.losses import LDRKL
    >>> LDRKL()(torch.log(torch.tensor([[1.0, 3.0]])), torch.tensor([0]))
    tensor([0.6931])
    """

    lam: float = 1.0
    q: float = 0.0
    margin: float = 0.0
    normalize: str | None = None

    limits = (
        Limit("lam", 0.0, "crammer_singer", using={"margin": 0.0}),
        Limit("lam", 1.0, "cross_entropy"),
        Limit("q", 0.7, "gce"),
        Limit("q", 1.0, "mae"),
    )

    @property
    def symmetric(self) -> bool:
        """Whether the losses of all labels sum to a constant: q = 1 alone."""
        return self.q == 1

    def infimum(self, n_classes: int) -> float:
        """Return the least value, or with normalised scores a bound it comes close to."""
        return -self.lam * math.log(n_classes)

    def excess(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return L = log sum_k exp(d_k / lam)."""
        return minus_log_p(scores / self.lam, target)

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return q_j proportional to p_j^(1 - q) r_j^(1 + q)."""
        return margin_link(self.normalized(scores) / self.lam, self.margin / self.lam, self.q)


@dataclass(eq=False, repr=False)
class ALDRKL(LDRFamily, name="aldr_kl"):
    """Adaptive label-distributionally robust loss: each row has its own temperature.

    ::

        l = max_t max_p sum_k p_k d_k - t KL(p, 1 / K) - (a / 2) (t - lam)^2,
        d_k = f_k - f_y + margin (k != y),    a = alpha log K / lam,
        t = lam (1 - KL(p, 1 / K) / (alpha log K)),    p = softmax(d / t)

        with q > 0:  lam (1 - exp(-q L)) / q + inf l,    L = (l - inf l) / lam >= 0

    Use it where some rows have wrong labels and others do not: uncertain predictions get a large,
    robust temperature, certain ones a small, sharp one.

    Parameters
    ----------
    lam : float, default=1.0
        Temperature of rows with equal scores, positive; the others lie in
        [lam (1 - 1 / alpha), lam].
    alpha : float, default=2.0
        Above 1; the greater, the less the temperature adapts.
    q : float, default=0.0
        Comp-sum transform, between 0 (none) and 1; the greater, the less a badly predicted row
        counts.
    margin : float, default=0.0
        How far another class's score must stay below the label's score, at least 0 and at most
        -lam (1 - 1 / alpha) log q.
    normalize : {None, "l1", "softplus"}, default=None
        Divide the scores of a row, or their softplus, by their mean absolute value. With
        "softplus", temperatures from K / 4 to K / 2 withstand label noise well.

    Notes
    -----
    The temperature is the global maximum, found anew for each row: no state is kept from batch to
    batch. The gradient is ``exp(-q L) (p - e_y)``, as at a maximum the derivative through the
    temperature is zero. The infimum is ``-lam log(K) (1 - 1 / (2 alpha))``. The inverse link is the
    link of LDR-KL with q t / lam, where t is the temperature that the row has without margin. It is
    exact if margin = 0, where it is p^(1 - q t / lam), and an approximation otherwise: at lam = 1
    and margin = .1 within .001 for q = 0, within .02 for q = .5.

    References
    ----------
    Zhu, Ying, Yang, "Label distributionally robust losses for multi-class classification:
    consistency, robustness and adaptivity", ICML 2023, ALDR-KL.

    Examples
    --------
    Equal scores leave the temperature at lam and the loss at 0; the loss of a certain, right
    prediction is -log(2) (1 - 1 / 4):

    >>> import torch
    >>> from sklearn_setpred.losses import ALDRKL
    >>> scores = torch.tensor([[0.0, 0.0], [200.0, 0.0]])
    >>> ALDRKL()(scores, torch.tensor([0, 0]))
    tensor([ 0.0000, -0.5199])
    >>> ALDRKL().temperatures(scores)
    tensor([1.0000, 0.5000])
    """

    lam: float = 1.0
    alpha: float = 2.0
    q: float = 0.0
    margin: float = 0.0
    normalize: str | None = None

    limits = (Limit("alpha", math.inf, "ldr_kl"),)

    @property
    def lowest_temperature(self) -> float:
        """The temperature of a certain prediction."""
        return self.lam * (1 - 1 / self.alpha)

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a hyper-parameter is out of range."""
        check_number(
            "alpha",
            self.alpha,
            low=1,
            is_open=True,
            hint="at 1 or below the temperature of a certain row would reach 0, where the loss is "
            "no longer smooth; alpha=2 is a good start",
        )
        super().check(n_classes)

    def infimum(self, n_classes: int) -> float:
        """Return the least value, or with normalised scores a bound it comes close to."""
        return -self.lam * math.log(n_classes) * (1 - 1 / (2 * self.alpha))

    def temperatures(self, scores: Tensor) -> Tensor:
        """Return the temperature of each row, without margin.

        The temperature depends on the scores alone: it tells how certain the prediction is, not
        whether the label is wrong.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Scores before softmax.

        Returns
        -------
        Tensor of shape (n,)
        """
        with full_precision(scores), torch.no_grad():
            scores = self.normalized(at_least_float32(scores))
            return row_temperatures(scores, self._range(scores)).squeeze(-1)

    def excess(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return L = t log sum_k exp(d_k / t) - (a / 2) (t - t_min)^2, divided by lam."""
        span = self._range(scores)
        with torch.no_grad():
            t = row_temperatures(scores, span)
            penalty = (t - span.lowest).square().mul_(span.curvature / (2 * self.lam)).squeeze(-1)
            weight = t.squeeze(-1) / self.lam
        return weight * minus_log_p(scores / t, target) - penalty

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return the inverse link of LDR-KL with q t / lam at the temperature t of each row."""
        scores = self.normalized(scores)
        with torch.no_grad():
            t = row_temperatures(scores, self._range(scores))
        return margin_link(scores / t, self.margin / t, self.q * t / self.lam)

    def _range(self, scores: Tensor) -> Range:
        """Return the temperatures that rows of these scores may have."""
        return temperature_range(self.lam, self.alpha, scores.shape[-1])


@dataclass(eq=False, repr=False)
class LDRTopK(TopKFamily, name="ldr_top_k"):
    """Label-distributionally robust loss over distributions with no probability above 1 / k.

    ::

        l = max_p sum_k p_k d_k - lam KL(p, 1 / K),    0 <= p_k <= 1 / k,
        d_k = f_k - f_y + margin (k != y)

    Use it as the smooth relative of the top-k hinge without its outer max(0, .).

    Parameters
    ----------
    k : int, default=2
        Places that count, from 1 to n_classes - 1.
    lam : float, default=1.0
        Temperature, positive.
    margin : float, default=0.0
        How far another class's score must stay below the label's score, at least 0.

    Notes
    -----
    The maximiser is found exactly: the m largest entries are 1 / k, the others are a softmax
    times the remaining mass. k = 1 is LDR-KL; towards lam = 0 the loss becomes the mean of the k
    largest d. For k >= 2 it is unbounded below, as part of p must lie outside the label.

    References
    ----------
    Zhu, Ying, Yang, "Label distributionally robust losses for multi-class classification:
    consistency, robustness and adaptivity", ICML 2023, the family with capped distributions.

    Examples
    --------
    With three equal scores p is uniform and the loss 0. A class without a chance leaves 1 / 2 for
    each of the other two, and the loss is -KL = -log(3 / 2); the example prints absolute values:

    >>> import torch
    >>> from sklearn_setpred.losses import LDRTopK
    >>> loss = LDRTopK(k=2)
    >>> scores = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -200.0]])
    >>> loss(scores, torch.tensor([0, 0])).round(decimals=4).abs()
    tensor([0.0000, 0.4055])
    """

    lam: float = 1.0
    margin: float = 0.0

    limits = (Limit("k", 1, "ldr_kl"),)
    search_space: ClassVar = {"k": (2, 3, 5), "lam": (0.1, 1.0, 10.0), "margin": (0.0, 0.1, 1.0)}

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks like the posterior: k = 1 alone.

        With one probability above 1 / 2 the conditional risk is unbounded, whatever the others.
        """
        return self.k == 1

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a hyper-parameter is out of range."""
        super().check(n_classes)
        check_number("lam", self.lam, low=0, is_open=True, hint="towards 0 use top_k_hinge")
        check_number("margin", self.margin, low=0)

    def infimum(self, n_classes: int) -> float:
        """Return the greatest lower bound."""
        return -self.lam * math.log(n_classes) if self.k == 1 else -math.inf

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        scores = with_margin(scores, target, self.margin)
        p = capped_softmax(scores.detach() / self.lam, self.k)
        return worst_case(scores, target, p, self.lam)
