"""Sets with a guarantee: the levels by hand, and the coverage over many calibrations."""

import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from foreign import WantsCodes
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from tiny import QUICK, labelled_rows

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, TopKSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.estimators._calibration import (
    SizeLevels,
    class_levels_at,
    coverage_level,
    levels_of_strata,
    rows_needed,
    strata_levels,
)
from sklearn_setpred.metrics import coverage_score, mean_set_size

X, Y = labelled_rows()
approx = partial(pytest.approx, rel=2e-5)  # levels are moved by a margin


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


def size_level(batches, n_groups, n_classes, target_size):
    """Return the level of a size, from the labels kept for that size."""
    kept = SizeLevels.of(batches, n_groups, n_classes, target_size)
    return kept.at(target_size)


@pytest.mark.parametrize(("n", "place"), [(9, 1), (18, 1), (19, 2), (29, 3)])
def test_the_level_is_the_floor_of_alpha_n_plus_1_th_smallest(n, place):
    levels = np.random.default_rng(0).permutation(n).astype(float)
    assert coverage_level(levels, alpha=0.1) == approx(place - 1)


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
    assert level == approx([0.2, 0.9, -np.inf])
    np.testing.assert_array_equal(pooled, [2])
    # alpha = 1/4: a level needs three rows; classes 1 and 2 have three together.
    codes = np.array([0, 0, 0, 1, 2])
    level, pooled = class_levels_at(np.append(of_label, 0.8), np.append(codes, 2), 3, alpha=0.25)
    assert level == approx([0.1, 0.7, 0.7])
    np.testing.assert_array_equal(pooled, [1, 2])


def test_strata_have_a_level_each_and_are_refused_where_rows_or_strata_are_missing():
    levels = strata_levels(np.array([0.1, 0.2, 0.3, 0.4]), np.array(list("aabb")), alpha=0.5)
    assert levels == approx({"a": 0.1, "b": 0.3})
    assert levels_of_strata(np.array(["b", "a"]), levels) == approx([0.3, 0.1])
    with pytest.raises(ValueError, match=r"strata \['c'\] have no calibration row"):
        levels_of_strata(np.array(["c"]), levels)
    with pytest.raises(ValueError, match=r"strata \['b'\] have fewer than the 2"):
        strata_levels(np.array([0.1, 0.2, 0.3]), np.array(list("aab")), alpha=0.34)


def test_the_level_for_a_size_lets_in_as_many_labels_as_the_bound_allows():
    # n = 3 rows and K = 2: sizes s_i with (sum s_i + 2) / 4 <= 1.5, so at most 4 labels.
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.2, np.inf]])
    one = np.ones(3)
    level = size_level([(levels, one)], 3, 2, target_size=1.5)
    parts = [(levels[:1], one[:1]), (levels[1:], one[1:])]
    assert size_level(parts, 3, 2, target_size=1.5) == level
    assert (levels >= level).sum() == 4
    assert 0.2 < level <= 0.3
    assert size_level([(levels, one)], 3, 2, target_size=2) == -np.inf


def test_labels_that_tie_at_the_border_of_a_size_stay_out_together():
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.3, np.inf]])
    level = size_level([(levels, np.ones(3))], 3, 2, target_size=1.5)
    assert (levels >= level).sum() == 3
    nearly = np.where(levels == 0.3, [[0.3], [0.3], [0.3 + 1e-9]], levels)
    assert (nearly >= level).sum() == 3


def test_rows_of_a_group_count_as_one_row():
    # Three groups; alpha (3 + 1) - 1 = 1 group may miss: both rows of one, or halves of two.
    groups = np.array([0, 0, 1, 1, 2, 2])
    for of_label in ([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 5, 6]):
        level = coverage_level(np.array(of_label, dtype=float), alpha=0.5, groups=groups)
        assert level == approx(3)
    alone = coverage_level(np.arange(6.0), alpha=0.5)
    assert coverage_level(np.repeat(np.arange(6.0), 2), 0.5, np.repeat(np.arange(6), 2)) == alone
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.2, np.inf]])
    twice = [(np.repeat(levels, 2, axis=0), np.full(6, 0.5))]
    once = [(levels, np.ones(3))]
    assert size_level(twice, 3, 2, 1.5) == size_level(once, 3, 2, 1.5)


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


