"""Fixed top-k, threshold sets and cardinality-aware sets, side by side: a table and a picture.

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
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    TopKSetClassifier,
)
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.inspection import CoverageSizeDisplay
from sklearn_setpred.metrics import (
    cardinality_aware_loss,
    coverage_score,
    coverage_size_curve,
    mean_set_size,
    singleton_score,
)

SIZE_PENALTY = 0.05
EXPLANATION = f"""\
Sets of labels around three classifiers. "threshold" and "cardinality-aware" are calibrated on
the same rows for the same target coverage.

  coverage  fraction of the sets that contain the true label
  size      mean number of labels in a set
  single    fraction of the sets with one label
  loss      cardinality-aware loss: fraction of misses + {SIZE_PENALTY} * size
  at ...    coverage of the method at the mean size of the cardinality-aware sets"""


class Problem(NamedTuple):
    """Rows to train on, to calibrate with and to test on."""

    name: str
    train: tuple
    calibration: tuple
    test: tuple
    target_coverage: float
    truth: object = None  # the problem that knows the true probabilities, if there is one


class Outcome(NamedTuple):
    """Sets of the test rows, and the levels of the path that they lie on."""

    method: str
    y_set: np.ndarray
    levels: np.ndarray


class BayesRule(ClassifierMixin, BaseEstimator):
    """The classifier that knows the true probabilities; nothing can do better."""

    def __init__(self, truth, classes):
        self.truth = truth
        self.classes_ = classes

    def predict_proba(self, X):
        """Return the true probabilities."""
        return self.truth.posterior(X)


# ------------------------------------------------------------------------- problems


def digits(seed):
    """Return scikit-learn's digits, with so few training rows that the task is hard enough."""
    X, y = load_digits(return_X_y=True)
    X_rest, X, y_rest, y = train_test_split(X, y, test_size=300, stratify=y, random_state=seed)
    rest = _halves(X_rest, y_rest, 0.5, seed)
    return Problem("digits", (X, y), *rest, target_coverage=0.99)


def confusable_classes(seed):
    """Return 100 classes in groups of five, whose true probabilities are known."""
    X, y, _, truth = make_confusable_classes(
        10_000, 100, 20, return_problem=True, random_state=seed
    )
    parts = [(X[rows], y[rows]) for rows in np.split(np.arange(len(y)), [2_000, 4_000])]
    return Problem("confusable classes", *parts, target_coverage=0.95, truth=truth)


def _halves(X, y, fraction, seed):
    """Split rows in two at random; the second part has the given fraction of them."""
    X, X_2, y, y_2 = train_test_split(X, y, test_size=fraction, stratify=y, random_state=seed)
    return (X, y), (X_2, y_2)


# -------------------------------------------------------------------------- methods


def bases(seed):
    """Return the classifiers inside, by name."""
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "naive Bayes": GaussianNB(),
        "our network": NeuralClassifier(random_state=seed),
    }


def outcomes(problem, base, seed):
    """Return the sets of all methods around one classifier."""
    X_test = problem.test[0]
    fitted = FrozenEstimator(clone(base).fit(*problem.train))
    top_k = TopKSetClassifier(fitted).fit(*problem.calibration)
    levels = top_k.set_levels(X_test)
    fixed = [Outcome(f"top-{k}", top_k.predict_set(X_test, k=k), levels) for k in range(1, 6)]
    # Our networks need no other one inside.
    inner = None if isinstance(base, NeuralClassifier) else base
    ours = CardinalityAwareClassifier(inner, random_state=seed).fit(*problem.train)
    return [
        *fixed,
        calibrated("threshold", fitted, problem),
        calibrated("cardinality-aware", FrozenEstimator(ours), problem),
    ]


def calibrated(method, fitted, problem):
    """Return the sets of a fitted classifier at the target coverage."""
    sets = CoverageSetClassifier(fitted, target_coverage=problem.target_coverage)
    sets.fit(*problem.calibration)
    X_test = problem.test[0]
    return Outcome(method, sets.predict_set(X_test), sets.set_levels(X_test))


