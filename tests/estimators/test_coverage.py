"""Sets with a guarantee: the levels by hand, and the coverage over many calibrations."""

import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from tiny import SMALL, labelled_rows

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, TopKSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.estimators._calibration import (
    class_levels_at,
    coverage_level,
    levels_of_strata,
    rows_needed,
    size_level,
    strata_levels,
)
from sklearn_setpred.metrics import coverage_score, mean_set_size

X, Y = labelled_rows()


class Oracle(ClassifierMixin, BaseEstimator):
    """The classifier that knows the law of the labels."""

    def __init__(self, law):
        self.law = law
        self.classes_ = np.arange(len(law.weights))

    def fit(self, X, y):
        raise AssertionError("a frozen estimator is not fitted")

    def predict_proba(self, X):
        return self.law.posterior(X)


@pytest.fixture(scope="module")
def law():
    *_, law = make_confusable_classes(10, 12, 4, return_problem=True, random_state=0)
    return law


def frozen(law):
    return FrozenEstimator(Oracle(law))


# ------------------------------------------------------------------ levels by hand


@pytest.mark.parametrize(("n", "place"), [(9, 1), (18, 1), (19, 2), (29, 3)])
def test_the_level_is_the_floor_of_alpha_n_plus_1_th_smallest(n, place):
    levels = np.random.default_rng(0).permutation(n).astype(float)
    assert coverage_level(levels, alpha=0.1) == place - 1


@pytest.mark.parametrize(("alpha", "needed"), [(0.1, 9), (0.05, 19), (0.5, 1), (0.3, 3)])
def test_rows_needed_are_the_fewest_that_have_a_level(alpha, needed):
    assert rows_needed(alpha) == needed
    coverage_level(np.arange(needed, dtype=float), alpha)
    assert np.floor(alpha * needed + 1e-9) < 1


def test_rare_classes_share_a_level_and_others_have_their_own():
    # alpha = 1/2: a level needs one row, and is the floor((n + 1) / 2)-th smallest.
    of_label = np.array([0.1, 0.2, 0.3, 0.9, 0.7])
    codes = np.array([0, 0, 0, 1, -1])
    level, pooled = class_levels_at(of_label, codes, 3, alpha=0.5)
    np.testing.assert_array_equal(level, [0.2, 0.9, -np.inf])
    np.testing.assert_array_equal(pooled, [2])
    # alpha = 1/4: a level needs three rows; classes 1 and 2 have three together.
    codes = np.array([0, 0, 0, 1, 2])
    level, pooled = class_levels_at(np.append(of_label, 0.8), np.append(codes, 2), 3, alpha=0.25)
    np.testing.assert_array_equal(level, [0.1, 0.7, 0.7])
    np.testing.assert_array_equal(pooled, [1, 2])


def test_strata_have_a_level_each_and_are_refused_where_rows_or_strata_are_missing():
    levels = strata_levels(np.array([0.1, 0.2, 0.3, 0.4]), np.array(list("aabb")), alpha=0.5)
    assert levels == {"a": 0.1, "b": 0.3}
    np.testing.assert_array_equal(levels_of_strata(np.array(["b", "a"]), levels), [0.3, 0.1])
    with pytest.raises(ValueError, match=r"strata \['c'\] have no calibration row"):
        levels_of_strata(np.array(["c"]), levels)
    with pytest.raises(ValueError, match=r"strata \['b'\] have fewer than the 2"):
        strata_levels(np.array([0.1, 0.2, 0.3]), np.array(list("aab")), alpha=0.34)


def test_the_level_for_a_size_lets_in_as_many_labels_as_the_bound_allows():
    # n = 3 rows and K = 2: sizes s_i with (sum s_i + 2) / 4 <= 1.5, so at most 4 labels.
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.2, np.inf]])
    level = size_level([levels], (3, 2), target_size=1.5)
    assert size_level([levels[:1], levels[1:]], (3, 2), target_size=1.5) == level
    assert (levels >= level).sum() == 4
    assert 0.2 < level <= 0.3
    assert size_level([levels], (3, 2), target_size=2) == -np.inf


def test_labels_that_tie_at_the_border_of_a_size_stay_out_together():
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.3, np.inf]])
    assert (levels >= size_level([levels], (3, 2), target_size=1.5)).sum() == 3


# ------------------------------------------------------------- coverage in the long run


def coverages(law, repetitions, n_calibration, n_test, score, **wishes):
    """Return the score of each of many calibrations, on new rows each."""
    rng = np.random.RandomState(0)
    scores = []
    for _ in range(repetitions):
        sets = CoverageSetClassifier(frozen(law), **wishes)
        sets.fit(*law.sample(n_calibration, random_state=rng))
        X_new, y_new = law.sample(n_test, random_state=rng)
        scores.append(score(y_new, sets.predict_set(X_new)))
    return np.array(scores)


