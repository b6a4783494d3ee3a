"""Classifiers that predict small sets of labels that contain the true one."""

import importlib
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sklearn-setpred")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

# Names are imported on first use, so that `import sklearn_setpred` and everything
# that needs no network stay free of torch and skorch.
_MODULES = {
    "estimators._cardinality_aware": ["CardinalityAwareClassifier"],
    "estimators._comp_sum": ["CompSumClassifier"],
    "estimators._coverage": ["CoverageSetClassifier"],
    "estimators._ldr": ["LDRClassifier"],
    "estimators._neural": ["NeuralClassifier"],
    "estimators._set_classifiers": ["ThresholdSetClassifier", "TopKSetClassifier"],
    "files": ["load", "save"],
    "prediction": [
        "cross_val_predict_set",
        "explain_set",
        "predict_set",
        "predict_set_size",
        "predict_top_k",
        "set_levels",
    ],
    "scorers": [
        "SetScorer",
        "get_set_scorer",
        "get_set_scorer_names",
        "largest_coverage_at",
        "make_set_scorer",
        "set_report",
        "smallest_set_at",
        "top_k_scorer",
    ],
    "sets": ["sets_to_frame", "sets_to_labels"],
}
_EXPORTS = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = ["datasets", "files", "inspection", "losses", "metrics", "onnx"]

__all__ = sorted([*_EXPORTS, "__version__"])


def __getattr__(name):
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_SUBMODULES])
