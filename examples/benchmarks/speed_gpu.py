"""Training and sets on a GPU; where there is none, lines that say so."""

import contextlib
import time
from itertools import islice

import numpy as np
import speed_bare_loop as bare
import torch
from speed_report import Figure, interleaved, median, ratio, skipped
from torch import nn

from sklearn_setpred import NeuralClassifier
from sklearn_setpred._networks.network import MLPBuilder, sets_of_first
from sklearn_setpred._networks.parts import Part
from sklearn_setpred._networks.training import make_net, new_network
from sklearn_setpred.losses import get_loss

SHAPE = bare.SHAPES["clinc150"]._replace(batch_size=4096)
EPOCHS = 50
# What is measured on a GPU: unit, predicted, target.
FIGURES = {
    "clinc150, batch 4096: epoch / kernel launches of a bare loop": ("ratio", 1.3, "<= 1.3"),
    "host synchronisations inside an epoch": ("count", 0.0, "<= 0"),
    "step with bf16 autocast / float32": ("ratio", 1.2, ""),
    "step compiled / eager": ("ratio", 0.7, ""),
    "step as a CUDA graph / eager": ("ratio", 0.3, ""),
    "sets of 1,000 classes per second, scores on the device": ("million", 5.0, ">= 1"),
}


def figures(repeats=5, device="cuda"):
    """Return the lines of this section."""
    if device == "cuda" and not torch.cuda.is_available():
        return [
            skipped(name, unit, "no CUDA device", predicted=predicted, target=target)
            for name, (unit, predicted, target) in FIGURES.items()
        ]
    return [
        *epoch_figures(repeats, device),
        _figure("host synchronisations inside an epoch", synchronisations(device)),
        *step_figures(repeats, device),
        sets_figure(device),
    ]


def _figure(name, measured, **others):
    """Return a line of the plan with what was measured."""
    unit, predicted, target = FIGURES[name]
    return Figure(name, unit, measured, predicted, target, **others)


def wall_seconds(function):
    """Return the seconds that a call takes until the device has done its work."""
    _wait()
    start = time.perf_counter()
    function()
    _wait()
    return time.perf_counter() - start


def _wait():
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# ---------------------------------------------------------------------------------- epochs


def epoch_figures(repeats, device):
    """Return the lines of an epoch: ours, the bare loop's, and what its launches take."""
    functions = {
        "ours": ours(SHAPE, device),
        "bare loop": bare_epochs(SHAPE, device),
        "launches": launches(SHAPE, device),
    }
    seconds = interleaved(functions, repeats, _seconds_of_epoch)
    name = "clinc150, batch 4096: epoch / kernel launches of a bare loop"
    _, predicted, target = FIGURES[name]
    options = {"predicted": predicted, "target": target}
    return [
        *(median(f"clinc150, batch 4096: {key}", seconds[key], 1e3, "ms") for key in functions),
        ratio(name, seconds, "ours", "launches", **options),
    ]


def _seconds_of_epoch(fit):
    """Return the seconds of an epoch without those of preparation."""
    first = wall_seconds(lambda: fit(1))
    return (wall_seconds(lambda: fit(1 + EPOCHS)) - first) / EPOCHS


def ours(shape, device):
    """Return a function that fits `NeuralClassifier` for a number of epochs."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))

    def fit(epochs):
        model = NeuralClassifier(
            hidden_layer_sizes=(shape.hidden,),
            batch_size=shape.batch_size,
            max_epochs=epochs,
            validation_fraction=None,
            device=device,
            random_state=0,
        )
        model.fit(X, y)

    return fit


def bare_epochs(shape, device):
    """Return a function that runs the loop of `speed_bare_loop` for a number of epochs."""
    X, y = bare.rows(shape, device)

    def fit(epochs):
        training = bare.epochs(bare.network(shape, device), X, y, shape.batch_size)
        for _ in islice(training, epochs):
            pass

    return fit


def launches(shape, device):
    """Return the same loop on as many batches of four rows: kernels with next to no work."""
    n_steps = -(-shape.n_samples // shape.batch_size)
    return bare_epochs(shape._replace(n_samples=4 * n_steps, batch_size=4), device)


# -------------------------------------------------------------------------- synchronisation


@contextlib.contextmanager
def without_waiting():
    """Raise RuntimeError where the host waits for the device; do nothing without a GPU."""
    if not torch.cuda.is_available():
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def synchronisations(device, shape=SHAPE):
    """Count the steps of an epoch that wait, after the one in which the order is sent over."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))
    part = Part(X, y)
    build = MLPBuilder((shape.hidden,))
    network = new_network(part, shape.n_classes, build=build, device=device, seed=0)
    options = {"learning_rate": 2e-3, "weight_decay": 0.01, "max_epochs": 1}
    net = make_net(
        network, get_loss("cross_entropy"), seed=0, batch_size=shape.batch_size, **options
    )
    batches = iter(net.get_iterator(network.rows(*part), training=True))
    net.train_step(next(batches))
    return float(sum(_waits(net, batch) for batch in batches))


def _waits(net, batch):
    """Say whether a step of training waits for the device."""
    try:
        with without_waiting():
            net.train_step(batch)
    except RuntimeError:
        return True
    return False


# ----------------------------------------------------------------------------------- steps


def eager_step(shape, device, forward=lambda model: model, context=contextlib.nullcontext):
    """Return a function of one step of a bare loop on a fixed batch."""
    X, y = (tensor[: shape.batch_size] for tensor in bare.rows(shape, device))
    model = bare.network(shape, device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=2e-3, fused=True, capturable=device == "cuda"
    )
    forward = forward(model)

    def step():
        optimizer.zero_grad()
        with context():
            loss = nn.functional.cross_entropy(forward(X), y)
        loss.backward()
        optimizer.step()

    return step


def captured(step):
    """Return a step as one CUDA graph, captured after three steps on a stream of its own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def step_figures(repeats, device, shape=SHAPE, n_steps=200):
    """Return the lines of the options: bf16 autocast, torch.compile, a CUDA graph."""
    steps = {
        "eager": eager_step(shape, device),
        "bf16": eager_step(
            shape, device, context=lambda: torch.autocast(device, dtype=torch.bfloat16)
        ),
    }
    names = {"bf16": "step with bf16 autocast / float32"}
    if device == "cuda":
        steps["compiled"] = eager_step(shape, device, torch.compile)
        steps["graph"] = captured(eager_step(shape, device))
        names |= {"compiled": "step compiled / eager", "graph": "step as a CUDA graph / eager"}
    functions = {
        key: lambda step=step: [step() for _ in range(n_steps)] for key, step in steps.items()
    }
    seconds = interleaved(functions, repeats, wall_seconds)
    return [
        median("step of a bare loop, batch 4096", seconds["eager"], 1e6 / n_steps, "us"),
        *(
            ratio(name, seconds, key, "eager", predicted=FIGURES[name][1])
            for key, name in names.items()
        ),
    ]


# ------------------------------------------------------------------------------------ sets


def sets_figure(device, n=1_000_000, n_classes=1_000, k=5):
    """Return the line of sets made from scores that lie on the device, brought to the host."""
    generator = torch.Generator(device).manual_seed(0)
    scores = torch.randn(n, n_classes, device=device, generator=generator)

    def predict():
        for batch in scores.split(8192):
            sets_of_first(batch, k).cpu()

    seconds = interleaved({"sets": predict}, 5, wall_seconds)["sets"]
    return _figure(
        "sets of 1,000 classes per second, scores on the device",
        n / 1e6 / float(np.median(seconds)),
    )
