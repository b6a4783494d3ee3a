"""How many bytes a fit of CardinalityAwareClassifier takes for every row and class.

Each fit runs in a fresh process, after a small one that loads everything; counted is the peak of
the resident memory over what was there before. Networks train for one epoch: longer training takes
time, not memory.
"""

import argparse

from speed_report import in_new_process, say

from sklearn_setpred import CardinalityAwareClassifier
from sklearn_setpred.datasets import make_confusable_classes

SIZES = [(4_000, 50, 16), (20_000, 50, 16), (10_000, 50, 64), (20_000, 500, 16)]


def fit(data):
    """Fit with all built-in experts."""
    return CardinalityAwareClassifier(max_epochs=1, random_state=0, device="cpu").fit(*data)


def rows(n, n_classes, n_features):
    """Return rows, after a small fit that loads everything."""
    X, y, _ = make_confusable_classes(n, n_classes, n_features, random_state=0)
    fit(make_confusable_classes(200, 3, 60, random_state=0)[:2])
    return X, y


def use(data):
    """Return the weights of the experts after a fit."""
    return fit(data).expert_weights_


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", help="rows,classes,features")
    args = parser.parse_args()
    sizes = [tuple(map(int, s.split(","))) for s in args.sizes] if args.sizes else SIZES
    for size in sizes:
        cost = in_new_process(rows, use, *size)
        per_cell = 1e6 * cost.megabytes / (size[0] * size[1])
        weights = {name: round(weight, 2) for name, weight in cost.result.items()}
        say(f"{size} {cost.seconds:.0f} s {cost.megabytes:.0f} MB {per_cell:.0f} B/cell {weights}")
