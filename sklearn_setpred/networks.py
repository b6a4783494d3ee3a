"""Networks on skorch: modules, rows on the device, batches, training and scores."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import mean_variance_axis
from torch import nn
from torch.nn import functional

from sklearn_setpred.utils.validation import check_option

# float32 products of few rows take another kernel, whose last bits differ; from 16 rows
# on a row's scores do not depend on the rows beside it.
_MIN_BATCH = 16
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "gelu": nn.GELU}


def choose_device(device):
    """Give the torch device for a name; "auto" takes CUDA, then MPS, then the CPU."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    check_option("device", str(device).partition(":")[0], ["auto", "cpu", "cuda", "mps"])
    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if not available[torch.device(device).type]:
        raise ValueError(
            f"device={device!r} is not available on this machine; use device='auto' or 'cpu'."
        )
    return torch.device(device)


# ---------------------------------------------------------------------------------------
# Rows


class Rows:
    """Samples as tensors on one device, from which batches are slices.

    Parameters
    ----------
    x : tuple of Tensor
        ``(values,)`` of shape (n, d), or the CSR pieces ``(indptr, indices, values)``.
    target : tuple (target, weight, prior), optional
        Tensors: labels (n,) or costs (n, m); the rows' weights (n,), with mean one; known
        scores (n, m) to which the network's are added. Weight and prior may be None.
    """

    def __init__(self, x, target=()):
        self.x, self.target = x, target

    def __len__(self):
        return len(self.x[0]) - 1 if len(self.x) == 3 else len(self.x[0])

    def take(self, index):
        """Give the batch ``(x, (target, weight, prior))`` of the rows in ``index``."""
        target = tuple(None if piece is None else piece[index] for piece in self.target)
        return self.take_x(index), target

    def take_x(self, index):
        """Give the inputs of the rows in ``index``."""
        if len(self.x) == 1:
            return (self.x[0][index],)
        indptr, indices, values = self.x
        starts, lengths = indptr[index], indptr[index + 1] - indptr[index]
        ends = torch.cumsum(lengths, 0)
        # Position of each kept entry: its row's start, counted on from the row's own zero.
        shift = torch.repeat_interleave(starts - (ends - lengths), lengths)
        where = shift + torch.arange(len(shift), device=shift.device)
        return functional.pad(ends, (1, 0)), indices[where], values[where]


def as_rows(X, device, target=()):
    """Put a float array or CSR array, and the pieces of its target, on the device."""

    def put(array):
        if array is None:
            return None
        dtype = torch.int64 if array.dtype.kind in "iu" else torch.float32
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    pieces = (X.indptr, X.indices, X.data) if sp.issparse(X) else (X,)
    return Rows(tuple(map(put, pieces)), tuple(map(put, target)))


class Batches:
    """Iterator over batches of rows, in a new random order each time when shuffled."""

    def __init__(self, rows, batch_size, generator=None):
        self.rows, self.batch_size, self.generator = rows, batch_size, generator

    def __len__(self):
        return math.ceil(len(self.rows) / self.batch_size)

    def __iter__(self):
        n = len(self.rows)
        if self.generator is None:
            order = torch.arange(n)
        else:
            order = torch.randperm(n, generator=self.generator)
        for index in order.to(self.rows.x[0].device).split(self.batch_size):
            yield self.rows.take(index)


class Standardization:
    """Shift and scale of the columns, learned at fit, the same for arrays and CSR.

    The scale of a column is the larger of its standard deviation and of the root mean
    square of its non-zero entries about its mean: for dense columns that is the standard
    deviation, and a rare word is not blown up by its many zeros. CSR rows are scaled
    only; the shift enters through the bias of the first layer.
    """

    def __init__(self, X, weight=None):
        weight = np.ones(X.shape[0]) if weight is None else np.asarray(weight, dtype=np.float64)
        mean, var = column_moments(X, weight)
        total, filled = weight.sum(), sum(weight[i] @ (X[i] != 0) for i in _blocks(X))
        about_mean = total * var - (total - filled) * mean**2
        filled_spread = np.maximum(about_mean, 0.0) / np.maximum(filled, np.finfo(np.float64).tiny)
        # Constant up to rounding: the scale is one.
        constant = np.sqrt(var) <= len(weight) * np.finfo(np.float64).eps * np.abs(mean)
        spread = np.sqrt(np.maximum(var, filled_spread))
        self.mean, self.scale = mean, np.where(constant, 1.0, spread)

    @property
    def offset(self):
        """What a scaled CSR row lacks: mean / scale, float32 of shape (d,)."""
        return (self.mean / self.scale).astype(np.float32)

    def __call__(self, X):
        """Give the standardized array, or the scaled CSR array, in float32."""
        if sp.issparse(X):
            X = sp.csr_array(X)
            values = (X.data / self.scale[X.indices]).astype(np.float32)
            return sp.csr_array((values, X.indices, X.indptr), shape=X.shape)
        standardized = np.empty(X.shape, dtype=np.float32)
        for rows in _blocks(X):
            standardized[rows] = (X[rows] - self.mean) / self.scale
        return standardized


def column_moments(X, weight):
    """Give the weighted mean and variance of each column, float64 of shape (d,)."""
    if sp.issparse(X):
        mean, var = mean_variance_axis(sp.csr_array(X, dtype=np.float64), axis=0, weights=weight)
        # Its correction for rounding can turn the variance of a constant column negative.
        return mean, np.maximum(var, 0.0)
    mean = sum(weight[i] @ X[i] for i in _blocks(X)) / weight.sum()
    return mean, sum(weight[i] @ (X[i] - mean) ** 2 for i in _blocks(X)) / weight.sum()


