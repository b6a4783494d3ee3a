"""Estimators of scikit-learn inside or before ours, translated by skl2onnx."""

import numpy as np
import torch
from sklearn.tree import BaseDecisionTree

from sklearn_setpred.onnx._check import cannot_export, check_same
from sklearn_setpred.onnx._graph import OPSET, Graph, tensor_info

_TARGET = {"": OPSET, "ai.onnx.ml": 3}


def classifier(estimator, x, recorder):
    """Return the probabilities of a classifier, float64."""
    if not hasattr(estimator, "predict_proba"):
        raise cannot_export(estimator, "it has no predict_proba")
    return _followed(estimator, "predict_proba", -1, x, recorder, zipmap=False)


def transformer(estimator, x, recorder):
    """Return what a transformer makes of x, float64."""
    return _followed(estimator, "transform", 0, x, recorder)


def _followed(estimator, method, output, x, recorder, **options):
    """Return what a method makes of x, followed as an output of skl2onnx's model."""
    to_onnx = _translator(estimator)
    values = np.asarray(getattr(estimator, method)(x.numpy()), dtype=np.float64)
    errors = []
    for dtype in _types(estimator):
        try:
            row = np.zeros((1, x.shape[1]), dtype=dtype)
            model = to_onnx(estimator, row, options=options or None, target_opset=_TARGET)
            part = _between_float64(model, output, dtype, values.shape[1])
            if recorder.checks:
                check_same(part, x.numpy(), {"probabilities": values})
            name = recorder.graph.include(part, recorder.name(x), 0)
            return recorder.follow(torch.from_numpy(values), name)
        except Exception as error:
            errors.append(error)
    raise cannot_export(estimator, errors[0]) from errors[0]


def _translator(estimator):
    """Return skl2onnx's function; raise where it is not installed."""
    try:
        from skl2onnx import to_onnx
    except ImportError as error:
        raise ImportError(
            f"{estimator!r} is not ours; pip install skl2onnx, which translates many estimators of "
            "scikit-learn."
        ) from error
    return to_onnx


def _types(estimator):
    """Return the types of the columns to try, the better one first.

    Trees read float32: compared in float64, a number such as 14.255 can lie on the other side of
    a threshold. Some translations know one type only.
    """
    types = np.float64, np.float32
    return types[::-1] if _has_trees(estimator) else types


def _has_trees(part):
    """Say whether an estimator, or one of its members, is a tree."""
    if isinstance(part, list | np.ndarray):
        return any(map(_has_trees, part))
    return isinstance(part, BaseDecisionTree) or _has_trees(getattr(part, "estimators_", []))


def _between_float64(model, output, dtype, n_columns):
    """Return a model of columns of a type as one from float64 X to one output, float64."""
    g = Graph()
    name = g.include(model, g.cast("X", dtype), output)
    outputs = [g.output("probabilities", g.cast(name, np.float64), np.float64, ["n", n_columns])]
    (read,) = model.graph.input
    n_features = read.type.tensor_type.shape.dim[1].dim_value
    return g.model([tensor_info("X", np.float64, ["n", n_features])], outputs)
