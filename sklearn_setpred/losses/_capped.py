"""The capped simplex {p : p_k <= 1 / k} and softmax on it, exactly."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tails(top: Tensor, rest: Tensor) -> Tensor:
    """Return log sum exp of all entries but the m largest, for m = 0 ... k - 1, shape (n, k).

    ``top``, (n, k), holds the k largest entries in falling order; ``rest``, (n, 1), is log sum exp
    of the others.
    """
    rising = torch.cat([rest, top.flip(-1)], dim=-1)
    return rising.logcumsumexp(dim=-1)[:, 1:].flip(-1)


def clipping(top: Tensor, tails: Tensor) -> Tensor:
    """Return the threshold c, (n, 1), with sum_j min(1, exp(z_j - c)) = k, from the k largest.

    If the m largest entries are clipped, the others sum to k - m, so c = tails_m - log(k - m).
    The right m is the first one that leaves no entry above 1.
    """
    k = top.shape[-1]
    n_left = torch.arange(k, 0, -1, dtype=top.dtype, device=top.device)
    thresholds = tails - n_left.log()
    first = (top <= thresholds).int().argmax(dim=-1, keepdim=True)
    return thresholds.gather(-1, first)


def capped_softmax(z: Tensor, k: int) -> Tensor:
    """Return the maximiser p of sum_k p_k z_k - sum_k p_k log p_k over 0 <= p_k <= 1 / k, sum 1.

    Examples
    --------
    >>> import torch
    >>> capped_softmax(torch.log(torch.tensor([[6.0, 1.0, 1.0]])), k=2)
    tensor([[0.5000, 0.2500, 0.2500]])
    """
    top = z.topk(k, dim=-1)
    rest = z.scatter(-1, top.indices, -math.inf).logsumexp(dim=-1, keepdim=True)
    threshold = clipping(top.values, tails(top.values, rest))
    return torch.exp((z - threshold).clamp_max(0)) / k
