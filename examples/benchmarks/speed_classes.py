"""Many classes: 5,000 beside MAPIE and crepes, and 100,000 from the rows to the sets."""

import importlib.util
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from speed_report import Figure, in_new_process, say, skipped

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_confusable_classes

LEVEL = 0.9


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are its probabilities."""

    def __init__(self, n_classes):
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, X, y):
        """Do nothing; checks of other packages want a method of this name."""
        return self

    def predict_proba(self, X):
        """Return the rows."""
        return X

    def predict(self, X):
        """Return the label of the highest probability."""
        return X.argmax(axis=1)


# ---------------------------------------------------------------------------- 5,000 classes


class Calibration(NamedTuple):
    """Probabilities with labels to calibrate on, and as many rows again to predict."""

    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray

    @property
    def n_classes(self):
        """The number of classes."""
        return self.X.shape[1]


def calibration(n, n_classes, method=None):
    """Return n rows of probabilities to calibrate on and n to predict, labels drawn from them.

    A method is called once on few rows, so that all is loaded.
    """
    if method is not None:
        method(calibration(64, 8))
    rng = np.random.default_rng(0)
    p = softmax(5 * rng.standard_normal((2 * n, n_classes)), axis=1)
    y = (p.cumsum(axis=1) < rng.random((2 * n, 1))).sum(axis=1).clip(max=n_classes - 1)
    return Calibration(p[:n], y[:n], p[n:], y[n:])


def ours(problem):
    """Return the coverage and the mean size of our sets."""
    return _by_us(problem, sparse_output=True)


def ours_dense(problem):
    """Return the same from sets as an array."""
    return _by_us(problem, sparse_output=False)


def _by_us(problem, **options):
    base = FrozenEstimator(Given(problem.n_classes))
    model = CoverageSetClassifier(base, target_coverage=LEVEL, **options)
    return summary(model.fit(problem.X, problem.y).predict_set(problem.X_new), problem)


def mapie(problem):
    """Return the same by MAPIE's LAC."""
    from mapie.classification import SplitConformalClassifier

    model = SplitConformalClassifier(Given(problem.n_classes), confidence_level=LEVEL, prefit=True)
    model.conformalize(problem.X, problem.y)
    return summary(model.predict_set(problem.X_new)[1][:, :, 0], problem)


def crepes(problem):
    """Return the same by crepes' hinge."""
    from crepes import WrapClassifier

    model = WrapClassifier(Given(problem.n_classes))
    model.calibrate(problem.X, problem.y)
    sets = model.predict_set(problem.X_new, labels=False, confidence=LEVEL)
    return summary(np.asarray(sets, dtype=bool), problem)


def summary(sets, problem):
    """Return the coverage of new rows and the mean size of their sets."""
    covered = sets[np.arange(len(problem.y_new)), problem.y_new]
    return float(covered.mean()), float(sets.sum() / len(problem.y_new))


METHODS = {"ours, CSR": ours, "ours": ours_dense, "MAPIE": mapie, "crepes": crepes}
PACKAGES = {"MAPIE": "mapie", "crepes": "crepes"}
# Seconds and MB.
PREDICTED = {"ours, CSR": (0.4, 70), "ours": (0.4, 100)}


def figures(n=4_000, n_classes=5_000):
    """Return the lines of this section."""
    lines = []
    for name, method in METHODS.items():
        title = f"{name}: calibrate on {n:,} x {n_classes:,}, predict as many"
        package = PACKAGES.get(name)
        if package and importlib.util.find_spec(package) is None:
            lines.append(skipped(title, "s", f"{package} is not installed"))
            continue
        say(f"  {name}")
        found = in_new_process(calibration, method, n, n_classes, method)
        lines += _lines_of(name, title, found)
    return lines


def _lines_of(name, title, found):
    """Return the lines of a method: seconds, and memory over that of the data."""
    seconds, megabytes = PREDICTED.get(name, (np.nan, np.nan))
    note = "coverage {:.3f}, mean size {:.1f}".format(*found.result)
    targets = ("<= 1", "<= 100") if name == "ours, CSR" else ("", "")
    return [
        Figure(title, "s", found.seconds, seconds, targets[0], note=note),
        Figure(title, "MB", found.megabytes, megabytes, targets[1]),
    ]


# -------------------------------------------------------------------------- 100,000 classes


class ManyClasses(NamedTuple):
    """Three rows of every class, and new rows with what the nearest centre says of them."""

    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray
    oracle: np.ndarray


def many_classes(n_classes, n_features, n_new=3_000):
    """Draw rows around centres in groups of five, float32, so that few rows tell a centre."""
    *_, problem = make_confusable_classes(
        1,
        n_classes,
        n_features,
        class_sep=10.0,
        group_sep=16.0,
        return_problem=True,
        random_state=0,
    )
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(n_classes), 3)
    y_new = rng.integers(n_classes, size=n_new)
    X, X_new = (_around(problem.centers[labels], rng) for labels in (y, y_new))
    return ManyClasses(X, y, X_new, y_new, nearest(problem.centers, X_new))


def _around(centers, rng):
    """Return a row at each centre, with unit noise."""
    return (centers + rng.standard_normal(centers.shape)).astype(np.float32)


def nearest(centers, X, n_rows=100):
    """Return the nearest centre of each row, a few rows at a time."""
    half_norms = 0.5 * (centers**2).sum(axis=1)
    parts = (X[i : i + n_rows] for i in range(0, len(X), n_rows))
    return np.concatenate([(part @ centers.T - half_norms).argmax(axis=1) for part in parts])


def fit_and_predict(problem):
    """Fit around a linear network, predict CSR sets; give how good they are.

    Of scikit-learn's classifiers `NearestCentroid` learns as much from three rows, but each of its
    predictions takes one call per class.
    """
    network = NeuralClassifier(
        hidden_layer_sizes=(),
        learning_rate=0.01,
        batch_size=512,
        max_epochs=3,
        validation_fraction=None,
        device="cpu",
        random_state=0,
    )
    model = CardinalityAwareClassifier(network, device="cpu", random_state=0, sparse_output=True)
    model.fit(problem.X, problem.y)
    top_1 = (model.predict(problem.X_new) == problem.y_new).mean()
    oracle = (problem.oracle == problem.y_new).mean()
    return float(top_1), float(oracle), *summary(model.predict_set(problem.X_new), problem)


def many_figures(n_classes=100_000, n_features=64):
    """Return the lines of the section of 100,000 classes."""
    found = in_new_process(many_classes, fit_and_predict, n_classes, n_features)
    top_1, oracle, coverage, size = found.result
    title = f"K = {n_classes:,}, n = {3 * n_classes:,}, d = {n_features}"
    note = f"top-1 {top_1:.3f}, oracle's {oracle:.3f}; coverage {coverage:.3f}, size {size:.2f}"
    return [
        Figure(f"{title}: fit and sets", "min", found.seconds / 60, 25, "<= 30", note=note),
        Figure(f"{title}: memory over the data", "GB", found.megabytes / 1000, 2, "<= 4"),
        Figure(f"{title}: top-1 / the oracle's", "ratio", top_1 / oracle, 0.95, ">= 0.9"),
    ]
