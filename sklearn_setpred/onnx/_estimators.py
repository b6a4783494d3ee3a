"""The predictions of each estimator, in torch: the operations that become the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from torch import Tensor

from sklearn_setpred._inner.coded import CodedClassifier
from sklearn_setpred._utils.validation import check_k
from sklearn_setpred.estimators._cardinality_aware import CardinalityAwareClassifier
from sklearn_setpred.estimators._coverage import CoverageSetClassifier
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier
from sklearn_setpred.estimators._set_classifiers import ThresholdSetClassifier, TopKSetClassifier
from sklearn_setpred.onnx._cardinality_aware import check_columns, log_probabilities, sizes_at
from sklearn_setpred.onnx._check import cannot_export
from sklearn_setpred.onnx._foreign import classifier, transformer
from sklearn_setpred.onnx._network import network_scores


class Prediction(NamedTuple):
    """The predictions of an estimator; the functions return sets, (n, n_classes), bool."""

    scores: Tensor  # (n, n_classes), by which the classes rank
    probabilities: Tensor  # (n, n_classes)
    sets: Callable[[], Tensor] | None = None
    sets_at: Callable[[Any], Tensor] | None = None  # by level, () or (n_classes,)


def prediction(estimator, x, recorder):
    """Return the `Prediction` of an estimator for x; an error names the part it is about."""
    try:
        return _prediction(estimator, x, recorder)
    except NotImplementedError as error:
        raise cannot_export(estimator, error) from error


@singledispatch
def _prediction(estimator, x, recorder):
    """Return the `Prediction`; skl2onnx translates the estimators that have no entry below."""
    p = classifier(estimator, x, recorder)
    return Prediction(p, p)


@_prediction.register(FrozenEstimator)
def _frozen(estimator, x, recorder):
    return prediction(estimator.estimator, x, recorder)


@_prediction.register(CodedClassifier)
def _coded(estimator, x, recorder):
    return prediction(estimator.estimator_, x, recorder)


@_prediction.register(BaseSearchCV)
def _search(estimator, x, recorder):
    return prediction(estimator.best_estimator_, x, recorder)


@_prediction.register(Pipeline)
def _pipeline(estimator, x, recorder):
    if len(estimator) > 1:
        x = transformer(estimator[:-1], x, recorder)
    return prediction(estimator[-1], x, recorder)


@_prediction.register(LinearDiscriminantAnalysis)
def _linear_discriminant(estimator, x, recorder):
    """Return a linear model's prediction: for two classes skl2onnx doubles the scores."""
    coef, intercept = torch.from_numpy(estimator.coef_), torch.from_numpy(estimator.intercept_)
    scores = x @ coef.T + intercept
    if len(estimator.classes_) == 2:
        scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
    p = scores.softmax(dim=1)
    return Prediction(p, p)


@_prediction.register(BaseNeuralClassifier)
def _neural(estimator, x, recorder):
    loss, f = estimator.loss_, network_scores(estimator.net_, x)
    scores = loss.decision_scores(f)
    return Prediction(scores, loss.probabilities(f), lambda: _first(scores, estimator.k))


@_prediction.register(TopKSetClassifier)
def _top_k(estimator, x, recorder):
    p = prediction(estimator.estimator_, x, recorder).probabilities

    def sets_at(level):
        return -class_ranks(p) >= torch.as_tensor(level)

    return Prediction(p, p, lambda: _first(p, estimator.k), sets_at)


@_prediction.register(ThresholdSetClassifier)
def _threshold(estimator, x, recorder):
    p = prediction(estimator.estimator_, x, recorder).probabilities

    def sets_at(level):
        reached = p >= lowered(level)
        return reached if estimator.allow_empty else reached | _is_top(p)

    return Prediction(p, p, lambda: sets_at(estimator.threshold), sets_at)


@_prediction.register(CardinalityAwareClassifier)
def _cardinality_aware(estimator, x, recorder):
    check_columns(estimator)
    log_p = log_probabilities(estimator, x, recorder)

    def sets_at(level):
        sets = class_ranks(log_p) <= sizes_at(estimator, x, log_p, lowered(level))
        return sets | torch.as_tensor(np.isneginf(level))

    return Prediction(log_p, log_p.softmax(dim=1), lambda: sets_at(estimator.level_), sets_at)


@_prediction.register(CoverageSetClassifier)
def _coverage(estimator, x, recorder):
    if isinstance(estimator.level_, dict):
        raise ValueError(
            "conditional='strata' needs the stratum of each row, for which the graph has no input; "
            "export the sets of conditional=None or 'class'."
        )
    if hasattr(estimator, "folds_"):
        raise ValueError("Sets of cv have no one level; export a fit with cv=None.")
    inner = prediction(estimator.estimator_, x, recorder)
    p = inner.probabilities

    def reached(level):
        if hasattr(estimator, "label_factors_"):
            return p * torch.from_numpy(estimator.label_factors_) >= lowered(level)
        return inner.sets_at(level) if inner.sets_at else p >= lowered(level)

    def sets_at(level):
        sets = reached(level) | _is_top(p) | torch.as_tensor(np.isneginf(level))
        if not hasattr(estimator, "accuracy_level_"):
            return sets
        alone = p.amax(dim=1, keepdim=True) >= lowered(estimator.accuracy_level_)
        return _is_top(p) | (~alone & (sets | (class_ranks(p) <= 2)))

    return Prediction(p, p, lambda: sets_at(estimator.level_), sets_at)


def class_ranks(scores):
    """Return the rank of each class; ONNX gives ties to the lower column, as we do."""
    n_classes = scores.shape[1]
    order = scores.topk(n_classes, dim=1).indices
    # argsort of a permutation is its inverse.
    return order.topk(n_classes, dim=1, largest=False).indices + 1


def lowered(level):
    """Return a level as a tensor, lowered by as much as float32 probabilities may err.

    So a label at the level stays in its set, such as the label of the row that calibrated it.
    """
    level = torch.as_tensor(level, dtype=torch.float64)
    return torch.where(level.isfinite(), level - 1e-6 * level.abs(), level)


def _first(scores, k):
    """Return the sets of the k first-ranked classes."""
    return class_ranks(scores) <= check_k(k, scores.shape[1])


def _is_top(scores):
    """Return the sets of the first-ranked class alone."""
    return scores.argmax(dim=1, keepdim=True) == torch.arange(scores.shape[1])
