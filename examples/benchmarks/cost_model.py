"""What fits and sets cost, from rows, columns and classes, and where to run them.

    python examples/benchmarks/cost_model.py 1e6 100 50 --gigabytes 16 --hours 8
    OMP_NUM_THREADS=1 python examples/benchmarks/cost_model.py --measure
    OMP_NUM_THREADS=1 python examples/benchmarks/cost_model.py --check
    python examples/benchmarks/cost_model.py --docs

Seconds of one core and bytes beside X are sums of a few terms, such as rows times columns, whose
constants are measured at small sizes and kept in results/cost_model.csv. Every measurement has a
process of its own, after small fits that load everything. The second form measures the constants of
a machine, the third predicts and measures at three other sizes, and the last one puts the outcome
into docs/performance.md.
"""

import argparse
import csv
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from speed_report import filled, in_new_process, markdown, say

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier, predict_set
from sklearn_setpred._cardinality import built_in, race
from sklearn_setpred._cardinality.pool import Pool
from sklearn_setpred._utils.memory import BATCH, most_rows
from sklearn_setpred.datasets import make_confusable_classes

RESULTS = Path(__file__).parent / "results"
CONSTANTS, CHECKS = RESULTS / "cost_model.csv", RESULTS / "cost_model_check.csv"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
EPOCHS = 30
# A network keeps each weight, its gradient and two moments, as float32, for 256 units.
BYTES_OF_UNITS = 16 * 256
# Cells whose probabilities are all kept, and cells for which trees grow one after another.
MOST_CELLS, TREE_CELLS = most_rows(1), 400_000


class Size(NamedTuple):
    """How much there is of what."""

    rows: float
    columns: float
    classes: float

    @property
    def cells(self):
        """Rows times classes."""
        return self.rows * self.classes


# ----------------------------------------------------------------------------- what is modelled


def network(data, max_epochs=EPOCHS):
    """Fit the built-in network."""
    return NeuralClassifier(max_epochs=max_epochs, device="cpu", random_state=0).fit(*data)


def pool(data, max_epochs=EPOCHS):
    """Fit the classifier that pools experts; all of them are kept, which is the most it costs.

    Which of them win the race, and have a weight, depends on the rows. The race alone takes about
    a tenth.
    """
    # In a process of its own.
    race._LEAST_GAIN = race._LEAST_NATS = -np.inf
    Pool.needed = property(lambda pool: np.arange(len(pool.exponents)))
    clf = CardinalityAwareClassifier(max_epochs=max_epochs, device="cpu", random_state=0)
    experts = clf.fit(*data).ensemble_.experts
    if len(experts) < 2 or not all(expert.models for expert in experts):
        raise RuntimeError("Some expert was left out: the costs would not be the most.")
    return clf


def sets(fitted_and_rows):
    """Predict the sets of rows."""
    fitted, X = fitted_and_rows
    return predict_set(fitted, X).sum()


def data_of(fit, size):
    """Return rows and labels, after a fit on few of them has loaded everything."""
    n, columns, classes = map(int, size)
    X, y, _ = make_confusable_classes(n, classes, columns, random_state=0)
    fit((X[:200], np.arange(200) % 3), 1)
    return X, y


def fitted_and_rows(fit, size):
    """Return a classifier fitted on few rows, and the rows whose sets it predicts."""
    few = min(size.rows, max(1_000, 20 * size.classes))
    X, y = data_of(network, size)
    return fit((X[: int(few)], y[: int(few)]), 1), X


def per_row(size):
    """Return the terms of what every row takes: itself, its columns, its classes."""
    return [1.0, size.rows, size.rows * size.columns, size.cells]


def per_row_of_pool(size):
    """Return the same, with a boosted tree for each class where there are such trees."""
    table, few = built_in._MOST_OF_A_TABLE, built_in._BOOSTED_CLASSES
    return [*per_row(size), size.cells * (size.columns <= table and size.classes <= few)]


def per_row_and_split(size):
    """Return the same for the splits that are fitted: of 2e8 cells on, fewer."""
    fraction = min(1.0, max(0.1, math.sqrt(most_rows(1) / size.cells)))
    return [1.0, *(fraction * term for term in per_row_of_pool(size)[1:])]


def memory_of_network(size):
    """Return the terms of the memory of a fit: rows, and the weights and scores of a batch."""
    return [1.0, size.rows * size.columns, size.columns + size.classes]


def memory_of_pool(size):
    """Return the same, with trees and the probabilities of held-out rows, which have limits."""
    return [1.0, size.rows * size.columns, min(size.cells, TREE_CELLS), min(size.cells, MOST_CELLS)]


def memory_of_sets(size):
    """Return the terms of the memory of sets: the rows of two batches, and all sets, dense."""
    return [1.0, min(size.rows, BATCH / (4 * size.classes)), size.cells]


