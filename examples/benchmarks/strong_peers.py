"""Mean size of sets at a guaranteed coverage: ours beside the best classifiers a user could pick.

Every method is fitted on the training rows of a split of the benchmark of set sizes, and
calibrated on the same rows by `CoverageSetClassifier`: a probability above a threshold (LAC)
for the peers, our levels for ours, the top-1 label added to both::

    python examples/benchmarks/strong_peers.py --methods forest logistic --splits 1
    python examples/benchmarks/strong_peers.py --data letter yeast --methods ours
    python examples/benchmarks/strong_peers.py --tables --docs

Each fit runs in a process of its own, on one thread, and ends when it has used up ``--limit``
seconds of CPU: then its line says "too long", and the other splits of its data set are not tried.
The lines go to the CSV file at once, and the next call goes on from there. To run a method again,
remove its lines. "ours, earlier" is `CardinalityAwareClassifier()` of another day: the lines of the
method "ours" in a CSV file that this script wrote then. ``docs/make_pictures.py`` draws the picture
of the page.

Data are read from the folder named by the environment variable SETPRED_DATA, see
`sklearn_setpred.datasets.load_dataset`.
"""

import os

# Read when numpy, torch and the boosters are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import multiprocessing
import signal
import time
import warnings
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import set_size_problems as problems
import strong_peers_tables as tables
import torch
from set_size import DOCS, RESULTS, append
from set_size_answers import ask, calibrated, log_floored, stopwatch, with_levels
from strong_peers_methods import METHODS, PEERS

LEVELS = (0.90, 0.95, 0.98)
SPLITS = 5
LIMIT = 300


class Task(NamedTuple):
    """What is run at a time; the first columns of its lines."""

    data: str
    split: int
    method: str


FIGURES = ("size", "coverage", "top_1", "log_loss", "fit_cpu", "predict_cpu")
COLUMNS = (*Task._fields, "value", *FIGURES, "n_train", "n_calibration", "n_test", "status")


# ------------------------------------------------------------------------------ one task


def lines_of(task, limit):
    """Run a task and return its lines."""
    problem = encoded(problems.split(task.data, task.split))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages; rare classes; convergence
        answers = answers_of(METHODS[task.method](task.split), problem, limit)
    shared = task._asdict() | {
        "log_loss": log_loss(answers, problem.label_dist),
        "top_1": problem.coverage(np.eye(len(problem.classes))[answers.top]),
        "fit_cpu": answers.fit_seconds,
        "predict_cpu": answers.predict_seconds,
        "n_train": len(problem.train[1]),
        "n_calibration": len(problem.calibration[1]),
        "n_test": len(problem.test[1]),
    }
    return [shared | size_at(level, answers, problem) for level in LEVELS]


def encoded(problem):
    """Return the problem with labels 0 ... n_classes - 1."""
    parts = {
        name: (X, np.searchsorted(problem.classes, y))
        for name, (X, y) in zip(problem._fields[:3], problem[:3], strict=True)
    }
    return problem._replace(**parts, classes=np.arange(len(problem.classes)))


def answers_of(model, problem, limit):
    """Fit a method within its time and return its answers, CPU seconds beside them."""
    with stopwatch(time.process_time) as seconds, cpu_limit(limit):
        model.fit(*problem.train)
    return ask(model, problem, with_levels, seconds[0], time.process_time)


@contextmanager
def cpu_limit(seconds):
    """End this process if the block needs more CPU seconds, also inside compiled code."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def log_loss(answers, label_dist):
    """Return the mean log-loss on the test rows under the distribution of their labels."""
    log_p = log_floored(answers.test[:, : len(answers.classes)])
    return -(label_dist * log_p).sum(axis=1).mean()


def size_at(level, answers, problem):
    """Return size and coverage of the sets that are calibrated for a level."""
    sets = calibrated(answers, problem.calibration[1], level)
    return {
        "value": level,
        "size": sets.sum(axis=1).mean(),
        "coverage": problem.coverage(sets),
        "status": tables.DONE,
    }


# ------------------------------------------------------------------- processes and file


def in_process(task, limit, connection):
    """Send the lines of a task, or those that say why there are none, from a process of its own."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    try:
        lines = lines_of(task, limit)
    except Exception as error:  # whatever a user would see
        lines = without_figures(task, f"{type(error).__name__}: {' '.join(str(error).split())}")
    connection.send(lines)


