"""Cost-sensitive losses: the target of a row is one cost in [0, 1] for each of its choices."""

from __future__ import annotations

__all__ = ["CostSensitiveCompSum", "CostSensitiveConstrained"]

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_setpred._utils.validation import check_number, check_option
from sklearn_setpred.losses._base import Loss
from sklearn_setpred.losses._comp_sum import comp_sum_link, comp_sum_values
from sklearn_setpred.losses._scores import expm1_with_linear_tail

# Expected costs c, or 1 - c, are clipped to at least this before dividing or taking logarithms.
LEAST = 1e-6


@dataclass(eq=False, repr=False)
class CostSensitiveCompSum(Loss, name="cost_sensitive_comp_sum"):
    """Cost-sensitive comp-sum loss of order tau.

    ::

        l = sum_k (1 - c_k) (s_k^(tau - 1) - 1) / (1 - tau),    s = softmax(r),
        l = -sum_k (1 - c_k) log s_k    at tau = 1

    Use it to choose one of K actions of known cost, such as the size of a prediction set; tau = 1
    trains best.

    Parameters
    ----------
    tau : float, default=1.0
        Order, at least 0.

    Notes
    -----
    Let w_k = 1 - E[c_k | x]. For tau < 2 the minimiser of the conditional risk has s_k
    proportional to ``w_k^(1 / (2 - tau))``. So the inverse link, s^(2 - tau) renormalised, returns
    w / sum(w), and the greatest score belongs to the cheapest choice. Below order 1 the loss is
    exact while ``(1 - tau) (-log s_k) <= 30`` and continues as its tangent beyond. From order 2 on
    training can collapse to one choice for all rows.

    References
    ----------
    Cortes, Mao, C. Mohri, M. Mohri, Zhong, "Cardinality-aware set prediction and top-k
    classification", NeurIPS 2024, cost-sensitive comp-sum losses.

    Examples
    --------
    Weights 1 and 1 / 2 on -log(1 / 4) and -log(3 / 4):

    >>> import torch
    >>> from sklearn_setpred.losses import CostSensitiveCompSum
    >>> scores = torch.log(torch.tensor([[1.0, 3.0]]))
    >>> CostSensitiveCompSum()(scores, torch.tensor([[0.0, 0.5]]))
    tensor([1.5301])
    """

    tau: float = 1.0

    target = "cost"
    weightless_cost: ClassVar = 1.0
    top_1 = True
    search_space: ClassVar = {"tau": (0.0, 0.5, 1.0, 1.5, 2.0)}

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks the choices by their expected cost: all orders below 2."""
        return self.tau < 2

    has_link = all_k

    def check(self, n_classes: int) -> None:
        """Raise ValueError if tau is negative."""
        check_number("tau", self.tau, low=0, hint="tau=1 is the cost-sensitive cross-entropy")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        minus_log_s = -torch.log_softmax(scores, dim=-1)
        return ((1 - target) * comp_sum_values(minus_log_s, self.tau)).sum(dim=-1)

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return s^(2 - tau) renormalised."""
        return comp_sum_link(scores, self.tau)

    def link(self, costs: Tensor) -> Tensor:
        """Return log(1 - c) / (2 - tau), zeros from order 2 on."""
        if not self.has_link:
            return super().link(costs)
        return torch.log((1 - costs).clamp(min=LEAST)) / (2 - self.tau)


# Phi(-r) as a function of the centred scores r and of rho.
PHI = {
    "exp": lambda r, rho: expm1_with_linear_tail(r) + 1,
    "squared_hinge": lambda r, rho: functional.relu(1 + r).square(),
    "hinge": lambda r, rho: functional.relu(1 + r),
    "rho_margin": lambda r, rho: (1 + r / rho).clamp(0, 1),
}


@dataclass(eq=False, repr=False)
class CostSensitiveConstrained(Loss, name="cost_sensitive_constrained"):
    """Cost-sensitive constrained loss.

    ::

        l = sum_k c_k Phi(-r_k),    r = f - mean(f)
        exp            Phi(t) = exp(-t)
        squared_hinge  Phi(t) = max(0, 1 - t)^2
        hinge          Phi(t) = max(0, 1 - t)
        rho_margin     Phi(t) = min(max(0, 1 - t / rho), 1)

    Use it as the alternative to the comp-sum form. ``"exp"`` and ``"squared_hinge"`` train well,
    ``"hinge"`` trains slowly, and ``"rho_margin"`` hardly trains from random weights: it has no
    gradient for r > 0.

    Parameters
    ----------
    phi : {"exp", "squared_hinge", "hinge", "rho_margin"}, default="exp"
        The function Phi.
    rho : float, default=1.0
        Width of the ramp of ``"rho_margin"``; the other functions do not use it.

    Notes
    -----
    The scores sum to zero by construction, without which the infimum would be 0 for all costs.
    ``"exp"`` is exact for r_k <= 30 and continues as its tangent beyond. With positive expected
    costs c and K choices:

    ==============  =======================================  ===================
    phi             minimiser                                minimum value
    ==============  =======================================  ===================
    exp             -log c + mean(log c)                     K prod(c)^(1 / K)
    squared_hinge   K / (c_k sum(1 / c)) - 1                 K^2 / sum(1 / c)
    hinge           K - 1 at the cheapest, -1 elsewhere      K min c
    rho_margin      (K - 1) rho there, -rho elsewhere        min c
    ==============  =======================================  ===================

    References
    ----------
    Cortes, Mao, C. Mohri, M. Mohri, Zhong, "Cardinality-aware set prediction and top-k
    classification", NeurIPS 2024, cost-sensitive constrained losses; Lee, Lin, Wahba,
    "Multicategory support vector machines: theory and application to the classification of
    microarray data and satellite radiance data", JASA 2004, for the constraint.

    Examples
    --------
    The centred scores are -1 and 1, so that Phi is 0 and 2:

    >>> import torch
    >>> from sklearn_setpred.losses import CostSensitiveConstrained
    >>> loss = CostSensitiveConstrained(phi="hinge")
    >>> loss(torch.tensor([[3.0, 5.0]]), torch.tensor([[0.9, 0.25]]))
    tensor([0.5000])
    """

    phi: str = "exp"
    rho: float = 1.0

    target = "cost"
    top_1 = True
    search_space: ClassVar = {"phi": tuple(PHI)}

    @property
    def all_k(self) -> bool:
        """Whether the minimiser ranks the choices by their expected cost."""
        return self.phi in ("exp", "squared_hinge")

    def check(self, n_classes: int) -> None:
        """Raise ValueError if phi is unknown or rho is not positive."""
        check_option("phi", self.phi, PHI)
        check_number("rho", self.rho, low=0, is_open=True, hint="it divides the scores")

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        r = scores - scores.mean(dim=-1, keepdim=True)
        return (target * PHI[self.phi](r, self.rho)).sum(dim=-1)

    def link(self, costs: Tensor) -> Tensor:
        """Return the minimiser; zeros where it only tells which choice is cheapest."""
        costs = costs.clamp(min=LEAST)
        if self.phi == "exp":
            return -costs.log() + costs.log().mean(dim=-1, keepdim=True)
        if self.phi == "squared_hinge":
            return 1 / costs / (1 / costs).mean(dim=-1, keepdim=True) - 1
        return super().link(costs)
