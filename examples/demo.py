"""Sets of the best classifiers one knows beside ours: a table and a picture.

``python examples/demo.py`` runs on scikit-learn's digits and on a generated problem whose Bayes
rule is known; ``make demo`` installs what it needs first.
"""

import argparse
import sys
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.inspection import CoverageSizeDisplay
from sklearn_setpred.metrics import (
    cardinality_aware_loss,
    coverage_score,
    coverage_size_curve,
    mean_set_size,
    singleton_score,
)

OURS, BAYES_RULE = "ours, nothing named", "Bayes rule"
SIZE_PENALTY = 0.05
EXPLANATION = f"""\
Sets of labels for the same target coverage, calibrated on the same rows: the labels above a
probability of scikit-learn's classifiers, and the sets of CardinalityAwareClassifier(), which
chooses the classifiers inside itself.

  coverage  fraction of the sets that contain the true label
  size      mean number of labels in a set
  single    fraction of the sets with one label
  loss      cardinality-aware loss: fraction of misses + {SIZE_PENALTY} * size
  at ...    coverage at the mean size of our sets"""


class Problem(NamedTuple):
    """Rows to train on, to calibrate with and to test on."""

    name: str
    train: tuple
    calibration: tuple
    test: tuple
    target_coverage: float
    truth: object = None  # the problem that knows the true probabilities, if there is one


class Outcome(NamedTuple):
    """Sets of the test rows, and the levels at which their labels enter."""

    y_set: np.ndarray
    levels: np.ndarray
    seconds: float


class BayesRule(ClassifierMixin, BaseEstimator):
    """The classifier that knows the true probabilities; nothing can do better."""

    def __init__(self, truth, classes):
        self.truth = truth
        self.classes_ = classes

    def fit(self, X, y):
        """Learn nothing."""
        return self

    def predict_proba(self, X):
        """Return the true probabilities."""
        return self.truth.posterior(X)


# ------------------------------------------------------------------------- problems


def digits(seed):
    """Return scikit-learn's digits, with so few training rows that the task is hard enough."""
    X, y = load_digits(return_X_y=True)
    X_rest, X, y_rest, y = train_test_split(X, y, test_size=300, stratify=y, random_state=seed)
    rest = train_test_split(X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed)
    return Problem("digits", (X, y), (rest[0], rest[2]), (rest[1], rest[3]), target_coverage=0.99)


def confusable_classes(seed):
    """Return 100 classes in groups of five, whose true probabilities are known."""
    X, y, _, truth = make_confusable_classes(
        10_000, 100, 20, return_problem=True, random_state=seed
    )
    parts = [(X[rows], y[rows]) for rows in np.split(np.arange(len(y)), [2_000, 4_000])]
    return Problem("confusable classes", *parts, target_coverage=0.95, truth=truth)


# -------------------------------------------------------------------------- methods


def classifiers(problem, seed):
    """Return the classifiers by name; the Bayes rule where it is known."""
    scaled = StandardScaler()
    known = {
        OURS: CardinalityAwareClassifier(random_state=seed),
        "logistic regression": make_pipeline(scaled, LogisticRegression(max_iter=1000)),
        "support vectors": make_pipeline(scaled, SVC(random_state=seed)),
        "random forest": RandomForestClassifier(300, random_state=seed),
        "extra trees": ExtraTreesClassifier(300, random_state=seed),
        "MLPClassifier": make_pipeline(scaled, MLPClassifier(max_iter=1000, random_state=seed)),
    }
    if problem.truth is not None:
        known[BAYES_RULE] = BayesRule(problem.truth, np.unique(problem.train[1]))
    return known


def outcome(problem, classifier):
    """Return the sets of a classifier at the target coverage."""
    start = time.perf_counter()
    fitted = FrozenEstimator(classifier.fit(*problem.train))
    sets = CoverageSetClassifier(fitted, target_coverage=problem.target_coverage)
    sets.fit(*problem.calibration)
    X_test = problem.test[0]
    y_set, levels = sets.predict_set(X_test), sets.set_levels(X_test)
    return Outcome(y_set, levels, time.perf_counter() - start)


# --------------------------------------------------------------------------- tables


def coverage_at_size(problem, result, mean_size):
    """Return the coverage of a classifier at the level where its sets have a mean size."""
    y, classes = problem.test[1], np.unique(problem.train[1])
    coverage, sizes, _ = coverage_size_curve(y, result.levels, classes=classes)
    return np.interp(mean_size, sizes, coverage)


def table(problem, results):
    """Return the table of all classifiers; the last column is at the mean size of our sets."""
    given = {"y_true": problem.test[1], "classes": np.unique(problem.train[1])}
    size = mean_set_size(y_set=results[OURS].y_set, **given)
    lines = [f"{'':20}{'coverage':>9}{'size':>7}{'single':>8}{'loss':>8}{f'at {size:.2f}':>9}"]
    for name, result in results.items():
        given["y_set"] = result.y_set
        lines.append(
            f"{name:20}{coverage_score(**given):9.3f}{mean_set_size(**given):7.2f}"
            f"{singleton_score(**given):8.2f}"
            f"{cardinality_aware_loss(**given, size_penalty=SIZE_PENALTY, size_cost='linear'):8.3f}"
            f"{coverage_at_size(problem, result, size):9.3f}"
        )
    return "\n".join(lines)


def draw(drawn, path):
    """Draw coverage against mean size, axes for each problem."""
    figure, axes = plt.subplots(1, len(drawn), figsize=(6.5 * len(drawn), 5))
    for ax, (problem, results) in zip(axes, drawn, strict=True):
        for name, result in results.items():
            CoverageSizeDisplay.from_predictions(
                problem.test[1],
                result.y_set,
                levels=result.levels,
                classes=np.unique(problem.train[1]),
                name=name,
                ax=ax,
                target_coverage=problem.target_coverage,
            )
        miss = 1 - problem.target_coverage
        ax.set(title=problem.name, xlim=(0.98, 8), ylim=(1 - 6 * miss, 1 + miss / 5))
        ax.legend(loc="lower right", framealpha=1)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


# ------------------------------------------------------------------------ main job


def run(problem, seed):
    """Run all classifiers on a problem, print its table, and return the results."""
    n_train, n_classes = len(problem.train[1]), len(np.unique(problem.train[1]))
    print(
        f"\n{problem.name}: {n_classes} classes, {n_train} training, "
        f"{len(problem.calibration[1])} calibration and {len(problem.test[1])} test rows; "
        f"target coverage {problem.target_coverage:.0%}\n"
    )
    results = {}
    for name, classifier in classifiers(problem, seed).items():
        print(f"  {name} ...", file=sys.stderr, flush=True)
        results[name] = outcome(problem, classifier)
    print(textwrap.indent(table(problem, results), "  "), flush=True)
    print(f"\n  {OURS}: {results[OURS].seconds:.1f} s")
    return results


def main(arguments=None):
    """Run the comparison from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, default=Path("results/coverage_size.png"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(EXPLANATION)
    problems = digits(given.seed), confusable_classes(given.seed)
    draw([(problem, run(problem, given.seed)) for problem in problems], given.picture)
    print(f"\nThe picture of coverage against mean size is in {given.picture}.")


if __name__ == "__main__":
    main()
