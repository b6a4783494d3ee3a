"""Training and sets on a GPU; where there is none, lines that say so.

::

    python examples/benchmarks/speed_gpu.py --out results/gpu
    python examples/benchmarks/speed_gpu.py --out results/gpu --device cpu

writes ``speed_gpu.csv`` and ``training_gpu.csv``, the second form in seconds from tiny sizes.
`gpu.sh` runs this after the tests.
"""

import argparse
import contextlib
import time
import warnings
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import speed_bare_loop as bare
import speed_report as report
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from speed_report import Figure, interleaved, median, ratio, skipped
from torch import nn

from sklearn_setpred import CardinalityAwareClassifier, LDRClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_confusable_classes


class Sizes(NamedTuple):
    """How much is measured."""

    shape: bare.Shape  # of epochs and steps
    epochs: int  # in a fit
    steps: int  # in a round
    sets: tuple  # rows and classes
    problem: tuple  # rows, classes and features of the training comparison
    training: dict  # parameters of its classifiers
    repeats: int


FULL = Sizes(
    bare.SHAPES["clinc150"]._replace(batch_size=4096),
    epochs=50,
    steps=200,
    sets=(200_000, 1_000),
    problem=(5_000, 50, 64),
    training={},
    repeats=5,
)
TINY = Sizes(bare.Shape(60, 8, 5, 8, 16), 1, 2, (100, 10), (120, 3, 4), {"max_epochs": 1}, 1)
# What is measured on a GPU: unit, predicted, target.
FIGURES = {
    "clinc150, batch 4096: epoch / kernel launches of a bare loop": ("ratio", 1.3, "<= 1.3"),
    "host synchronisations inside an epoch": ("count", 0.0, "<= 0"),
    "step with bf16 autocast / float32": ("ratio", 1.2, ""),
    "step compiled / eager": ("ratio", 0.7, ""),
    "step as a CUDA graph / eager": ("ratio", 0.3, ""),
    "CSR sets of 1,000 classes per second": ("million", 0.1, ">= 1"),
}
KINDS = [NeuralClassifier(module=kind) for kind in ("mlp", "resnet", "periodic")]


