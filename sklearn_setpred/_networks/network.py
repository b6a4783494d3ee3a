"""Networks: modules, and what maps arrays to scores."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sklearn_setpred._networks.rows import as_rows
from sklearn_setpred._utils.validation import check_option

# The kernels of float32 products treat the rows behind the last full block in another way, whose
# last bits differ. Blocks of 16 rows are whole ones on all processors tried; on any other, scores
# of a row alone and in a batch agree up to rounding.
_ROW_BLOCK = 16
# Scores are made for about so many cells at a time (64 MB of float32).
_SCORE_CELLS = 2**24
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "gelu": nn.GELU}


def choose_device(device):
    """Return the torch device for a name; "auto" takes CUDA, then MPS, then the CPU."""
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


class Mean(nn.Module):
    """The mean of the scores of several modules."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, *x):
        return sum(member(*x) for member in self.members) / len(self.members)


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

    can_stack = True  # several of them can be trained as one `Stack`
    is_ours = True
    n_members = 1

    hidden_layer_sizes: tuple
    activation: str = "relu"
    zero_start: bool = False  # the scores before training are zero

    def __call__(self, n_features, n_outputs, offset):
        return MLP(n_features, n_outputs, offset, **vars(self))


@dataclass(frozen=True)
class ModuleBuilder:
    """Makes a user's module, ``module(n_features, n_outputs)``."""

    can_stack = False
    is_ours = False
    n_members = 1

    module: Callable

    def __call__(self, n_features, n_outputs, offset):
        return DenseInput(self.module(n_features, n_outputs), offset)


@dataclass(frozen=True)
class MeanBuilder:
    """Makes the `Mean` of several modules of one kind."""

    can_stack = False

    build: MLPBuilder | ModuleBuilder
    n_members: int

    @property
    def is_ours(self):
        """Whether the members are modules of this package."""
        return self.build.is_ours

    def __call__(self, n_features, n_outputs, offset):
        return Mean(self.build(n_features, n_outputs, offset) for _ in range(self.n_members))


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
        return as_rows(self.standardization(X), self.device, *target)

    @property
    def score_batch_size(self):
        """How many rows are scored at a time."""
        return rows_at_a_time(self.n_outputs)

    @property
    def is_on_host(self):
        """Whether scores lie where numpy can read them."""
        return self.device.type == "cpu"

    def scores(self, X):
        """Return the scores before softmax, float64 of shape (n, n_outputs)."""
        return self.map_scores(X, lambda scores: scores)

    def map_scores(self, X, function):
        """Apply a function to the scores on the device, float64, and bring what it gives."""
        self.module.eval()
        batch_size = self.score_batch_size
        batches = (X[i : i + batch_size] for i in range(0, X.shape[0], batch_size))
        with torch.inference_mode():
            return np.concatenate(
                [function(self._batch_scores(batch)).cpu().numpy() for batch in batches]
            )

    def _batch_scores(self, X):
        """Return the scores of one batch, padded to whole blocks of rows."""
        rows = self.rows(X)
        n, n_missing = len(rows), -len(rows) % _ROW_BLOCK
        x = rows.x
        if n_missing:
            padded = torch.arange(n + n_missing, device=self.device).clamp_(max=n - 1)
            x = rows.take_x(padded)
        return self.module(*x)[:n].double()

    def _check_shapes(self, weights):
        """Raise ValueError unless arrays have the shapes of the module's weights, by name.

        The module takes no memory yet: the widths in a file may be anything.
        """
        if self.build.n_members > len(weights):
            raise ValueError(
                f"{len(weights)} weights are too few for {self.build.n_members} modules"
            )
        try:
            with torch.device("meta"):
                module = self._new_module()
        except (NotImplementedError, RuntimeError, TypeError):
            if self.build.is_ours:
                raise
            return  # it computes while it is built, which needs numbers
        expected = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
        found = {name: array.shape for name, array in weights.items()}
        if found != expected:
            raise ValueError(f"the weights have the shapes {found}, their module has {expected}")

    def weights(self):
        """Return the weights and buffers of the module as arrays, by name."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module.state_dict().items()}

    def __getstate__(self):
        kept = vars(self).keys() - {"module", "device", "trainer"}
        state = {name: getattr(self, name) for name in sorted(kept)}
        state["weights"] = self.weights()
        return state

    def __setstate__(self, state):
        state = dict(state)
        weights = state.pop("weights")
        self.__dict__.update(state)
        self._check_shapes(weights)
        self.device = _device_at_hand(self.requested_device)
        with seeded(0, self.device):
            self.module = self._new_module()
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
        self.module.load_state_dict(tensors)
        self.module.to(self.device)
        self.trainer = None


def rows_at_a_time(n_outputs):
    """Return how many rows are scored at a time, whole blocks: fewer where outputs are many."""
    return min(8192, max(1, _SCORE_CELLS // (n_outputs * _ROW_BLOCK)) * _ROW_BLOCK)


def mean_network(networks):
    """Return the network whose scores are the mean of those of some that read inputs alike.

    Parameters
    ----------
    networks : list of Network
        Of one architecture and one `Standardization`; a single one is given back.
    """
    first = networks[0]
    if len(networks) == 1:
        return first
    widths = first.n_features, first.n_outputs
    build = MeanBuilder(first.build, len(networks))
    mean = Network(build, first.standardization, *widths, device=first.requested_device, seed=0)
    for member, network in zip(mean.module.members, networks, strict=True):
        member.load_state_dict(network.module.state_dict())
    return mean


def sets_of_first(scores, k):
    """Return the sets of the k first-ranked classes of scores (n, K), bool, on their device.

    As `sets.prefix_sets`: of equal scores the lower column comes first.
    """
    kth_score = scores.topk(k, dim=1).values[:, -1:]
    above, tied = scores > kth_score, scores == kth_score
    places = k - above.sum(dim=1, keepdim=True)
    return above | (tied & (tied.cumsum(dim=1) <= places))


def _device_at_hand(device):
    """Return the device asked for, or the CPU where this machine lacks it."""
    try:
        return choose_device(device)
    except ValueError:
        return torch.device("cpu")
