"""Every built-in expert has the log-probabilities in a graph that it has in Python."""

import numpy as np
import pytest
import torch
from exported import run

from sklearn_setpred._cardinality.built_in import built_in_experts
from sklearn_setpred._cardinality.experts import Expert, TrainingRows
from sklearn_setpred._networks.modules import KindBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.onnx._experts import expert_log_p
from sklearn_setpred.onnx._graph import tensor_info
from sklearn_setpred.onnx._recorder import N_ROWS, Recorder

OPTIONS = TrainingOptions(KindBuilder(), learning_rate=0.01, max_epochs=1, device="cpu")


def experts():
    """Return the experts of 100 rows with 60 columns, by name, and rows that are new to them."""
    X, codes, _ = make_confusable_classes(150, 4, 60, random_state=0)
    rows = TrainingRows(X[:100], X[:100], codes[:100], np.arange(4))
    half = np.arange(50)
    for expert in built_in_experts(rows, OPTIONS):
        splits = expert.splits(rows, [[(half, 50 + half), (50 + half, half)]])
        expert.keep([expert.fit_split(rows, split, 0)[0] for split in splits])
        yield expert, X[100:]


EXPERTS = {expert.name: (expert, X_new) for expert, X_new in experts()}


@pytest.mark.parametrize("name", EXPERTS)
def test_the_graph_of_an_expert_gives_its_log_probabilities(name):
    expert, X_new = EXPERTS[name]
    recorder = Recorder(checks=False)
    with torch.no_grad(), recorder:
        x = recorder.follow(torch.from_numpy(X_new[:N_ROWS].copy()), "X")
        found = recorder.name(expert_log_p(expert, x, recorder))
    g = recorder.graph
    outputs = [g.output("log_p", found, np.float64, ["n", 4])]
    model = g.model([tensor_info("X", np.float64, ["n", X_new.shape[1]])], outputs)
    expected = expert.log_probabilities(X_new, X_new)
    np.testing.assert_allclose(run(model, X_new)["log_p"], expected, rtol=0, atol=1e-3)
    # Probabilities agree to float32; log-probabilities magnify what is small.
    np.testing.assert_allclose(np.exp(run(model, X_new)["log_p"]), np.exp(expected), atol=2e-6)


def test_all_kinds_of_expert_were_tried():
    names = {"extra_trees", "random_forest", "boosting", "logistic", "discriminant", "neighbours"}
    assert names | {"mlp", "periodic"} == EXPERTS.keys()


def test_an_expert_without_a_translation_is_named():
    with pytest.raises(NotImplementedError, match="Expert has no translation to ONNX"):
        expert_log_p(Expert(), torch.zeros(1, 1), None)