@pytest.mark.slow  # in the fast part `test_guarantee` has the coverage on every sample
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


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"target_coverage": 0.9, "target_size": 2}, "two targets at once"),
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
    model = CardinalityAwareClassifier(GaussianNB(), surrogate="cost_sensitive_comp_sum", **QUICK)
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
    model = CardinalityAwareClassifier(GaussianNB(), **QUICK).fit(X, Y)
    sets = CoverageSetClassifier(FrozenEstimator(model), target_coverage=0.8).fit(X, Y)
    asked = []
    read = model._read
    monkeypatch.setattr(model, "_read", lambda X: asked.append(len(X)) or read(X))
    sets.predict_set(X)
    assert asked == [len(X)]


def test_a_new_fit_leaves_nothing_of_the_one_before():
    X, y = load_iris(return_X_y=True)
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, conditional="class")
    assert hasattr(clf.fit(X, y), "pooled_classes_")
    assert not hasattr(clf.set_params(conditional=None).fit(X, y), "pooled_classes_")


# ----------------------------------------------------------- labels of calibration rows only


def iris_with_a_label_of_its_own(is_set_aside):
    """Return iris with a label that row 0 alone has, and a seed that sets it aside or not."""
    X, y = load_iris(return_X_y=True)
    y[0] = 9
    seeds = (s for s in range(99) if (0 in permutation(s, 150)[:30]) == is_set_aside)
    return X, y, next(seeds)


def permutation(seed, n):
    """Return the order in which rows are set aside."""
    return np.random.RandomState(seed).permutation(n)


@pytest.mark.parametrize(
    "inner",
    [GaussianNB(), CardinalityAwareClassifier(GaussianNB(), **QUICK)],
    ids=["levels", "levels of labels"],
)
def test_a_label_that_only_calibration_rows_have_trains_and_is_a_miss(inner):
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(inner, target_coverage=0.9, random_state=seed)
    with pytest.warns(
        UserWarning, match=r"1 of 30 calibration rows \(3%\) have labels that no"
    ) as w:
        clf.fit(X, y)
    assert Path(w[0].filename) == Path(__file__)
    assert clf.classes_.tolist() == [0, 1, 2, 9]
    assert clf.n_calibration_ == 30
    # Of 30 levels 0.9 allows three misses; the row is one, so that the level is the second of
    # the others.
    rows = np.setdiff1d(permutation(seed, 150)[:30], 0)
    of_label = clf.set_levels(X)[rows, y[rows]]
    assert clf.level_ == approx(np.sort(of_label)[1])


def test_a_target_that_such_labels_put_out_of_reach_is_refused_before_any_fit():
    class MustNotBeFitted(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("fitted")

    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(MustNotBeFitted(), target_coverage=0.95, random_state=seed)
    with pytest.raises(ValueError, match=r"target_coverage=0.95 cannot be reached: 1 of 30 .* 9"):
        clf.fit(X, y)
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=False)
    clf.set_params(estimator=GaussianNB(), random_state=seed).fit(X, y)


def test_many_labels_of_one_row_are_refused_and_not_missed_in_silence():
    rng = np.random.default_rng(0)
    p = 1 / np.arange(1, 301.0)
    y = rng.choice(300, 300, p=p / p.sum())
    with pytest.raises(ValueError, match=r"\(\d\d%\) have labels that no training row has"):
        CoverageSetClassifier(GaussianNB(), target_coverage=0.9).fit(rng.normal(size=(300, 4)), y)


def test_coverage_holds_although_new_rows_have_labels_of_no_training_row():
    rng, found = np.random.RandomState(0), []
    p = 1 / np.arange(1, 101.0)
    means = 3 * rng.normal(size=(100, 3))
    for seed in range(60):
        y, y_new = (rng.choice(100, n, p=p / p.sum()) for n in (200, 400))
        X, X_new = (means[labels] + rng.normal(size=(len(labels), 3)) for labels in (y, y_new))
        clf = CoverageSetClassifier(
            GaussianNB(var_smoothing=0.1), target_coverage=0.6, random_state=seed
        )
        with pytest.warns(UserWarning, match="count as misses"):
            clf.fit(X, y)
        found.append(coverage_score(y_new, clf.predict_set(X_new), classes=clf.classes_))
    assert np.mean(found) > 0.6 - 2 * np.std(found) / np.sqrt(60)


