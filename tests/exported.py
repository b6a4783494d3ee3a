"""Estimators to export, and what runs their graphs."""

import onnx
import onnxruntime
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from tiny import EXPERTS, SMALL
from toy import overlapping_blobs

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
)
from sklearn_setpred.onnx._graph import tensor_info
from sklearn_setpred.onnx._recorder import N_ROWS, Recorder

X, y = overlapping_blobs(240)

X, X_new, y = X[:120], X[120:], y[:120]

NETWORK = NeuralClassifier(**SMALL)


def cardinality_aware(**parameters):
    return CardinalityAwareClassifier(NETWORK, **{**EXPERTS, **parameters})


def coverage(inner, **parameters):
    return CoverageSetClassifier(inner, random_state=0, **{"target_coverage": 0.8, **parameters})


def run(model, X):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


def recorded(function, rows):
    """Return the model of a function of a tensor, recorded on other rows."""
    recorder = Recorder(checks=False)
    x = torch.randn(N_ROWS, rows.shape[1], dtype=rows.dtype)
    with torch.no_grad(), recorder:
        found = function(recorder.follow(x, "X"))
    found = found if isinstance(found, tuple) else (found,)
    outputs = [
        recorder.graph.output(
            f"out_{i}",
            recorder.name(one),
            str(one.dtype).removeprefix("torch."),
            one.dim() * [None],
        )
        for i, one in enumerate(found)
    ]
    return recorder.graph.model(
        [tensor_info("X", rows.numpy().dtype, ["n", rows.shape[1]])], outputs
    )


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X[:, :8], y, random_state=0)
