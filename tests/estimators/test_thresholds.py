"""CardinalityAwareClassifier with candidate sets by thresholds of the probability."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.metrics import coverage_score

THRESHOLDS = [0.5, 0.3, 0.1, 0.03, 0.01, 0.003]
COST_SURROGATES = ["cost_sensitive_comp_sum", "cost_sensitive_constrained"]


def small(**params):
    """Return a classifier around naive Bayes, without refinement unless asked for."""
    options = {"refine": False, "max_epochs": 2, "cv": 2, "random_state": 0}
    return CardinalityAwareClassifier(
        GaussianNB(), **({"thresholds": THRESHOLDS} | options | params)
    )


@pytest.fixture(scope="module")
def problem():
    """300 rows of 4 features in 8 classes that overlap."""
    X, y, _ = make_confusable_classes(300, 8, 4, random_state=0)
    return X, y


@pytest.fixture(scope="module", params=[{}, {"refine": True}, {"size_cost": "log"}], ids=str)
def fitted(request, problem):
    return small(**request.param).fit(*problem)


def candidate_sets(p):
    """Return the candidate sets of rows with probabilities p, (m, n, n_classes)."""
    sets = p >= np.array(THRESHOLDS)[:, None, None]
    sets[:, np.arange(len(p)), p.argmax(axis=1)] = True
    return sets


def penalties(levels):
    """Return levels that occur, and penalties between them."""
    finite = levels[np.isfinite(levels)]
    occurring = np.quantile(finite, np.linspace(0, 1, 12), method="nearest")
    return [0.0, *occurring, 0.003, 0.05, 0.2, 9.0]


def test_sets_are_the_levels_cut_at_the_penalty(fitted, problem):
    X, _ = problem
    levels = fitted.set_levels(X)
    for penalty in penalties(levels):
        sets = fitted.predict_set(X, size_penalty=penalty)
        np.testing.assert_array_equal(sets, levels >= penalty)
        sizes = fitted.predict_set_size(X, size_penalty=penalty)
        np.testing.assert_array_equal(sets.sum(axis=1), sizes)


def test_every_set_is_a_candidate(fitted, problem):
    X, _ = problem
    candidates = candidate_sets(fitted.predict_proba(X))
    for penalty in (0.0, 0.01, 0.05, 1.0):
        sets = fitted.predict_set(X, size_penalty=penalty)
        assert (candidates == sets).all(axis=2).any(axis=0).all()


def test_sets_are_nested_and_never_empty(fitted, problem):
    X, _ = problem
    sets = [fitted.predict_set(X, size_penalty=p) for p in (0.0, 0.003, 0.01, 0.05, 0.2, 1e9)]
    for larger, smaller in pairwise(sets):
        assert (larger >= smaller).all()
    np.testing.assert_array_equal(sets[0], candidate_sets(fitted.predict_proba(X))[-1])
    np.testing.assert_array_equal(sets[-1], candidate_sets(fitted.predict_proba(X))[0])
    assert sets[-1].any(axis=1).all()


@pytest.mark.parametrize("size_cost", ["linear", "log", np.sqrt])
def test_sets_minimise_the_plug_in_loss_among_the_candidates(problem, size_cost):
    X, y = problem
    # Of a pool of one, the sizes follow from the probabilities alone.
    inner = NeuralClassifier(hidden_layer_sizes=(8,), max_epochs=3, random_state=0)
    clf = small(size_cost=size_cost, refine=True).set_params(estimator=inner).fit(X, y)
    cost = {"linear": np.copy, "log": np.log}.get(size_cost, size_cost)
    p = clf.predict_proba(X)
    candidates = candidate_sets(p)
    missed, size = 1 - (candidates * p).sum(axis=2), candidates.sum(axis=2).astype(float)
    for penalty in (0.002, 0.02, 0.07, 0.3):
        loss = missed + penalty * cost(size)
        # Among equal ones the largest, which stands last.
        best = len(THRESHOLDS) - 1 - loss[::-1].argmin(axis=0)
        expected = candidates[best, np.arange(len(X))]
        np.testing.assert_array_equal(clf.predict_set(X, size_penalty=penalty), expected)


def test_the_order_of_thresholds_and_repeated_ones_do_not_matter(problem):
    X, y = problem
    shuffled = small(thresholds=[0.003, 0.1, 0.1, 0.5, 0.03, 0.3, 0.01]).fit(X, y)
    np.testing.assert_array_equal(shuffled.set_levels(X), small().fit(X, y).set_levels(X))


def test_one_threshold_alone_is_the_rule_of_that_threshold(problem):
    X, y = problem
    clf = small(thresholds=[0.2]).fit(X, y)
    expected = clf.predict_proba(X) >= 0.2
    expected[np.arange(len(X)), clf.predict_proba(X).argmax(axis=1)] = True
    np.testing.assert_array_equal(clf.predict_set(X, size_penalty=5), expected)
    assert set(np.unique(clf.set_levels(X))) == {-np.inf, np.inf}


@pytest.mark.parametrize("surrogate", COST_SURROGATES)
def test_a_rule_trained_on_costs_takes_the_candidate_of_the_greatest_value(problem, surrogate):
    X, y = problem
    base = FrozenEstimator(GaussianNB().fit(X, y))
    clf = small(surrogate=surrogate).set_params(estimator=base).fit(X, y)
    sketch = clf.candidates_.sketch(clf._scores(X))
    values = clf.selector_.values(X, sketch)
    # Thresholds that give a row the same set stand for it with the greatest of their values.
    expected = sketch.sizes[np.arange(len(X)), values.argmax(axis=1)]
    np.testing.assert_array_equal(clf.predict_set_size(X), expected)
    np.testing.assert_array_equal(clf.predict_set(X), clf._path_levels(X) >= 0)


@pytest.mark.parametrize("params", [{}, {"surrogate": COST_SURROGATES[0]}, {"refine": True}])
def test_a_target_coverage_is_met(problem, params):
    X, y, _ = make_confusable_classes(900, 8, 4, random_state=0)
    clf = small(target_coverage=0.8, **params).fit(X[:600], y[:600])
    assert coverage_score(y[600:], clf.predict_set(X[600:])) > 0.75
    np.testing.assert_array_equal(clf.predict_set(X), clf._path_levels(X) >= clf.level_)


def test_around_it_the_levels_are_calibrated(problem):
    X, y = problem
    clf = CoverageSetClassifier(small(), target_coverage=0.8, random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.predict_set(X), clf.set_levels(X) >= clf.level_)
    inner = clf.estimator_.predict_set(X, size_penalty=clf.level_)
    np.testing.assert_array_equal(clf.predict_set(X), inner)


def test_beyond_the_lowest_threshold_all_labels_are_needed(problem):
    X, y = problem
    clf = small(thresholds=[1.0], target_coverage=0.98).fit(X, y)
    assert clf.level_ == -np.inf
    assert clf.predict_set(X).all()


@pytest.mark.parametrize("thresholds", [[], [0.0, 0.1], [1.1], [[0.1]], ["0.1"], [np.nan], 0.1])
def test_bad_thresholds_are_refused(problem, thresholds):
    with pytest.raises(ValueError, match="thresholds="):
        small(thresholds=thresholds).fit(*problem)


def test_thresholds_and_sizes_are_refused_together(problem):
    with pytest.raises(ValueError, match=r"sizes=\[1, 2\] and thresholds="):
        small(sizes=[1, 2]).fit(*problem)


def test_clones_keep_the_thresholds():
    assert clone(small()).thresholds == THRESHOLDS