def test_a_rare_class_is_never_left_out_with_levels_for_each_class():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.8, conditional="class", random_state=seed
    )
    with (
        pytest.warns(UserWarning, match="count as misses"),
        pytest.warns(UserWarning, match=r"1 of 4 classes, such as \[9\], .* are in every set"),
    ):
        clf.fit(X, y)
    assert clf.pooled_classes_.tolist() == [9]
    assert clf.predict_set(X)[:, 3].all()


# ------------------------------------------------------------------- what a fit and a level tell


def test_classes_that_share_a_level_are_told_with_the_way_out():
    X, y = load_digits(return_X_y=True)
    y = np.where(np.arange(len(y)) % 20 == 0, y + 10, y)
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.95, conditional="class")
    clf.set_params(random_state=0, calibration_size=0.5)
    message = r"10 of 20 classes, such as \[10, 11, 12\], .* than the 19 that .* they share one,"
    with pytest.warns(UserWarning, match=message) as told:
        clf.fit(X, y)
    assert len(told) == 1
    assert Path(told[0].filename) == Path(__file__)
    assert clf.pooled_classes_.tolist() == list(range(10, 20))
    assert len(np.unique(clf.level_[10:])) == 1
    # Another coverage has other classes without a level of their own.
    with pytest.warns(UserWarning, match=r"19 of 20 classes, .* than the 99 t"):
        clf.predict_set(X[:5], target_coverage=0.99)
    clf.predict_set(X[:5], target_coverage=0.5)


def test_classes_with_too_few_rows_over_all_folds_are_told_and_in_every_set():
    X, y = load_iris(return_X_y=True)
    y[:6] = 9
    clf = CoverageSetClassifier(
        GaussianNB(var_smoothing=0.1), target_coverage=0.9, conditional="class", cv=3
    ).set_params(random_state=0)
    with pytest.warns(UserWarning, match=r"1 of 4 classes, such as \[9\], .* are in every set"):
        clf.fit(X, y)
    assert clf.pooled_classes_.tolist() == [9]
    assert clf.predict_set(X)[:, 3].all()


@pytest.mark.parametrize("cv", [None, 4])
def test_what_first_labels_alone_cover_is_known_and_lower_targets_change_nothing(cv, caplog):
    X, y = load_iris(return_X_y=True)
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, cv=cv, random_state=2)
    clf.set_params(calibration_size=0.5, verbose=1).fit(X, y)
    parts = [(clf, permutation(2, 150)[:75])]
    if cv:
        tests = KFold(4, shuffle=True, random_state=np.random.RandomState(2)).split(X)
        parts = list(zip(clf.folds_, [test for _, test in tests], strict=True))
    right = [fold.estimator_.predict(X[rows]) == y[rows] for fold, rows in parts]
    assert clf.least_coverage_ == approx(np.concatenate(right).mean())
    assert 0.9 < clf.least_coverage_ < 0.99
    told = f"the smallest sets cover {clf.least_coverage_:.1%}, enough for the target"
    assert told in caplog.text
    caplog.clear()
    assert clf.predict_set(X, target_coverage=0.98).sum() > clf.predict_set(X).sum()
    if cv is None:
        assert (clf.predict_set(X).sum(axis=1) == 1).all()
        assert (clf.predict_set(X, target_coverage=0.6).sum(axis=1) == 1).all()
    clf.set_params(target_coverage=0.98).fit(X, y)
    assert "enough for the target" not in caplog.text


@pytest.mark.parametrize("params", [{"target_size": 2}, {"label_noise": 0.1}], ids=str)
def test_without_levels_of_true_labels_nothing_is_known_of_the_smallest_sets(params):
    X, y = load_iris(return_X_y=True)
    clf = CoverageSetClassifier(GaussianNB(), random_state=0, **params).fit(X, y)
    assert not hasattr(clf, "least_coverage_")