class Step(NamedTuple):
    """A fit or a prediction: how it is measured, the terms of its costs, and at which sizes.

    Memory is measured at ``large`` sizes too, where fits are short: epochs take no memory.
    """

    prepare: Callable
    use: Callable
    seconds: Callable
    bytes: Callable
    sizes: list
    large: tuple = ()


def fit_of(fit, terms, memory, sizes, large=()):
    """Return the step of a fit."""
    return Step(partial(data_of, fit), fit, terms, memory, sizes, tuple(large))


def sets_of(fit, terms, sizes):
    """Return the step of a prediction of sets."""
    return Step(partial(fitted_and_rows, fit), sets, terms, memory_of_sets, sizes)


def sizes(*triples):
    """Return sizes: rows, columns, classes."""
    return [Size(*triple) for triple in triples]


NETWORK = "NeuralClassifier()"
POOLS = {
    "table": "CardinalityAwareClassifier(), up to 200 columns",
    "embedding": "CardinalityAwareClassifier(), more columns",
}
STEPS = {
    f"{NETWORK}: fit": fit_of(
        network,
        per_row,
        memory_of_network,
        sizes((2_000, 10, 5), (8_000, 10, 5), (8_000, 200, 5), (8_000, 10, 500), (16_000, 50, 50)),
    ),
    f"{NETWORK}: sets": sets_of(
        network,
        per_row,
        sizes((20_000, 10, 5), (100_000, 10, 5), (40_000, 200, 5), (100_000, 10, 200)),
    ),
    f"{POOLS['table']}: fit": fit_of(
        pool,
        per_row_and_split,
        memory_of_pool,
        sizes((1_000, 10, 5), (2_000, 10, 5), (1_000, 10, 40), (1_000, 100, 10), (1_000, 10, 20)),
        sizes((8_000, 16, 50), (4_000, 20, 20)),
    ),
    f"{POOLS['table']}: sets": sets_of(
        pool,
        per_row_of_pool,
        sizes((5_000, 10, 5), (20_000, 10, 5), (5_000, 100, 5), (5_000, 10, 50), (5_000, 10, 20)),
    ),
    f"{POOLS['embedding']}: fit": fit_of(
        pool,
        per_row_and_split,
        memory_of_pool,
        sizes((800, 300, 5), (2_000, 300, 5), (800, 300, 40), (800, 600, 10)),
        sizes((4_000, 300, 50)),
    ),
    f"{POOLS['embedding']}: sets": sets_of(
        pool,
        per_row_of_pool,
        sizes((2_000, 300, 5), (8_000, 300, 5), (2_000, 600, 5), (2_000, 300, 50)),
    ),
}
# Sizes at which what is predicted is measured.
CHECKED = {
    NETWORK: Size(40_000, 60, 30),
    POOLS["table"]: Size(2_500, 20, 20),
    POOLS["embedding"]: Size(1_500, 400, 20),
}


# ------------------------------------------------------------------------------- the constants


def measured(step, size, **how):
    """Return the seconds and the bytes of a step at one size, in a process of its own."""
    cost = in_new_process(step.prepare, partial(step.use, **how), size)
    return max(cost.seconds, 1e-3), max(1e6 * cost.megabytes, 1e6)


def constants_of(terms, values):
    """Return the constants, none negative, whose sums of terms are nearest in ratio."""
    return nnls(np.array(terms) / np.array(values)[:, None], np.ones(len(values)))[0]


def measured_constants(steps):
    """Return the constants of seconds and bytes of each step, a dict by (step, quantity)."""
    found = {}
    for name, step in steps.items():
        costs = [measured(step, size) for size in step.sizes]
        costs += [measured(step, size, max_epochs=1) for size in step.large]
        seconds, n_bytes = zip(*costs, strict=True)
        say(f"{name}: {np.round(seconds, 2)} s, {np.round(n_bytes, -6) / 1e6} MB")
        terms = [step.seconds(size) for size in step.sizes]
        found[name, "seconds"] = constants_of(terms, seconds[: len(terms)])
        terms = [step.bytes(size) for size in [*step.sizes, *step.large]]
        found[name, "bytes"] = constants_of(terms, n_bytes)
    return found


