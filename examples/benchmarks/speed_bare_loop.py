"""A training loop written by hand, against which the training of this package is timed.

The loop has what plain torch offers for speed: rows that lie on the device, one permutation per
epoch and slices of it, the fused AdamW, gradients set to None. It has no validation, no
callbacks and no history, not even the loss. The network and its initial weights are those of
`NeuralClassifier`, and so are step size and weight decay::

    OMP_NUM_THREADS=1 python examples/benchmarks/speed_bare_loop.py

prints the seconds of an epoch. This file is the yardstick and stays as it is.
"""

import time
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional


class Shape(NamedTuple):
    """The size of a problem and of the network that is trained on it."""

    n_samples: int
    n_features: int
    n_classes: int
    hidden: int
    batch_size: int


SHAPES = {
    "letter": Shape(20_000, 16, 26, 64, 128),
    "clinc150": Shape(15_000, 384, 150, 128, 256),
}


def rows(shape, device="cpu"):
    """Return standardized rows, float32 of shape (n, d), and their labels, int64 of shape (n,)."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(shape.n_samples, shape.n_features, generator=generator)
    y = torch.randint(shape.n_classes, (shape.n_samples,), generator=generator)
    return X.to(device), y.to(device)


def network(shape, device="cpu"):
    """Return the network with fresh weights."""
    torch.manual_seed(0)
    first = nn.Linear(shape.n_features, shape.hidden)
    nn.init.zeros_(first.bias)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(shape.hidden, shape.n_classes)).to(device)


def epochs(model, X, y, batch_size, learning_rate=2e-3, weight_decay=0.01):
    """Train without end; one epoch passes each time that the next value, None, is taken."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(0)
    while True:
        order = torch.randperm(len(X), generator=generator).to(X.device)
        for x, labels in zip(X[order].split(batch_size), y[order].split(batch_size), strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
        yield


def main(repeats=7):
    """Print the median seconds of an epoch for each shape, after one that is not counted."""
    torch.set_num_threads(1)
    for name, shape in SHAPES.items():
        training = epochs(network(shape), *rows(shape), shape.batch_size)
        next(training)
        seconds = []
        for _ in range(repeats):
            start = time.process_time()
            next(training)
            seconds.append(time.process_time() - start)
        print(f"{name}: {sorted(seconds)[repeats // 2]:.4f} s per epoch")


if __name__ == "__main__":
    main()
