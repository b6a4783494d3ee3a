"""A fitted estimator as an ONNX model."""

import json
import warnings

import numpy as np
import scipy.sparse as sp
from onnx import ModelProto, helper
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred._utils.types import ArrayLike, Estimator
from sklearn_setpred.onnx._check import cannot_export, check_same, made_up_rows, need_runtime
from sklearn_setpred.onnx._graph import tensor_info
from sklearn_setpred.prediction import find_inside, predict_set


def to_onnx(estimator: Estimator, X: ArrayLike | None = None, *, check: bool = True) -> ModelProto:
    """Translate a fitted set predictor into an ONNX model.

    Parameters
    ----------
    estimator : fitted estimator
        A set predictor of this package, or a pipeline or a search around one. What is inside
        it, or before it in the pipeline, may be ours or any estimator of scikit-learn that
        skl2onnx translates.
    X : array-like of shape (n_samples, n_features), default=None
        A few rows, such as new data, on which the model is checked. None means made-up numbers;
        rows of your own check more, and are needed where numbers alone do not do, such as for
        an encoder of known categories. An array of float32 makes a graph that takes float32.
    check : bool, default=True
        Run the model in onnxruntime and compare it with the estimator, and so each part that
        skl2onnx translates.

    Returns
    -------
    onnx.ModelProto
        Input ``X`` (n, n_features), float64, or float32 for rows of that type. Outputs ``label``
        (n,), what ``predict`` gives; ``probabilities`` (n, n_classes), float64; ``sets``
        (n, n_classes), bool. Strings, whole and floating labels stay what they are; the labels of
        the columns are also under "classes" in the metadata, as JSON.

    Raises
    ------
    ImportError
        If something inside needs skl2onnx, or the check onnxruntime, which is not installed.
    ValueError
        For what cannot be translated, such as an operation of a ``module`` of your own or sets by
        strata; if the check finds another label, another set or a probability that differs by
        more than 1e-5. The error names the part.

    Notes
    -----
    The predictions are made once in torch, and each operation becomes a node. Networks compute in
    float32, as in Python, and everything else is float64. Levels and thresholds are lowered by a
    millionth, as much as float32 may err, so that a label whose probability equals the threshold,
    such as that of the row that calibrated it, is in the set. The parameters of the constructor
    hold: call-time keywords such as ``k=`` have no place in the graph.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_setpred import LDRClassifier
    >>> from sklearn_setpred.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LDRClassifier(hidden_layer_sizes=(16,), k=2, random_state=0).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(clf, X).SerializeToString())
    >>> label, probabilities, sets = session.run(None, {"X": X[:1]})
    >>> label.tolist(), sets.tolist()
    ([0], [[True, True, False]])
    """
    check_is_fitted(estimator)
    find_inside(estimator, "predict_set")
    dtype = np.dtype(np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64)
    if check:
        need_runtime()
    with warnings.catch_warnings():
        # Rows are arrays here, also where the estimator was fitted on a frame.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        rows = _rows(estimator, X, check)
        model = _recorded(estimator, rows, check, dtype)
        if check:
            _check(estimator, model, rows, dtype)
    return model


def _check(estimator, model, rows, dtype):
    """Raise unless the model gives what the estimator gives."""
    sets = predict_set(estimator, rows)
    expected = {
        "label": estimator.predict(rows),
        "probabilities": estimator.predict_proba(rows),
        "sets": sets.toarray() if sp.issparse(sets) else sets,
    }
    try:
        check_same(model, rows.astype(dtype), expected)
    except Exception as error:
        raise cannot_export(estimator, error) from error


def _rows(estimator, X, check):
    """Return the rows on which the estimator is followed and checked, float64."""
    if X is not None:
        return np.asarray(X, dtype=np.float64)
    if not check:
        return np.zeros((1, estimator.n_features_in_))
    try:
        return made_up_rows(estimator)
    except Exception as error:
        raise ValueError(
            f"X=None means made-up numbers, which {type(estimator).__name__} cannot predict "
            f"({error}); give a few rows as X."
        ) from error


def _recorded(estimator, rows, check, dtype):
    """Return the model that is recorded while the estimator's predictions are made in torch.

    Its input has the given type; the graph computes in float64 all the same, as Python does.
    """
    import torch

    from sklearn_setpred.onnx._estimators import prediction
    from sklearn_setpred.onnx._recorder import N_ROWS, Recorder

    n_features, n_classes = estimator.n_features_in_, len(estimator.classes_)
    spread = rows[:: max(1, len(rows) // N_ROWS)]
    recorder = Recorder(checks=check)
    with torch.no_grad(), recorder:
        x = torch.from_numpy(np.resize(spread, (N_ROWS, n_features)))
        read = "X" if dtype == np.float64 else recorder.graph.cast("X", np.float64)
        found = prediction(estimator, recorder.follow(x, read), recorder)
        code, sets = found.scores.argmax(dim=1), found.sets()
    g, labels = recorder.graph, _onnx_labels(estimator.classes_)
    label, p = g("Gather", labels, recorder.name(code)), recorder.name(found.probabilities)
    outputs = [
        g.output("label", label, labels.dtype, ["n"]),
        g.output("probabilities", p, np.float64, ["n", n_classes]),
        g.output("sets", recorder.name(sets), bool, ["n", n_classes]),
    ]
    model = g.model([tensor_info("X", dtype, ["n", n_features])], outputs)
    helper.set_model_props(model, {"classes": json.dumps(estimator.classes_.tolist())})
    return model


def _onnx_labels(classes):
    """Return the labels as ONNX holds them: strings of any length."""
    return classes.astype(object) if classes.dtype.kind == "U" else classes