def _blocks(X):
    """Give slices of rows, so that no temporary array is as large as X."""
    return list(gen_batches(X.shape[0], 4096))


# ---------------------------------------------------------------------------------------
# Modules


class InputLayer(nn.Module):
    """Affine map of standardized rows that reads arrays and CSR batches alike.

    Parameters
    ----------
    n_features, n_outputs : int
        Widths.
    offset : Tensor of shape (n_features,)
        What CSR rows lack after scaling: they enter as ``x - offset``.
    """

    def __init__(self, n_features, n_outputs, offset):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_features, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_outputs))
        self.register_buffer("offset", offset)
        nn.init.kaiming_uniform_(self.weight.T, a=math.sqrt(5))

    def forward(self, *x):
        if len(x) == 1:
            return torch.addmm(self.bias, x[0], self.weight)
        indptr, indices, values = x
        product = functional.embedding_bag(
            indices,
            self.weight,
            indptr,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )
        return product + (self.bias - self.offset @ self.weight)


class MLP(nn.Module):
    """Multilayer perceptron; with no hidden layer, a linear model."""

    def __init__(self, n_features, n_outputs, offset, hidden_layer_sizes, activation, zero_start):
        super().__init__()
        widths = [*hidden_layer_sizes, n_outputs]
        self.first = InputLayer(n_features, widths[0], offset)
        layers = []
        for width_in, width_out in pairwise(widths):
            layers += [ACTIVATIONS[activation](), nn.Linear(width_in, width_out)]
        self.rest = nn.Sequential(*layers)
        if zero_start:
            last = layers[-1] if layers else self.first
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, *x):
        return self.rest(self.first(*x))


class DenseInput(nn.Module):
    """A user's module, which reads arrays: CSR batches become arrays, batch by batch."""

    def __init__(self, module, offset):
        super().__init__()
        self.module = module
        self.register_buffer("offset", offset)

    def forward(self, *x):
        if len(x) == 1:
            return self.module(x[0])
        indptr, indices, values = x
        n = len(indptr) - 1
        rows = torch.repeat_interleave(torch.arange(n, device=values.device), indptr.diff())
        dense = values.new_zeros(n, len(self.offset)).index_put((rows, indices), values)
        return self.module(dense - self.offset)


@dataclass(frozen=True)
class MLPBuilder:
    """Makes our own module, an MLP."""

    hidden_layer_sizes: tuple
    activation: str = "relu"
    zero_start: bool = False  # the scores before training are zero

    def __call__(self, n_features, n_outputs, offset):
        return MLP(n_features, n_outputs, offset, **vars(self))


@dataclass(frozen=True)
class ModuleBuilder:
    """Makes a user's module, ``module(n_features, n_outputs)``."""

    module: Callable

    def __call__(self, n_features, n_outputs, offset):
        return DenseInput(self.module(n_features, n_outputs), offset)


# ---------------------------------------------------------------------------------------
# Networks


@contextlib.contextmanager
def seeded(seed, device):
    """Draw from torch's generators under ``seed``, and put them back as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


class Network:
    """A module together with the standardization of its inputs: arrays in, scores out.

    Pickled as numpy arrays and plain values, so that a file can be read on a machine
    with another device.

    Parameters
    ----------
    build : MLPBuilder or ModuleBuilder
        Gives the module for its widths and the offset of its inputs.
    standardization : Standardization
        Learned on the training rows.
    n_features, n_outputs : int
        Widths.
    device : str
        The device asked for, "auto" included.
    seed : int
        Seed of the initial weights.
    """

    def __init__(self, build, standardization, n_features, n_outputs, *, device, seed):
        self.build, self.standardization = build, standardization
        self.n_features, self.n_outputs = n_features, n_outputs
        self.requested_device = device
        self.device = choose_device(device)
        with seeded(seed, self.device):
            self.module = self._new_module().to(self.device)
        self.trainer = None  # the skorch net, kept between calls of partial_fit

    def _new_module(self):
        """Build the module with fresh weights."""
        offset = torch.from_numpy(self.standardization.offset)
        return self.build(self.n_features, self.n_outputs, offset)

    def rows(self, X, *target):
        """Put samples, and the pieces of their target, on the device."""
        return as_rows(self.standardization(X), self.device, target)

    def scores(self, X, batch_size=8192):
        """Give the scores before softmax, float64 of shape (n, n_outputs)."""
        self.module.eval()
        starts = range(0, X.shape[0], batch_size)
        with torch.inference_mode():
            return np.concatenate([self._batch_scores(X[i : i + batch_size]) for i in starts])

    def _batch_scores(self, X):
        """Give the scores of one batch, padded so that a row alone scores the same."""
        rows = self.rows(X)
        n = len(rows)
        padded = torch.arange(max(n, _MIN_BATCH), device=self.device).clamp_(max=n - 1)
        x = rows.x if n >= _MIN_BATCH and len(rows.x) == 1 else rows.take_x(padded)
        return self.module(*x)[:n].double().cpu().numpy()

    def weights(self):
        """Give the weights and buffers of the module as arrays, by name."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module.state_dict().items()}

    def __getstate__(self):
        kept = vars(self).keys() - {"module", "device", "trainer"}
        state = {name: getattr(self, name) for name in sorted(kept)}
        state["weights"] = self.weights()
        return state

    def __setstate__(self, state):
        weights = state.pop("weights")
        self.__dict__.update(state)
        self.device = _device_at_hand(self.requested_device)
        with seeded(0, self.device):
            self.module = self._new_module()
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
        self.module.load_state_dict(tensors)
        self.module.to(self.device)
        self.trainer = None


def _device_at_hand(device):
    """Give the device asked for, or the CPU where this machine lacks it."""
    try:
        return choose_device(device)
    except ValueError:
        return torch.device("cpu")