# --------------------------------------------------------------------------- tables


def coverage_at_size(outcome, y, classes, mean_size):
    """Return the coverage on a method's path where the sets have a given mean size."""
    coverage, sizes, _ = coverage_size_curve(y, outcome.levels, classes=classes)
    return np.interp(mean_size, sizes, coverage)


def table(problem, results):
    """Return the table of all methods; the last column is at the mean size of our sets."""
    y, classes = problem.test[1], np.unique(problem.train[1])
    ours = next(outcome for outcome in results if outcome.method == "cardinality-aware")
    size = mean_set_size(y, ours.y_set, classes=classes)
    lines = [f"{'':18}{'coverage':>9}{'size':>7}{'single':>8}{'loss':>8}{f'at {size:.2f}':>9}"]
    for outcome in results:
        figures = [
            metric(y, outcome.y_set, classes=classes)
            for metric in (coverage_score, mean_set_size, singleton_score)
        ]
        loss = cardinality_aware_loss(
            y, outcome.y_set, classes=classes, size_penalty=SIZE_PENALTY, size_cost="linear"
        )
        at_size = coverage_at_size(outcome, y, classes, size)
        lines.append(
            f"{outcome.method:18}{figures[0]:9.3f}{figures[1]:7.2f}{figures[2]:8.2f}"
            f"{loss:8.3f}{at_size:9.3f}"
        )
    return "\n".join(lines)


def draw(drawn, path):
    """Draw coverage against mean size: a row of axes for each problem, a column for each base."""
    problems = list(dict.fromkeys(problem.name for problem, _, _ in drawn))
    n_bases = len(drawn) // len(problems)
    shape = {"figsize": (5 * n_bases, 4.2 * len(problems)), "squeeze": False}
    figure, axes = plt.subplots(len(problems), n_bases, **shape)
    for ax, (problem, base, results) in zip(axes.flat, drawn, strict=True):
        paths = {("fixed top-k" if "top" in r.method else r.method): r for r in results}
        for method, outcome in paths.items():
            CoverageSizeDisplay.from_predictions(
                problem.test[1],
                None if method == "fixed top-k" else outcome.y_set,
                levels=outcome.levels,
                classes=np.unique(problem.train[1]),
                name=method,
                ax=ax,
                target_coverage=problem.target_coverage,
            )
        miss = 1 - problem.target_coverage
        ax.set(title=f"{problem.name}, {base}", xlim=(0.98, 8), ylim=(1 - 6 * miss, 1 + miss / 5))
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


# ------------------------------------------------------------------------ main job


def run(problem, seed):
    """Run all classifiers on a problem, print its tables, and return what is to be drawn."""
    n_train, n_classes = len(problem.train[1]), len(np.unique(problem.train[1]))
    print(
        f"\n{problem.name}: {n_classes} classes, {n_train} training, "
        f"{len(problem.calibration[1])} calibration and {len(problem.test[1])} test rows; "
        f"target coverage {problem.target_coverage:.0%}"
    )
    limit = []
    if problem.truth is not None:
        rule = BayesRule(problem.truth, np.arange(n_classes))
        limit = [calibrated("Bayes rule", FrozenEstimator(rule), problem)]
    drawn = []
    for base, estimator in bases(seed).items():
        start = time.perf_counter()
        print(f"\n  {base} inside: training ...", file=sys.stderr, flush=True)
        results = outcomes(problem, estimator, seed) + limit
        seconds = time.perf_counter() - start
        print(f"\n  {base} inside, {seconds:.1f} s\n")
        print(textwrap.indent(table(problem, results), "    "), flush=True)
        drawn.append((problem, base, results))
    return drawn


def main(arguments=None):
    """Run the comparison from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, default=Path("results/coverage_size.png"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(EXPLANATION)
    problems = digits(given.seed), confusable_classes(given.seed)
    drawn = [row for problem in problems for row in run(problem, given.seed)]
    draw(drawn, given.picture)
    print(f"\nThe picture of coverage against mean size is in {given.picture}.")


if __name__ == "__main__":
    main()
