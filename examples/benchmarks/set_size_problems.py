"""Data sets, splits and classifiers of the benchmark of set sizes."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from data_sets import load_dataset
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import NeuralClassifier

TABULAR = ("logistic", "naive_bayes", "forest", "network")
SMALL = (*TABULAR, "boosting")
# Number of splits, classifiers, and seconds of a split with one of them (until it was run).
PLAN = {
    "letter": (10, SMALL, 20),
    "vowel": (10, SMALL, 6),
    "pendigits": (10, SMALL, 15),
    "satimage": (10, SMALL, 13),
    "yeast": (10, SMALL, 3),
    "plants100_shape": (10, TABULAR, 12),
    "fashion_mnist_15k": (10, TABULAR, 40),
    "movie_ldl": (10, TABULAR, 45),
    "clinc150_minilm": (5, TABULAR, 60),
    "trec50_minilm": (5, TABULAR, 25),
    "goemotions_minilm": (5, TABULAR, 30),
    "cifar100_cnn": (5, (*TABULAR, "head"), 50),
}
# Defaults are chosen on these; the others are looked at once.
DEVELOPMENT = ("letter", "satimage", "yeast", "trec50_minilm", "fashion_mnist_15k")
# What the rows are. Raw columns are skewed and of different scales.
TABLES = ("letter", "vowel", "pendigits", "satimage", "yeast", "plants100_shape")
RAW_TABLES = ("steel_faults", "wine_quality", "wall_following", "segment")
EMBEDDINGS = ("clinc150_minilm", "trec50_minilm", "goemotions_minilm", "cifar100_cnn")
KINDS = {
    **dict.fromkeys((*TABLES, *RAW_TABLES), "tables"),
    **dict.fromkeys(EMBEDDINGS, "embeddings"),
    **dict.fromkeys(("fashion_mnist_15k", "movie_ldl"), "wide"),
}
COVERAGES = (0.90, 0.95)
# Splits that are drawn have numbers from 0; this one decides the third level of a data set.
_SPLIT_OF_LEVEL = 1000


class Problem(NamedTuple):
    """Rows to train on, to calibrate with and to test on."""

    train: tuple  # X, y
    calibration: tuple
    test: tuple
    label_dist: (
        np.ndarray
    )  # of the test rows' labels, (n_test, n_classes); one-hot if only they are known
    classes: np.ndarray

    def coverage(self, sets):
        """Return the fraction of sets with the true label, under the distribution of the labels."""
        return (self.label_dist * sets).sum() / len(sets)


def split(name, number):
    """Draw the problem of a split: at most 3,000, 2,000 and 4,000 rows, else 1/2, 1/4 and 1/4.

    Rows whose class no training row has are left out: no method can tell it.
    """
    X, label_dist = pooled_rows(name)
    rng = np.random.default_rng(number)
    order = rng.permutation(len(X))
    y = drawn_labels(label_dist, rng)
    n_train = min(3000, len(X) // 2)
    n_calibration = min(2000, (len(X) - n_train) // 2)
    train, calibration, test = np.split(order, [n_train, n_train + n_calibration])
    classes = np.unique(y[train])
    calibration, test = (rows[np.isin(y[rows], classes)] for rows in (calibration, test[:4000]))
    parts = [(X[rows], y[rows]) for rows in (train, calibration, test)]
    return Problem(*parts, label_dist[np.ix_(test, classes)], classes)


@lru_cache(maxsize=1)
def pooled_rows(name):
    """Return all rows and the distributions of their labels: one-hot, or people's votes.

    The given split is not kept: of vowel, for one, the test rows are other speakers, to whom no
    calibration on the first ones extends.
    """
    data = load_dataset(name)
    if "label_dist_train" in data:
        label_dist = np.vstack([data.label_dist_train, data.label_dist_test]).astype(np.float64)
        label_dist /= label_dist.sum(axis=1, keepdims=True)
    else:
        label_dist = np.eye(len(data.target_names))[np.concatenate([data.y_train, data.y_test])]
    return np.vstack([data.X_train, data.X_test]), label_dist


def drawn_labels(label_dist, rng):
    """Draw a label for each row from its distribution."""
    u = rng.uniform(size=(len(label_dist), 1))
    return np.minimum((np.cumsum(label_dist, axis=1) < u).sum(axis=1), label_dist.shape[1] - 1)


@lru_cache
def levels(name):
    """Return the target coverages of a data set: 0.90, 0.95, and one of its own.

    That one is halfway between the top-1 accuracy of a plain network and 1, found on a split
    that is used for nothing else.
    """
    problem = split(name, _SPLIT_OF_LEVEL)
    network = NeuralClassifier(random_state=0).fit(*problem.train)
    halfway = round((1 + network.score(*problem.test)) / 2, 3)
    return tuple(sorted({*COVERAGES, halfway}))


def classifier(base, name, seed):
    """Return the classifier of a name, not yet fitted; the head of cifar100_cnn's own network."""
    if base == "head":
        data = load_dataset(name)
        return FrozenEstimator(LinearHead(data.cnn_head_weight, data.cnn_head_bias))
    return {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "naive_bayes": GaussianNB(),
        "forest": RandomForestClassifier(random_state=seed),
        "boosting": HistGradientBoostingClassifier(max_iter=50, random_state=seed),
        "network": NeuralClassifier(random_state=seed),
    }[base]


class LinearHead(ClassifierMixin, BaseEstimator):
    """The last layer of a trained network; rows are the features before it."""

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
        self.classes_ = np.arange(len(bias))

    def fit(self, X, y):
        """Do nothing: what has no ``fit`` is no estimator for scikit-learn."""
        return self

    def decision_function(self, X):
        """Return the scores before the softmax, (n, n_classes)."""
        return X @ self.weight.T + self.bias