def test_coverage_follows_the_beta_binomial_law_over_200_calibrations(law):
    n, n_test, alpha = 99, 200, 0.1
    hits = coverages(
        law, 200, n, n_test, lambda y, s: s[np.arange(n_test), y].sum(), target_coverage=0.9
    )
    place = int(alpha * (n + 1))
    theory = betabinom(n_test, n + 1 - place, place)
    # The mean of 200 draws, and the shares of draws below quartiles of the law, in 4 sigma.
    assert abs(hits.mean() - theory.mean()) < 4 * theory.std() / np.sqrt(200)
    for quantile in (0.1, 0.5, 0.9):
        expected = theory.cdf(theory.ppf(quantile))
        share = (hits <= theory.ppf(quantile)).mean()
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 200)


def test_coverage_holds_for_every_class_with_class_conditional_levels(law):
    def of_class_0(y, y_set):
        return y_set[y == 0, 0].mean()

    wishes = {"target_coverage": 0.8, "conditional": "class"}
    found = coverages(law, 100, 300, 300, of_class_0, **wishes)
    # About 25 calibration rows a class: the expected coverage lies in [0.8, 0.8 + 1 / 20).
    error = found.std() / np.sqrt(100)
    assert 0.8 - 4 * error < found.mean() < 0.85 + 4 * error


def test_the_mean_size_stays_below_its_target_on_average(law):
    def size(y, y_set):
        return y_set.sum(axis=1).mean()

    found = coverages(law, 100, 200, 200, size, target_size=2.0)
    error = found.std() / np.sqrt(100)
    assert 1.9 - 4 * error < found.mean() < 2.0 + 4 * error


def test_coverage_holds_in_every_stratum(law):
    rng = np.random.RandomState(0)
    found = []
    for _ in range(60):
        X_cal, y_cal = law.sample(300, random_state=rng)
        X_new, y_new = law.sample(400, random_state=rng)
        sets = CoverageSetClassifier(frozen(law), target_coverage=0.8, conditional="strata")
        sets.fit(X_cal, y_cal, strata=np.where(X_cal[:, 0] > 0, "right", "left"))
        side = np.where(X_new[:, 0] > 0, "right", "left")
        hits = sets.predict_set(X_new, strata=side)[np.arange(400), y_new]
        found.append([hits[side == s].mean() for s in ("left", "right")])
    error = np.std(found, axis=0) / np.sqrt(60)
    assert (np.mean(found, axis=0) > 0.8 - 4 * error).all()


# -------------------------------------------------------------------------- the estimator


def test_rows_that_calibrate_do_not_train():
    sets = CoverageSetClassifier(GaussianNB(), calibration_size=20, random_state=0).fit(X, Y)
    assert sets.n_calibration_ == 20
    assert sets.estimator_.class_count_.sum() == len(X) - 20


def test_a_frozen_estimator_calibrates_on_all_rows_and_is_not_fitted_again():
    inner = GaussianNB().fit(X[:60], Y[:60])
    sets = CoverageSetClassifier(FrozenEstimator(inner)).fit(X[60:], Y[60:])
    assert sets.n_calibration_ == len(X) - 60
    np.testing.assert_array_equal(sets.predict_proba(X), inner.predict_proba(X))


def test_levels_of_a_set_predictor_are_calibrated_where_it_has_some():
    sets = CoverageSetClassifier(TopKSetClassifier(GaussianNB()), target_coverage=0.9)
    sizes = sets.set_params(random_state=0).fit(X, Y).predict_set(X).sum(axis=1)
    assert len(np.unique(sizes)) == 1


def test_a_label_that_only_calibration_rows_have_is_a_miss():
    y = Y.copy()
    y[-2] = "only once"
    held_out = np.random.RandomState(3).permutation(len(y))[:24]
    y[held_out[0]], y[-2] = "only once", Y[-2]
    sets = CoverageSetClassifier(GaussianNB(), random_state=3).fit(X, y)
    assert "only once" not in sets.classes_
    assert sets.predict_set(X).shape == (len(X), 4)


def test_the_shortcut_of_the_cardinality_aware_classifier_gives_the_same_sets():
    inner = CardinalityAwareClassifier(LogisticRegression(), cv=2, **SMALL)
    short = CardinalityAwareClassifier(LogisticRegression(), cv=2, target_coverage=0.8, **SMALL)
    long = CoverageSetClassifier(inner, target_coverage=0.8, random_state=0).fit(X, Y)
    short.fit(X, Y)
    np.testing.assert_array_equal(short.predict_set(X), long.predict_set(X))
    assert short.level_ == long.level_
    np.testing.assert_array_equal(short.predict_set_size(X), long.predict_set(X).sum(axis=1))
    smaller = short.predict_set(X, size_penalty=short.level_ * 2)
    assert (smaller <= short.predict_set(X)).all()


