"""What is known in theory, measured: the loss of the Bayes rule, and how coverage spreads.

On classes that are Gaussian clusters the true posterior is known, so that the cardinality-aware
loss of any sets is known without drawing labels, and the smallest possible loss with it::

    python examples/benchmarks/known_posterior.py
    python examples/benchmarks/known_posterior.py --repetitions 0
    python examples/benchmarks/known_posterior.py --rows 2000 --seeds 1 --repetitions 20

writes ``results/known_posterior_loss.csv`` and ``results/known_posterior_coverage.csv``.
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from remembered import Remembered
from scipy import stats
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.losses import CostSensitiveCompSum, CostSensitiveConstrained
from sklearn_setpred.sets import threshold_sets

RESULTS = Path(__file__).parent / "results"
N_CLASSES, N_TEST = 20, 20_000
PENALTY = 0.05
METHODS = {
    "rank, refined": {},
    "rank": {"refine": False},
    "comp-sum, tau=1": {"refine": False, "surrogate": CostSensitiveCompSum()},
    "comp-sum, tau=1.5": {"refine": False, "surrogate": CostSensitiveCompSum(tau=1.5)},
    "constrained, exp": {"refine": False, "surrogate": CostSensitiveConstrained()},
    "constrained, squared_hinge": {
        "refine": False,
        "surrogate": CostSensitiveConstrained(phi="squared_hinge"),
    },
}
ALPHA, N_CALIBRATION = 0.1, 500


class Overconfident(LogisticRegression):
    """Logistic regression that says p^3, renormalised: the order is right, the size is not."""

    def predict_proba(self, X):
        """Return p^3, renormalised."""
        cubes = super().predict_proba(X) ** 3
        return cubes / cubes.sum(axis=1, keepdims=True)


BASES = {"logistic": LogisticRegression, "overconfident": Overconfident}


def drawn(n_rows, seed):
    """Draw a problem and rows of it."""
    X, y, _, problem = make_confusable_classes(
        n_rows, N_CLASSES, return_problem=True, random_state=seed
    )
    return X, y, problem


def expected_loss(sets, posterior):
    """Return ``mean 1 - P(y in S | x) + penalty |S|``, no label drawn."""
    return (1 - (posterior * sets).sum(axis=1) + PENALTY * sets.sum(axis=1)).mean()


# ---------------------------------------------------------------------------------- loss


def losses(n_rows, seed):
    """Return the loss of each method, and the Bayes rule's, on one problem."""
    X, y, problem = drawn(n_rows, seed)
    X_test, _ = problem.sample(N_TEST, seed)
    posterior = problem.posterior(X_test)
    # The Bayes rule for the linear cost keeps what is worth its place.
    bayes = expected_loss(threshold_sets(posterior, PENALTY), posterior)
    for (base, kind), (method, params) in product(BASES.items(), METHODS.items()):
        model = CardinalityAwareClassifier(
            Remembered(kind(max_iter=500)), size_penalty=PENALTY, random_state=seed, **params
        ).fit(X, y)
        loss = expected_loss(model.predict_set(X_test), posterior)
        yield {"seed": seed, "base": base, "method": method, "loss": loss, "bayes": bayes}
    Remembered.forget()


def loss_table(lines):
    """Return the mean excess over the Bayes rule in percent, and its standard error."""
    excess = 100 * (lines["loss"] / lines["bayes"] - 1)
    groups = excess.groupby([lines["base"], lines["method"]], sort=False)
    return pd.DataFrame(
        {"seeds": groups.size(), "excess_percent": groups.mean(), "standard_error": groups.sem()}
    )


# ------------------------------------------------------------------------------ coverage


def coverages(conditional, repetitions, seed=0):
    """Return covered and all test rows, by class, of repeated calibrations of one classifier."""
    X, y, problem = drawn(3000, seed)
    model = FrozenEstimator(LogisticRegression(max_iter=500).fit(X, y))
    n_cal = N_CALIBRATION * (1 if conditional is None else 4)
    for repetition in tqdm(range(repetitions), desc=f"conditional={conditional}"):
        X_cal, y_cal = problem.sample(n_cal, 2 * repetition)
        X_test, y_test = problem.sample(N_TEST // 4, 2 * repetition + 1)
        sets = CoverageSetClassifier(model, target_coverage=1 - ALPHA, conditional=conditional)
        hits = sets.fit(X_cal, y_cal).predict_set(X_test)[np.arange(len(y_test)), y_test]
        groups = (
            (np.zeros_like(y_test), np.zeros_like(y_cal))
            if conditional is None
            else (y_test, y_cal)
        )
        for group in np.unique(groups[0]):
            inside = groups[0] == group
            yield {
                "conditional": conditional or "none",
                "group": group,
                "n_calibration": (groups[1] == group).sum(),
                "n_test": inside.sum(),
                "covered": hits[inside].sum(),
            }


def coverage_table(lines):
    """Return how the covered rows compare with their beta-binomial distribution.

    The fraction of lines under the 1 % and the 5 % quantile of their distribution is to be at most
    that; the mean coverage at least 1 - alpha, more where the top-1 label covers more.
    """
    place = np.floor(ALPHA * (lines["n_calibration"] + 1))
    expected = stats.betabinom(
        lines["n_test"].to_numpy(),
        (lines["n_calibration"] + 1 - place).to_numpy(),
        place.to_numpy(),
    )
    below = {f"below_{q:.0%}": lines["covered"] < expected.ppf(q) for q in (0.01, 0.05)}
    above = {f"above_{1 - q:.0%}": lines["covered"] > expected.ppf(1 - q) for q in (0.01, 0.05)}
    figures = lines.assign(coverage=lines["covered"] / lines["n_test"], **below, **above)
    columns = ["coverage", *below, *above]
    return (
        figures.groupby("conditional")[columns]
        .mean()
        .assign(lines=figures.groupby("conditional").size())
    )


# ---------------------------------------------------------------------------------- main


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=200, help="0 leaves coverage out")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    if given.repetitions:
        measure_coverage(given.repetitions)
    measure_loss(given.rows, given.seeds)


def measure_coverage(repetitions):
    """Write and print the covered rows."""
    kinds = (None, "class")
    covered = pd.DataFrame(line for kind in kinds for line in coverages(kind, repetitions))
    covered.to_csv(RESULTS / "known_posterior_coverage.csv", index=False)
    print(coverage_table(covered).round(4).to_string())


def measure_loss(n_rows, seeds):
    """Write and print the losses."""
    lines, of_seed = [], len(BASES) * len(METHODS)
    for seed in range(seeds):
        for line in tqdm(losses(n_rows, seed), total=of_seed, desc=f"seed {seed}"):
            lines.append(line)
            pd.DataFrame(lines).to_csv(RESULTS / "known_posterior_loss.csv", index=False)
    print(loss_table(pd.DataFrame(lines)).round(2).to_string())


if __name__ == "__main__":
    main()
