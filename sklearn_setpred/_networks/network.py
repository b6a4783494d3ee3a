"""A network: a module and the standardization of its inputs, from arrays to scores."""

from __future__ import annotations

import os

import numpy as np
import torch

from sklearn_setpred._networks.modules import InputLayer, MeanBuilder, PeriodicInput
from sklearn_setpred._networks.rows import as_rows
from sklearn_setpred._utils import memory
from sklearn_setpred._utils.validation import check_option

# Kernels of float32 products compute the rows behind the last full block in another way, with other
# last bits. On all processors tried, blocks of 16 rows are full ones; on any other, the scores of a
# row alone and in a batch agree up to rounding.
_ROW_BLOCK = 16

# The threads of OpenMP are not there in a forked process, which would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


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


class Network:
    """A module together with the standardization of its inputs: arrays in, scores out.

    Pickled as numpy arrays and plain values, so that a file can be read on a machine
    with another device.

    Parameters
    ----------
    build : KindBuilder or ModuleBuilder
        Makes the module.
    standardization : DenseStandardization or SparseStandardization
        Learned on the training rows.
    n_features, n_outputs : int
        Widths.
    device : str
        The device asked for, "auto" included.
    seed : int
        Seed of the initial weights.
    """

    def __init__(self, build, standardization, n_features, n_outputs, *, device, seed):
        self._describe(build, standardization, n_features, n_outputs, device)
        generator, offset = torch.Generator().manual_seed(seed), self._offset()
        self.module = build(n_features, n_outputs, offset, generator).to(self.device)

    def _describe(self, build, standardization, n_features, n_outputs, device):
        """Set everything but the module."""
        self.build, self.standardization = build, standardization
        self.n_features, self.n_outputs = n_features, n_outputs
        self.requested_device, self.device = device, choose_device(device)
        # The skorch net, kept between calls of partial_fit, or what a file has kept of it.
        self.trainer = self.filed_state = None

    def _offset(self):
        """Return the offset of CSR rows as a tensor."""
        return torch.from_numpy(self.standardization.offset)

    @classmethod
    def mean_of(cls, networks):
        """Return the network whose scores are the mean of the scores of several.

        Parameters
        ----------
        networks : list of Network
            Of one architecture and one standardization; a single one is returned as it is.
        """
        first = networks[0]
        if len(networks) == 1:
            return first
        mean = cls.__new__(cls)
        build = MeanBuilder(first.build, len(networks))
        widths = first.n_features, first.n_outputs
        mean._describe(build, first.standardization, *widths, first.requested_device)
        mean.module = build.blank(*widths)
        for member, network in zip(mean.module.members, networks, strict=True):
            member.load_state_dict(network.module.state_dict(), assign=True)
        return mean

    def rows(self, X, *, target=None, weight=None, prior=None):
        """Put samples, and the pieces of their target, on the device."""
        pieces = {"target": target, "weight": weight, "prior": prior}
        return as_rows(self.standardization(X), self.device, **pieces)

    @torch.no_grad()
    def follow(self, X, weight):
        """Update the standardization by more rows; the first layers change, and outputs stay.

        Outputs change only for values so far out that they are clipped. A user's module, whose
        first layer is not known, keeps the standardization.
        """
        first = [m for m in self.module.modules() if isinstance(m, (InputLayer, PeriodicInput))]
        if not first:
            return
        before, self.standardization = self.standardization, self.standardization.after(X, weight)
        after = self.standardization
        moves = after.scale / before.scale, (after.center - before.center) / before.scale
        moves = [torch.as_tensor(move, dtype=torch.float32, device=self.device) for move in moves]
        for layer in first:
            layer.follow(*moves, self._offset())

    @property
    def score_batch_size(self):
        """How many rows are scored at a time."""
        return rows_at_a_time(self.n_outputs)

    def scores(self, X):
        """Return the scores before softmax, float64 of shape (n, n_outputs)."""
        if self.module.training:
            self.module.eval()  # which looks at every layer
        batch_size = self.score_batch_size
        batches = (X[i : i + batch_size] for i in range(0, X.shape[0], batch_size))
        with torch.inference_mode():
            return np.concatenate([self._batch_scores(batch) for batch in batches])

    def _batch_scores(self, X):
        """Return the scores of one batch, padded to whole blocks of rows."""
        rows = self.rows(X)
        n, n_missing = len(rows), -len(rows) % _ROW_BLOCK
        x = rows.x
        if n_missing:
            padded = torch.arange(n + n_missing, device=self.device).clamp_(max=n - 1)
            x = rows.take_x(padded)
        return self.module(*x)[:n].double().cpu().numpy()

    def weights(self):
        """Return the weights and buffers of the module as arrays, by name."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module.state_dict().items()}

    def __getstate__(self):
        kept = vars(self).keys() - {"module", "device", "trainer", "filed_state"}
        state = {name: getattr(self, name) for name in sorted(kept)}
        state["weights"] = self.weights()
        return state

    def __setstate__(self, state):
        weights = state.pop("weights")
        self.__dict__.update(state)
        self.device = _device_at_hand(self.requested_device)
        self.trainer = self.filed_state = None
        _check_members(weights, self.build)
        module = self.build.blank(self.n_features, self.n_outputs)
        _check_shapes(weights, module.state_dict())
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
        module.load_state_dict(tensors, assign=True)
        self.module = module.to(self.device)

    @property
    def training_state(self):
        """What partial_fit needs to go on, beside the weights; None where it was not called.

        These are the optimizer's averages, by the name of the weight and their own, the state of
        the generator that orders the rows, and the size of a batch.
        """
        return self.filed_state if self.trainer is None else _training_state_of(self.trainer)

    @training_state.setter
    def training_state(self, training_state):
        _check_training_state(training_state, self.weights())
        self.filed_state = training_state


def _training_state_of(net):
    """Return the training state of a skorch net."""
    averages = {
        name: {key: value.cpu().numpy().copy() for key, value in net.optimizer_.state[p].items()}
        for name, p in net.module_.named_parameters()
        if p in net.optimizer_.state
    }
    generator = net.generator.get_state().numpy()
    return {"averages": averages, "generator": generator, "batch_size": net.batch_size}


def go_on_from(net, training_state):
    """Load a training state into a new skorch net, which goes on where the other one ended."""
    places, averages = {p: i for i, p in enumerate(net.trained_)}, training_state["averages"]
    state = {
        places[p]: {key: torch.from_numpy(np.array(value)) for key, value in averages[name].items()}
        for name, p in net.module_.named_parameters()
        if name in averages
    }
    net.optimizer_.load_state_dict({**net.optimizer_.state_dict(), "state": state})
    net.batch_size = training_state["batch_size"]
    net.generator.set_state(torch.from_numpy(np.array(training_state["generator"])))


def rows_at_a_time(n_outputs):
    """Return how many rows are scored at a time, whole blocks: fewer where outputs are many."""
    blocks = memory.NETWORK_SCORES // (4 * n_outputs * _ROW_BLOCK)
    return min(8192, max(1, blocks) * _ROW_BLOCK)


def _check_members(weights, build):
    """Raise ValueError unless a file holds the arrays of as many networks as it says."""
    found = len({name.split(".")[1] for name in weights if name.startswith("members.")})
    if getattr(build, "n_members", found) != found:
        raise ValueError(
            f"The file has the weights of {found} networks, not of {build.n_members}: it is "
            "damaged or was changed."
        )


def _check_shapes(weights, expected):
    """Raise ValueError unless the arrays of a file have the shapes of a module's tensors."""
    shapes = {name: tuple(np.shape(array)) for name, array in weights.items()}
    needed = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    if shapes != needed:
        raise ValueError(
            f"The file's weights have the shapes {shapes}, its network needs {needed}: the file "
            "is damaged or was changed."
        )


def _check_training_state(training_state, weights):
    """Raise ValueError unless the averages of a file have the shapes of the weights, or none."""
    for name, kept in training_state["averages"].items():
        shapes = {np.shape(array) for array in kept.values()} - {()}
        if shapes - {np.shape(weights.get(name))}:
            raise ValueError(
                f"The file's averages of {name!r} have the shapes {shapes}, not that of the "
                "weights: the file is damaged or was changed."
            )


def _device_at_hand(device):
    """Return the device asked for, or the CPU where this machine lacks it."""
    try:
        return choose_device(device)
    except ValueError:
        return torch.device("cpu")
