"""Top-k accuracy under label noise: losses against one another, defaults against scikit-learn.

The protocol follows Zhu, Ying, Yang, "Label distributionally robust losses for multi-class
classification: consistency, robustness and adaptivity", ICML 2023: the labels of training and
validation rows are made wrong in seven ways, each of five folds validates once, and accuracy is
measured on clean test labels. For every data set, kind of noise and loss, hyper-parameters are
chosen by successive halving on the noisy validation labels; what is tried is written down in
`label_noise_methods`. No loss has more draws, epochs or rows than another::

    python examples/benchmarks/label_noise.py --quick
    python examples/benchmarks/label_noise.py --medium --minutes 30
    python examples/benchmarks/label_noise.py --jobs 2 --minutes 30
    python examples/benchmarks/label_noise.py --medium --docs

Every trained model becomes a line of a CSV file at once, and the next call goes on from there:
call the second or third form until it says that nothing is left; calls on different ``--data`` may
run side by side. Remove the file when the package has changed. The last form runs nothing and
writes the page of tables of the docs. Data are read from the folder named by the environment
variable SETPRED_DATA, see `data_sets.load_dataset`.
"""

import argparse
import csv
import json
import time
import zlib
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import label_noise_tables
import numpy as np
import torch
from data_sets import load_dataset
from joblib import Parallel, delayed
from label_noise_methods import METHODS, Fold, drawn_configurations, fit_loss
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from sklearn_setpred.datasets import CONFUSED_PAIRS, make_noisy_labels
from sklearn_setpred.metrics import expected_calibration_error, top_k_accuracy_score

# The classes that class-dependent noise confuses; None: each with the next.
DATASETS = {
    "vowel": CONFUSED_PAIRS["vowel"],
    "pendigits": None,
    "letter": CONFUSED_PAIRS["letter"],
    "cifar100_cnn": None,
    "clinc150_minilm": None,
    "news20_tfidf": CONFUSED_PAIRS["news20"],
}
# Features of one scale as they are, on which scikit-learn's classifiers need no scaler.
OF_ONE_SCALE = {"clinc150_minilm", "news20_tfidf"}
NOISES = (
    ("clean", 0.0),
    *(("uniform", level) for level in (0.3, 0.6, 0.9)),
    *(("class_dependent", level) for level in (0.1, 0.3, 0.5)),
)
N_FOLDS = 5
NETWORK = {"hidden_layer_sizes": (64,)}
# Seconds of a run, as multiples of one with cross-entropy; until the file knows better.
RELATIVE_COST = {
    "cross_entropy": 1,
    "aldr_kl": 2,
    "one_step_aldr_kl": 2,
    "LDRClassifier": 12,
    "mean of gce": 8,
    "mean of sce": 8,
    "mean of jensen_shannon": 8,
    "CleanLearning": 6,
    "CleanLearning, unweighted": 6,
    "MLPClassifier": 4,
    "LogisticRegression": 0.2,
}
OTHER_COST = 1.2
RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[2] / "docs"


class Plan(NamedTuple):
    """How much is run."""

    name: str
    datasets: tuple
    rungs: tuple  # (number of folds, number of configurations that are trained on them)
    n_rows: int  # at most, of the training and of the test part
    max_epochs: int
    noises: tuple = NOISES
    compared: tuple = ()  # methods that go on to the second rung; none means all

    @property
    def settings(self):
        """What the labels may be: data set, noise and level."""
        return [(name, *noise) for name in self.datasets for noise in self.noises]

    def rungs_of(self, method):
        """Return the rungs that a method takes."""
        goes_on = not self.compared or method in self.compared
        return self.rungs if goes_on else self.rungs[:1]


QUICK = Plan("quick", ("vowel", "pendigits"), ((1, 3), (3, 1)), n_rows=1000, max_epochs=30)
SOME_NOISES = (("clean", 0.0), ("uniform", 0.6), ("class_dependent", 0.3))
COMPARED = ("gce", "ldr_kl", "aldr_kl", "LDRClassifier", "mean of gce")
MEDIUM = Plan("medium", tuple(DATASETS), ((1, 4), (3, 1)), 1500, 30, SOME_NOISES, COMPARED)
FULL = Plan("full", tuple(DATASETS), ((1, 4), (2, 2), (5, 1)), n_rows=5000, max_epochs=30)


class Task(NamedTuple):
    """One model to train; the first columns of its line in the file."""

    dataset: str
    noise: str
    level: float
    method: str
    config: str  # JSON
    fold: int


# ---------------------------------------------------------------------------------------
# Data


@lru_cache(maxsize=1)
def rows_of(dataset, n_rows):
    """Load a data set and keep at most ``n_rows`` of each part, in random order."""
    data, rng = load_dataset(dataset), np.random.RandomState(0)
    train, test = (rng.permutation(len(y))[:n_rows] for y in (data.y_train, data.y_test))
    return data.X_train[train], data.y_train[train], data.X_test[test], data.y_test[test]


