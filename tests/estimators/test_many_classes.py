"""Many classes: one split instead of folds, batches, CSR levels, arrays that are refused."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    TopKSetClassifier,
)
from sklearn_setpred._utils import memory
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.metrics import coverage_score

N_CLASSES = 20


@pytest.fixture(scope="module")
def problem():
    """600 rows of 4 features in 20 classes."""
    X, y, _ = make_confusable_classes(600, N_CLASSES, 4, random_state=0)
    return X, y


@pytest.fixture
def few_cells(monkeypatch):
    """Make every problem a large one, of which few rows are read, and batches small."""
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 4 * 100 * N_CLASSES)
    monkeypatch.setattr(memory, "BATCH", 8 * 20 * N_CLASSES)


of_many_cells = pytest.mark.filterwarnings("ignore:.* rows of .* classes:UserWarning")


def small(estimator=None, **params):
    """Return a classifier around naive Bayes whose networks train for 2 epochs."""
    estimator = GaussianNB() if estimator is None else estimator
    options = {"max_epochs": 2, "random_state": 0}
    return CardinalityAwareClassifier(estimator, **(options | params))


class LinearScores(ClassifierMixin, BaseEstimator):
    """Probabilities of many classes, computed from few features."""

    def __init__(self, n_classes=3000):
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, X, y):
        raise AssertionError("a frozen estimator is not fitted")

    def predict_proba(self, X):
        scores = X @ np.random.default_rng(0).normal(size=(X.shape[1], self.n_classes))
        return softmax(scores, axis=1)

    def __sklearn_is_fitted__(self):
        return True


def linear_rows(n_rows):
    """Return rows of 8 features, and as labels their best classes, of a thousand or more."""
    X = np.random.default_rng(1).normal(size=(n_rows, 8))
    return X, LinearScores().predict_proba(X).argmax(axis=1)


# --------------------------------------------------------------------------- one split


def test_some_parts_are_held_out_and_the_base_learns_from_all_rows(problem, few_cells):
    with pytest.warns(UserWarning, match="2 of 4 splits, and sizes are learned from 100 rows"):
        clf = small(KNeighborsClassifier(30), cv=4, refine=False).fit(*problem)
    assert clf.estimator_.n_samples_fit_ == 600
    # x beside the logarithms of the first probabilities, where the network was worth it.
    network = clf.selector_.network
    assert network is None or network.n_features == 4 + N_CLASSES


@of_many_cells
@pytest.mark.parametrize(
    "params",
    [
        {"refine": False},
        {"refine": False, "thresholds": [0.3, 0.1, 0.01]},
        {"surrogate": "cost_sensitive_comp_sum", "cv": 2},
    ],
)
def test_large_problems_give_sets(problem, few_cells, params):
    X, y = problem
    clf = small(**params).fit(X, y)
    sets = clf.predict_set(X)
    assert coverage_score(y, sets) > np.mean(clf.predict(X) == y)
    np.testing.assert_array_equal(sets, clf._path_levels(X) >= clf.level_)
    np.testing.assert_array_equal(clf.set_params(sparse_output=True).predict_set(X).toarray(), sets)


@of_many_cells
def test_large_problems_reach_a_target_coverage(few_cells):
    X, y, _ = make_confusable_classes(1500, N_CLASSES, 4, random_state=0)
    clf = small(target_coverage=0.8, refine=False).fit(X[:1000], y[:1000])
    assert coverage_score(y[1000:], clf.predict_set(X[1000:])) > 0.72


@of_many_cells
def test_the_sizes_are_learned_from_rows_that_the_base_has_not_seen(rng, few_cells):
    # Labels at random: the base knows its own rows by heart.
    X, y = rng.normal(size=(400, 3)), rng.integers(4, size=400)
    clf = small(KNeighborsClassifier(1), cv=3).fit(X, y)
    # Two labels cost 0.1 and hold half of the rows' labels; a base that is trusted needs one.
    assert clf.predict_set(X).sum(axis=1).mean() > 2.5


def test_classes_of_one_row_leave_nothing_to_hold_out(rng, few_cells):
    with pytest.raises(ValueError, match="No row is left"):
        small().fit(rng.normal(size=(6, 2)), np.arange(6))


# ------------------------------------------------------------------------------ batches


@pytest.mark.parametrize("params", [{}, {"refine": True}, {"thresholds": [0.3, 0.1]}])
def test_predictions_do_not_depend_on_the_size_of_batches(problem, monkeypatch, params):
    X, y = problem[0][:300], problem[1][:300]
    clf = small(**({"cv": 2, "refine": False} | params)).fit(X, y)
    at_once = clf.set_levels(X), clf.predict_set_size(X), clf._path_levels_of(X, y)
    monkeypatch.setattr(memory, "BATCH", 8 * 33 * N_CLASSES)
    in_batches = clf.set_levels(X), clf.predict_set_size(X), clf._path_levels_of(X, y)
    for left, right in zip(at_once, in_batches, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


@pytest.mark.parametrize("target", [{"target_coverage": 0.8}, {"target_size": 3.0}])
def test_the_level_does_not_depend_on_the_size_of_batches(problem, monkeypatch, target):
    X, y = problem
    clf = CoverageSetClassifier(FrozenEstimator(GaussianNB().fit(X, y)), **target)
    at_once = clf.fit(X, y).level_
    monkeypatch.setattr(memory, "BATCH", 8 * 33 * N_CLASSES)
    assert clf.fit(X, y).level_ == at_once


def test_levels_of_labels_are_those_of_all_classes(problem):
    X, y = problem
    clf = small(cv=2, refine=False, sizes=[1, 3, 6]).fit(X, y)
    levels = clf.set_levels(X)
    np.testing.assert_array_equal(clf._path_levels_of(X, y), levels[np.arange(600), y])
    assert (clf._path_levels_of(X, np.full(600, -1)) == -np.inf).all()


def peak_memory(call):
    """Return the most memory that arrays take during a call, in MB, and what it returns."""
    tracemalloc.start()
    result = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6, result


def test_calibration_and_sparse_sets_take_less_memory_than_the_probabilities():
    X, y = linear_rows(4000)
    base = FrozenEstimator(LinearScores())
    clf = CoverageSetClassifier(base, target_coverage=0.9, sparse_output=True)
    peak, sets = peak_memory(lambda: clf.fit(X, y).predict_set(X))
    # The probabilities of all rows take 96 MB.
    assert peak < 40
    assert sets.shape == (4000, 3000)


@of_many_cells
def test_sizes_are_learned_and_sparse_sets_made_without_all_probabilities(monkeypatch):
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 4 * 200 * 3000)
    X, y = linear_rows(2000)
    clf = small(FrozenEstimator(LinearScores()), sparse_output=True, max_epochs=1, refine=False)
    peak, clf = peak_memory(lambda: clf.fit(X, y))
    # The probabilities of all rows take 48 MB, and folds would hold several such arrays.
    assert peak < 40
    assert len(clf.sizes_) == 109
    assert peak_memory(lambda: clf.predict_set(X))[0] < 50
    assert peak_memory(lambda: clf.set_levels(X, sparse_output=True))[0] < 50


# ------------------------------------------------------------------- CSR levels, refusals


@pytest.mark.parametrize("params", [{}, {"size_cost": "log"}, {"thresholds": [0.3, 0.1, 0.01]}])
def test_csr_levels_are_the_dense_ones_from_the_floor_on(problem, params):
    X, y = problem
    clf = small(cv=2, refine=False, **params).fit(X, y)
    dense, found = clf.set_levels(X), clf.set_levels(X, sparse_output=True, floor=0.01)
    assert isinstance(found, sp.csr_array)
    np.testing.assert_array_equal(found.toarray(), np.where(dense >= 0.01, dense, 0))
    for p in (0.01, 0.05, 0.3):
        sets = clf.predict_set(X, size_penalty=p)
        np.testing.assert_array_equal((found >= p).toarray(), sets)


@pytest.mark.parametrize("floor", [0, -0.1, np.nan])
def test_a_floor_that_is_not_positive_is_refused(problem, floor):
    clf = small(cv=2, refine=False).fit(*problem)
    with pytest.raises(ValueError, match="floor="):
        clf.set_levels(problem[0], sparse_output=True, floor=floor)


@pytest.mark.parametrize("method", ["predict_proba", "set_levels", "predict_set"])
@pytest.mark.parametrize(
    "make", [small, CoverageSetClassifier, TopKSetClassifier], ids=lambda make: make.__name__
)
def test_arrays_that_are_too_large_are_refused_with_their_size(problem, monkeypatch, make, method):
    X, y = problem
    clf = make(GaussianNB())
    if make is small:
        clf.set_params(refine=False)
    clf.fit(X, y)
    if not hasattr(clf, method):
        return
    monkeypatch.setattr(memory, "BATCH", 8 * 16 * N_CLASSES)
    monkeypatch.setattr(memory, "LARGEST_RESULT", 600 * N_CLASSES - 1)
    bytes_per_cell = 1 if method == "predict_set" else 8
    needed = f"{600 * N_CLASSES * bytes_per_cell / 1e9:.2g} GB.*sparse_output=True"
    with pytest.raises(MemoryError, match=needed):
        getattr(clf, method)(X)
    sets = clf.set_params(sparse_output=True).predict_set(X)
    assert sets.shape == (600, N_CLASSES)
