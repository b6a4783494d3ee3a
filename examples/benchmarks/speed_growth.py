"""How time and memory grow with rows, features, classes and folds, doubling each."""

import numpy as np
from speed_report import Figure, exponent, in_new_process, say, seconds_of

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier

BASE = {"n": 2_000, "d": 64, "K": 64, "cv": 2}
DOUBLINGS = 4
TRAINING = {"max_epochs": 2, "device": "cpu", "random_state": 0}
NETWORK = {"hidden_layer_sizes": (64,), "validation_fraction": None, **TRAINING}


def problem(n, d, K, cv):
    """Return random rows, and train and predict once on few of them, so that all is loaded."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((n, d)).astype(np.float32), rng.integers(K, size=n), cv
    few = data[0][:256, :4], np.arange(256) % 4, 2
    for use in (network, folds):
        use(few)
    return data


def network(data):
    """Return the seconds of a fit of the network and of its sets, medians of three."""
    X, y, _ = data
    model = NeuralClassifier(**NETWORK, k=2)
    return {
        "fit": _median_seconds(lambda: model.fit(X, y)),
        "predict_set": _median_seconds(lambda: model.predict_set(X)),
    }


def folds(data):
    """Return the seconds of a fit with folds, and of the sets it gives."""
    X, y, cv = data
    model = CardinalityAwareClassifier(NeuralClassifier(**NETWORK), cv=cv, **TRAINING)
    return {
        "fit with folds": _median_seconds(lambda: model.fit(X, y), 1),
        "predict_set after folds": _median_seconds(lambda: model.predict_set(X), 1),
    }


def _median_seconds(function, repeats=3):
    """Return the median of the seconds of several calls."""
    return float(np.median([seconds_of(function) for _ in range(repeats)]))


# What is varied, what is run, and the exponents predicted: of seconds to fit and to predict, and
# of the megabytes over the data. A step costs a + b d, so d and K grow slower than the rows.
PLAN = {
    ("n", network): (1.0, 1.0, 0.8),
    ("d", network): (0.4, 0.3, 0.8),
    ("K", network): (0.4, 0.8, 0.6),
    ("cv", folds): (0.9, 0.8, 0.5),
}


def figures():
    """Return the lines of this section."""
    lines = []
    for (what, use), predicted in PLAN.items():
        sizes = [BASE[what] * 2**i for i in range(DOUBLINGS)]
        say(f"  {what}: {sizes}")
        costs = [in_new_process(problem, use, *(BASE | {what: size}).values()) for size in sizes]
        lines += growth_lines(what, sizes, costs, predicted)
    return lines


# Rows times classes, of 16 features and 100 classes.
CELLS = dict.fromkeys((network, folds), (10**6, 10**7, 10**8))


def cell_figures():
    """Return the exponents in the cells, and the bytes of each at the largest."""
    lines = []
    for use, sizes in CELLS.items():
        say(f"  cells: {sizes}")
        costs = [in_new_process(problem, use, cells // 100, 16, 100, 2) for cells in sizes]
        lines += growth_lines("cells", sizes, costs, (1.0, 1.0, 1.0))
        figure = f"{use.__name__}: bytes over the data, for each of {sizes[-1]:,} cells"
        lines.append(Figure(figure, "B", 1e6 * costs[-1].megabytes / sizes[-1]))
    return lines


def growth_lines(what, sizes, costs, predicted):
    """Return the exponent of every quantity in one variable, the values beside."""
    columns = {f"seconds to {name}": [c.result[name] for c in costs] for name in costs[0].result}
    columns["MB over the data"] = [c.megabytes for c in costs]
    return [
        Figure(
            f"{name}, against {what} = {', '.join(map(str, sizes))}",
            "exponent",
            exponent(sizes, values),
            expected,
            "<= 1.1",
            note=", ".join(f"{value:.3g}" for value in values),
        )
        for (name, values), expected in zip(columns.items(), predicted, strict=True)
    ]
