"""Operations on scores that several losses need: masks, margins, normalisation, links."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional

# Beyond this exponent exponentials continue as their tangent: exp(30) = 1e13 leaves float32
# room for sums over 100,000 classes and for the products of the chain rule.
LARGEST_EXPONENT = 30.0


def at_least_float32(scores: Tensor) -> Tensor:
    """Return the scores in float32 if they come in half precision, unchanged otherwise."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


def full_precision(scores: Tensor) -> AbstractContextManager[None]:
    """Return a context without autocast, which would compute dot products in half precision."""
    device = scores.device.type
    # Entering autocast(False) costs as much as a small batch, so check first.
    if not torch.is_autocast_enabled(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)


def label_scores(scores: Tensor, target: Tensor) -> Tensor:
    """Return the score of the label of each row, shape (n,)."""
    return scores.gather(-1, target.unsqueeze(-1)).squeeze(-1)


def minus_log_p(scores: Tensor, target: Tensor) -> Tensor:
    """Return -log p_y of each row, p = softmax(scores), shape (n,)."""
    return functional.cross_entropy(scores, target, reduction="none")


def without_label(scores: Tensor, target: Tensor) -> Tensor:
    """Return a copy of the scores with -inf in the place of the label."""
    return scores.scatter(-1, target.unsqueeze(-1), -math.inf)


def with_margin(scores: Tensor, target: Tensor, margin: float | Tensor) -> Tensor:
    """Return f - c e_y: the differences d_k = f_k - f_y + c become plain differences of scores."""
    shift = torch.as_tensor(-margin, dtype=scores.dtype, device=scores.device)
    return scores.scatter_add(-1, target.unsqueeze(-1), shift.expand(len(scores)).unsqueeze(-1))


def l1_normalized(scores: Tensor) -> Tensor:
    """Return scores of mean absolute value 1; rows of zeros stay zeros."""
    mean = scores.abs().mean(dim=-1, keepdim=True)
    return scores / mean.clamp_min(torch.finfo(scores.dtype).tiny)


def softplus_normalized(scores: Tensor) -> Tensor:
    """Return positive scores of mean 1, increasing in the scores of their row."""
    return l1_normalized(functional.softplus(scores))


NORMALIZATIONS = {None: lambda scores: scores, "l1": l1_normalized, "softplus": softplus_normalized}


def expm1_with_linear_tail(x: Tensor) -> Tensor:
    """Return exp(x) - 1 up to LARGEST_EXPONENT, and its tangent there beyond."""
    tail = functional.relu(x - LARGEST_EXPONENT)
    return torch.expm1(x.clamp(max=LARGEST_EXPONENT)) + math.exp(LARGEST_EXPONENT) * tail


def complement(p: Tensor) -> Tensor:
    """Return 1 - p, without cancellation at the largest p: there it is the sum of the others."""
    top = p.argmax(dim=-1, keepdim=True)
    others = p.scatter(-1, top, 0.0).sum(dim=-1, keepdim=True)
    return (1 - p).scatter(-1, top, others)


def margin_link(scores: Tensor, margins: Tensor | float, q: Tensor | float = 0.0) -> Tensor:
    """Return q_j proportional to p_j^(1 - q) r_j^(1 + q), p = softmax(scores).

    r_j = 1 - p_j + p_j / a_j, a_j = exp(margin_j). Derivation: at the scores of least conditional
    risk sum_y q_y exp(-q L_y) (p^(y) - e_y) = 0, where p^(y) is the softmax after the score of y is
    lowered by its margin, and exp(L_y) = a_y r_y / p_y.
    """
    p = torch.softmax(scores, dim=-1)
    discount = torch.exp(-torch.as_tensor(margins, dtype=p.dtype, device=p.device))
    log_r = torch.log(complement(p) + discount * p)
    return torch.softmax((1 - q) * scores + (1 + q) * log_r, dim=-1)
