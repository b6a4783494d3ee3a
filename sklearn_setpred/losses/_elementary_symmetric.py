"""Ratios of elementary symmetric polynomials, exact at any spread of their arguments.

e_m(exp(z)) is the coefficient of x^m in prod_j (1 + x exp(z_j)). The 2 k largest entries of a row,
its head, are multiplied out one by one; all others, the tail, enter through their power sums and
Newton's identities m e_m = p_1 e_{m-1} - p_2 e_{m-2} + ... In general these cancel badly. Here
they do not: next to a head of 2 k larger entries the terms of the tail, at most its complete
homogeneous polynomials, are no larger than the coefficients of the whole product.

Numbers stay within range by the threshold c with sum_j min(1, exp(z_j - c)) = k: the tail has w_j
= exp(z_j - c) <= 1 with a sum of at most k, and an entry of the head has the factor (1 - w) + w x,
w = 1 / (1 + exp(c - z_j)), in place of 1 + x exp(z_j - c), which leaves ratios as they are.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_setpred.losses._capped import clipping, tails

# Coefficients can be as small as 2^-k; above this k they need the exponent range of float64.
LARGEST_K_IN_FLOAT32 = 64


def log_ratio(z: Tensor, k: int) -> Tensor:
    """Return log e_k(exp(z)) - log e_{k-1}(exp(z)) of each row of z, (n, K), k < K."""
    if k > LARGEST_K_IN_FLOAT32 and z.dtype is not torch.float64:
        return log_ratio(z.double(), k).to(z.dtype)
    head = z.topk(min(2 * k, z.shape[-1] - 1), dim=-1)
    tail = z.scatter(-1, head.indices, -math.inf)
    with torch.no_grad():  # the ratio is the same at every threshold
        log_tail = tail.logsumexp(dim=-1, keepdim=True)
        threshold = clipping(head.values[:, :k], tails(head.values, log_tail)[:, :k])
    # Rows come last from here on: operations on n numbers in a row are several times faster.
    e = from_power_sums(power_sums(torch.exp(tail - threshold), k))
    for w in torch.sigmoid(head.values - threshold).T.contiguous():
        e = torch.lerp(e, functional.pad(e[:-1], (0, 0, 1, 0)), w)
    return threshold.squeeze(-1) + e[k].log() - e[k - 1].log()


def power_sums(w: Tensor, k: int) -> Tensor:
    """Return sum_j w_j^m for m = 1 ... k, shape (k, n)."""
    powers = itertools.accumulate(itertools.repeat(w, k), torch.mul)
    return torch.stack([power.sum(dim=-1) for power in powers])


def from_power_sums(sums: Tensor) -> Tensor:
    """Return e_0 ... e_k, shape (k + 1, n), from p_1 ... p_k, (k, n), by Newton's identities."""
    signs = torch.ones_like(sums)
    signs[1::2] = -1
    sums, e = sums * signs, [torch.ones_like(sums[0])]
    for m in range(1, len(sums) + 1):
        e.append((torch.stack(e[::-1]) * sums[:m]).sum(dim=0) / m)
    return torch.stack(e)
