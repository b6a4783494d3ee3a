"""One label alone: sets of one label are right as often as was asked for, others have two."""

import warnings

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from tiny import labelled_rows

from sklearn_setpred import CoverageSetClassifier, get_set_scorer
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.estimators._decisions import accuracy_level, rows_to_decide
from sklearn_setpred.metrics import singleton_accuracy_score, singleton_score

X, Y = labelled_rows()


@pytest.fixture(scope="module")
def problem():
    """A fitted classifier, and rows and labels that are new to it."""
    X, y, _, gaussians = make_confusable_classes(
        1000, 12, 4, class_sep=4, return_problem=True, random_state=0
    )
    fitted = LogisticRegression(max_iter=5000).fit(X, y)
    return FrozenEstimator(fitted), *gaussians.sample(9000, random_state=1)


@pytest.mark.parametrize(
    ("accuracy", "confidence", "n"), [(0.9, 0.9, 22), (0.5, 0.75, 2), (0.95, 0.95, 59)]
)
def test_so_many_right_rows_show_an_accuracy_and_one_less_does_not(accuracy, confidence, n):
    assert rows_to_decide(accuracy, confidence) == n
    assert accuracy**n <= 1 - confidence < accuracy ** (n - 1)


def test_the_level_falls_until_the_first_test_that_fails():
    probability = np.linspace(1, 0, 101)[:100]
    is_right = np.ones(100, dtype=bool)
    assert accuracy_level(probability, is_right, 0.9, 0.9) == pytest.approx(0.01, rel=1e-5)
    is_right[30:] = False
    n = 30
    while binom.cdf(n + 1 - 30, n + 1, 0.1) <= 0.1:
        n += 1
    expected = probability[n - 1]
    assert accuracy_level(probability, is_right, 0.9, 0.9) == pytest.approx(expected, rel=1e-5)
    # What is right after the failure does not help, and rows that tie stand or fall together.
    is_right[50:] = True
    assert accuracy_level(probability, is_right, 0.9, 0.9) == pytest.approx(expected, rel=1e-5)
    assert accuracy_level(np.full(100, 0.7), is_right, 0.9, 0.9) == np.inf
    order = np.random.default_rng(0).permutation(100)
    shuffled = accuracy_level(probability[order], is_right[order], 0.9, 0.9)
    assert shuffled == pytest.approx(expected, rel=1e-5)


def test_a_wrong_row_among_the_surest_leaves_no_label_alone():
    is_right = np.ones(100, dtype=bool)
    is_right[0] = False
    assert accuracy_level(np.linspace(1, 0.5, 100), is_right, 0.9, 0.9) == np.inf


def test_labels_alone_are_single_and_all_other_sets_hold_two_or_more(problem):
    fitted, X, y = problem
    model = CoverageSetClassifier(fitted, target_coverage=0.9, target_accuracy=0.9)
    sets = model.fit(X[:1000], y[:1000]).predict_set(X[1000:])
    decision, sizes = model.predict_decision(X[1000:]), sets.sum(axis=1)
    assert 0.2 < (sizes == 1).mean() < 0.95
    np.testing.assert_array_equal(decision.mask, sizes > 1)
    np.testing.assert_array_equal(decision.data, model.predict(X[1000:]))
    np.testing.assert_array_equal(model.set_levels(X[1000:]) >= model.level_, sets)
    y_new, fraction = y[1000:], get_set_scorer("singleton")(model, X[1000:], y[1000:])
    assert fraction == 1 - decision.mask.mean() == singleton_score(y_new, sets)
    assert singleton_accuracy_score(y_new, sets) == pytest.approx((decision == y_new).mean())
    others = sets[decision.mask]
    assert others[np.arange(len(others)), y_new[decision.mask]].mean() > 0.87


@pytest.mark.parametrize("rate", [None, 0.2])
def test_the_accuracy_is_kept_by_as_many_calibrations_as_the_confidence_says(problem, rate):
    fitted, X, y = problem
    p = fitted.predict_proba(X)
    first, right = p.max(axis=1), p.argmax(axis=1) == y
    model = CoverageSetClassifier(
        fitted, target_coverage=0.8, target_accuracy=0.93, confidence=0.8, label_noise=rate
    )
    rng, broken, alone = np.random.default_rng(0), 0, []
    for _ in range(50):
        rows = rng.choice(9000, 400, replace=False)
        redrawn = rng.random(400) < (rate or 0)
        given = np.where(redrawn, rng.integers(12, size=400), y[rows])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No label stands alone")
            level = model.fit(X[rows], given).accuracy_level_
        broken += np.isfinite(level) and right[first >= level].mean() < 0.93
        alone.append((first >= level).mean())
    assert broken <= 10
    assert np.mean(alone) > (0.1 if rate is None else 0.01)


def test_where_no_label_can_stand_alone_a_warning_says_so(problem):
    _, X, _ = problem
    rng = np.random.default_rng(0)
    model = CoverageSetClassifier(GaussianNB(), target_coverage=0.5, target_accuracy=0.9)
    with pytest.warns(UserWarning, match="No label stands alone"):
        model.fit(X[:400], rng.integers(3, size=400))
    assert model.accuracy_level_ == np.inf
    assert model.predict_decision(X).mask.all()
    assert (model.predict_set(X).sum(axis=1) >= 2).all()


def test_where_nearly_all_labels_stand_alone_the_few_other_sets_hold_all_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), np.arange(400) % 3
    X += 20 * np.eye(3)[y][:, :2]
    model = CoverageSetClassifier(GaussianNB(), target_accuracy=0.9, random_state=0).fit(X, y)
    assert model.level_ < -1e300
    assert not model.predict_decision(X).mask.any()
    assert model.predict_set([[10, 10], [0, 0]]).sum(axis=1).tolist() == [3, 1]
    assert (model.predict_set(X).sum(axis=1) == 1).mean() > 0.98


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"target_accuracy": 1.0}, r"target_accuracy=1.0 is not in \(0, 1\)"),
        ({"target_accuracy": 0.9, "confidence": 0}, r"confidence=0 is not in \(0, 1\)"),
        ({"target_accuracy": 0.99}, "needs at least 230 calibration rows, got 24"),
        ({"target_accuracy": 0.9, "target_size": 2}, "clash"),
        ({"target_accuracy": 0.9, "conditional": "class"}, "clash"),
        ({"target_accuracy": 0.9, "cv": 5}, "clash"),
        ({"target_accuracy": 0.9, "label_noise": "estimate"}, "a rate of label_noise only"),
    ],
)
def test_an_accuracy_that_cannot_be_is_refused_before_any_fit(params, message):
    class MustNotBeFitted(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("fitted")

    params = {"target_coverage": 0.8} | params if "target_size" not in params else params
    with pytest.raises(ValueError, match=message):
        CoverageSetClassifier(MustNotBeFitted(), **params).fit(X, Y)


def test_groups_are_refused_as_their_rows_are_not_independent():
    model = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, target_accuracy=0.7)
    with pytest.raises(ValueError, match="needs independent rows"):
        model.fit(X, Y, groups=np.arange(len(X)) // 2)


def test_decisions_are_there_only_with_a_target_accuracy():
    assert not hasattr(CoverageSetClassifier(GaussianNB()).fit(X, Y), "predict_decision")