def noisy_labels(dataset, noise, level, y):
    """Make some labels wrong, always the same."""
    if noise == "clean":
        return y
    pairs = DATASETS[dataset] if noise == "class_dependent" else None
    kind = noise if pairs is None else "pair"
    return make_noisy_labels(
        y, kind, level, pairs=pairs, classes=range(y.max() + 1), random_state=0
    )


def fold_of(task, plan):
    """Return the rows of a task."""
    X, y_clean, X_test, y_test = rows_of(task.dataset, plan.n_rows)
    y = noisy_labels(task.dataset, task.noise, task.level, y_clean)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(X, y)
    train, valid = list(folds)[task.fold]
    return Fold(
        *(task.dataset in OF_ONE_SCALE, X[train], y[train]),
        *(X[valid], y[valid], y_clean[valid], X_test, y_test),
    )


# ---------------------------------------------------------------------------------------
# One task


def run(task, plan):
    """Train one model and measure it; give its line of the file."""
    torch.set_num_threads(1)
    fold = fold_of(task, plan)
    options = NETWORK | {"max_epochs": plan.max_epochs, "random_state": task.fold}
    started = time.process_time()
    try:
        model = METHODS[task.method](task.method, json.loads(task.config), fold, options)
    except FloatingPointError:  # the loss is no longer finite: a configuration to be dropped
        figures = {"valid_score": 0.0}
    else:
        figures = validation_figures(model, fold) | test_figures(model, fold)
    figures |= {"seconds": time.process_time() - started}
    return task._asdict() | {name: round(float(value), 5) for name, value in figures.items()}


def validation_figures(model, fold):
    """Return what the noisy held-out rows say: the score to choose by, and how flips show."""
    proba = model.predict_proba(fold.X_val)
    flipped = fold.y_val != fold.y_val_clean
    signs = {"auroc_p_y": -proba[np.arange(len(proba)), fold.y_val]} | loss_signs(model, fold)
    found = {name: roc_auc_score(flipped, sign) for name, sign in signs.items() if flipped.any()}
    return found | {"valid_score": np.mean(list(top_k_accuracies(fold.y_val, proba).values()))}


def loss_signs(model, fold):
    """Return the signs of a flipped label that only some models have."""
    signs = {}
    if hasattr(model, "loss_"):
        scores = torch.from_numpy(model.decision_function(fold.X_val))
        with torch.no_grad():
            signs["auroc_loss"] = model.loss_(scores, torch.from_numpy(fold.y_val)).numpy()
    if hasattr(getattr(model, "loss_", None), "temperatures"):
        signs["auroc_temperature"] = model.loss_.temperatures(scores).numpy()
    return signs


def test_figures(model, fold):
    """Return accuracy and calibration on the clean test rows."""
    proba = model.predict_proba(fold.X_test)
    labels = np.arange(proba.shape[1])
    return top_k_accuracies(fold.y_test, proba) | {
        "ece": expected_calibration_error(fold.y_test, proba, classes=labels),
        "brier": np.mean(((proba - np.eye(len(labels))[fold.y_test]) ** 2).sum(axis=1)),
        "log_loss": log_loss(fold.y_test, proba, labels=labels),
    }


def top_k_accuracies(y, proba):
    """Return the accuracies "top_1" to "top_5"."""
    labels = np.arange(proba.shape[1])
    return {
        f"top_{k}": top_k_accuracy_score(y, proba, k=k, classes=labels)
        for k in label_noise_tables.KS
    }


# ---------------------------------------------------------------------------------------
# What to run next


def candidates(setting, method, plan):
    """Draw the configurations of a method, anew for every setting: luck averages out."""
    rng = np.random.RandomState(zlib.crc32(repr(setting).encode()))
    drawn = drawn_configurations(method, plan.rungs[0][1], rng)
    return [json.dumps(params, sort_keys=True) for params in drawn]


def open_rung(setting, method, done, plan):
    """Return the tasks that are missing on the lowest rung of successive halving with any missing.

    On each rung the configurations best on the folds of the one below are trained on more folds.
    """
    configs, scores = candidates(setting, method, plan), {}
    for n_folds, n_kept in plan.rungs_of(method):
        configs = sorted(configs, key=scores.get, reverse=True)[:n_kept] if scores else configs
        tasks = [Task(*setting, method, c, fold) for c in configs for fold in range(n_folds)]
        missing = [task for task in tasks if task not in done]
        if missing:
            return missing
        scores = dict.fromkeys(configs, 0.0)
        for task in tasks:
            scores[task.config] += float(done[task]["valid_score"])
    return []


def open_rungs(done, plan):
    """Return the tasks that can be run now."""
    return [
        task
        for setting in plan.settings
        for method in METHODS
        for task in open_rung(setting, method, done, plan)
    ]


