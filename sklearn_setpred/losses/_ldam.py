"""A cross-entropy with a larger margin for rare classes."""

from __future__ import annotations

__all__ = ["LDAM"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.losses._base import Limit, Loss
from sklearn_setpred.losses._scores import margin_link, minus_log_p, with_margin


@dataclass(eq=False, repr=False)
class LDAM(Loss, name="ldam"):
    """Label-distribution-aware margin loss: rare classes get a larger margin.

    ::

        l = -log softmax(f - c_y e_y)_y,    c_j = margin (min(n) / n_j)^(1 / 4)

    Use it where some classes have few rows.

    Parameters
    ----------
    margin : float, default=0.5
        Margin of the rarest class, at least 0.
    class_counts : tuple of int or None, default=None
        Number of training rows n_j of each class. With None all classes have the same margin;
        ``fit_classes`` fills the counts in.

    Notes
    -----
    With p = softmax(f) and a_j = exp(c_j), the inverse link is q_j proportional to
    ``p_j (a_j - (a_j - 1) p_j) / a_j``.

    References
    ----------
    Cao, Wei, Gaidon, Arechiga, Ma, "Learning imbalanced datasets with label-distribution-aware
    margin loss", NeurIPS 2019.

    Examples
    --------
    The classes have margins 1 / 2 and 1; with equal scores the loss is log(1 + exp(c_y)):

    >>> import torch
    >>> from sklearn_setpred.losses import LDAM
    >>> loss = LDAM(margin=1.0).fit_classes([160, 10])
    >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
    tensor([0.9741, 1.3133])
    """

    margin: float = 0.5
    class_counts: Sequence[int] | None = None

    has_link = True
    top_1 = True
    all_k = True
    limits = (Limit("margin", 0.0, "cross_entropy"),)
    search_space: ClassVar = {"margin": (0.1, 0.5, 1.0)}

    def check(self, n_classes: int) -> None:
        """Raise ValueError if the margin is negative or the counts do not fit the classes."""
        check_number("margin", self.margin, low=0)
        counts = self.class_counts
        if counts is not None and (len(counts) != n_classes or min(counts) < 1):
            raise ValueError(
                f"class_counts={counts!r} must hold one positive number for each of the "
                f"{n_classes} classes; leave it at None to have it counted in fit."
            )

    def fit_classes(self, counts: Sequence[int]) -> LDAM:
        """Return a copy with these counts, or itself if it has counts already."""
        if self.class_counts is not None:
            return self
        return replace(self, class_counts=tuple(int(count) for count in counts))

    def margins(self, like: Tensor) -> Tensor:
        """Return the margin c of each class.

        Parameters
        ----------
        like : Tensor of shape (n, K)
            Tensor that sets the dtype and the device.

        Returns
        -------
        Tensor of shape (K,)
        """
        if self.class_counts is None:
            return like.new_full((like.shape[-1],), self.margin)
        counts = torch.as_tensor(self.class_counts, dtype=like.dtype, device=like.device)
        return self.margin * (counts.min() / counts) ** 0.25

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        shifted = with_margin(scores, target, self.margins(scores)[target])
        return minus_log_p(shifted, target)

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return q_j proportional to p_j (a_j - (a_j - 1) p_j) / a_j."""
        return margin_link(scores, self.margins(scores))