def test_a_stratum_with_too_many_such_labels_is_refused():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    strata = np.where(np.isin(np.arange(150), permutation(seed, 150)[:30][::3]), "few", "many")
    strata[0] = "few"
    clf = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.85, conditional="strata", random_state=seed
    )
    with pytest.raises(ValueError, match=r"target_coverage=0.85 cannot be reached"):
        clf.fit(X, y, strata=strata)


def test_a_target_of_a_size_needs_no_labels():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(GaussianNB(), target_size=2, random_state=seed).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2, 9]


# ----------------------------------------------------------------------------- ties, sizes


class Jitters(GaussianNB):
    """Gives other last bits for one row than for many, as matrix products do."""

    def predict_proba(self, X):
        p = np.round(super().predict_proba(X), 1)
        p /= p.sum(axis=1, keepdims=True)
        noise = np.float32(1e-6) * (-1) ** np.arange(p.shape[1])
        return (p * (1 + noise * (len(X) > 1))).astype(np.float32)


@pytest.mark.parametrize(
    "target",
    [
        {"target_coverage": 0.7},
        {"target_coverage": 0.8},
        {"target_coverage": 0.9},
        {"target_coverage": 0.5, "conditional": "class"},
        {"target_size": 1.7},
        {"target_size": 2.3},
    ],
    ids=str,
)
def test_a_row_alone_has_the_set_that_it_has_in_a_batch_although_levels_tie(target):
    for seed in range(3):
        clf = CoverageSetClassifier(Jitters(), **target, random_state=seed).fit(X, Y)
        alone = np.vstack([clf.predict_set(X[i : i + 1]) for i in range(len(X))])
        np.testing.assert_array_equal(alone, clf.predict_set(X))


def test_a_size_below_the_smallest_sets_of_the_estimator_is_refused():
    inner = CardinalityAwareClassifier(GaussianNB(), sizes=[3], **QUICK)
    for size in (1, 1.5, 2.9):
        clf = CoverageSetClassifier(inner, target_size=size, calibration_size=0.5, random_state=0)
        with pytest.raises(ValueError, match=f"target_size={size} cannot be reached: the smallest"):
            clf.fit(X, Y)
    sets = clf.set_params(target_size=3.2).fit(X, Y).predict_set(X)
    assert sets.sum(axis=1).mean() == 3


def test_a_size_of_one_is_the_first_label():
    clf = CoverageSetClassifier(GaussianNB(), target_size=1.0, random_state=0).fit(X, Y)
    assert clf.level_ == np.inf
    assert (clf.predict_set(X).sum(axis=1) == 1).all()


# --------------------------------------------------------------------------- groups, keywords


def near_copies(rng, centres, n_groups=120, size=6):
    """Return rows of groups of near copies, their labels and groups."""
    groups = np.repeat(np.arange(n_groups), size)
    labels = rng.integers(len(centres), size=n_groups)
    offsets = 1.5 * rng.normal(size=(n_groups, centres.shape[1]))
    noise = 0.15 * rng.normal(size=(len(groups), centres.shape[1]))
    return (centres[labels] + offsets)[groups] + noise, labels[groups], groups


def test_coverage_holds_on_new_groups_if_groups_are_set_aside_together():
    rng = np.random.default_rng(0)
    centres, found = rng.normal(size=(8, 10)), []
    for seed in range(15):
        X, y, groups = near_copies(rng, centres)
        X_new, y_new, _ = near_copies(rng, centres)
        clf = CoverageSetClassifier(
            RandomForestClassifier(30, random_state=0), target_coverage=0.8, random_state=seed
        )
        alone, together = clf.fit(X, y).predict_set(X_new), clf.fit(X, y, groups=groups)
        sets = together.predict_set(X_new)
        found.append([coverage_score(y_new, s, classes=clf.classes_) for s in (alone, sets)])
    (apart, together), error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(15)
    assert apart < 0.7
    assert 0.8 - 3 * error[1] < together < 0.9


