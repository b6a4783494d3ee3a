"""Rows in chunks that fit the cache, and values of rows with gradients in closed form."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import repeat

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Pullback = Callable[[Tensor], Tensor]
Rule = Callable[..., tuple[Tensor, Pullback]]

# As many numbers as leave room in the cache for the temporaries of the same size.
CHUNK = 1 << 18


def rows_per_chunk(scores: Tensor) -> int:
    """Return the number of rows to treat at once: few on a CPU, all where calls are dear."""
    on_cpu = scores.device.type == "cpu"
    return max(1, CHUNK // scores.shape[-1] if on_cpu else len(scores))


def by_chunks(function: Callable[..., Tensor], scores: Tensor, *columns: Tensor) -> Tensor:
    """Return function(scores, *columns), computed for few rows at a time."""
    size = rows_per_chunk(scores)
    if len(scores) <= size:
        return function(scores, *columns)
    parts = zip(*(column.split(size) for column in (scores, *columns)), strict=True)
    return torch.cat([function(*part) for part in parts])


class _Rowwise(torch.autograd.Function):
    """Apply a rule by chunks of rows; its gradient is differentiable no further."""

    @staticmethod
    def forward(ctx, rule: Rule, scores: Tensor, *args: object) -> Tensor:
        ctx.size, ctx.pullbacks, ctx.n_args = rows_per_chunk(scores), [], len(args)
        columns = (arg.split(ctx.size) if torch.is_tensor(arg) else repeat(arg) for arg in args)
        values = []
        for part in zip(scores.split(ctx.size), *columns, strict=False):
            value, pullback = rule(*part)
            values.append(value)
            ctx.pullbacks.append(pullback)
        ctx.shape = scores.shape
        return torch.cat(values)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        gradients = gradient.new_empty(ctx.shape)
        columns = gradients.split(ctx.size), gradient.unsqueeze(-1).split(ctx.size)
        for pullback, part, g in zip(ctx.pullbacks, *columns, strict=True):
            part.copy_(pullback(g))
        return None, gradients, *(None,) * ctx.n_args


def rowwise(rule: Rule) -> Callable[..., Tensor]:
    """Make a rule a differentiable function of its first argument that gives its values.

    A rule takes scores (n, K) and further arguments, tensors having one entry per row. It gives
    one value per row, or one row of m values, together with a pullback: the function that turns
    the gradients g of some objective in these values, (n, 1) or (n, m, 1), into its gradients in
    the scores, (n, K). Value and gradient of a loss so stand side by side. A pullback leaves what
    it captured unchanged.
    """

    @wraps(rule)
    def values(scores: Tensor, *args: object) -> Tensor:
        return _Rowwise.apply(rule, scores, *args)

    return values