def without_figures(task, status):
    """Return the lines of a task that has no result."""
    shared = task._asdict() | {"status": status[:160]}
    return [shared | {"value": level} for level in LEVELS]


def received(task, process, connection):
    """Return the lines that a process has sent, or those that say how it ended."""
    try:
        lines = connection.recv()
    except EOFError:
        lines = None
    process.join()
    if lines is not None:
        return lines
    too_long = process.exitcode == -signal.SIGPROF
    return without_figures(task, tables.TOO_LONG if too_long else f"exit {process.exitcode}")


def started(task, limit):
    """Start the process of a task; return the connection to it, and the process."""
    context = multiprocessing.get_context("fork")  # packages are imported once, by the parent
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=in_process, args=(task, limit, sender))
    process.start()
    sender.close()
    return receiver, process


def run_all(tasks, path, jobs, limit):
    """Run tasks, some at a time, and write their lines as they come."""
    left, running = worth_trying(tasks, path), {}
    while True:
        for task in islice(left, jobs - len(running)):
            connection, process = started(task, limit)
            running[connection] = task, process
        if not running:
            return
        for connection in wait(list(running)):
            task, process = running.pop(connection)
            lines = received(task, process, connection)
            append(path, lines, COLUMNS)
            print(*task, lines[0]["status"], flush=True)


def worth_trying(tasks, path):
    """Yield the tasks; write the lines of those that took too long on another split."""
    for task in tasks:
        if (task.data, task.method) in too_long(path):
            append(path, without_figures(task, tables.TOO_LONG), COLUMNS)
        else:
            yield task


def too_long(path):
    """Return the pairs of data set and method that took too long on some split."""
    if not path.exists():
        return set()
    lines = pd.read_csv(path)
    lines = lines[lines["status"] == tables.TOO_LONG]
    return set(zip(lines["data"], lines["method"], strict=True))


def planned(data, methods, splits, path):
    """Return the tasks asked for and not in the file: split by split, method by method."""
    done = set()
    if path.exists():
        done = set(pd.read_csv(path)[list(Task._fields)].itertuples(index=False, name=None))
    asked = (
        Task(name, number, method)
        for number in range(splits)
        for method in methods
        for name in data
    )
    return [task for task in asked if task not in done]


# ----------------------------------------------------------------------------------- main


def main(arguments=None):
    """Run what is asked for and missing, then print the tables."""
    given = parsed(arguments)
    given.file.parent.mkdir(parents=True, exist_ok=True)
    if not given.tables:
        torch.set_num_threads(1)
        # Imports count for nobody: the first optimizer imports a part of torch.
        torch.optim.AdamW([torch.zeros(1)])
        for method in given.methods:  # imports its package, or fails before any work
            METHODS[method](0)
        tasks = planned(given.data, given.methods, given.splits, given.file)
        run_all(tasks, given.file, given.jobs, given.limit)
    lines = tables.read(given.file, given.frozen)
    report = tables.report(lines)
    print(report)
    if given.docs:
        (DOCS / "strong_peers.md").write_text(report)


def parsed(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", action="store_true", help="run nothing, print the tables")
    parser.add_argument("--docs", action="store_true", help="write the page of the docs")
    parser.add_argument("--data", nargs="+", choices=problems.KINDS, default=list(problems.KINDS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["ours", *PEERS])
    parser.add_argument("--splits", type=int, default=SPLITS, help="of each data set")
    parser.add_argument("--jobs", type=int, default=1, help="so many fits at a time")
    parser.add_argument("--limit", type=float, default=LIMIT, help="CPU seconds of a fit")
    parser.add_argument("--file", type=Path, default=RESULTS / "strong_peers.csv")
    parser.add_argument("--frozen", type=Path, default=RESULTS / "strong_peers_frozen.csv")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