def test_the_shortcut_covers_although_candidate_sizes_end_early():
    model = CardinalityAwareClassifier(
        GaussianNB(), sizes=[1], target_coverage=0.95, cv=2, refine=False, **SMALL
    ).fit(X, Y)
    y_set = model.predict_set(X)
    assert coverage_score(Y, y_set) == 1
    assert mean_set_size(Y, y_set) == 4


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"target_coverage": 0.9, "target_size": 2}, "two wishes at once"),
        ({"target_coverage": 1.0}, r"target_coverage=1.0 is not in \(0, 1\)"),
        ({"target_coverage": 0}, r"target_coverage=0 is not in \(0, 1\)"),
        ({"target_coverage": 0.99}, "needs at least 99 calibration rows, got 24"),
        ({"target_size": 0.5}, r"target_size=0.5 is not in \[1, 4\]"),
        ({"target_size": 5}, r"target_size=5 is not in \[1, 4\]"),
        ({"target_size": 1.01}, "needs at least 299 calibration rows"),
        ({"conditional": "classes"}, "did you mean 'class'"),
        ({"conditional": "strata"}, "strata=None"),
        ({"conditional": "class", "target_size": 2}, "needs a target_coverage"),
        ({"calibration_size": 0.0}, r"calibration_size=0.0 is not in \(0, 1\)"),
        ({"calibration_size": 120}, r"calibration_size=120 is not in \[1, 119\]"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_before_any_fit(wishes, message):
    sets = CoverageSetClassifier(GaussianNB(), **wishes)
    with pytest.raises(ValueError, match=message):
        sets.fit(X, Y)
    assert not [name for name in vars(sets) if name.endswith("_")]


def test_strata_that_nobody_asked_for_are_refused():
    with pytest.raises(ValueError, match="strata are given"):
        CoverageSetClassifier(GaussianNB()).fit(X, Y, strata=np.zeros(len(X)))


def test_a_rule_for_one_penalty_is_calibrated_by_its_tilt():
    model = CardinalityAwareClassifier(
        GaussianNB(), surrogate="cost_sensitive_comp_sum", refine=False, cv=2, **SMALL
    )
    fitted = model.fit(X[:60], Y[:60])
    # Level 0 of the tilt is the rule as it was trained.
    np.testing.assert_array_equal(fitted._path_levels(X) >= 0, fitted.predict_set(X))
    sets = CoverageSetClassifier(FrozenEstimator(fitted), target_coverage=0.8).fit(X[60:], Y[60:])
    np.testing.assert_array_equal(sets.set_levels(X), fitted._path_levels(X))
    short = clone(model).set_params(target_coverage=0.8).fit(X, Y)
    np.testing.assert_array_equal(short._path_levels(X) >= short.level_, short.predict_set(X))


def test_calibration_leaves_the_levels_of_the_inner_estimator_alone():
    class Keeps(TopKSetClassifier):
        def set_levels(self, X):
            if not hasattr(self, "kept_"):
                self.kept_ = super().set_levels(X)
            return self.kept_

    fitted = Keeps(GaussianNB()).fit(X, Y)
    CoverageSetClassifier(FrozenEstimator(fitted), target_coverage=0.8).fit(X, Y)
    assert np.isfinite(fitted.kept_).all()


def test_an_inner_predictor_with_levels_is_asked_once_for_a_set(monkeypatch):
    model = CardinalityAwareClassifier(GaussianNB(), cv=2, **SMALL).fit(X, Y)
    sets = CoverageSetClassifier(FrozenEstimator(model), target_coverage=0.8).fit(X, Y)
    asked = []
    scores = model._scores
    monkeypatch.setattr(model, "_scores", lambda X: asked.append(len(X)) or scores(X))
    sets.predict_set(X)
    assert asked == [len(X)]


def test_a_new_fit_leaves_nothing_of_the_one_before():
    X, y = load_iris(return_X_y=True)
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, conditional="class")
    assert hasattr(clf.fit(X, y), "pooled_classes_")
    assert not hasattr(clf.set_params(conditional=None).fit(X, y), "pooled_classes_")


@pytest.mark.parametrize(
    "inner",
    [GaussianNB(), CardinalityAwareClassifier(GaussianNB(), refine=False, cv=2, **SMALL)],
    ids=["levels", "levels of labels"],
)
def test_a_label_that_only_calibration_rows_have_counts_as_a_miss(inner):
    X, y = load_iris(return_X_y=True)
    y[0] = 9
    # The row is among those set aside; of 30 levels 0.95 allows one miss, 0.9 three.
    seed = next(
        seed for seed in range(99) if 0 in np.random.RandomState(seed).permutation(150)[:30]
    )
    for coverage, is_all in ((0.95, True), (0.9, False)):
        clf = CoverageSetClassifier(inner, target_coverage=coverage, random_state=seed).fit(X, y)
        assert clf.classes_.tolist() == [0, 1, 2]
        assert clf.predict_set(X).all() == is_all
