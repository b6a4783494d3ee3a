"""A classifier inside gets X as it is, and the weights and keywords of fit."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from around import both_wrappers
from calibrated import X, Y
from foreign import WantsCodes
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from tiny import QUICK

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    TopKSetClassifier,
)


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


class NoScores(ClassifierMixin, BaseEstimator):
    """A classifier that gives labels only, and must not be fitted."""

    def fit(self, X, y):
        raise AssertionError("fitted")

    def predict(self, X):
        return X


@both_wrappers
def test_without_an_estimator_a_network_is_inside(iris_like, wrapper):
    model = wrapper().fit(*iris_like)
    assert isinstance(model.estimator_, NeuralClassifier)
    assert model.estimator is None
    again = wrapper().fit(*iris_like)
    X = iris_like[0]
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_the_estimator_given_is_left_unfitted(iris_like):
    inner = GaussianNB()
    TopKSetClassifier(inner, k=1).fit(*iris_like)
    assert not hasattr(inner, "classes_")


@both_wrappers
def test_an_estimator_without_scores_is_refused_before_it_is_fitted(iris_like, wrapper):
    with pytest.raises(ValueError, match=r"NoScores\(\) has neither predict_proba nor decision"):
        wrapper(NoScores()).fit(*iris_like)


# -------------------------------------------------------------------- X as the inner reads it


@both_wrappers
def test_lists_of_text_reach_the_pipeline_inside(wrapper):
    X, y = ["red apple", "green pear", "red plum", "green kiwi"], ["red", "green"] * 2
    model = wrapper(make_pipeline(CountVectorizer(), MultinomialNB())).fit(X, y)
    assert model.predict(["a red one", "a green one"]).tolist() == ["red", "green"]


@both_wrappers
def test_frames_with_strings_and_missing_values_reach_the_estimator_inside(wrapper):
    X = pd.DataFrame(
        {"size": [1.0, None, 3.0, 4.0] * 10, "colour": pd.Categorical(["r", "g", None, "g"] * 10)}
    )
    y = ["u", "v", "u", "v"] * 10
    inner = HistGradientBoostingClassifier(categorical_features="from_dtype", min_samples_leaf=1)
    model = wrapper(inner).fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.feature_names_in_.tolist() == ["size", "colour"]
    assert model.n_features_in_ == 2


def test_missing_values_are_the_business_of_the_estimator_inside(iris_like):
    X, y = iris_like
    with_gap = np.where(np.arange(len(X))[:, None] == 3, np.nan, X)
    assert not hasattr(TopKSetClassifier(GaussianNB()), "n_features_in_")
    with pytest.raises(ValueError, match="GaussianNB does not accept missing values"):
        TopKSetClassifier(GaussianNB(), k=1).fit(with_gap, y)
    TopKSetClassifier(HistGradientBoostingClassifier(max_iter=2), k=1).fit(with_gap, y)


@pytest.mark.parametrize(
    "inner",
    [GaussianNB(), HistGradientBoostingClassifier(), LogisticRegression(), CountVectorizer()],
)
@both_wrappers
def test_tags_of_the_input_are_those_of_the_estimator_inside(wrapper, inner):
    assert get_tags(wrapper(inner)).input_tags == get_tags(inner).input_tags


@both_wrappers
def test_our_own_network_reads_sparse_rows(wrapper):
    assert get_tags(wrapper()).input_tags.sparse


# ------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("inner", [LogisticRegression(), make_pipeline(LogisticRegression())])
@both_wrappers
def test_weights_reach_the_estimator_inside(iris_like, rng, wrapper, inner):
    X, y = iris_like
    weight = rng.random(120)
    model = wrapper(inner).fit(X, y, sample_weight=weight)
    expected = LogisticRegression().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@both_wrappers
def test_weights_that_the_estimator_inside_does_not_take_are_told_once(iris_like, wrapper):
    X, y = iris_like
    with pytest.warns(UserWarning, match="KNeighborsClassifier takes no sample_weight") as caught:
        wrapper(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(120))
    assert len(caught) == 1
    assert Path(caught[0].filename) == Path(__file__)


@both_wrappers
def test_routed_weights_reach_the_estimator_that_asks_for_them(iris_like, rng, wrapper):
    X, y = iris_like
    weight = rng.random(120)
    expected = LogisticRegression().fit(X, y, sample_weight=weight).predict_proba(X)
    with sklearn.config_context(enable_metadata_routing=True):
        asks = LogisticRegression().set_fit_request(sample_weight=True)
        unmoved = StandardScaler(with_mean=False, with_std=False)
        for inner in (asks, make_pipeline(unmoved.set_fit_request(sample_weight=False), asks)):
            model = wrapper(inner).fit(X, y, sample_weight=weight)
            np.testing.assert_allclose(model.predict_proba(X), expected)
        refuses = LogisticRegression().set_fit_request(sample_weight=False)
        model = wrapper(refuses).fit(X, y, sample_weight=weight)
        plain = LogisticRegression().fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(model.predict_proba(X), plain)
        with pytest.raises(UnsetMetadataPassedError):
            wrapper(LogisticRegression()).fit(X, y, sample_weight=weight)


def test_weights_are_routed_through_a_pipeline_to_the_estimator_inside(iris_like, rng):
    X, y = iris_like
    weight = rng.random(120)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        wrapper = TopKSetClassifier(inner, k=1).set_fit_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), wrapper)
        proba = pipe.fit(X, y, sample_weight=weight).predict_proba(X)
    scaled = StandardScaler().fit_transform(X)
    expected = LogisticRegression().fit(scaled, y, sample_weight=weight).predict_proba(scaled)
    np.testing.assert_array_equal(proba, expected)


def test_no_warning_without_weights(iris_like):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TopKSetClassifier(KNeighborsClassifier(), k=1).fit(*iris_like)
