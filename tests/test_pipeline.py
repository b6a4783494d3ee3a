import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from tiny import NETWORKS
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred.pipeline import Pipeline, make_pipeline
from sklearn_setpred.prediction import predict_set

X, y = overlapping_blobs()
SCALED = StandardScaler().fit_transform(X)
INNER = ToySetClassifier().fit(SCALED, y)
METHODS = ["predict_set", "set_levels", "predict_top_k"]
PIPELINES = {
    "steps": Pipeline([("scale", StandardScaler()), ("sets", ToySetClassifier())]),
    "made": make_pipeline(StandardScaler(), ToySetClassifier()),
    "nested": make_pipeline("passthrough", make_pipeline(StandardScaler(), ToySetClassifier())),
    "search inside": make_pipeline(
        StandardScaler(), GridSearchCV(ToySetClassifier(), {"threshold": [0.2]}, cv=2)
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PIPELINES)
def test_the_methods_are_those_of_the_predictor_inside(name, method):
    pipe = PIPELINES[name].fit(X, y)
    keywords = {"k": 3} if method == "predict_top_k" else {}
    expected = getattr(INNER, method)(SCALED, **keywords)
    np.testing.assert_array_equal(getattr(pipe, method)(X, **keywords), expected)


def test_the_method_and_the_function_agree_in_a_search_and_through_clone_and_pickle():
    grid = {"toysetclassifier__threshold": [0.1]}
    search = GridSearchCV(clone(PIPELINES["made"]), grid, cv=2).fit(X, y)
    best = pickle.loads(pickle.dumps(search)).best_estimator_
    np.testing.assert_array_equal(best.predict_set(X), predict_set(search, X))
    np.testing.assert_array_equal(best.predict_set(X), INNER.predict_set(SCALED, threshold=0.1))


def test_call_time_keywords_are_passed_on():
    assert PIPELINES["made"].fit(X, y).predict_set(X, threshold=0.0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_pipeline_around_another_classifier_has_none_of_the_methods(method):
    assert not hasattr(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), method)
    assert not hasattr(make_pipeline(StandardScaler(), StandardScaler()).fit(X, y), method)


def test_an_unfitted_pipeline_is_refused():
    with pytest.raises(NotFittedError):
        make_pipeline(StandardScaler(), ToySetClassifier()).predict_set(X)


def test_keywords_of_make_pipeline_are_those_of_the_pipeline():
    assert make_pipeline(StandardScaler(), ToySetClassifier(), memory="cache").memory == "cache"


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_validation_rows_pass_through_the_transformers_where_the_pipeline_is_told_to(network):
    network, scaler = clone(network).set_params(max_epochs=3), MinMaxScaler((0, 0.01))
    X_train, y_train, X_val, y_val = X[:90], y[:90], X[90:], y[90:]
    with config_context(enable_metadata_routing=True):
        asking = clone(network).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(scaler, asking, transform_input=["X_val"])
        pipe.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    scaler = clone(scaler).fit(X_train)
    by_hand = network.fit(
        scaler.transform(X_train), y_train, X_val=scaler.transform(X_val), y_val=y_val
    )
    np.testing.assert_array_equal(pipe[-1].validation_scores_, by_hand.validation_scores_)
