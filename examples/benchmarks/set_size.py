"""Mean size of sets at a guaranteed coverage: ours beside MAPIE, crepes and plain rules.

Every data set is split at random several times; on each split every classifier is trained once,
and all methods calibrate on the same rows that no classifier has seen. All sets are measured
after one more step, in which the top-1 label is added where it is missing; the raw figures of
MAPIE and crepes, whose sets may be empty, stand beside::

    python examples/benchmarks/set_size.py --quick
    python examples/benchmarks/set_size.py --minutes 60
    python examples/benchmarks/set_size.py --data letter yeast --bases forest --splits 3
    python examples/benchmarks/set_size.py --tables

The lines of a split and a classifier go to the CSV file at once, and the next call goes on from
there; two calls on different data may run side by side. Remove the file when the package has
changed. The last form only prints the tables; ``--docs`` writes them as a page of the docs,
whose picture ``docs/make_pictures.py`` draws. Data
are read from the folder named by the environment variable SETPRED_DATA, see
`data_sets.load_dataset`.
"""

import argparse
import csv
import io
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import set_size_problems as problems
import set_size_tables as tables
import torch
from tqdm import tqdm

from sklearn_setpred.metrics import size_stratified_coverage_gap

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[2] / "docs"
QUICK = {
    "data": ["yeast", "satimage"],
    "bases": ["logistic", "naive_bayes", "forest", "network"],
    "splits": 2,
}
# Coverage is compared over sets of 1, 2 to 3, 4 to 10, and more labels.
SIZE_BINS = (1, 3, 10)


class Task(NamedTuple):
    """What is run at a time; the first columns of its lines."""

    data: str
    split: int
    base: str


FIGURES = (
    *("method", "target_kind", "value", "coverage", "size", "singletons", "top_1", "size_gap"),
    *("raw_coverage", "raw_size", "raw_empty", "fit_seconds", "predict_seconds"),
    *("n_calibration", "n_test", "task_seconds"),
)
COLUMNS = (*Task._fields, *FIGURES)


# ------------------------------------------------------------------------------ one task


def run(task):
    """Run a task; give its lines of the file."""
    from set_size_methods import outcomes

    start = time.perf_counter()
    problem = problems.split(task.data, task.split)
    base = problems.classifier(task.base, task.data, task.split)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other packages; rare classes; convergence
        found = list(outcomes(base, problem, problems.levels(task.data), task.split))
    seconds = time.perf_counter() - start
    shared = task._asdict() | {
        "n_calibration": len(problem.calibration[1]),
        "n_test": len(problem.test[1]),
        "task_seconds": seconds,
    }
    return [shared | figures(outcome, problem) for outcome in found]


def figures(outcome, problem):
    """Return the figures of one outcome."""
    sets, y = outcome.sets, problem.test[1]
    sizes = sets.sum(axis=1)
    target = outcome.value if outcome.target_kind == "coverage" else None
    gap = size_stratified_coverage_gap(
        y, sets, classes=problem.classes, target_coverage=target, bins=SIZE_BINS
    )
    return {
        "method": outcome.method,
        "target_kind": outcome.target_kind,
        "value": outcome.value,
        "coverage": problem.coverage(sets),
        "size": sizes.mean(),
        "singletons": (sizes == 1).mean(),
        "top_1": problem.coverage(np.eye(len(problem.classes))[outcome.answers.top]),
        "size_gap": gap,
        "fit_seconds": outcome.answers.fit_seconds,
        "predict_seconds": outcome.answers.predict_seconds,
    } | raw_figures(outcome.raw_sets, problem)


def raw_figures(raw_sets, problem):
    """Return the figures of the sets as another package gives them."""
    if raw_sets is None:
        return {}
    sizes = raw_sets.sum(axis=1)
    return {
        "raw_coverage": problem.coverage(raw_sets),
        "raw_size": sizes.mean(),
        "raw_empty": (sizes == 0).mean(),
    }


# ------------------------------------------------------------------------------- the file


def planned(data, bases, splits):
    """Return the tasks asked for, split by split, so that a part of them is a smaller benchmark."""
    chosen = [
        Task(name, number, base)
        for name in data
        for number in range(min(splits, problems.PLAN[name][0]))
        for base in problems.PLAN[name][1]
        if base in bases
    ]
    return sorted(chosen, key=lambda task: task.split)


def read(path):
    """Return the seconds of the tasks that are in the file."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return {
        Task(line["data"], int(line["split"]), line["base"]): float(line["task_seconds"])
        for line in lines
    }


def append(path, lines, columns=COLUMNS):
    """Write the lines of a task in one go, so that a killed run leaves whole tasks behind."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if not path.exists():
        writer.writeheader()
    for line in lines:
        writer.writerow({key: shortened(value) for key, value in line.items()})
    with path.open("a", newline="") as file:
        file.write(text.getvalue())


def shortened(value):
    """Return a number with as many digits as mean something."""
    return f"{value:.5g}" if isinstance(value, (float, np.floating)) else value


def expected_seconds(tasks, done):
    """Estimate what tasks take: as others of their data set and base, or as planned."""
    known = defaultdict(list)
    for task, seconds in done.items():
        known[task.data, task.base].append(seconds)
    return sum(
        np.mean(known.get((task.data, task.base), problems.PLAN[task.data][2])) for task in tasks
    )


def run_all(tasks, path, deadline):
    """Run tasks and write their lines; say whether there was time for all."""
    with tqdm(tasks, unit="task") as bar:
        for task in bar:
            if time.monotonic() > deadline:
                return False
            bar.set_postfix_str(f"{task.data}, split {task.split}, {task.base}")
            append(path, run(task))
    return True


# ----------------------------------------------------------------------------------- main


def main(arguments=None):
    """Run what is asked for and missing, then print the tables."""
    given = parsed(arguments)
    path = given.file or RESULTS / f"set_size{'_quick' if given.quick else ''}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    done = read(path)
    tasks = [task for task in planned(given.data, given.bases, given.splits) if task not in done]
    if tasks and not given.tables:
        minutes = expected_seconds(tasks, done) / 60
        print(
            f"{len(done)} tasks are in {path.name}; {len(tasks)} more take {minutes:.0f} minutes."
        )
        if not run_all(tasks, path, time.monotonic() + 60 * given.minutes):
            print("Time is up; the same call goes on from here.")
    report = tables.report(path)
    print(report)
    if given.docs:
        (DOCS / "set_size.md").write_text(report)


def parsed(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two small data sets, minutes")
    parser.add_argument("--tables", action="store_true", help="run nothing, print the tables")
    parser.add_argument("--docs", action="store_true", help="write the page of the docs")
    parser.add_argument("--data", nargs="+", choices=problems.PLAN, default=list(problems.PLAN))
    all_bases = dict.fromkeys(base for _, bases, _ in problems.PLAN.values() for base in bases)
    parser.add_argument("--bases", nargs="+", choices=all_bases, default=list(all_bases))
    parser.add_argument("--splits", type=int, default=10, help="at most so many of each data set")
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no task after so many")
    parser.add_argument("--file", type=Path, help="the CSV file, if not the one in results/")
    given = parser.parse_args(arguments)
    if given.quick:
        vars(given).update(QUICK)
    return given


if __name__ == "__main__":
    main()