def test_rows_of_a_group_train_together_or_calibrate_together():
    class Remembers(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            self.rows_ = X[:, 0]
            return super().fit(X, y)

    rows = np.column_stack([np.arange(120.0), X])
    for groups in (np.arange(120) // 4, pd.Index(np.arange(120) // 4).astype(str)):
        clf = CoverageSetClassifier(Remembers(), target_coverage=0.7, random_state=0)
        clf.fit(rows, Y, groups=groups)
        trained = np.isin(np.arange(120), clf.estimator_.rows_).reshape(30, 4)
        assert (trained.all(axis=1) | ~trained.any(axis=1)).all()
        assert clf.n_calibration_ == 24


def test_a_class_of_which_all_groups_are_set_aside_is_a_miss():
    groups, y = np.arange(120) // 4, Y.copy()
    y[:2] = "only here"
    seed = next(s for s in range(99) if 0 in permutation(s, 30)[:6])
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.6, random_state=seed)
    with pytest.warns(UserWarning, match="2 of 24 calibration rows"):
        clf.fit(X, y, groups=groups)
    assert "only here" not in clf.classes_


def test_groups_that_are_too_few_are_refused():
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.9)
    with pytest.raises(ValueError, match="needs at least 9 calibration groups, got 2"):
        clf.fit(X, Y, groups=np.arange(120) // 12)
    with pytest.raises(ValueError, match=r"leaves no row to train on: .* 120 rows in 1 groups"):
        clf.fit(X, Y, groups=np.zeros(120))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, Y, groups=np.zeros(119))


def test_given_splits_are_restricted_to_the_training_rows():
    splits = list(KFold(3).split(X))
    for inner in (
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=splits),
        make_pipeline(CalibratedClassifierCV(GaussianNB(), cv=splits)),
        CardinalityAwareClassifier(GaussianNB(), **(QUICK | {"cv": splits})),
    ):
        clf = CoverageSetClassifier(inner, target_coverage=0.8, random_state=0).fit(X, Y)
        assert clf.n_calibration_ == 24
    within = clf.estimator_.cv
    assert np.sort(np.concatenate([test for _, test in within])).tolist() == list(range(96))
    short = CardinalityAwareClassifier(
        GaussianNB(), target_coverage=0.8, **(QUICK | {"cv": splits})
    )
    assert short.fit(X, Y).n_calibration_ == 24


def test_rows_that_given_splits_leave_out_do_not_train():
    # Rows next to those that are tested are left out, as for rows in time.
    n, tested = len(Y), np.arange(len(Y)) % 4
    splits = [
        (np.flatnonzero((tested != i) & (tested != (i + 1) % 4)), np.flatnonzero(tested == i))
        for i in range(4)
    ]
    for cv in (splits, iter(splits)):
        model = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, cv=cv).fit(X, Y)
        trained = [fold.estimator_.class_count_.sum() for fold in model.folds_]
        assert trained == [n / 2] * 4
        assert model.n_calibration_ == n


@pytest.mark.parametrize("bad", [[[1, 2]] * 120, [None, *["a"] * 119], [(1, 2)] * 120])
def test_groups_and_strata_that_cannot_be_are_named(bad):
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8)
    with pytest.raises((TypeError, ValueError), match="groups must"):
        clf.fit(X, Y, groups=bad)
    with pytest.raises((TypeError, ValueError), match="groups must"):
        CardinalityAwareClassifier(GaussianNB(), **QUICK).fit(X, Y, groups=bad)
    with pytest.raises((TypeError, ValueError), match="strata must"):
        clone(clf).set_params(conditional="strata").fit(X, Y, strata=bad)


class TakesKeywords(GaussianNB):
    """Remembers what its fit was given."""

    def fit(self, X, y, sample_weight=None, eval_set=None, rows=None, groups=None):
        self.given_ = {"eval_set": eval_set, "rows": rows, "groups": groups, "n": len(X)}
        return super().fit(X, y, sample_weight)


