"""Fitted estimators as ONNX graphs, for machines without Python."""

from sklearn_setpred.onnx._export import to_onnx

__all__ = ["to_onnx"]
