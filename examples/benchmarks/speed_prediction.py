"""Prediction: sets from scores, a path of penalties, one row, and the time of the import."""

import resource
import subprocess
import sys

import numpy as np
import torch
from sklearn.naive_bayes import GaussianNB
from speed_report import interleaved, median, ratio

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.sets import prefix_sets, threshold_sets

N_SAMPLES, N_CLASSES = 100_000, 1_000
PENALTIES = np.geomspace(0.001, 1, 50)
# k: predicted ratios for float32 and float64 scores; torch changes its algorithm at k = 16.
PREDICTED = {1: (0.5, 1.0), 5: (1.2, 1.5), 20: (0.5, 0.7), 100: (0.8, 1.2)}


def scores(dtype, n=N_SAMPLES):
    """Return random scores."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, N_CLASSES), dtype=np.float32).astype(dtype, copy=False)


def topk_and_write(scores, k):
    """Return the sets by torch: `topk`, and True written at its columns."""
    sets = torch.zeros(scores.shape, dtype=torch.bool)
    return sets.scatter_(1, torch.topk(scores, k).indices, True)


def set_figures(dtype, repeats, n=N_SAMPLES):
    """Return the lines of sets made from scores of a type."""
    S = scores(dtype, n)
    T, name = torch.from_numpy(S), S.dtype.name
    lines = []
    for k, predicted in PREDICTED.items():
        functions = {
            "ours": lambda k=k: prefix_sets(S, k),
            "ours, CSR": lambda k=k: prefix_sets(S, k, sparse_output=True),
            "torch": lambda k=k: topk_and_write(T, k),
        }
        seconds = interleaved(functions, repeats)
        lines.append(median(f"{name}, k = {k}: torch.topk and write", seconds["torch"]))
        options = {"predicted": predicted[dtype == np.float64], "target": "<= 1.5"}
        for ours in ("ours", "ours, CSR"):
            lines.append(
                ratio(f"{name}, k = {k}: {ours} / torch", seconds, ours, "torch", **options)
            )
    return [*lines, *other_rules(S, T, repeats)]


def other_rules(S, T, repeats):
    """Return the lines of sets whose size differs by row, beside `topk` of the largest size."""
    sizes = np.minimum(np.random.default_rng(0).geometric(0.3, len(S)), 20)
    functions = {
        "sizes 1 to 20": lambda: prefix_sets(S, sizes),
        "scores above 2": lambda: threshold_sets(S, 2.0),
        "torch": lambda: topk_and_write(T, 20),
    }
    seconds = interleaved(functions, repeats)
    return [
        ratio(f"{S.dtype.name}, {rule} / torch's k = 20", seconds, rule, "torch", **options)
        for rule, options in (
            ("sizes 1 to 20", {"predicted": 0.7, "target": "<= 1.5"}),
            ("scores above 2", {"predicted": 0.2, "target": "<= 1.5"}),
        )
    ]


def one_row_figures(repeats):
    """Return the milliseconds of one row through a network on 384 features."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1500, 384)), np.arange(1500) % 150
    model = NeuralClassifier(hidden_layer_sizes=(128,), max_epochs=1, device="cpu", random_state=0)
    model.fit(X, y)
    calls = {"predict_set": model.predict_set, "predict_proba": model.predict_proba}
    functions = {
        name: lambda call=call: [call(X[:1]) for _ in range(50)] for name, call in calls.items()
    }
    seconds = interleaved(functions, repeats)
    options = {"unit": "ms", "predicted": 0.85, "target": "<= 1"}
    return [median(f"one row: {name}", seconds[name], 1e3 / 50, **options) for name in calls]


def path_figure(repeats, n=20_000):
    """Return the line of sets at many penalties, which share one prediction."""
    X, y, _ = make_confusable_classes(n, 26, 16, random_state=0)
    model = CardinalityAwareClassifier(GaussianNB(), refine=False, random_state=0).fit(X, y)

    def path():
        levels = model.set_levels(X)
        return [levels >= penalty for penalty in PENALTIES]

    seconds = interleaved({"path": path, "one": lambda: model.predict_set(X)}, repeats)
    title = f"sets at {len(PENALTIES)} penalties / at one"
    return ratio(title, seconds, "path", "one", predicted=2.0)


def figures(repeats=5):
    """Return the lines of this section."""
    lines = [line for dtype in (np.float32, np.float64) for line in set_figures(dtype, repeats)]
    return [*lines, path_figure(repeats), *one_row_figures(repeats)]


# ---------------------------------------------------------------------------------- import

STATEMENTS = {
    "import sklearn_setpred": "import sklearn_setpred",
    "import sklearn": "import sklearn",
    "all of ours": "from sklearn_setpred import *",
    "scikit-learn's forest": "import sklearn.ensemble",
    "nothing": "pass",
}


def seconds_of_python(statement):
    """Return the seconds of the processor that a fresh interpreter takes for a statement."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def import_figures(repeats=15):
    """Return the lines of the import, Python's own start within."""
    seconds = interleaved(STATEMENTS, repeats, seconds_of_python)
    lines = [
        median(f"python -c {text!r}", seconds[name], 1e3, "ms") for name, text in STATEMENTS.items()
    ]
    own = {name: values - np.median(seconds["nothing"]) for name, values in seconds.items()}
    return [
        *lines,
        ratio(
            "sklearn_setpred / sklearn",
            seconds,
            "import sklearn_setpred",
            "import sklearn",
            predicted=0.9,
            target="<= 1.2",
        ),
        ratio(
            "sklearn_setpred / sklearn, without Python's start",
            own,
            "import sklearn_setpred",
            "import sklearn",
            predicted=0.8,
            target="<= 1.2",
        ),
        ratio(
            "all public names / sklearn.ensemble, without Python's start",
            own,
            "all of ours",
            "scikit-learn's forest",
            predicted=1.5,
        ),
    ]