def figures(device="cuda", sizes=FULL):
    """Return the lines of this section."""
    if device == "cuda" and not torch.cuda.is_available():
        return [
            skipped(name, unit, "no CUDA device", predicted=predicted, target=target)
            for name, (unit, predicted, target) in FIGURES.items()
        ]
    return [
        *epoch_figures(device, sizes),
        _figure("host synchronisations inside an epoch", synchronisations(device, sizes.shape)),
        *step_figures(device, sizes),
        sets_figure(device, sizes),
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


def epoch_figures(device, sizes):
    """Return the lines of an epoch: ours, the bare loop's, and what its launches take."""
    functions = {
        "ours": ours(sizes.shape, device),
        "bare loop": bare_epochs(sizes.shape, device),
        "launches": launches(sizes.shape, device),
    }

    def seconds_of_epoch(fit):
        first = wall_seconds(lambda: fit(1))
        return (wall_seconds(lambda: fit(1 + sizes.epochs)) - first) / sizes.epochs

    seconds = interleaved(functions, sizes.repeats, seconds_of_epoch)
    name = "clinc150, batch 4096: epoch / kernel launches of a bare loop"
    _, predicted, target = FIGURES[name]
    options = {"predicted": predicted, "target": target}
    return [
        *(median(f"clinc150, batch 4096: {key}", seconds[key], 1e3, "ms") for key in functions),
        ratio(name, seconds, "ours", "launches", **options),
    ]


def ours(shape, device, callbacks=None):
    """Return a function that fits `NeuralClassifier` for a number of epochs."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))

    def fit(epochs):
        model = NeuralClassifier(
            hidden_layer_sizes=(shape.hidden,),
            batch_size=shape.batch_size,
            max_epochs=epochs,
            validation_fraction=None,
            device=device,
            callbacks=callbacks,
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


# Of what torch says; it also warns that the mode itself is a prototype.
_WAITED = "called a synchronizing CUDA operation"


class Waits(Callback):
    """Counts how often the host waits for the device after the first batch of an epoch.

    In that batch the order of the rows is sent over. ``messages`` is the list that warnings go to.
    """

    def __init__(self, messages):
        self.messages = messages

    def on_batch_end(self, net, **kwargs):
        """Count the waits since the last batch."""
        self.count = sum(_WAITED in str(one.message) for one in self.messages)
        _warn_of_waits(True)

    def on_epoch_end(self, net, **kwargs):
        """Let the host wait for the loss of the epoch."""
        _warn_of_waits(False)


def _warn_of_waits(asked):
    """Let torch warn, or not, where the host waits for the device; there must be a GPU."""
    if torch.cuda.is_available():
        torch.cuda.set_sync_debug_mode("warn" if asked else "default")


def synchronisations(device, shape):
    """Count how often the host waits for the device within an epoch."""
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        waits = Waits(messages)
        ours(shape, device, callbacks=[waits])(1)
    return float(waits.count)


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


def step_figures(device, sizes):
    """Return the lines of the options: bf16 autocast, torch.compile, a CUDA graph."""
    shape, n_steps = sizes.shape, sizes.steps
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
    seconds = interleaved(functions, sizes.repeats, wall_seconds)
    return [
        median("step of a bare loop, batch 4096", seconds["eager"], 1e6 / n_steps, "us"),
        *(
            ratio(name, seconds, key, "eager", predicted=FIGURES[name][1])
            for key, name in names.items()
        ),
    ]


# ------------------------------------------------------------------------------------ sets


def sets_figure(device, sizes, k=5):
    """Return the line of the sets of a network on the device, brought to the host as CSR."""
    n, n_classes = sizes.sets
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 16), dtype=np.float32), np.arange(n) % n_classes
    model = NeuralClassifier(
        hidden_layer_sizes=(), max_epochs=1, k=k, device=device, sparse_output=True, random_state=0
    )
    model.fit(X[: 2 * n_classes], y[: 2 * n_classes])
    functions = {"sets": lambda: model.predict_set(X)}
    seconds = interleaved(functions, sizes.repeats, wall_seconds)["sets"]
    name = "CSR sets of 1,000 classes per second"
    return _figure(name, n / 1e6 / float(np.median(seconds)))


# -------------------------------------------------------------------------------- training


def training_figures(device, sizes):
    """Yield the lines of classifiers fitted on the device and on the CPU, once each."""
    n, n_classes, n_features = sizes.problem
    X, y, _ = make_confusable_classes(2 * n, n_classes, n_features, random_state=0)
    for model in (*KINDS, LDRClassifier(), CardinalityAwareClassifier()):
        model = clone(model).set_params(random_state=0, **sizes.training)
        yield from training_lines(model, X, y, device)


def training_lines(model, X, y, device):
    """Yield the lines of one classifier: seconds to fit and to predict, and its accuracy."""
    n, name = len(X) // 2, " ".join([type(model).__name__, getattr(model, "module", "")]).strip()
    for place in dict.fromkeys(("cpu", device)):
        report.say(f"  {name}, {place}")
        model.set_params(device=place)
        fit = wall_seconds(lambda: model.fit(X[:n], y[:n]))
        predict = wall_seconds(lambda: model.predict_set(X[n:]))
        note = f"top-1 {model.score(X[n:], y[n:]):.4f}"
        yield Figure(f"{name}, {place}: fit", "s", fit, note=note)
        yield Figure(f"{name}, {place}: predict_set", "s", predict)


# ------------------------------------------------------------------------------------ main


def main(arguments=None):
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the CSV files")
    given = parser.parse_args(arguments)
    sizes = TINY if given.device == "cpu" else FULL
    card = torch.cuda.get_device_name() if given.device == "cuda" else "tiny sizes on a CPU"
    torch.set_num_threads(1)
    for name, measure in {"speed_gpu": figures, "training_gpu": training_figures}.items():
        path, lines = given.out / f"{name}.csv", []
        for line in measure(given.device, sizes):
            lines.append(line)
            report.write(path, lines)  # what is there outlives a run that is cut off
        print(f"\n{name}: {card}, torch {torch.__version__}\n\n{report.markdown(path)}", flush=True)


if __name__ == "__main__":
    main()
