"""Estimators of scikit-learn inside or before ours, translated by skl2onnx."""

import numpy as np
import onnx
import pytest
from exported import X, X_new, cancer, run, y
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import (
    CoverageSetClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
    predict_set,
)
from sklearn_setpred.onnx import to_onnx


def test_other_classifiers_and_transformers_come_from_skl2onnx():
    pytest.importorskip("skl2onnx")
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    estimator = make_pipeline(StandardScaler(), ThresholdSetClassifier(inside, threshold=0.2))
    outputs = run(to_onnx(estimator.fit(X, y)), X_new)
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-10
    )
    np.testing.assert_array_equal(outputs["sets"], predict_set(estimator, X_new))


@pytest.mark.parametrize("given", [False, True])
def test_a_part_that_is_translated_wrong_is_named(given):
    pytest.importorskip("skl2onnx")
    X, X_new, y, _ = cancer()
    members = [("lda", LinearDiscriminantAnalysis())]
    vote = VotingClassifier(members, voting="soft", flatten_transform=False)
    estimator = CoverageSetClassifier(vote, target_coverage=0.9, random_state=0).fit(X, y)
    rows = X_new if given else None
    expected = (
        r"^VotingClassifier\(.*\) cannot be exported: as an ONNX graph it gives other prob.*\.$"
    )
    with pytest.raises(ValueError, match=expected):
        to_onnx(estimator, rows)
    onnx.checker.check_model(to_onnx(estimator, rows, check=False))


def test_trees_read_the_columns_in_float32():
    pytest.importorskip("skl2onnx")
    X, X_new, y, _ = train_test_split(*load_wine(return_X_y=True), random_state=0)
    forest = RandomForestClassifier(30, random_state=0)
    estimator = ThresholdSetClassifier(forest, threshold=0.2).fit(X, y)
    p = estimator.predict_proba(X_new)
    found = run(to_onnx(estimator), X_new)["probabilities"]
    np.testing.assert_allclose(found, p, rtol=0, atol=1e-6)


@pytest.mark.parametrize("inside", [DummyClassifier(), RidgeClassifier()])
def test_classifiers_without_a_translation_are_named_in_one_line(inside):
    pytest.importorskip("skl2onnx")
    estimator = TopKSetClassifier(inside, k=2).fit(X, y)
    with pytest.raises(ValueError, match=rf"^{type(inside).__name__}\(\) cannot be exported: .*$"):
        to_onnx(estimator)
