"""Kinds of network: modules that map standardized rows to scores.

Modules are built without memory, on torch's meta device, and filled by `draw` from a generator of
their own, so that no global state is read or changed. A new kind is a class like `MLP`, entered in
`KINDS`.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

# ---------------------------------------------------------------------------------------
# Layers


class InputLayer(nn.Module):
    """Affine map of standardized rows that reads arrays and CSR batches alike.

    CSR rows come scaled but not shifted; the layer itself subtracts their ``offset``, the center of
    each column divided by its scale.
    """

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_features, n_outputs))
        self.bias = nn.Parameter(torch.empty(n_outputs))
        self.register_buffer("offset", torch.empty(n_features))

    def draw(self, generator):
        """Fill the weights."""
        nn.init.kaiming_uniform_(self.weight.T, a=math.sqrt(5), generator=generator)
        nn.init.zeros_(self.bias)

    def follow(self, factor, shift, offset):
        """Change the weights so that z has the outputs of ``factor z + shift``."""
        self.bias += shift @ self.weight
        self.weight *= factor[:, None]
        self.offset.copy_(offset)

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


class Dropout(nn.Module):
    """Dropout [1]_ that draws from a generator of its own, which training sets.

    A fraction ``p`` of the inputs is set to zero; the others are divided by ``1 - p``.

    References
    ----------
    .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a
       simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    """

    generator = None

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, z):
        if not self.training or self.p == 0:
            return z
        kept = torch.empty_like(z).bernoulli_(1 - self.p, generator=self.generator)
        return z * kept.div_(1 - self.p)


class PeriodicEmbedding(nn.Module):
    """Numeric embeddings [1]_: each column x becomes x and three ``v cos(2 pi (w x + b))``.

    Every column has sixteen frequencies w, at first from N(0, 0.2^2), and phases b. A network on
    these features can follow steps of a single column.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular
       deep learning", NeurIPS 2022.
    """

    n_frequencies, n_embedded, sigma = 16, 3, 0.2

    def __init__(self, n_features):
        super().__init__()
        self.w = nn.Parameter(torch.empty(n_features, self.n_frequencies))
        self.b = nn.Parameter(torch.empty(n_features, self.n_frequencies))
        self.v = nn.Parameter(torch.empty(n_features, self.n_frequencies, self.n_embedded))
        self.n_outputs = n_features * (1 + self.n_embedded)

    def draw(self, generator):
        """Fill the weights."""
        nn.init.normal_(self.w, std=self.sigma, generator=generator)
        nn.init.uniform_(self.b, generator=generator)
        nn.init.normal_(self.v, std=1 / math.sqrt(self.n_frequencies), generator=generator)

    def forward(self, x):
        waves = torch.cos(2 * math.pi * torch.addcmul(self.b, x.unsqueeze(-1), self.w))
        embedded = torch.einsum("ndk,dke->nde", waves, self.v)
        return torch.cat([x, embedded.flatten(1)], dim=1)


class PeriodicInput(nn.Sequential):
    """Affine map of a `PeriodicEmbedding`."""

    def __init__(self, n_features, n_outputs):
        embedding = PeriodicEmbedding(n_features)
        super().__init__(embedding, nn.Linear(embedding.n_outputs, n_outputs))

    def follow(self, factor, shift, offset):
        """Change the weights so that z has the outputs of ``factor z + shift``."""
        waves, affine = self
        waves.b += shift[:, None] * waves.w
        waves.w *= factor[:, None]
        of_columns = affine.weight[:, : len(factor)]
        affine.bias += of_columns @ shift
        of_columns *= factor


class ResidualBlock(nn.Module):
    """``z + W2 dropout(relu(W1 layernorm(z)))``."""

    def __init__(self, width, inner_width, dropout):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, inner_width), nn.Linear(inner_width, width)
        self.dropout = Dropout(dropout)

    def forward(self, z):
        return z + self.outer(self.dropout(functional.relu(self.inner(self.norm(z)))))


def draw(module, offset, generator):
    """Fill the weights of a module from a generator, and the offset of its inputs."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            bound = 1 / math.sqrt(part.in_features)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, nn.LayerNorm):
            part.reset_parameters()
        elif hasattr(part, "draw"):
            part.draw(generator)
        if hasattr(part, "offset"):
            part.offset.copy_(offset)


# ---------------------------------------------------------------------------------------
# Kinds of network


class MLP(nn.Module):
    """Multilayer perceptron with ReLU and dropout; with no hidden layer, a linear model."""

    hidden_layer_sizes, dropout, learning_rate = (256,), 0.0, 0.01
    fewest_layers, reads_csr = 0, True

    def __init__(self, n_features, n_outputs, hidden_layer_sizes, dropout):
        super().__init__()
        widths = [*hidden_layer_sizes, n_outputs]
        self.first = InputLayer(n_features, widths[0])
        layers = []
        for width_in, width_out in pairwise(widths):
            layers += [nn.ReLU(), Dropout(dropout), nn.Linear(width_in, width_out)]
        self.rest = nn.Sequential(*layers)

    @property
    def last(self):
        """The layer that gives the scores."""
        return self.rest[-1] if len(self.rest) else self.first

    def forward(self, *x):
        return self.rest(self.first(*x))


