"""Scorers are their metrics on predicted sets, in whatever holds the predictor."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred import metrics
from sklearn_setpred.prediction import predict_set
from sklearn_setpred.scorers import (
    get_set_scorer,
    get_set_scorer_names,
    largest_coverage_at,
    make_set_scorer,
    set_report,
    smallest_set_at,
    top_k_scorer,
)

X, y = overlapping_blobs()


TOY = ToySetClassifier().fit(X, y)


SETS = TOY.predict_set(X)


THRESHOLDS = {"threshold": [0.02, 0.1, 0.3, 0.6]}


SCORERS = {name: get_set_scorer(name) for name in get_set_scorer_names()}
SCORERS |= {"top_2": top_k_scorer(2), "report": set_report()}


def test_a_scorer_is_its_metric_on_the_predicted_sets_higher_is_better():
    penalised = make_set_scorer(metrics.cardinality_aware_loss, size_penalty=0.2)
    assert get_set_scorer("coverage")(TOY, X, y) == metrics.coverage_score(y, SETS)
    assert get_set_scorer("neg_mean_set_size")(TOY, X, y) == -metrics.mean_set_size(y, SETS)
    loss = metrics.cardinality_aware_loss(y, SETS, size_penalty=0.2)
    assert penalised(TOY, X, y) == -loss


@pytest.mark.parametrize("name", SCORERS)
def test_large_labels_of_another_integer_type_score_the_same(name):
    ids = y.astype(np.int64) + 2**60
    model = ToySetClassifier().fit(X, ids)
    assert SCORERS[name](model, X, ids.astype(np.uint64)) == SCORERS[name](TOY, X, y)


@pytest.mark.parametrize("make", [pd.Index, pd.DataFrame, pl.Series, pl.DataFrame, pa.array])
@pytest.mark.parametrize("name", SCORERS)
def test_the_container_of_the_labels_does_not_matter(name, make):
    labels = np.array(["ant", "bee", "cat", "dog"])[y]
    model = ToySetClassifier().fit(X, labels)
    assert SCORERS[name](model, X, make(labels)) == SCORERS[name](TOY, X, y)


@pytest.mark.parametrize("name", get_set_scorer_names())
def test_names_tell_the_metric_and_the_sign(name):
    scorer, metric_name = get_set_scorer(name), name.removeprefix("neg_")
    assert scorer.greater_is_better != name.startswith("neg_")
    metric = getattr(metrics, metric_name, getattr(metrics, f"{metric_name}_score", None))
    assert scorer.metric is metric
    assert get_set_scorer(name) is not scorer


def test_all_labels_in_every_set_is_perfect_coverage_and_largest_size():
    everything = ToySetClassifier(threshold=0.0).fit(X, y)
    assert get_set_scorer("coverage")(everything, X, y) == 1
    assert get_set_scorer("neg_mean_set_size")(everything, X, y) == -4


def test_the_loss_scorer_does_not_read_the_penalty_of_the_estimator():
    greedy, lavish = TOY, ToySetClassifier(threshold=0.0).fit(X, y)
    lavish.size_penalty = 0.0
    expected = -metrics.cardinality_aware_loss(y, lavish.predict_set(X))
    scorer = get_set_scorer("neg_cardinality_aware_loss")
    assert scorer(lavish, X, y) == expected < scorer(greedy, X, y)


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize(
    "holder",
    [
        make_pipeline(StandardScaler(), ToySetClassifier()),
        GridSearchCV(make_pipeline("passthrough", ToySetClassifier()), {}, cv=2),
        FrozenEstimator(make_pipeline(StandardScaler(), ToySetClassifier()).fit(X, y)),
    ],
    ids=["pipeline", "search", "frozen"],
)
def test_scorers_see_through_whatever_holds_the_predictor(name, holder):
    holder.fit(X, y)
    inner = getattr(holder, "best_estimator_", holder)[-1]
    inner_X = X if hasattr(holder, "best_estimator_") else StandardScaler().fit_transform(X)
    assert SCORERS[name](holder, X, y) == SCORERS[name](inner, inner_X, y)


@pytest.mark.parametrize("name", ["coverage", "top_4"])
def test_a_label_never_seen_in_training_is_a_miss(name):
    scorer = top_k_scorer(4) if name == "top_4" else get_set_scorer(name)
    everything = ToySetClassifier(threshold=0.0).fit(X, np.array(list("bdfh"))[y])
    assert scorer(everything, X[:4], ["b", "d", "z", "a"]) == 0.5


def test_folds_that_miss_a_class_are_scored_by_the_columns_they_have():
    # Test parts are one class each, in the middle of the others: columns shift on its right.
    folds = [(np.flatnonzero(y != label), np.flatnonzero(y == label)) for label in range(4)]
    everything = ToySetClassifier(threshold=0.0)
    np.testing.assert_array_equal(
        cross_val_score(everything, X, y, cv=folds, scoring=get_set_scorer("coverage")), 0
    )
    halves = [(np.flatnonzero(y != 1), np.flatnonzero(y < 2)), (np.arange(120), np.arange(120))]
    results = cross_validate(everything, X, y, cv=halves, scoring=set_report())
    np.testing.assert_array_equal(results["test_coverage"], [0.5, 1])
    np.testing.assert_array_equal(results["test_neg_mean_set_size"], [-3, -4])
    np.testing.assert_array_equal(
        cross_val_score(everything, X, y, cv=halves, scoring=top_k_scorer(4)), [0.5, 1]
    )


@pytest.mark.parametrize("name", SCORERS)
def test_an_integer_weight_is_a_repeated_row(name, rng):
    weight = rng.integers(0, 3, len(y))
    weighted = SCORERS[name](TOY, X, y, sample_weight=weight)
    repeated = SCORERS[name](TOY, np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("scoring", ["scorer", "report", "dict"])
def test_weights_are_routed_to_scorers_that_ask(scoring, rng):
    weight = rng.integers(0, 3, len(y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_set_scorer("coverage").set_score_request(sample_weight=True)
        asked = {
            "scorer": scorer,
            "report": set_report().set_score_request(sample_weight=True),
            "dict": {"coverage": scorer},
        }[scoring]
        toy = ToySetClassifier().set_fit_request(sample_weight=False)
        params = {"sample_weight": weight}
        results = cross_validate(toy, X, y, cv=KFold(2), scoring=asked, params=params)
        search = GridSearchCV(toy, {}, cv=KFold(2), scoring=asked, refit=False)
        search.fit(X, y, sample_weight=weight)
    model = ToySetClassifier().fit(X[60:], y[60:])
    expected = metrics.coverage_score(y[:60], model.predict_set(X[:60]), sample_weight=weight[:60])
    column = "score" if scoring == "scorer" else "coverage"
    assert results[f"test_{column}"][0] == expected
    assert search.cv_results_[f"split0_test_{column}"][0] == expected


def test_weights_that_nobody_asked_for_are_refused_by_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        toy = ToySetClassifier().set_fit_request(sample_weight=True)
        search = GridSearchCV(toy, {}, cv=2, scoring=get_set_scorer("coverage"))
        with pytest.raises(UnsetMetadataPassedError, match="set_score_request"):
            search.fit(X, y, sample_weight=np.ones(len(y)))


@pytest.mark.parametrize("scoring", ["scorer", "report", "dict"])
def test_weights_without_routing_do_not_disturb_a_search(scoring):
    scorer = get_set_scorer("coverage")
    several = {"coverage": scorer, "top_2": top_k_scorer(2)}
    scoring = {"scorer": scorer, "report": set_report(), "dict": several}[scoring]
    search = GridSearchCV(ToySetClassifier(), {}, cv=2, scoring=scoring, refit=False)
    search.fit(X, y, sample_weight=np.ones(len(y)))


def test_strata_reach_predict_set():
    class Strata(ToySetClassifier):
        def predict_set(self, X, *, strata):
            return super().predict_set(X) | (strata == "all")[:, None]

    strata = np.where(np.arange(120) < 60, "all", "own")
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_set_scorer("coverage").set_score_request(strata=True)
        results = cross_validate(
            Strata(), X, y, cv=KFold(2), scoring=scorer, params={"strata": strata}
        )
    assert results["test_score"][0] == 1 > results["test_score"][1]


def without_weights(y_true, y_set, *, classes):
    return float(len(classes))


def test_a_metric_without_weights_gets_none():
    scorer = make_set_scorer(without_weights, greater_is_better=True)
    assert scorer(TOY, X, y) == 4
    assert set_report(columns=scorer)(TOY, X, y, sample_weight=np.ones(120))["columns"] == 4


@pytest.mark.parametrize("name", SCORERS)
def test_clones_and_pickles_score_alike_and_keep_their_requests(name):
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = clone(SCORERS[name]).set_score_request(sample_weight=True)
        for copy in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
            assert repr(copy) == repr(scorer)
            assert copy.get_metadata_routing().score.requests["sample_weight"] is True
            np.testing.assert_equal(copy(TOY, X, y), scorer(TOY, X, y))
        original = SCORERS[name].get_metadata_routing().score.requests
        assert original == {"sample_weight": None, "strata": None}


def test_reprs_are_the_calls_that_make_the_scorers():
    namespace = {**vars(metrics), "make_set_scorer": make_set_scorer, "top_k_scorer": top_k_scorer}
    for scorer in [*(SCORERS[name] for name in get_set_scorer_names()), top_k_scorer(3)]:
        assert repr(eval(repr(scorer), namespace)) == repr(scorer)
    assert repr(smallest_set_at(coverage=0.9)) == "smallest_set_at(coverage=0.9)"
    assert repr(set_report("set_utility")).endswith("singleton, set_utility)")


def test_the_top_k_scorer_scores_the_ranking():
    hits = (TOY.predict_top_k(X, 2) == y[:, None]).any(axis=1)
    assert top_k_scorer(2)(TOY, X, y) == hits.mean()
    assert top_k_scorer(1)(TOY, X, y) == TOY.score(X, y)
    assert top_k_scorer(9)(TOY, X, y) == 1


def test_a_report_calls_predict_set_once():
    class Counting(ToySetClassifier):
        calls = 0

        def predict_set(self, X):
            self.calls += 1
            return super().predict_set(X)

    counting = Counting().fit(X, y)
    report = set_report("set_utility", mine=make_set_scorer(metrics.coverage_score))
    scores = report(counting, X, y)
    assert counting.calls == 1
    for name in ["coverage", "neg_mean_set_size", "set_utility"]:
        assert scores[name] == get_set_scorer(name)(counting, X, y)
    assert scores["mine"] == scores["coverage"]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: get_set_scorer("coverag"), ValueError, "did you mean 'coverage'"),
        (lambda: set_report("coverag"), ValueError, "did you mean 'coverage'"),
        (lambda: set_report(acc="accuracy"), TypeError, "acc='accuracy'.*make_set_scorer"),
        (lambda: set_report(top=top_k_scorer(1)), TypeError, "make_set_scorer"),
        (lambda: make_set_scorer(metrics.mean_set_size), ValueError, "greater_is_better"),
        (lambda: top_k_scorer(0), ValueError, "k=0"),
        (lambda: smallest_set_at(coverage=95), ValueError, "coverage=95"),
        (lambda: largest_coverage_at(size=-1), ValueError, "size=-1"),
    ],
)
def test_wrong_arguments_are_named_at_once(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_an_estimator_without_sets_is_told_the_way_out():
    with pytest.raises(AttributeError, match="TopKSetClassifier"):
        get_set_scorer("coverage")(LogisticRegression().fit(X, y), X, y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_chooses_the_smallest_sets_that_cover(n_jobs):
    pipe = make_pipeline(StandardScaler(), ToySetClassifier())
    grid = {"toysetclassifier__threshold": THRESHOLDS["threshold"]}
    choose = smallest_set_at(coverage=0.9)
    search = GridSearchCV(pipe, grid, cv=3, scoring=set_report(), refit=choose, n_jobs=n_jobs)
    search = pickle.loads(pickle.dumps(clone(search))).fit(X, y)
    means = search.cv_results_
    enough = means["mean_test_coverage"] >= 0.9
    best = np.where(enough, means["mean_test_neg_mean_set_size"], -np.inf).argmax()
    assert search.best_index_ == best
    assert 0 < enough.sum() < len(enough)
    assert predict_set(search, X).shape == (120, 4)


def test_randomized_search_chooses_the_largest_coverage_of_small_sets():
    search = RandomizedSearchCV(
        ToySetClassifier(),
        THRESHOLDS,
        n_iter=3,
        cv=3,
        scoring=set_report(),
        refit=largest_coverage_at(size=2.0),
        random_state=0,
    ).fit(X, y)
    assert search.cv_results_["mean_test_neg_mean_set_size"][search.best_index_] >= -2


def test_a_report_lets_a_search_refit_by_the_name_of_one_score():
    refit = "neg_cardinality_aware_loss"
    search = GridSearchCV(ToySetClassifier(), THRESHOLDS, scoring=set_report(), refit=refit)
    assert search.fit(X, y).best_score_ == search.cv_results_[f"mean_test_{refit}"].max()


def test_halving_search_takes_a_report_with_a_score():
    by_loss = get_set_scorer("neg_cardinality_aware_loss")
    how = {"cv": 2, "factor": 2, "random_state": 0}
    search = HalvingGridSearchCV(
        ToySetClassifier(), THRESHOLDS, scoring=set_report(score=by_loss), refit="score", **how
    )
    single = HalvingGridSearchCV(ToySetClassifier(), THRESHOLDS, scoring=by_loss, **how)
    search.fit(X, y), single.fit(X, y)
    assert search.best_params_ == single.best_params_
    assert search.score(X, y) == single.score(X, y)
    assert "mean_test_coverage" in search.cv_results_


def test_halving_search_takes_a_single_scorer():
    scorer = get_set_scorer("neg_cardinality_aware_loss")
    search = HalvingGridSearchCV(ToySetClassifier(), THRESHOLDS, cv=2, scoring=scorer, factor=2)
    search.set_params(min_resources=40, random_state=0).fit(X, y)
    assert np.isfinite(search.best_score_)
    assert predict_set(search, X).any(axis=1).all()


def test_curves_of_learning_and_validation():
    scorer = get_set_scorer("coverage")
    _, train, test = learning_curve(
        ToySetClassifier(), X, y, cv=3, scoring=scorer, train_sizes=[40, 80]
    )
    assert (train.shape, test.shape) == ((2, 3), (2, 3))
    lower = {"param_name": "threshold", "param_range": [0.0, 0.3, 0.9]}
    _, test = validation_curve(ToySetClassifier(), X, y, cv=3, scoring=scorer, **lower)
    assert (np.diff(test, axis=0) <= 0).all()
    assert (test[0] == 1).all()


@pytest.mark.parametrize("scoring", [get_set_scorer("neg_cardinality_aware_loss"), set_report()])
def test_permutation_importance_finds_the_constant_feature_useless(scoring):
    padded = np.column_stack([X, np.ones(120)])
    toy = ToySetClassifier().fit(padded, y)
    weight = np.arange(120.0)
    result = permutation_importance(
        toy, padded, y, scoring=scoring, n_repeats=2, random_state=0, sample_weight=weight
    )
    result = result.get("neg_cardinality_aware_loss", result)
    assert result.importances_mean[3] == 0
    assert result.importances_mean[:3].max() > 0


def test_a_column_transformer_may_stand_before_the_predictor():
    frame = pd.DataFrame(
        {"number": X[:, 0], "word": np.array(["u", "v"])[(X[:, 1] > 0).astype(int)]}
    )
    columns = make_column_transformer((StandardScaler(), ["number"]), (OneHotEncoder(), ["word"]))
    pipe = make_pipeline(columns, ToySetClassifier())
    scores = cross_validate(pipe, frame, y, cv=3, scoring=set_report(), error_score="raise")
    assert (scores["test_coverage"] > 0.5).all()


@pytest.mark.parametrize(
    "base",
    [CalibratedClassifierCV(GaussianNB(), cv=2), FrozenEstimator(GaussianNB().fit(X, y))],
    ids=["calibrated", "frozen"],
)
def test_calibrated_and_frozen_classifiers_may_stand_inside(base):
    search = GridSearchCV(ToySetClassifier(base), THRESHOLDS, cv=3, scoring=set_report())
    search.set_params(refit=smallest_set_at(coverage=0.9)).fit(X, y)
    inside = search.best_estimator_.model_
    levels = inside.predict_proba(X)
    expected = levels >= search.best_params_["threshold"]
    expected[np.arange(120), levels.argmax(axis=1)] = True
    np.testing.assert_array_equal(predict_set(search, X), expected)


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("as_column", [lambda y: y[:, None], lambda y: pd.DataFrame({"y": y})])
def test_labels_in_one_column_score_as_a_vector(name, as_column):
    assert SCORERS[name](TOY, X, as_column(y)) == SCORERS[name](TOY, X, y)
