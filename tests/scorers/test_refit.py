"""Choices for a search: the smallest sets that cover enough, the largest coverage of small sets."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred import ThresholdSetClassifier
from sklearn_setpred.scorers import get_set_scorer, largest_coverage_at, set_report, smallest_set_at

X, y = overlapping_blobs()


def failing(estimator, X, y):
    """A scorer that cannot score."""
    raise RuntimeError("no score today")


def results_of(coverage, size):
    """The two columns of cv_results_ that choices read."""
    size = -np.array(size, dtype=float)
    return {"mean_test_coverage": np.array(coverage), "mean_test_neg_mean_set_size": size}


@pytest.mark.parametrize(
    ("choose", "coverage", "size", "best"),
    [
        (smallest_set_at(coverage=0.9), [0.8, 0.9, 0.95], [1, 2, 3], 1),
        (smallest_set_at(coverage=0.9), [0.99, 0.91, 0.95], [3, 2, 2], 2),
        (smallest_set_at(coverage=0.9), [0.9, np.nan, 0.8], [3, 1, 1], 0),
        (smallest_set_at(coverage=0.3), [0.1 + 0.2 - 1e-16, 0.9], [1, 2], 0),
        (largest_coverage_at(size=2.5), [0.8, 0.9, 0.95], [1, 2, 3], 1),
        (largest_coverage_at(size=2.5), [0.9, 0.9, 0.95], [2, 1, 3], 1),
    ],
)
def test_the_best_candidate_within_the_limit_is_chosen(choose, coverage, size, best):
    assert choose(results_of(coverage, size)) == best


@pytest.mark.parametrize(
    ("choose", "coverage", "size", "best"),
    [
        (smallest_set_at(coverage=0.9), [0.7, 0.8, 0.8], [1, 3, 2], 2),
        (largest_coverage_at(size=2), [0.7, 0.8, 0.9], [3, 3, 4], 1),
    ],
)
def test_without_a_feasible_candidate_the_nearest_is_taken_with_a_warning(
    choose, coverage, size, best
):
    with pytest.warns(UserWarning, match="no candidate qualifies"):
        assert choose(results_of(coverage, size)) == best


def test_the_columns_a_choice_needs_are_named_with_the_way_out():
    search = GridSearchCV(ToySetClassifier(), {}, cv=2, refit=smallest_set_at(coverage=0.9))
    with pytest.raises(ValueError, match=r"mean_test_coverage.*mean_test_score.*set_report\(\)"):
        search.fit(X, y)


LOGISTIC = LogisticRegression(max_iter=1000)


@pytest.mark.parametrize("choose", [smallest_set_at(0.9), largest_coverage_at(2)])
@pytest.mark.parametrize(
    ("estimator", "scoring"),
    [
        (LOGISTIC, set_report()),  # it predicts no sets
        (ToySetClassifier(), dict.fromkeys(("coverage", "neg_mean_set_size"), failing)),
    ],
    ids=["no sets", "failing scorers"],
)
def test_where_every_scoring_failed_the_error_says_so(estimator, scoring, choose):
    search = GridSearchCV(estimator, {}, cv=2, scoring=scoring, refit=choose)
    with (
        pytest.warns(UserWarning, match="Scoring failed|non-finite"),
        pytest.raises(ValueError, match=r"every scoring failed.*error_score='raise'"),
    ):
        search.fit(X, y)


def test_candidates_whose_scoring_failed_lose():
    class Fragile(ToySetClassifier):
        def predict_set(self, X):
            if self.threshold == 0.3:
                raise RuntimeError("no sets today")
            return super().predict_set(X)

    # Of a report scikit-learn itself takes all scorings or none.
    scoring = {name: get_set_scorer(name) for name in ("coverage", "neg_mean_set_size")}
    search = GridSearchCV(Fragile(), {"threshold": [0.02, 0.3]}, cv=2, scoring=scoring)
    search.set_params(refit=smallest_set_at(coverage=0.5))
    with pytest.warns(UserWarning, match="no sets today|non-finite"):
        assert search.fit(X, y).best_params_ == {"threshold": 0.02}


# ----------------------------------------------------------------------- scores of a search


def search_of(choose, scoring):
    grid = {"threshold": [0.1, 0.3]}
    return GridSearchCV(ToySetClassifier(GaussianNB()), grid, cv=2, scoring=scoring, refit=choose)


SEARCHES = [
    search_of(choose, scoring)
    for choose in (smallest_set_at(coverage=0.7), largest_coverage_at(size=2.5))
    for scoring in (
        set_report(),
        {name: get_set_scorer(name) for name in ("coverage", "neg_mean_set_size")},
    )
]
SEARCH_IDS = ["report, size", "dict, size", "report, coverage", "dict, coverage"]


def scorer_of_aim(search):
    """Return the scorer of what a search's choice aims at."""
    aims_at_size = "smallest" in repr(search.refit)
    return get_set_scorer("neg_mean_set_size" if aims_at_size else "coverage")


@pytest.mark.parametrize("search", SEARCHES, ids=SEARCH_IDS)
def test_the_score_of_a_search_is_that_of_its_aim(search):
    fitted = pickle.loads(pickle.dumps(clone(search).fit(X, y)))
    assert fitted.score(X, y) == scorer_of_aim(search)(fitted, X, y)
    with sklearn.config_context(enable_metadata_routing=True):
        assert fitted.score(X, y) == scorer_of_aim(search)(fitted, X, y)


@pytest.mark.parametrize("search", SEARCHES, ids=SEARCH_IDS)
def test_searches_can_be_nested_and_looked_into(search):
    options = {"cv": 2, "error_score": "raise"}
    scores = cross_val_score(search, X, y, **options)
    expected = cross_val_score(search, X, y, scoring=scorer_of_aim(search), **options)
    np.testing.assert_array_equal(scores, expected)
    _, _, curve = learning_curve(
        search, X, y, train_sizes=[0.8], shuffle=True, random_state=0, **options
    )
    assert np.isfinite(curve).all()
    fitted, options = clone(search).fit(X, y), {"n_repeats": 2, "random_state": 0}
    found = permutation_importance(fitted, X, y, **options)
    expected = permutation_importance(fitted, X, y, scoring=scorer_of_aim(search), **options)
    np.testing.assert_array_equal(found.importances, expected.importances)


def test_the_search_of_the_readme_in_a_pipeline_is_scored_and_nested():
    pipe = make_pipeline(StandardScaler(), ThresholdSetClassifier(LOGISTIC))
    grid = {"thresholdsetclassifier__threshold": [0.01, 0.1]}
    choose = smallest_set_at(coverage=0.9)
    search = GridSearchCV(pipe, grid, cv=2, scoring=set_report(), refit=choose)
    assert (cross_val_score(search, X, y, cv=2, error_score="raise") < -1).all()
    results = cross_validate(search, X, y, cv=2, scoring=set_report(), error_score="raise")
    assert (results["test_coverage"] > 0.5).all()


def test_choices_are_equal_to_themselves_and_stand_for_no_other_score():
    choose, same = smallest_set_at(coverage=0.9), smallest_set_at(coverage=0.9)
    assert choose == choose != same
    assert {"coverage": 1}.get(choose) is None
    assert {"neg_mean_set_size": 2}[choose] == 2


# ------------------------------------------------------------------------ scikit-learn's tools
