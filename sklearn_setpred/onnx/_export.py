"""A fitted estimator as an ONNX model."""

import json

from onnx import ModelProto, TensorProto, helper
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred._utils.types import Estimator
from sklearn_setpred.onnx._estimators import parts
from sklearn_setpred.onnx._graph import Graph
from sklearn_setpred.prediction import find_inside

_INPUT = "X"


def to_onnx(estimator: Estimator) -> ModelProto:
    """Translate a fitted set predictor into an ONNX model.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor of this package, or a pipeline or a search around one. What is inside
        it, or before it in the pipeline, may be ours or any estimator of scikit-learn that
        skl2onnx translates (to be installed by yourself).

    Returns
    -------
    onnx.ModelProto
        Input ``X``, float64 (n, n_features). Outputs ``label`` (n,), what ``predict`` gives;
        ``probabilities`` (n, n_classes), float64; ``sets`` (n, n_classes), bool. Strings, whole
        and floating labels stay what they are; the labels of the columns are also under
        "classes" in the metadata, as JSON.

    Raises
    ------
    ImportError
        If something inside needs skl2onnx, which is not installed.
    ValueError
        For what cannot be translated: a ``module`` of your own, a loss of your own with another
        inverse link than softmax, sets by strata.

    Notes
    -----
    Our networks compute in float32, as in Python; everything else is float64. A probability
    differs in the last bits of float32, so that a set can differ where a probability and the
    threshold, or two scores, agree to about 1e-6; the calibration row that set the level of a
    `CoverageSetClassifier` is such a row. The parameters of the constructor hold:
    call-time keywords such as ``k=`` have no place in the graph.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_setpred import LDRClassifier
    >>> from sklearn_setpred.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LDRClassifier(hidden_layer_sizes=(16,), k=2, random_state=0).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(clf).SerializeToString())
    >>> label, probabilities, sets = session.run(None, {"X": X[:1]})
    >>> label.tolist(), sets.tolist()
    ([0], [[True, True, False]])
    """
    check_is_fitted(estimator)
    find_inside(estimator, "predict_set")
    g = Graph()
    found = parts(estimator, g, _INPUT)
    labels = g.constant(_onnx_labels(estimator.classes_))
    label_type = g.constants[-1].data_type
    label = g("Gather", labels, g("ArgMax", found.scores, axis=1, keepdims=0))
    n_classes = len(estimator.classes_)
    outputs = [
        g.output("label", label, label_type, ["n"]),
        g.output("probabilities", found.probabilities, TensorProto.DOUBLE, ["n", n_classes]),
        g.output("sets", found.sets(), TensorProto.BOOL, ["n", n_classes]),
    ]
    shape = ["n", estimator.n_features_in_]
    x = helper.make_tensor_value_info(_INPUT, TensorProto.DOUBLE, shape)
    model = g.model([x], outputs)
    helper.set_model_props(model, {"classes": json.dumps(estimator.classes_.tolist())})
    return model


def _onnx_labels(classes):
    """Return the labels as ONNX holds them: strings of any length."""
    return classes.astype(object) if classes.dtype.kind == "U" else classes
