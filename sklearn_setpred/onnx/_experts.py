"""The experts of a `CardinalityAwareClassifier`, in torch; trees are one node of their own."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import torch

from sklearn_setpred._cardinality.built_in import KernelExpert
from sklearn_setpred._cardinality.experts import (
    BoostingExpert,
    ForestExpert,
    LinearExpert,
    NetworkExpert,
    UserExpert,
)
from sklearn_setpred._cardinality.pool import SMALLEST
from sklearn_setpred.onnx._network import network_scores
from sklearn_setpred.sets import label_indices


@singledispatch
def expert_log_p(expert, x, recorder):
    """Return the log-probabilities of an expert, (n, n_classes)."""
    raise NotImplementedError(f"{type(expert).__name__} has no translation to ONNX")


@expert_log_p.register(UserExpert)
def _user(expert, x, recorder):
    return floored_log(_placed(expert.models[0], expert.classes, x, recorder), expert.floor)


@expert_log_p.register(LinearExpert)
def _linear(expert, x, recorder):
    (model,) = expert.models
    scores = x @ torch.from_numpy(model.weights) + torch.from_numpy(model.offsets)
    return scores.log_softmax(dim=1)


@expert_log_p.register(KernelExpert)
def _kernel(expert, x, recorder):
    (model,) = expert.models
    norms = (x * x).sum(dim=1, keepdim=True).sqrt().clamp_min(SMALLEST)
    cosines = (x / norms).float() @ torch.from_numpy(model.rows_).T
    cosines = cosines - cosines.amax(dim=1, keepdim=True)
    votes = torch.from_numpy(model.votes.toarray())
    votes = (model.concentration_ * cosines).exp().double() @ votes
    p = votes / votes.sum(dim=1, keepdim=True).clamp_min(SMALLEST)
    codes = np.arange(expert.n_classes)
    return floored_log(p @ _places(model.classes_, codes), expert.floor)


@expert_log_p.register(ForestExpert)
def _forest(expert, x, recorder):
    return floored_log(_table(expert.models[0], x, recorder), expert.floor)


@expert_log_p.register(BoostingExpert)
def _boosting(expert, x, recorder):
    return _table(expert.models[0], x, recorder).log_softmax(dim=1)


@expert_log_p.register(NetworkExpert)
def _network(expert, x, recorder):
    return network_scores(expert.models[0], x).log_softmax(dim=1)


def floored_log(p, floor):
    """Return log p, softly clipped at the floor, as in `_cardinality.pool`."""
    x, log_floor = p.clamp_min(SMALLEST).log(), float(np.log(floor))
    return x.clamp_min(log_floor) - (log_floor - x).clamp_min(0).log1p()


def _placed(model, classes, x, recorder):
    """Return the probabilities of a classifier in the order of ``classes``."""
    from sklearn_setpred.onnx._estimators import prediction

    p = prediction(model, x, recorder).probabilities
    return p @ _places(model.classes_, classes)


def _places(known, classes):
    """Return the matrix that puts columns of known classes in their places."""
    places = np.zeros((len(known), len(classes)))
    places[np.arange(len(known)), label_indices(known, classes)] = 1.0
    return torch.from_numpy(places)


def _table(table, x, recorder):
    """Return the outputs of a `TreeTable`, float64, as one node over all trees."""
    g = recorder.graph
    g.opsets["ai.onnx.ml"] = 3
    summed = g(
        "TreeEnsembleRegressor",
        g.cast(recorder.name(x), np.float32),
        domain="ai.onnx.ml",
        **tree_attributes(table),
    )
    sums = torch.from_numpy(table(x.numpy()) / table.scale)
    return recorder.follow(sums, g.cast(summed, np.float64)) * table.scale


def tree_attributes(table):
    """Return the attributes of ONNX's node for a `TreeTable`."""
    nodes, n_nodes = np.arange(len(table.feature)), len(table.feature)
    tree = np.searchsorted(table.roots, nodes, side="right") - 1
    place = nodes - table.roots[tree]
    right, left = table.children.reshape(n_nodes, 2).T
    is_leaf = left == nodes
    values = table.values.tocoo()
    return {
        "n_targets": table.values.shape[1],
        "nodes_treeids": tree.tolist(),
        "nodes_nodeids": place.tolist(),
        "nodes_featureids": table.feature.tolist(),
        "nodes_values": table.threshold.tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, left - table.roots[tree]).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, right - table.roots[tree]).tolist(),
        "target_treeids": tree[values.row].tolist(),
        "target_nodeids": place[values.row].tolist(),
        "target_ids": values.col.tolist(),
        "target_weights": values.data.tolist(),
    }
