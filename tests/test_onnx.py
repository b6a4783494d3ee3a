"""ONNX models give what the estimators give, computed by onnxruntime."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import NETWORKS, SMALL
from toy import overlapping_blobs

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
    predict_set,
)
from sklearn_setpred._cardinality.pool import Pool
from sklearn_setpred.losses import (
    LDAM,
    LOSSES,
    CostSensitiveCompSum,
    CostSensitiveConstrained,
    Loss,
    get_loss,
)
from sklearn_setpred.onnx import to_onnx
from sklearn_setpred.onnx._graph import Graph
from sklearn_setpred.onnx._links import decision_scores, probabilities

X, y = overlapping_blobs(240)
X, X_new, y = X[:120], X[120:], y[:120]
NETWORK = NeuralClassifier(**SMALL)


def cardinality_aware(**parameters):
    return CardinalityAwareClassifier(NETWORK, **{"cv": 2, **SMALL, **parameters})


def coverage(inner, **parameters):
    return CoverageSetClassifier(inner, random_state=0, **{"target_coverage": 0.8, **parameters})


ESTIMATORS = {
    **{type(network).__name__: network for network in NETWORKS},
    **{
        activation: NeuralClassifier(activation=activation, **SMALL).set_params(
            hidden_layer_sizes=(8, 8)
        )
        for activation in ("tanh", "logistic", "gelu")
    },
    "linear": NeuralClassifier(**{**SMALL, "hidden_layer_sizes": ()}),
    "folds": NeuralClassifier(**{**SMALL, "cv": 3, "early_stopping": True}),
    "top-k": TopKSetClassifier(NETWORK, k=3),
    "threshold": ThresholdSetClassifier(NETWORK, threshold=0.2),
    "empty sets": ThresholdSetClassifier(NETWORK, threshold=0.6, allow_empty=True),
    "coverage": coverage(NETWORK),
    "coverage by class": coverage(NETWORK, conditional="class"),
    "size": coverage(NETWORK, target_coverage=None, target_size=2.0),
    "frozen": coverage(FrozenEstimator(clone(NETWORK).fit(X, y))),
    "cardinality-aware": cardinality_aware(size_penalty=0.2),
    "no penalty": cardinality_aware(size_penalty=0),
    "without refiner": cardinality_aware(refine=False),
    "log cost, few sizes": cardinality_aware(size_cost="log", sizes=[1, 3], size_penalty=0.3),
    "thresholds": cardinality_aware(thresholds=[0.1, 0.3, 0.5]),
    "thresholds, log cost, without refiner": cardinality_aware(
        thresholds=[0.1, 0.3, 0.5], size_cost="log", refine=False
    ),
    "comp-sum by thresholds": cardinality_aware(
        thresholds=[0.01, 0.3], surrogate="cost_sensitive_comp_sum"
    ),
    "coverage by class, thresholds inside": coverage(
        cardinality_aware(thresholds=[0.01, 0.3]), conditional="class"
    ),
    "all labels for a target coverage": cardinality_aware(sizes=[1], target_coverage=0.9),
    "target coverage": cardinality_aware(target_coverage=0.8),
    "comp-sum": cardinality_aware(surrogate="cost_sensitive_comp_sum"),
    "comp-sum of order 2": cardinality_aware(surrogate=CostSensitiveCompSum(tau=2.0)),
    "constrained": cardinality_aware(surrogate="cost_sensitive_constrained"),
    "squared hinge": cardinality_aware(surrogate=CostSensitiveConstrained("squared_hinge")),
    "hinge": cardinality_aware(surrogate=CostSensitiveConstrained("hinge")),
    "coverage, top-k inside": coverage(TopKSetClassifier(NETWORK)),
    "coverage, threshold inside": coverage(ThresholdSetClassifier(NETWORK)),
    "coverage, sizes inside": coverage(cardinality_aware()),
    "coverage, few sizes inside": coverage(cardinality_aware(sizes=[1, 2]), target_coverage=0.95),
    "by class, sizes inside": coverage(cardinality_aware(), conditional="class"),
    "comp-sum inside": coverage(cardinality_aware(surrogate="cost_sensitive_comp_sum")),
    "coverage twice": coverage(coverage(cardinality_aware())),
    "search": GridSearchCV(NETWORK, {"k": [2]}, cv=2),
}


def run(model, X):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_models_give_labels_probabilities_and_sets_of_the_estimator(name):
    estimator = clone(ESTIMATORS[name]).fit(X, y)
    outputs = run(to_onnx(estimator), X_new)
    np.testing.assert_array_equal(outputs["label"], estimator.predict(X_new))
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-5
    )
    sets = predict_set(estimator, X_new)
    np.testing.assert_array_equal(outputs["sets"], sets)
    assert outputs["sets"].dtype == bool


LABELS = {
    "strings": np.array(["ant", "bee", "wasp", "fly"]),
    "objects": np.array(["ant", "bee", "wasp", "fly"], dtype=object),
    "integers": np.array([3, 5, 8, 70]),
    "floats": np.array([1.0, 2.0, 5.0, 9.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(kind):
    estimator = clone(NETWORK).fit(X, LABELS[kind][y])
    model = to_onnx(estimator)
    assert run(model, X_new)["label"].tolist() == estimator.predict(X_new).tolist()
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == estimator.classes_.tolist()


def test_two_classes_have_two_columns():
    estimator = clone(NETWORK).fit(X, y > 1)
    outputs = run(to_onnx(estimator), X_new)
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-5
    )


def test_ties_go_to_the_lower_column():
    estimator = clone(NETWORK).set_params(k=2).fit(X, y)
    for tensor in estimator.net_.module.parameters():
        torch.nn.init.zeros_(tensor)
    outputs = run(to_onnx(estimator), X_new[:3])
    assert outputs["sets"].tolist() == [[True, True, False, False]] * 3
    assert outputs["label"].tolist() == [0, 0, 0]


def test_among_sizes_of_equal_worth_the_largest_is_taken():
    estimator = cardinality_aware(size_penalty=0).fit(X, y)
    # So sure that further labels add nothing, which a penalty of zero does not mind.
    n_experts = len(estimator.expert_weights_)
    estimator.refiner_.pool = Pool(np.full(n_experts, 1e5), np.eye(1 + n_experts)[0])
    outputs = run(to_onnx(estimator), X_new)
    assert outputs["sets"].all()
    assert estimator.predict_set(X_new).all()


# -------------------------------------------------------------------------------- links


def run_on_scores(build, scores):
    g = Graph()
    output = g.output("out", build(g, "X"), TensorProto.DOUBLE, ["n", scores.shape[1]])
    model = g.model(
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, scores.shape)], [output]
    )
    return run(model, scores)["out"]


CASES = {
    **{name: get_loss(name) for name in LOSSES},
    "comp_sum 0.5": get_loss("comp_sum").set_params(tau=0.5),
    "comp_sum 2": get_loss("comp_sum").set_params(tau=2.0),
    "ldr_kl with margin": get_loss("ldr_kl").set_params(lam=0.5, margin=0.7),
    "ldam": LDAM(),
    **{
        f"{name} {normalize}": get_loss(name).set_params(normalize=normalize, margin=0.3)
        for name in ("ldr_kl", "aldr_kl")
        for normalize in ("l1", "softplus")
    },
    **{
        f"aldr_kl lam={lam} alpha={alpha}": get_loss("aldr_kl").set_params(
            lam=lam, alpha=alpha, margin=0.2
        )
        for lam in (0.05, 1.0, 20.0)
        for alpha in (1.05, 2.0, 50.0)
    },
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n_classes", [2, 7])
def test_links_and_rankings_are_those_of_the_loss(name, n_classes, rng):
    loss = CASES[name]
    if loss.name == "ldam":
        loss = loss.fit_classes(rng.integers(1, 50, n_classes).tolist())
    scores = rng.normal(size=(200, n_classes)) * np.logspace(-2, 2, 200)[:, None]
    for method, build in [("probabilities", probabilities), ("decision_scores", decision_scores)]:
        expected = getattr(loss, method)(torch.from_numpy(scores)).numpy()
        found = run_on_scores(lambda g, x, build=build: build(g, loss, x, n_classes), scores)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


# ------------------------------------------------------------------- what is not our own


def test_other_classifiers_and_transformers_come_from_skl2onnx():
    pytest.importorskip("skl2onnx")
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    estimator = make_pipeline(StandardScaler(), ThresholdSetClassifier(inside, threshold=0.2))
    outputs = run(to_onnx(estimator.fit(X, y)), X_new)
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-10
    )
    np.testing.assert_array_equal(outputs["sets"], predict_set(estimator, X_new))


def test_the_way_out_without_skl2onnx_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    estimator = TopKSetClassifier(LogisticRegression(), k=2).fit(X, y)
    with pytest.raises(ImportError, match=r"LogisticRegression\(\) is not ours; pip install skl2o"):
        to_onnx(estimator)


def test_what_cannot_be_translated_is_named():
    module = NeuralClassifier(module=torch.nn.Linear, max_epochs=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"module=.*Linear.* is not ours to translate"):
        to_onnx(module)
    by_strata = coverage(NETWORK, conditional="strata").fit(X, y, strata=np.zeros(len(y)))
    with pytest.raises(ValueError, match="needs the stratum of each row"):
        to_onnx(by_strata)


def test_a_loss_with_a_link_of_its_own_is_refused():
    class Squares(Loss):
        name = "squares"

        def inverse_link(self, scores):
            return scores**2 / (scores**2).sum(dim=-1, keepdim=True)

    with pytest.raises(ValueError, match="redefines inverse_link, which is not translated"):
        probabilities(Graph(), Squares(), "X", 3)


def test_only_fitted_set_predictors_are_translated():
    with pytest.raises(NotFittedError):
        to_onnx(NETWORK)
    with pytest.raises(AttributeError, match="has no predict_set"):
        to_onnx(LogisticRegression().fit(X, y))
