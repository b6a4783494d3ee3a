"""Sets with a guarantee: the coverage over many calibrations, and the estimator."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from calibrated import X, Y
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from tiny import QUICK

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.metrics import coverage_score, mean_set_size


class Oracle(ClassifierMixin, BaseEstimator):
    """The classifier that knows the distribution of the labels."""

    def __init__(self, problem):
        self.problem = problem
        self.classes_ = np.arange(len(problem.weights))

    def fit(self, X, y):
        raise AssertionError("a frozen estimator is not fitted")

    def predict_proba(self, X):
        return self.problem.posterior(X)


@pytest.fixture(scope="module")
def problem():
    *_, problem = make_confusable_classes(10, 12, 4, return_problem=True, random_state=0)
    return problem


def frozen(problem):
    return FrozenEstimator(Oracle(problem))


# ------------------------------------------------------------- coverage in the long run


def coverages(problem, repetitions, n_calibration, n_test, score, **targets):
    """Return the score of each of many calibrations, on new rows each."""
    rng = np.random.RandomState(0)
    scores = []
    for _ in range(repetitions):
        sets = CoverageSetClassifier(frozen(problem), **targets)
        sets.fit(*problem.sample(n_calibration, random_state=rng))
        X_new, y_new = problem.sample(n_test, random_state=rng)
        scores.append(score(y_new, sets.predict_set(X_new)))
    return np.array(scores)


@pytest.mark.slow  # in the fast part `test_guarantee` has the coverage on every sample
def test_coverage_follows_the_beta_binomial_distribution_over_200_calibrations(problem):
    n, n_test, alpha = 99, 200, 0.1
    hits = coverages(
        problem, 200, n, n_test, lambda y, s: s[np.arange(n_test), y].sum(), target_coverage=0.9
    )
    place = int(alpha * (n + 1))
    theory = betabinom(n_test, n + 1 - place, place)
    # The mean of 200 draws, and the fractions of draws below its quantiles, in 4 sigma.
    assert abs(hits.mean() - theory.mean()) < 4 * theory.std() / np.sqrt(200)
    for quantile in (0.1, 0.5, 0.9):
        expected = theory.cdf(theory.ppf(quantile))
        share = (hits <= theory.ppf(quantile)).mean()
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 200)


def test_coverage_holds_for_every_class_with_class_conditional_levels(problem):
    def of_class_0(y, y_set):
        return y_set[y == 0, 0].mean()

    targets = {"target_coverage": 0.8, "conditional": "class"}
    found = coverages(problem, 100, 300, 300, of_class_0, **targets)
    # About 25 calibration rows a class: the expected coverage lies in [0.8, 0.8 + 1 / 20).
    error = found.std() / np.sqrt(100)
    assert 0.8 - 4 * error < found.mean() < 0.85 + 4 * error


def test_the_mean_size_stays_below_its_target_on_average(problem):
    def size(y, y_set):
        return y_set.sum(axis=1).mean()

    found = coverages(problem, 100, 200, 200, size, target_size=2.0)
    error = found.std() / np.sqrt(100)
    assert 1.9 - 4 * error < found.mean() < 2.0 + 4 * error


def test_coverage_holds_in_every_stratum(problem):
    rng = np.random.RandomState(0)
    found = []
    for _ in range(60):
        X_cal, y_cal = problem.sample(300, random_state=rng)
        X_new, y_new = problem.sample(400, random_state=rng)
        sets = CoverageSetClassifier(frozen(problem), target_coverage=0.8, conditional="strata")
        sets.fit(X_cal, y_cal, strata=np.where(X_cal[:, 0] > 0, "right", "left"))
        side = np.where(X_new[:, 0] > 0, "right", "left")
        hits = sets.predict_set(X_new, strata=side)[np.arange(400), y_new]
        found.append([hits[side == s].mean() for s in ("left", "right")])
    error = np.std(found, axis=0) / np.sqrt(60)
    assert (np.mean(found, axis=0) > 0.8 - 4 * error).all()


def test_a_frozen_estimator_calibrates_on_all_rows_and_is_not_fitted_again():
    inner = GaussianNB().fit(X[:60], Y[:60])
    sets = CoverageSetClassifier(FrozenEstimator(inner)).fit(X[60:], Y[60:])
    assert sets.n_calibration_ == len(X) - 60
    np.testing.assert_array_equal(sets.predict_proba(X), inner.predict_proba(X))


def test_the_shortcut_of_the_cardinality_aware_classifier_gives_the_same_sets():
    inner = CardinalityAwareClassifier(LogisticRegression(), **QUICK)
    short = CardinalityAwareClassifier(LogisticRegression(), target_coverage=0.8, **QUICK)
    long = CoverageSetClassifier(inner, target_coverage=0.8, random_state=0).fit(X, Y)
    short.fit(X, Y)
    np.testing.assert_array_equal(short.predict_set(X), long.predict_set(X))
    assert short.level_ == long.level_
    np.testing.assert_array_equal(short.predict_set_size(X), long.predict_set(X).sum(axis=1))
    smaller = short.predict_set(X, size_penalty=short.level_ * 2)
    assert (smaller <= short.predict_set(X)).all()


def test_the_shortcut_covers_although_candidate_sizes_end_early():
    model = CardinalityAwareClassifier(GaussianNB(), sizes=[1], target_coverage=0.95, **QUICK).fit(
        X, Y
    )
    y_set = model.predict_set(X)
    assert coverage_score(Y, y_set) == 1
    assert mean_set_size(Y, y_set) == 4


def test_a_new_fit_leaves_nothing_of_the_one_before():
    X, y = load_iris(return_X_y=True)
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, conditional="class")
    assert hasattr(clf.fit(X, y), "pooled_classes_")
    assert not hasattr(clf.set_params(conditional=None).fit(X, y), "pooled_classes_")


# ------------------------------------------------------------------------- labels and strata


WEEKDAYS = np.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], dtype="M8[D]")


@pytest.mark.parametrize(
    "make",
    [
        pd.Index,
        pd.Series,
        pa.array,
        lambda labels: pd.DataFrame({"y": labels})["y"],
        lambda labels: WEEKDAYS[labels.astype(int)],
        lambda labels: pd.Series(labels.astype(int) + 2**60, dtype="Int64"),
    ],
)
def test_labels_and_strata_come_in_any_container(make):
    clf = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.7, conditional="strata", random_state=0
    )
    side = np.where(X[:, 0] > 0, "right", "left")
    expected = clf.fit(X, Y, strata=side).predict_set(X, strata=side)
    labels = make(Y)
    clf.fit(X, labels, strata=pd.Index(side))
    np.testing.assert_array_equal(clf.predict_set(X, strata=pa.array(side)), expected)
    assert coverage_score(labels, clf.predict_set(X, strata=side), classes=clf.classes_) > 0.7


def test_weights_without_a_finite_sum_are_no_trouble():
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, random_state=0)
    expected = clf.fit(X, Y, sample_weight=np.ones(120)).predict_set(X)
    weight = np.full(120, 1e300)
    np.testing.assert_array_equal(clf.fit(X, Y, sample_weight=weight).predict_set(X), expected)
