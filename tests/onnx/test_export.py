"""What a graph takes and gives: types of labels and rows, and what is refused."""

import importlib
import json
import sys

import numpy as np
import pytest
from exported import NETWORK, X, X_new, run, y
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import sklearn_setpred.onnx
from sklearn_setpred import (
    TopKSetClassifier,
    predict_set,
)
from sklearn_setpred.onnx import to_onnx

LABELS = {
    "strings": np.array(["ant", "bee", "wasp", "fly"]),
    "objects": np.array(["ant", "bee", "wasp", "fly"], dtype=object),
    "integers": np.array([3, 5, 8, 70]),
    "floats": np.array([1.0, 2.0, 5.0, 9.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(kind):
    estimator = clone(NETWORK).fit(X, LABELS[kind][y])
    model = to_onnx(estimator)
    assert run(model, X_new)["label"].tolist() == estimator.predict(X_new).tolist()
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == estimator.classes_.tolist()


def test_sparse_sets_are_dense_in_the_graph():
    estimator = clone(NETWORK).set_params(k=2, sparse_output=True).fit(X, y)
    sets = run(to_onnx(estimator, X_new), X_new)["sets"]
    np.testing.assert_array_equal(sets, predict_set(estimator, X_new).toarray())


def test_frames_need_no_names_in_the_graph():
    pd = pytest.importorskip("pandas")
    estimator = clone(NETWORK).fit(pd.DataFrame(X, columns=list("abc")), y)
    assert run(to_onnx(estimator), X_new)["label"].shape == (len(X_new),)


def test_what_is_not_installed_is_told(monkeypatch):
    estimator = TopKSetClassifier(LogisticRegression(), k=2).fit(X, y)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"LogisticRegression\(\) is not ours; pip install skl2o"):
        to_onnx(estimator)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="check=True runs the graph in onnxruntime: pip install"):
        to_onnx(estimator)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-setpred\[onnx\]'"):
        importlib.reload(sklearn_setpred.onnx)


def test_rows_are_asked_for_where_numbers_alone_do_not_do():
    pytest.importorskip("skl2onnx")
    codes = np.round(X).clip(-2, 2)
    estimator = make_pipeline(OneHotEncoder(sparse_output=False), clone(NETWORK)).fit(codes, y)
    with pytest.raises(ValueError, match=r"X=None .* Pipeline cannot predict .*; give a few rows"):
        to_onnx(estimator)
    sets = run(to_onnx(estimator, codes), codes)["sets"]
    np.testing.assert_array_equal(sets, predict_set(estimator, codes))


def test_only_fitted_set_predictors_are_translated():
    with pytest.raises(NotFittedError):
        to_onnx(NETWORK)
    with pytest.raises(AttributeError, match="has no predict_set"):
        to_onnx(LogisticRegression().fit(X, y))
