"""Rows as tensors on a device: standardized columns, batches, the losses over them."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional

from sklearn_setpred._utils import memory

_SCALES = (0.3, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25)


class Batch(NamedTuple):
    """Rows that one step of training reads.

    ``x`` is the tuple of the module's inputs, ``target`` holds labels (n,) or costs (n, m),
    ``weight`` the rows' weights (n,), ``prior`` known scores (n, m) to which the network's are
    added, or None; ``factor`` is weight / n: the loss of the batch is the sum of factor times
    value.
    """

    x: tuple
    target: torch.Tensor
    weight: torch.Tensor
    prior: torch.Tensor | None
    factor: torch.Tensor


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
        pieces = {"target": self.target, "weight": self.weight, "prior": self.prior}
        taken = {name: None if p is None else p[index] for name, p in pieces.items()}
        return Rows(self.take_x(index), **taken)

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
        """Return all the rows as one `Batch`, with the factors of the batches cut from it."""
        n = len(self)
        weight = self.x[-1].new_ones(n) if self.weight is None else self.weight
        n_full = n - n % batch_size
        n_last = max(n % batch_size, 1)
        factor = torch.cat([weight[:n_full] / batch_size, weight[n_full:] / n_last])
        return Batch(x=self.x, target=self.target, weight=weight, prior=self.prior, factor=factor)


def as_rows(X, device, *, target=None, weight=None, prior=None):
    """Put a float array or CSR array, and the pieces of its target, on the device."""

    def put(array):
        if array is None:
            return None
        dtype = torch.int64 if array.dtype.kind in "iu" else torch.float32
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    pieces = (X.indptr, X.indices, X.data) if sp.issparse(X) else (X,)
    x = tuple(map(put, pieces))
    return Rows(x, target=put(target), weight=put(weight), prior=put(prior))


class Batches:
    """Iterator over batches of rows, in a new random order each time when shuffled.

    Dense rows are put in order block by block, and batches are slices of a block: so a step
    gathers nothing, and the copy stays small.
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
            order = torch.arange(n, device="cpu")
        else:
            order = torch.randperm(n, generator=self.generator, device="cpu")
        for index in order.to(self.rows.device).split(self._block_size):
            yield self.rows.take(index).as_batch(self.batch_size)

    @property
    def _block_size(self):
        """Rows of a block; for CSR, whose slices would be copies, the rows of one batch."""
        if self.rows.is_sparse:
            return self.batch_size
        bytes_per_batch = 4 * self.batch_size * self.rows.x[0].shape[-1]
        return self.batch_size * max(1, memory.SHUFFLED_ROWS // bytes_per_batch)


def split(block, batch_size):
    """Cut a block into batches."""
    if len(block.x) == 3:
        return [block]
    pieces = block._replace(x=block.x[0])
    parts = (
        itertools.repeat(None) if piece is None else piece.split(batch_size) for piece in pieces
    )
    return (Batch((x,), *rest) for x, *rest in zip(*parts, strict=False))


def row_values(loss, scores, batch):
    """Return the loss of each row, (n,), of scores (n, K) and a batch."""
    return loss(scores if batch.prior is None else scores + batch.prior, batch.target)


def values_at_best_scale(loss, scores, batch):
    """Return the loss of each row after scaling the scores, and priors, by the best factor.

    Networks in training become overconfident long before they rank worse. Where a temperature is
    fitted later, as by a pool, epochs are compared at the best of a few.
    """
    if batch.prior is not None:
        scores, batch = scores + batch.prior, batch._replace(prior=None)
    values = torch.stack([row_values(loss, scale * scores, batch) for scale in _SCALES])
    best = (values * batch.factor).sum(dim=1).argmin()
    return values[best]


class EpochLoss:
    """The losses of the rows of an epoch, on the device until their mean is asked for.

    They lie in one tensor: where scores are large, many small tensors between them would break up
    the memory that the next scores need.

    Parameters
    ----------
    n_rows : int
        Rows of all batches.
    """

    def __init__(self, n_rows):
        self.n_rows, self.n_seen, self.losses = n_rows, 0, None

    def add(self, values, weight):
        """Take the values (n,) of a batch and the weights of its rows."""
        if self.losses is None:
            self.losses = values.new_empty(self.n_rows)
        torch.mul(values, weight, out=self.losses.narrow(0, self.n_seen, len(values)))
        self.n_seen += len(values)

    def sum(self):
        """Return the sum of the weighted losses."""
        return self.losses.sum()
