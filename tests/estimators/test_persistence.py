"""Fitted estimators in files: what they hold, who reads them, where and with which version."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from tiny import ESTIMATORS, NETWORKS, labelled_rows

import sklearn_setpred
from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, NeuralClassifier

X, y = labelled_rows()
MODELS = {
    **ESTIMATORS,
    "levels inside": CoverageSetClassifier(
        ESTIMATORS["CardinalityAwareClassifier"], target_coverage=0.8, random_state=0
    ),
    "surrogate": CardinalityAwareClassifier(
        NETWORKS[0], cv=2, surrogate="cost_sensitive_comp_sum", max_epochs=2, random_state=0
    ),
    "experts": CardinalityAwareClassifier(cv=2, max_epochs=1, random_state=0),
    "folds": clone(NETWORKS[0]).set_params(module="periodic", hidden_layer_sizes=(8, 8), cv=2),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return clone(MODELS[request.param]).fit(X, y)


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    return joblib.load(io.BytesIO(file.getvalue()))


def through_skops(estimator):
    data = skops.io.dumps(estimator)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


@pytest.mark.parametrize(
    "through",
    [lambda estimator: pickle.loads(pickle.dumps(estimator)), through_joblib, through_skops],
    ids=["pickle", "joblib", "skops"],
)
def test_what_is_read_predicts_as_what_was_written(fitted, through):
    read = through(fitted)
    np.testing.assert_array_equal(read.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(read.predict_set(X), fitted.predict_set(X))


def test_files_hold_no_torch(fitted):
    assert b"torch" not in pickle.dumps(fitted)


def test_skops_asks_to_trust_our_own_types_only(fitted):
    types = skops.io.get_untrusted_types(data=skops.io.dumps(fitted))
    assert {name.partition(".")[0] for name in types} == {"sklearn_setpred"}


def test_a_file_holds_little_more_than_the_weights_in_float32():
    network = NeuralClassifier(hidden_layer_sizes=(500,), max_epochs=2, random_state=0).fit(X, y)
    n_weights = (3 + 1) * 500 + (500 + 1) * 4
    assert len(pickle.dumps(network)) < 4 * n_weights + 4000


def test_the_optimizer_stays_behind():
    network = clone(NETWORKS[0]).set_params(hidden_layer_sizes=(500,))
    once = len(pickle.dumps(network.partial_fit(X, y, classes=np.unique(y))))
    assert network.net_.trainer is not None
    assert len(pickle.dumps(network.fit(X, y))) == pytest.approx(once, abs=500)


# ----------------------------------------------------------------------------- versions


def test_another_version_is_told_once_for_each_of_our_estimators(fitted, monkeypatch):
    dump = pickle.dumps(fitted)
    monkeypatch.setattr(sklearn_setpred, "__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning) as told:
        pickle.loads(dump)
    messages = {str(warning.message).partition(" from")[0] for warning in told}
    assert f"Trying to unpickle estimator {type(fitted).__name__} of sklearn_setpred" in messages
    assert all("when using version 99.0" in str(warning.message) for warning in told)


def test_a_file_without_a_version_is_of_an_unknown_one(fitted):
    state = fitted.__getstate__()
    del state["_setpred_version"]
    empty = type(fitted).__new__(type(fitted))
    with pytest.warns(InconsistentVersionWarning, match="from version unknown"):
        empty.__setstate__(state)


def test_the_stamp_is_no_attribute_and_copies_are_silent(fitted):
    state = fitted.__getstate__()
    empty = type(fitted).__new__(type(fitted))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        empty.__setstate__(state)
    assert vars(empty).keys() == vars(fitted).keys()
    assert "_setpred_version" in state  # the state given is left as it was


# ------------------------------------------------------------------------------ devices


@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: type(model).__name__)
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_what_was_trained_on_cuda_predicts_on_a_machine_without(model):
    here = clone(model).fit(X, y)
    # The only trace of the device in a file is its name.
    here.device = here.net_.requested_device = "cuda"
    read = pickle.loads(pickle.dumps(here))
    assert read.net_.device.type == "cpu"
    np.testing.assert_array_equal(read.predict_set(X), here.predict_set(X))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: type(model).__name__)
def test_files_of_both_devices_predict_alike(model):
    on_cuda = clone(model).set_params(device="cuda").fit(X, y)
    read = pickle.loads(pickle.dumps(on_cuda))
    read.net_.requested_device = "cpu"
    on_cpu = pickle.loads(pickle.dumps(read))
    np.testing.assert_allclose(on_cpu.predict_proba(X), on_cuda.predict_proba(X), atol=1e-4)
