"""Rows in chunks that fit the cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# As many numbers as leave room in the cache for the temporaries of the same size.
CHUNK = 1 << 18


def rows_per_chunk(scores: Tensor) -> int:
    """Return the number of rows to treat at once: few on a CPU, all where launches dominate."""
    on_cpu = scores.device.type == "cpu"
    return max(1, CHUNK // scores.shape[-1] if on_cpu else len(scores))


def by_chunks(function: Callable[..., Tensor], scores: Tensor, *columns: Tensor) -> Tensor:
    """Return function(scores, *columns), computed for few rows at a time."""
    size = rows_per_chunk(scores)
    if len(scores) <= size:
        return function(scores, *columns)
    parts = zip(*(column.split(size) for column in (scores, *columns)), strict=True)
    return torch.cat([function(*part) for part in parts])