class ResNet(nn.Module):
    """Residual network with layer normalisation and dropout [1]_.

    An affine map of the inputs, a `ResidualBlock` for each of ``hidden_layer_sizes``, layer
    normalisation, ReLU, and an affine map to the scores. The stream is as wide as the first block.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, "Revisiting deep learning models for
       tabular data", NeurIPS 2021.
    """

    hidden_layer_sizes, dropout, learning_rate = (160, 160), 0.15, 0.005
    fewest_layers, reads_csr = 1, True

    def __init__(self, n_features, n_outputs, hidden_layer_sizes, dropout):
        super().__init__()
        width = hidden_layer_sizes[0]
        self.first = self._first(n_features, width)
        blocks = (ResidualBlock(width, inner, dropout) for inner in hidden_layer_sizes)
        self.blocks, self.norm = nn.Sequential(*blocks), nn.LayerNorm(width)
        self.last = nn.Linear(width, n_outputs)

    def _first(self, n_features, width):
        """Return the layer that reads the inputs."""
        return InputLayer(n_features, width)

    def forward(self, *x):
        return self.last(functional.relu(self.norm(self.blocks(self.first(*x)))))


class PeriodicResNet(ResNet):
    """`ResNet` on a `PeriodicEmbedding` of the columns."""

    reads_csr = False

    def _first(self, n_features, width):
        return PeriodicInput(n_features, width)


KINDS = {"mlp": MLP, "resnet": ResNet, "periodic": PeriodicResNet}


class Mean(nn.Module):
    """The mean of the scores of several modules."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, *x):
        return sum(member(*x) for member in self.members) / len(self.members)


class DenseInput(nn.Module):
    """A user's module, which reads arrays: CSR batches become arrays, batch by batch."""

    def __init__(self, module, n_features):
        super().__init__()
        self.module = module
        self.register_buffer("offset", torch.zeros(n_features, dtype=torch.float32, device="cpu"))

    def forward(self, *x):
        if len(x) == 1:
            return self.module(x[0])
        indptr, indices, values = x
        n = len(indptr) - 1
        rows = torch.repeat_interleave(torch.arange(n, device=values.device), indptr.diff())
        dense = values.new_zeros(n, len(self.offset)).index_put((rows, indices), values)
        return self.module(dense - self.offset)


# ---------------------------------------------------------------------------------------
# Builders: what makes a module once its widths are known


@dataclass(frozen=True)
class KindBuilder:
    """Makes a network of a kind.

    Parameters
    ----------
    kind : str
        A name of `KINDS`.
    hidden_layer_sizes : tuple of int
    dropout : float
    zero_start : bool
        Whether the scores before training are zero.
    """

    kind: str = "mlp"
    hidden_layer_sizes: tuple = MLP.hidden_layer_sizes
    dropout: float = MLP.dropout
    zero_start: bool = False

    @property
    def reads_csr(self):
        """Whether the module reads CSR batches."""
        return KINDS[self.kind].reads_csr

    @property
    def learning_rate(self):
        """The largest step size that suits the kind."""
        return KINDS[self.kind].learning_rate

    def blank(self, n_features, n_outputs):
        """Return the module without memory for its weights."""
        with torch.device("meta"):
            module = KINDS[self.kind](n_features, n_outputs, self.hidden_layer_sizes, self.dropout)
        return module.to(torch.float32)

    def __call__(self, n_features, n_outputs, offset, generator):
        """Return the module with fresh weights."""
        module = self.blank(n_features, n_outputs).to_empty(device="cpu")
        draw(module, offset, generator)
        if self.zero_start:
            nn.init.zeros_(module.last.weight)
            nn.init.zeros_(module.last.bias)
        return module

    @contextlib.contextmanager
    def drawing(self, module, seed, device):
        """Let the module's dropout draw from a generator of its own."""
        dropouts = [part for part in module.modules() if isinstance(part, Dropout)]
        generator = torch.Generator(device=device).manual_seed(seed)
        for part in dropouts:
            part.generator = generator
        try:
            yield
        finally:
            for part in dropouts:
                part.generator = None


# A user's module draws its weights from torch's global generator, which one thread at a time seeds.
_GLOBAL_GENERATOR = threading.Lock()


@dataclass(frozen=True)
class ModuleBuilder:
    """Makes a user's module, ``module(n_features, n_outputs)``."""

    module: Callable
    reads_csr = True
    learning_rate = MLP.learning_rate

    def blank(self, n_features, n_outputs):
        """Return the module with weights that are to be replaced."""
        return self(n_features, n_outputs, 0.0, torch.Generator().manual_seed(0))

    def __call__(self, n_features, n_outputs, offset, generator):
        """Return the module with the weights that it draws itself."""
        with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            module = DenseInput(self._made(n_features, n_outputs), n_features)
        module.offset += offset
        return module

    def _made(self, n_features, n_outputs):
        """Return the module that the user's function makes; an error tells how it was called."""
        try:
            module = self.module(n_features, n_outputs)
        except TypeError as error:
            error.add_note(f"It is called as module({n_features}, {n_outputs}): columns, classes.")
            raise
        if not isinstance(module, nn.Module):
            raise ValueError(
                f"module={self.module!r} returned {type(module).__name__}; it must return a "
                "torch.nn.Module."
            )
        return module

    @contextlib.contextmanager
    def drawing(self, module, seed, device):
        """Seed torch's generators, from which a user's module draws, and put them back."""
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            yield


@dataclass(frozen=True)
class MeanBuilder:
    """Makes the `Mean` of several modules of one kind."""

    build: KindBuilder | ModuleBuilder
    n_members: int

    @property
    def reads_csr(self):
        """Whether the modules read CSR batches."""
        return self.build.reads_csr

    def drawing(self, module, seed, device):
        """Let the modules' dropout draw from a seeded generator."""
        return self.build.drawing(module, seed, device)

    def blank(self, n_features, n_outputs):
        """Return the modules without memory for their weights."""
        return Mean(self.build.blank(n_features, n_outputs) for _ in range(self.n_members))