# ---------------------------------------------------------------------------------------
# Running


COLUMNS = (
    *Task._fields,
    *("seconds", "valid_score", *label_noise_tables.SIGNS),
    *(*label_noise_tables.ACCURACIES, *label_noise_tables.CALIBRATION),
)


def read(path):
    """Return the lines of the file by task."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return {task_of(line): line for line in lines}


def task_of(line):
    """Return the task of a line of the file."""
    task = Task(*(line[name] for name in Task._fields))
    return task._replace(level=float(task.level), fold=int(task.fold))


def append(path, line):
    """Write a line at once, so that it outlives a killed run."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(line)


def run_all(tasks, plan, path, n_jobs, deadline):
    """Run tasks and write their lines as they come; say whether there was time for all."""
    lines = Parallel(n_jobs, return_as="generator_unordered")(
        delayed(run)(task, plan) for task in tasks
    )
    with tqdm(total=len(tasks), unit="model") as bar:
        for line in lines:
            append(path, line)
            bar.set_postfix_str("{dataset}, {noise} {level}, {method}".format(**line))
            bar.update()
            if time.monotonic() > deadline:
                lines.close()
                return False
    return True


def hours_left(done, plan):
    """Estimate the hours of one core that the plan still takes."""
    seconds = 0.0
    for dataset in plan.datasets:
        known = {m: s for (d, m), s in mean_seconds(done).items() if d == dataset}
        basis = known.get("cross_entropy") or probe(dataset, plan)
        for method in METHODS:
            one = known.get(method, basis * RELATIVE_COST.get(method, OTHER_COST))
            seconds += one * n_missing(dataset, method, done, plan)
    return seconds / 3600


def mean_seconds(done):
    """Return the mean seconds of a run for each data set and method of the file."""
    seconds = defaultdict(list)
    for task, line in done.items():
        seconds[task.dataset, task.method].append(float(line["seconds"]))
    return {key: np.mean(values) for key, values in seconds.items()}


def probe(dataset, plan):
    """Time three epochs with cross-entropy; give the seconds of a run."""
    fold = fold_of(Task(dataset, "uniform", 0.3, "cross_entropy", "", 0), plan)
    for n_epochs in (1, 3):  # the first time, more than training takes its time
        options, started = NETWORK | {"max_epochs": n_epochs}, time.process_time()
        fit_loss("cross_entropy", {"learning_rate": 2e-3}, fold, options)
    return plan.max_epochs / 3 * (time.process_time() - started)


def n_missing(dataset, method, done, plan):
    """Count the models of a data set and method that are still to be trained."""
    n_done = sum(task.dataset == dataset and task.method == method for task in done)
    n_configs, n_seen, n_runs = len(candidates((), method, plan)), 0, 0
    for n_folds, n_kept in plan.rungs_of(method):
        n_runs += (n_folds - n_seen) * min(n_kept, n_configs)
        n_seen = n_folds
    return n_runs * len(plan.noises) - n_done


def main(arguments=None):
    """Run what is missing, then print the tables."""
    given = parsed(arguments)
    plan = QUICK if given.quick else MEDIUM if given.medium else FULL
    if given.data:
        plan = plan._replace(datasets=tuple(given.data))
    path = given.file or RESULTS / f"label_noise_{plan.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not given.docs and not run_missing(plan, path, given.jobs, 60 * given.minutes):
        print("Time is up; the same call goes on from here.")
        return
    tables = label_noise_tables.report(path)
    print(tables)
    if given.docs:
        title = f"# Label noise: tables of the {plan.name} form"
        (DOCS / "label_noise_tables.md").write_text(f"{title}\n\n{tables}\n")


def run_missing(plan, path, n_jobs, seconds):
    """Run what the file lacks, its estimate printed first; say whether there was time for all.

    One data set is finished before the next is begun: what a stopped run leaves is a smaller
    benchmark.
    """
    deadline, done = time.monotonic() + seconds, read(path)
    hours = hours_left(done, plan)
    print(f"{len(done)} models are in {path.name}; the others take about {hours:.2f} core hours,")
    print(f"{60 * hours / n_jobs:.0f} minutes with {n_jobs} processes.", flush=True)
    for dataset in plan.datasets:
        while tasks := open_rungs(read(path), plan._replace(datasets=(dataset,))):
            if not run_all(tasks, plan, path, n_jobs, deadline):
                return False
    return True


def parsed(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two small data sets, minutes")
    parser.add_argument("--medium", action="store_true", help="few rows and folds, half an hour")
    parser.add_argument("--data", nargs="+", choices=DATASETS, help="data sets, if not all")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after so many")
    parser.add_argument("--docs", action="store_true", help="run nothing, write the docs' page")
    parser.add_argument("--file", type=Path, help="the CSV file, if not the one in results/")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # Other processes look for functions in a module that they can import.
    import label_noise

    label_noise.main()