def test_keywords_of_fit_reach_the_classifier_inside():
    pairs, rows, groups = [(X[:5], Y[:5])], np.arange(120), np.arange(120) // 2
    given = {"eval_set": pairs, "rows": rows, "groups": groups}
    plain = TopKSetClassifier(TakesKeywords(), k=2).fit(X, Y, **given).estimator_.given_
    assert plain == {**given, "n": 120}
    clf = CoverageSetClassifier(TakesKeywords(), target_coverage=0.8, random_state=0)
    inside = clf.fit(X, Y, **given).estimator_.given_
    assert inside["eval_set"] is pairs
    assert inside["n"] == len(inside["rows"]) == len(inside["groups"]) == 96
    np.testing.assert_array_equal(inside["groups"], inside["rows"] // 2)
    pipeline = CoverageSetClassifier(make_pipeline(TakesKeywords()), target_coverage=0.8)
    pipeline.fit(X, Y, groups=groups, takeskeywords__rows=rows)
    inside = pipeline.estimator_[-1].given_
    np.testing.assert_array_equal(inside["groups"], inside["rows"] // 2)


def test_keywords_of_fit_reach_the_one_classifier_inside_a_cardinality_aware_one():
    rows, groups = np.arange(120), np.arange(120) // 2
    keywords = {"eval_set": [(X[:5], Y[:5])], "rows": rows, "groups": groups}
    clf = CardinalityAwareClassifier(TakesKeywords(), cv=3, refine=False, random_state=0)
    given = clf.fit(X, Y, **keywords).estimator_.given_
    assert given["eval_set"] is keywords["eval_set"]
    np.testing.assert_array_equal(given["rows"], rows)
    np.testing.assert_array_equal(given["groups"], groups)
    calibrated = clone(clf).set_params(target_coverage=0.8).fit(X, Y, **keywords)
    given = calibrated.estimator_.given_
    assert len(given["rows"]) == given["n"] == 120 - calibrated.n_calibration_
    np.testing.assert_array_equal(given["groups"], given["rows"] // 2)


@pytest.mark.parametrize("inner", [None, [("a", TakesKeywords()), ("b", GaussianNB())]])
def test_keywords_of_fit_are_refused_where_no_single_classifier_could_take_them(inner):
    with pytest.raises(ValueError, match=r"fit got \['rows'\], which go to the one classifier"):
        CardinalityAwareClassifier(inner).fit(X, Y, rows=np.arange(120))


def test_keywords_are_routed_to_the_one_of_several_classifiers_that_asks_for_them():
    rows = np.arange(120)
    with sklearn.config_context(enable_metadata_routing=True):
        pairs = [("a", TakesKeywords().set_fit_request(rows=True)), ("b", GaussianNB())]
        clf = CardinalityAwareClassifier(pairs)
        given = [list(clf._inner_fit_params(one, None, rows=rows)) for _, one in pairs]
    assert given == [["rows"], []]


def test_an_unknown_keyword_of_fit_is_refused_by_the_classifier_that_gets_it():
    with pytest.raises(TypeError, match=r"GaussianNB.fit\(\) got an unexpected .* 'rows'"):
        TopKSetClassifier(GaussianNB(), k=2).fit(X, Y, rows=np.arange(120))


def test_keywords_are_routed_to_the_classifier_that_asks_for_them():
    rows = np.arange(120)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = TakesKeywords().set_fit_request(rows=True, groups=True)
        for model in (
            TopKSetClassifier(inner, k=2),
            CoverageSetClassifier(inner, target_coverage=0.8, random_state=0),
        ):
            inside = model.fit(X, Y, rows=rows, groups=rows).estimator_.given_
            np.testing.assert_array_equal(inside["rows"], inside["groups"])
            with pytest.raises(TypeError, match="unknown"):
                model.fit(X, Y, unknown=rows)


def test_labels_in_an_eval_set_become_codes_with_the_others():
    pairs = [(X[:5], Y[:5])]
    model = TopKSetClassifier(WantsCodes(), k=2).fit(X, Y, eval_set=pairs)
    assert model.estimator_.n_eval_ == 1


def test_a_class_whose_rows_are_all_set_aside_does_not_trouble_a_classifier_that_wants_codes():
    y = Y.copy()
    y[[0, 1, 2]] = ["one", "two", "two"]
    clf = CoverageSetClassifier(WantsCodes(), target_coverage=0.7)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*count as misses")
        for seed in range(20):
            clf.set_params(random_state=seed).fit(X, y)
            assert clf.classes_.tolist() == sorted(set(y))


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
