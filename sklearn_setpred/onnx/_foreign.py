"""Estimators of scikit-learn inside or before ours, translated by skl2onnx."""

import numpy as np
from onnx import TensorProto, compose, helper

from sklearn_setpred.onnx._graph import OPSET

_TARGET = {"": OPSET, "ai.onnx.ml": 3}


def add_classifier(g, estimator, x):
    """Return the probabilities of a classifier, float64."""
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"{estimator!r} has no predict_proba; only classifiers with one are translated."
        )
    return _add(g, estimator, x, -1, zipmap=False)


def add_transformer(g, transformer, x):
    """Return what a transformer makes of x, float64."""
    return _add(g, transformer, x, 0)


def _add(g, estimator, x, output, **options):
    """Add the nodes that skl2onnx makes of an estimator and give one of the outputs."""
    model = compose.add_prefix(_translated(estimator, options), g.new_name("inner") + "_")
    g.nodes.append(helper.make_node("Identity", [x], [model.graph.input[0].name]))
    g.nodes.extend(model.graph.node)
    g.constants.extend(model.graph.initializer)
    # The nodes of an older opset were chosen so that they mean the same up to ours.
    g.opsets.update((opset.domain, _TARGET[opset.domain]) for opset in model.opset_import)
    return g("Cast", model.graph.output[output].name, to=TensorProto.DOUBLE)


def _translated(estimator, options):
    """Return the model that skl2onnx makes of an estimator."""
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            f"{estimator!r} is not ours; pip install skl2onnx, which translates many estimators of "
            "scikit-learn."
        ) from error
    row = np.zeros((1, estimator.n_features_in_))
    return skl2onnx.to_onnx(estimator, row, options=options or None, target_opset=_TARGET)
