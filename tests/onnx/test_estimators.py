"""ONNX models give what the estimators give, computed by onnxruntime."""

import numpy as np
import pytest
import torch
from exported import NETWORK, X, X_new, cancer, cardinality_aware, coverage, run, y
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import EXPERTS, NETWORKS, SMALL
from torch import nn

from sklearn_setpred import (
    CardinalityAwareClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
    predict_set,
)
from sklearn_setpred._inner.coded import CodedClassifier
from sklearn_setpred.losses import (
    CostSensitiveCompSum,
    CostSensitiveConstrained,
)
from sklearn_setpred.onnx import to_onnx

ESTIMATORS = {
    **{type(network).__name__: network for network in NETWORKS},
    **{
        kind: NeuralClassifier(**SMALL).set_params(module=kind, hidden_layer_sizes=(8, 8))
        for kind in ("mlp", "resnet", "periodic")
    },
    "linear": NeuralClassifier(**{**SMALL, "hidden_layer_sizes": ()}),
    "folds": NeuralClassifier(**{**SMALL, "cv": 3}),
    "top-k": TopKSetClassifier(NETWORK, k=3),
    "threshold": ThresholdSetClassifier(NETWORK, threshold=0.2),
    "empty sets": ThresholdSetClassifier(NETWORK, threshold=0.6, allow_empty=True),
    "coverage": coverage(NETWORK),
    "coverage by class": coverage(NETWORK, conditional="class"),
    "size": coverage(NETWORK, target_coverage=None, target_size=2.0),
    "labels alone": coverage(
        LogisticRegression(), target_accuracy=0.5, confidence=0.5, calibration_size=0.5
    ),
    "labels alone, levels inside": coverage(
        TopKSetClassifier(GaussianNB()), target_accuracy=0.4, confidence=0.5, calibration_size=0.5
    ),
    "label noise": coverage(NETWORK, label_noise=0.05, conditional="class", calibration_size=0.5),
    "long tail": coverage(NETWORK, prevalence_power=0.5),
    "frozen": coverage(FrozenEstimator(clone(NETWORK).fit(X, y))),
    "cardinality-aware": cardinality_aware(size_penalty=0.2),
    "no penalty": cardinality_aware(size_penalty=0),
    "without refiner": cardinality_aware(refine=False),
    "around a classifier": CardinalityAwareClassifier(LogisticRegression(), **EXPERTS),
    "two classifiers": CardinalityAwareClassifier(
        [("forest", RandomForestClassifier(10)), ("bayes", GaussianNB())], **EXPERTS
    ),
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
    "labels as codes": TopKSetClassifier(
        FrozenEstimator(CodedClassifier(LogisticRegression(max_iter=1000)).fit(X, y))
    ),
    "search": GridSearchCV(NETWORK, {"k": [2]}, cv=2),
}


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


@pytest.mark.parametrize("before", [[], [StandardScaler()]])
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3]])
def test_linear_discriminants_are_right(before, classes):
    pytest.importorskip("skl2onnx")
    known = np.isin(y, classes)
    discriminant = make_pipeline(*before, LinearDiscriminantAnalysis())
    estimator = ThresholdSetClassifier(discriminant).fit(X[known], y[known])
    outputs = run(to_onnx(estimator), X_new)
    p = estimator.predict_proba(X_new)
    np.testing.assert_allclose(outputs["probabilities"], p, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(outputs["sets"], estimator.predict_set(X_new))


def test_a_two_class_discriminant_gives_the_sets_of_python():
    X, X_new, y, _ = cancer()
    estimator = ThresholdSetClassifier(LinearDiscriminantAnalysis()).fit(X, y)
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))


def test_labels_at_the_level_stay_in_their_sets():
    pytest.importorskip("skl2onnx")
    # One of fifty trees: in float32 that is less than .02.
    estimator = ThresholdSetClassifier(RandomForestClassifier(50, random_state=0), threshold=0.02)
    estimator.fit(X, y)
    assert (estimator.predict_proba(X_new) == 0.02).any(axis=1).mean() > 0.1
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))


class Median(nn.Linear):
    def forward(self, x):
        return super().forward(x) - x.median(dim=1, keepdim=True).values


def test_what_cannot_be_exported_is_named_in_one_line():
    odd = NeuralClassifier(module=Median, max_epochs=1, random_state=0)
    estimator = ThresholdSetClassifier(odd).fit(X, y)
    with pytest.raises(ValueError, match=r"^NeuralClassifier\(.*Median.*aten.median.dim .*$"):
        to_onnx(estimator)
    by_strata = coverage(NETWORK, conditional="strata").fit(X, y, strata=np.zeros(len(y)))
    with pytest.raises(ValueError, match="needs the stratum of each row"):
        to_onnx(by_strata)


def test_sets_of_folds_have_no_one_level_and_are_refused():
    model = coverage(GaussianNB(), cv=3).fit(X, y)
    with pytest.raises(ValueError, match="export a fit with cv=None"):
        to_onnx(model)


def test_rows_of_float32_make_a_graph_that_takes_float32():
    estimator = clone(ESTIMATORS["coverage by class"]).fit(X.astype(np.float32), y)
    rows = X_new.astype(np.float32)
    outputs = run(to_onnx(estimator, rows), rows)
    np.testing.assert_array_equal(outputs["sets"], predict_set(estimator, rows))
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(rows), rtol=0, atol=1e-5
    )
