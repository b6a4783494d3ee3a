"""Sets around any classifier: the k most probable labels, or those above a threshold."""

import numpy as np
import pytest
from around import both_wrappers
from scipy.special import expit, softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_setpred import ThresholdSetClassifier, TopKSetClassifier

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
