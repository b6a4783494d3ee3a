"""A graph against the estimator that it was made of, on a few rows."""

from functools import partial

import numpy as np

# Differences that float32 explains.
_close = partial(np.isclose, rtol=1e-5, atol=1e-5, equal_nan=True)
_PAIRS, _HALVINGS, _BATCH = 32, 8, 32


def check_same(model, X, expected):
    """Raise ValueError unless a model gives the same outputs as an estimator.

    Parameters
    ----------
    model : onnx.ModelProto
        Reads X alone.
    X : ndarray of shape (n, n_features)
        A few rows, of the type that the model reads.
    expected : dict of ndarray of shape (n, ...)
        The outputs of the estimator, by name.
    """
    found = _run(model, X, list(expected))
    for name, values in expected.items():
        same = _close(found[name], values) if values.dtype.kind == "f" else found[name] == values
        differs = ~same.reshape(len(X), -1).all(axis=1)
        if differs.any():
            raise ValueError(
                f"as an ONNX graph it gives other {name} for {np.count_nonzero(differs)} of "
                f"{len(X)} rows; check=False hands the graph over all the same"
            )


def need_runtime():
    """Raise ImportError unless onnxruntime is installed."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "check=True runs the graph in onnxruntime: pip install 'sklearn-setpred[onnx]', or set "
            "check=False."
        ) from error


def cannot_export(part, reason):
    """Return the error that names a part and says in one line why there is no graph of it."""
    name, reason = (" ".join(text.split()) for text in (repr(part), str(reason)))
    return ValueError(f"{name} cannot be exported: {reason[:200]}.")


def _run(model, X, names):
    """Return the outputs of a model, by name, computed batch by batch."""
    from onnxruntime import InferenceSession

    session = InferenceSession(model.SerializeToString())
    batches = (X[i : i + _BATCH] for i in range(0, len(X), _BATCH))
    outputs = zip(*(session.run(names, {"X": batch}) for batch in batches), strict=True)
    return dict(zip(names, map(np.concatenate, outputs), strict=True))


def made_up_rows(estimator):
    """Return rows of numbers, (n, n_features), near places where the predicted label changes.

    They are random rows of many magnitudes, and the middles of bisections between pairs of them
    towards a change of the label. Rows whose probabilities change with their seventh digit, which
    float32 does not have, are left out.
    """
    rng = np.random.RandomState(0)
    magnitude = 10 ** rng.uniform(-2, 3, size=(_PAIRS, 1))
    left, right = rng.normal(size=(2, _PAIRS, estimator.n_features_in_)) * magnitude
    labels, rows = estimator.predict(left), [left]
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        is_left = (estimator.predict(middle) == labels)[:, None]
        left, right = np.where(is_left, middle, left), np.where(is_left, right, middle)
        rows.append(middle)
    rows = np.concatenate(rows)
    moved = estimator.predict_proba(rows * (1 + 1e-6)) - estimator.predict_proba(rows)
    return rows[np.abs(moved).max(axis=1) < 1e-6]
