"""Wrappers: any classifier inside, fed with X as it is, read as one ranking."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags

from sklearn_setpred import NeuralClassifier, ThresholdSetClassifier, TopKSetClassifier
from sklearn_setpred._utils import memory

WRAPPERS = [TopKSetClassifier, ThresholdSetClassifier]
both_wrappers = pytest.mark.parametrize("wrapper", WRAPPERS)


@pytest.fixture
def iris_like(rng):
    """120 rows of 3 features in 3 classes that overlap, named by strings."""
    codes = np.arange(120) % 3
    return rng.normal(size=(120, 3)) + 2.0 * np.eye(3)[codes], np.array(["a", "b", "c"])[codes]


class NoScores(ClassifierMixin, BaseEstimator):
    """A classifier that gives labels only, and must not be fitted."""

    def fit(self, X, y):
        raise AssertionError("fitted")

    def predict(self, X):
        return X


# ----------------------------------------------------------------- what is read and how


@pytest.mark.parametrize(
    "inner",
    [
        GaussianNB(),
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
        GridSearchCV(make_pipeline(StandardScaler(), GaussianNB()), {}, cv=2),
    ],
    ids=lambda inner: type(inner).__name__,
)
@both_wrappers
def test_probabilities_are_those_of_the_classifier_inside(iris_like, wrapper, inner):
    X, y = iris_like
    model = wrapper(inner).fit(X, y)
    expected = inner.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_array_equal(model.predict(X), model.classes_[expected.argmax(axis=1)])


@pytest.mark.parametrize("inner", [SVC(), RidgeClassifier(), Perceptron(random_state=0)])
def test_scores_of_many_classes_are_read_by_softmax(iris_like, inner):
    X, y = iris_like
    model = TopKSetClassifier(inner, k=2).fit(X, y)
    scores = inner.fit(X, y).decision_function(X)
    np.testing.assert_allclose(model.predict_proba(X), softmax(scores, axis=1))


@pytest.mark.parametrize("inner", [SVC(), RidgeClassifier()])
def test_scores_of_two_classes_are_read_as_0_and_f(iris_like, inner):
    X, y = iris_like
    X, y = X[y != "c"], y[y != "c"]
    model = ThresholdSetClassifier(inner, threshold=0.4).fit(X, y)
    p = expit(inner.fit(X, y).decision_function(X))
    np.testing.assert_allclose(model.predict_proba(X), np.column_stack([1 - p, p]), atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), inner.predict(X))


def test_scores_of_pairs_of_classes_are_refused_with_the_way_out(rng):
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 4
    with pytest.raises(ValueError, match=r"6 columns for 4 classes.*decision_function_shape='ovr'"):
        TopKSetClassifier(SVC(decision_function_shape="ovo")).fit(X, y)


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
def test_a_frozen_estimator_is_used_as_it_is(iris_like, wrapper):
    X, y = iris_like
    frozen = GaussianNB().fit(X, y)
    model = wrapper(FrozenEstimator(frozen)).fit(X[:6], y[:6])
    np.testing.assert_array_equal(model.predict_proba(X), frozen.predict_proba(X))


def test_a_frozen_estimator_keeps_the_classes_that_y_lacks(iris_like):
    X, y = iris_like
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    model = TopKSetClassifier(frozen, k=1).fit(X[y != "b"], y[y != "b"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.predict_set(X).shape == (120, 3)


def test_a_frozen_estimator_that_lacks_a_label_is_refused(iris_like):
    X, y = iris_like
    frozen = FrozenEstimator(GaussianNB().fit(X[y != "b"], y[y != "b"]))
    with pytest.raises(ValueError, match=r"does not know the labels \['b'\]"):
        TopKSetClassifier(frozen, k=1).fit(X, y)


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


# --------------------------------------------------------------------------------------- sets


def test_sets_of_k_labels_are_the_k_most_probable(iris_like):
    X, y = iris_like
    model = TopKSetClassifier(GaussianNB(), k=2).fit(X, y)
    p = model.predict_proba(X)
    for k, sets in ((2, model.predict_set(X)), (1, model.predict_set(X, k=1))):
        np.testing.assert_array_equal(sets.sum(axis=1), k)
        assert np.where(sets, p, np.inf).min() >= 0
        assert (np.where(sets, p, 2).min(axis=1) >= np.where(sets, -1, p).max(axis=1)).all()
        np.testing.assert_array_equal(sets, model.set_levels(X) >= -k)


def test_ties_go_to_the_first_class():
    class Tied(GaussianNB):
        def predict_proba(self, X):
            return np.tile([0.25, 0.375, 0.375], (len(X), 1))

    X, y = np.arange(6.0)[:, None], np.arange(6) % 3
    model = TopKSetClassifier(Tied(), k=1).fit(X, y)
    assert model.predict_set(X[:1]).tolist() == [[False, True, False]]
    assert model.predict_top_k(X[:1], 3).tolist() == [[1, 2, 0]]
    model = ThresholdSetClassifier(Tied(), threshold=0.5).fit(X, y)
    assert model.predict_set(X[:1]).tolist() == [[False, True, False]]
    assert model.predict_set(X[:1], threshold=0.375).tolist() == [[False, True, True]]


@pytest.mark.parametrize("allow_empty", [False, True])
def test_threshold_sets_hold_the_labels_above_it(iris_like, allow_empty):
    X, y = iris_like
    model = ThresholdSetClassifier(GaussianNB(), allow_empty=allow_empty).fit(X, y)
    p = model.predict_proba(X)
    first = np.zeros_like(p, dtype=bool)
    first[np.arange(120), p.argmax(axis=1)] = not allow_empty
    for threshold in (0.0, 0.05, 0.4, 0.9, 1.0):
        sets = model.predict_set(X, threshold=threshold)
        np.testing.assert_array_equal(sets, (p >= threshold) | first)
        np.testing.assert_array_equal(sets, model.set_levels(X) >= threshold)
    np.testing.assert_array_equal(model.predict_set(X), model.predict_set(X, threshold=0.05))


def test_a_threshold_out_of_range_is_refused_when_called(iris_like):
    X, y = iris_like
    model = ThresholdSetClassifier(GaussianNB()).fit(X, y)
    with pytest.raises(ValueError, match=r"threshold=1\.5"):
        model.predict_set(X, threshold=1.5)
    with pytest.raises(ValueError, match="k=9 is above the number of classes, 3"):
        TopKSetClassifier(GaussianNB(), k=2).fit(X, y).predict_set(X, k=9)


@both_wrappers
def test_sparse_sets_hold_the_same_labels(iris_like, wrapper):
    X, y = iris_like
    dense = wrapper(GaussianNB()).fit(X, y).predict_set(X)
    sparse = wrapper(GaussianNB(), sparse_output=True).fit(X, y).predict_set(X)
    np.testing.assert_array_equal(sparse.toarray(), dense)


@pytest.mark.parametrize("sparse_output", [False, True])
@both_wrappers
def test_batches_do_not_change_what_is_predicted(iris_like, wrapper, sparse_output, monkeypatch):
    X, y = pd.DataFrame(iris_like[0]), iris_like[1]
    model = wrapper(GaussianNB(), sparse_output=sparse_output).fit(X, y)

    def predictions():
        sets = model.predict_set(X)
        sets = sets.toarray() if sparse_output else sets
        return sets, model.predict(X), model.predict_top_k(X, 2), model.set_levels(X)

    whole = predictions()
    monkeypatch.setattr(memory, "BATCH", 8 * 21)  # seven rows at a time
    for ours, theirs in zip(predictions(), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_warning_without_weights(iris_like):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TopKSetClassifier(KNeighborsClassifier(), k=1).fit(*iris_like)
