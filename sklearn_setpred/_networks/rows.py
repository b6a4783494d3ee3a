"""Rows as tensors on a device: standardized columns, batches, the losses over them."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional

# Dense rows are shuffled for about so many cells at a time.
_BLOCK_CELLS = 2**22
_SCALES = (0.3, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25)


class Batch(NamedTuple):
    """Rows that one step of training reads.

    ``x`` is the tuple of the module's inputs, ``target`` holds labels (n,) or costs (n, m),
    ``prior`` known scores (n, m) to which the network's are added, or None, ``weight`` the rows'
    weights (n,); ``share`` is weight / n: the loss of the batch is the sum of share times value.
    """

    x: tuple
    target: torch.Tensor
    prior: torch.Tensor | None
    weight: torch.Tensor
    share: torch.Tensor


class Rows:
    """Samples as tensors on one device, from which batches are slices.

    Parameters
    ----------
    x : tuple of Tensor
        ``(values,)`` of shape (n, d), or the CSR pieces ``(indptr, indices, values)``.
    target, weight, prior : Tensor or None
        Labels (n,) or costs (n, m); the rows' weights (n,), with mean one; known scores (n, m).
    """

    def __init__(self, x, target=None, weight=None, prior=None):
        self.x, self.target, self.weight, self.prior = x, target, weight, prior

    def __len__(self):
        return len(self.x[0]) - 1 if self.is_sparse else len(self.x[0])

    @property
    def is_sparse(self):
        """Whether the inputs are the pieces of a CSR array."""
        return len(self.x) == 3

    @property
    def device(self):
        """Where the rows lie."""
        return self.x[0].device

    def take(self, index):
        """Return the rows in ``index``, in its order."""
        pieces = (self.target, self.weight, self.prior)
        return Rows(self.take_x(index), *(None if p is None else p[index] for p in pieces))

    def take_x(self, index):
        """Return the inputs of the rows in ``index``."""
        if not self.is_sparse:
            return (self.x[0][index],)
        indptr, indices, values = self.x
        starts, lengths = indptr[index], indptr[index + 1] - indptr[index]
        ends = torch.cumsum(lengths, 0)
        # Position of each kept entry: its row's start, counted on from the row's own zero.
        shift = torch.repeat_interleave(starts - (ends - lengths), lengths)
        where = shift + torch.arange(len(shift), device=shift.device)
        return functional.pad(ends, (1, 0)), indices[where], values[where]

    def as_batch(self, batch_size):
        """Return all the rows as one `Batch`, the shares those of batches cut from it."""
        n = len(self)
        weight = self.x[-1].new_ones(n) if self.weight is None else self.weight
        n_full = n - n % batch_size
        share = torch.cat([weight[:n_full] / batch_size, weight[n_full:] / max(n % batch_size, 1)])
        return Batch(self.x, self.target, self.prior, weight, share)


def as_rows(X, device, target=None, weight=None, prior=None):
    """Put a float array or CSR array, and the pieces of its target, on the device."""

    def put(array):
        if array is None:
            return None
        dtype = torch.int64 if array.dtype.kind in "iu" else torch.float32
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    pieces = (X.indptr, X.indices, X.data) if sp.issparse(X) else (X,)
    return Rows(tuple(map(put, pieces)), put(target), put(weight), put(prior))


class Batches:
    """Iterator over batches of rows, in a new random order each time when shuffled.

    Dense rows are brought into order by blocks of many batches, of which batches are slices: a
    step then gathers nothing, and the copy stays small.
    """

    def __init__(self, rows, batch_size, generator=None):
        self.rows, self.batch_size, self.generator = rows, batch_size, generator

    def __len__(self):
        return math.ceil(len(self.rows) / self.batch_size)

    def __iter__(self):
        for block in self.blocks():
            yield from split(block, self.batch_size)

    def blocks(self):
        """Return the rows in a new order, by blocks of whole batches."""
        n = len(self.rows)
        if self.generator is None:
            order = torch.arange(n)
        else:
            order = torch.randperm(n, generator=self.generator)
        for index in order.to(self.rows.device).split(self._block_size):
            yield self.rows.take(index).as_batch(self.batch_size)

    @property
    def _block_size(self):
        """Rows of a block; CSR rows, of which a slice would be a copy, come batch by batch."""
        if self.rows.is_sparse:
            return self.batch_size
        cells = self.batch_size * self.rows.x[0].shape[-1]
        return self.batch_size * max(1, _BLOCK_CELLS // cells)


def split(block, batch_size, dim=0):
    """Cut a block into batches along an axis."""
    if len(block.x) == 3:
        return [block]
    x, *pieces = (
        itertools.repeat(None) if piece is None else piece.split(batch_size, dim)
        for piece in (block.x[0], *block[1:])
    )
    return (Batch((of_x,), *rest) for of_x, *rest in zip(x, *pieces, strict=False))


def row_values(loss, scores, batch):
    """Return the loss of each row, (..., n), of scores (..., n, K) and a batch."""
    if batch.prior is not None:
        scores = scores + batch.prior
    if scores.dim() == 2:
        return loss(scores, batch.target)
    n_leading = scores.dim() - 1
    values = loss(scores.flatten(0, -2), batch.target.flatten(0, n_leading - 1))
    return values.view(scores.shape[:-1])


def values_at_best_scale(loss, scores, batch):
    """Return `row_values` of the scores, and priors, times that of some scales which fits best.

    Where a scale is fitted later on, as by a pool, epochs are compared at their best one: a network
    in training is too sure of itself long before it ranks worse.
    """
    if batch.prior is not None:
        scores, batch = scores + batch.prior, batch._replace(prior=None)
    values = torch.stack([row_values(loss, scale * scores, batch) for scale in _SCALES])
    best = (values * batch.share).sum(dim=-1, keepdim=True).argmin(dim=0, keepdim=True)
    return values.gather(0, best.expand(1, *values.shape[1:])).squeeze(0)


class EpochLoss:
    """The losses of the rows of an epoch, on the device until their mean is asked for.

    They lie in one tensor: where scores are large, many small tensors between them would break up
    the memory that the next scores need.

    Parameters
    ----------
    n_rows : int
        Rows of all batches, with those that pad.
    """

    def __init__(self, n_rows):
        self.n_rows, self.n_seen, self.losses = n_rows, 0, None

    def add(self, values, weight):
        """Take the values (..., n) of a batch and the weights of its rows."""
        if self.losses is None:
            self.losses = values.new_empty(*values.shape[:-1], self.n_rows)
        n = values.shape[-1]
        torch.mul(values, weight, out=self.losses.narrow(-1, self.n_seen, n))
        self.n_seen += n

    def sum(self):
        """Return the sum of the weighted losses, (...)."""
        return self.losses.sum(dim=-1)
