"""Linear classifiers as one matrix of weights."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.datasets import make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred._cardinality.linear import LinearScores

MODELS = [LogisticRegression(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")]


def pipeline(model, n_classes, **scaler):
    """Return a fitted pipeline and its rows."""
    X, y = make_blobs(60, 3, centers=n_classes, cluster_std=6.0, random_state=0)
    return make_pipeline(StandardScaler(**scaler), model).fit(X, y), X


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("model", MODELS)
def test_scores_are_the_log_probabilities_of_the_pipeline(model, n_classes, with_mean):
    fitted, X = pipeline(model, n_classes, with_mean=with_mean)
    scores = LinearScores.of(*(one for _, one in fitted.steps), n_classes)(X)
    np.testing.assert_allclose(log_softmax(scores, axis=1), fitted.predict_log_proba(X), atol=1e-9)


def test_a_class_that_was_not_learned_is_a_tenth_as_probable_as_the_least_one():
    one = LinearScores(np.zeros((2, 3)), np.array([1.0, np.nan, 0.0]))
    np.testing.assert_allclose(one(np.zeros((1, 2))), [[1.0, -np.log(10.0), 0.0]])
    assert one.is_learned.tolist() == [True, False, True]


def test_the_mean_of_a_class_is_over_the_models_that_learned_it():
    first = LinearScores(np.array([[2.0, 0.0, 4.0]]), np.array([1.0, np.nan, 3.0]))
    second = LinearScores(np.array([[6.0, 5.0, 0.0]]), np.array([5.0, 7.0, np.nan]))
    mean = LinearScores.mean_of([first, second])
    assert mean.weights.tolist() == [[4.0, 5.0, 4.0]]
    assert mean.offsets.tolist() == [3.0, 7.0, 3.0]


def test_a_class_that_no_model_learned_stays_so():
    one = LinearScores(np.zeros((1, 2)), np.array([0.0, np.nan]))
    mean = LinearScores.mean_of([one, one])
    assert mean.is_learned.tolist() == [True, False]
    assert mean.offsets[1] == one.offsets[1]