def write_table(path, header, lines):
    """Write lines of a table, numbers with three digits."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for line in lines:
            writer.writerow([f"{v:.3g}" if isinstance(v, float) else v for v in line])


def write_constants(path, found):
    """Write the constants, one line for each step and quantity."""
    lines = [[*key, " ".join(f"{value:.3g}" for value in of)] for key, of in found.items()]
    write_table(path, ["step", "quantity", "constants"], lines)


def read_constants(path):
    """Return what `write_constants` has written."""
    with path.open(newline="") as file:
        lines = [*csv.DictReader(file)]
    return {
        (line["step"], line["quantity"]): np.array(line["constants"].split(), dtype=float)
        for line in lines
    }


# ---------------------------------------------------------------------------------- the model


def predicted(constants, name, size):
    """Return the seconds and the bytes of a step at a size."""
    step = STEPS[name]
    seconds, n_bytes = constants[name, "seconds"], constants[name, "bytes"]
    return float(seconds @ step.seconds(size)), float(n_bytes @ step.bytes(size))


def pool_for(size):
    """Return the name of the pool that suits rows of so many columns."""
    return POOLS["table" if size.columns <= 200 else "embedding"]


def advice(size, constants, *, gigabytes, hours):
    """Return what to run where, one line for the fit and one for the sets."""
    most_bytes, most_seconds = 1e9 * gigabytes, 3600 * hours

    def has_room(name):
        seconds, n_bytes = predicted(constants, f"{name}: fit", size)
        return seconds <= most_seconds and n_bytes + 8 * size.rows * size.columns <= most_bytes

    an_epoch = predicted(constants, f"{NETWORK}: fit", size)[0] / EPOCHS
    for name in (pool_for(size), NETWORK):
        if has_room(name):
            fit, sets_by = f"{name.partition(',')[0]} on one machine", name
            break
    else:
        fit, sets_by = in_parts(size, most_bytes, most_seconds, an_epoch), NETWORK
    workers = math.ceil(predicted(constants, f"{sets_by}: sets", size)[0] / most_seconds)
    where = "one process" if workers == 1 else f"{workers} processes, by Dask or Ray"
    form = "dense" if size.cells <= most_bytes / 4 else "sparse_output=True, by batches into a file"
    return [f"fit: {fit}", f"sets: {where}; {form}"]


def in_parts(size, most_bytes, most_seconds, an_epoch):
    """Return how a network learns from rows that one fit has no room or time for."""
    if BYTES_OF_UNITS * (size.columns + size.classes) > most_bytes:
        return "no network of 256 units has room; hash the columns or group the classes"
    calibrate = "then CoverageSetClassifier.partial_fit around the FrozenEstimator"
    passes = int(min(EPOCHS, most_seconds / an_epoch))
    if passes:
        return f"NeuralClassifier.partial_fit by chunks, {passes} times over the rows; {calibrate}"
    rows = size.rows * most_seconds / an_epoch
    return f"NeuralClassifier.partial_fit by chunks of {rows:.1e} rows, or a GPU; {calibrate}"


def costs_at(size, constants):
    """Return the seconds and bytes of every step at a size, one line each."""
    names = [f"{name}: {what}" for name in (pool_for(size), NETWORK) for what in ("fit", "sets")]
    costs = {name: predicted(constants, name, size) for name in names}
    return [f"{name}: {s:.2g} s, {b / 1e9:.2g} GB" for name, (s, b) in costs.items()]


# ------------------------------------------------------------------------------ predicted, true


CHECK_HEADER = ["step", "rows", "columns", "classes", *("seconds predicted", "seconds measured")]
CHECK_HEADER += ["MB predicted", "MB measured"]


def check(constants, sizes):
    """Return lines of predicted beside measured, for the fit and the sets at a size of each."""
    lines = []
    for kind, size in sizes.items():
        for name in (f"{kind}: fit", f"{kind}: sets"):
            costs = zip(predicted(constants, name, size), measured(STEPS[name], size), strict=True)
            (expected, seconds), (expected_bytes, n_bytes) = costs
            lines.append([name, *size, expected, seconds, expected_bytes / 1e6, n_bytes / 1e6])
            say(str(lines[-1]))
    return lines


def main(arguments=None):
    """Evaluate the model, or measure its constants, check it, or put the check into the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", nargs="*", type=float, help="rows, columns and classes")
    parser.add_argument("--gigabytes", type=float, default=16, help="memory at hand")
    parser.add_argument("--hours", type=float, default=8, help="how long a step may take")
    for what in ("measure", "check", "docs"):
        parser.add_argument(f"--{what}", action="store_true")
    given = parser.parse_args(arguments)
    if given.measure:
        write_constants(CONSTANTS, measured_constants(STEPS))
    if given.check:
        write_table(CHECKS, CHECK_HEADER, check(read_constants(CONSTANTS), CHECKED))
    if given.docs:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(filled(page, {"cost model": markdown(CHECKS)}), encoding="utf-8")
    if given.size:
        size, constants = Size(*given.size), read_constants(CONSTANTS)
        limits = {"gigabytes": given.gigabytes, "hours": given.hours}
        print("\n".join([*costs_at(size, constants), *advice(size, constants, **limits)]))


if __name__ == "__main__":
    main()
