"""What each estimator is as a graph."""

from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

import numpy as np
from onnx import TensorProto
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from sklearn_setpred._inner import NetworksAlone
from sklearn_setpred._utils.validation import check_k
from sklearn_setpred.estimators._cardinality_aware import CardinalityAwareClassifier
from sklearn_setpred.estimators._coverage import CoverageSetClassifier
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier
from sklearn_setpred.estimators._set_classifiers import ThresholdSetClassifier, TopKSetClassifier
from sklearn_setpred.onnx._cardinality_aware import log_probabilities, sizes_at
from sklearn_setpred.onnx._foreign import add_classifier, add_transformer
from sklearn_setpred.onnx._graph import class_ranks, network_scores, softmax
from sklearn_setpred.onnx._links import decision_scores, probabilities


class Parts(NamedTuple):
    """Names of what an estimator computes, each (n, n_classes); sets are added when asked for."""

    scores: str  # that rank the classes
    probabilities: str
    sets: Callable | None = None
    sets_at: Callable | None = None  # by level, () or (n_classes,), where it has levels


@singledispatch
def parts(estimator, g, x):
    """Add an estimator to the graph; any but those below is skl2onnx's to translate."""
    p = add_classifier(g, estimator, x)
    return Parts(p, p)


@parts.register(FrozenEstimator)
def _frozen(estimator, g, x):
    return parts(estimator.estimator, g, x)


@parts.register(BaseSearchCV)
def _search(estimator, g, x):
    return parts(estimator.best_estimator_, g, x)


@parts.register(Pipeline)
def _pipeline(estimator, g, x):
    if len(estimator) > 1:
        x = add_transformer(g, estimator[:-1], x)
    return parts(estimator[-1], g, x)


@parts.register(BaseNeuralClassifier)
def _network(estimator, g, x):
    n_classes = len(estimator.classes_)
    f = network_scores(g, estimator.net_, x)
    scores = decision_scores(g, estimator.loss_, f, n_classes)

    def sets():
        return _prefixes(g, class_ranks(g, scores, n_classes), check_k(estimator.k, n_classes))

    return Parts(scores, probabilities(g, estimator.loss_, f, n_classes), sets)


@parts.register(NetworksAlone)
def _networks_alone(estimator, g, x):
    n_classes = len(estimator.classes_)
    nothing = g(
        "Mul", g("Cast", g("Slice", x, [0], [1], [1]), to=TensorProto.DOUBLE), np.float64(0)
    )
    p = g("Add", nothing, np.full((1, n_classes), 1.0 / n_classes))
    return Parts(p, p)


@parts.register(TopKSetClassifier)
def _top_k(estimator, g, x):
    n_classes = len(estimator.classes_)
    p = parts(estimator.estimator_, g, x).probabilities
    ranks = class_ranks(g, p, n_classes)

    def sets_at(level):
        return g("GreaterOrEqual", g("Cast", g("Neg", ranks), to=TensorProto.DOUBLE), level)

    return Parts(p, p, lambda: _prefixes(g, ranks, check_k(estimator.k, n_classes)), sets_at)


@parts.register(ThresholdSetClassifier)
def _threshold(estimator, g, x):
    p = parts(estimator.estimator_, g, x).probabilities
    top = _top(g, p, len(estimator.classes_))

    def sets_at(level):
        reached = g("GreaterOrEqual", p, level)
        return reached if estimator.allow_empty else g("Or", reached, top)

    return Parts(p, p, lambda: sets_at(np.float64(estimator.threshold)), sets_at)


@parts.register(CardinalityAwareClassifier)
def _cardinality_aware(estimator, g, x):
    p_base = parts(estimator.estimator_, g, x).probabilities
    log_p = log_probabilities(g, estimator, x, p_base)
    ranks = class_ranks(g, log_p, len(estimator.classes_))

    def sets_at(level):
        sets = _prefixes(g, ranks, sizes_at(g, estimator, x, log_p, level))
        return g("Or", sets, np.isneginf(level))

    return Parts(log_p, softmax(g, log_p), lambda: sets_at(estimator.level_), sets_at)


@parts.register(CoverageSetClassifier)
def _coverage(estimator, g, x):
    if isinstance(estimator.level_, dict):
        raise ValueError(
            "conditional='strata' needs the stratum of each row, for which the graph has no input; "
            "export the sets of conditional=None or 'class'."
        )
    inner = parts(estimator.estimator_, g, x)
    p = inner.probabilities
    top = _top(g, p, len(estimator.classes_))

    def sets_at(level):
        at = inner.sets_at or (lambda level: g("GreaterOrEqual", p, level))
        return g("Or", g("Or", at(level), top), np.isneginf(level))

    return Parts(p, p, lambda: sets_at(np.asarray(estimator.level_)), sets_at)


def _prefixes(g, ranks, size):
    """Return the sets of the first ``size`` classes."""
    return g("LessOrEqual", ranks, size if isinstance(size, str) else np.int64(size))


def _top(g, scores, n_classes):
    """Return the sets of the first-ranked class alone."""
    return _prefixes(g, class_ranks(g, scores, n_classes), 1)
