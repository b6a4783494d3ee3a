"""The levels that are calibrated, and what a fit tells of them."""

from pathlib import Path

import numpy as np
import pytest
from calibrated import X, Y, approx, permutation
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from tiny import QUICK

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, TopKSetClassifier


def test_levels_of_a_set_predictor_are_calibrated_where_it_has_some():
    sets = CoverageSetClassifier(TopKSetClassifier(GaussianNB()), target_coverage=0.9)
    sizes = sets.set_params(random_state=0).fit(X, Y).predict_set(X).sum(axis=1)
    assert len(np.unique(sizes)) == 1


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
