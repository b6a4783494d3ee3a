"""Fitted estimators as ONNX graphs, for machines without Python."""

try:
    import onnx as _onnx  # noqa: F401
except ImportError as error:
    raise ImportError(
        "sklearn_setpred.onnx needs the package onnx: pip install 'sklearn-setpred[onnx]'."
    ) from error

from sklearn_setpred.onnx._export import to_onnx

__all__ = ["to_onnx"]
