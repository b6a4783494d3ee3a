"""XGBoost, LightGBM, CatBoost and TabNet inside; by hand, where they are installed."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import EXPERTS

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning"),
]

X, CODES = load_iris(return_X_y=True)
X = X.astype(np.float32)
LABELS = {
    "codes": np.arange(3),
    "texts": np.array(["a", "b", "c"]),
    "numbers in texts": np.array(["5", "10", "9"]),
    "signed": np.array([-1, 0, 1]),
    "from one": np.array([1.0, 2.0, 3.0]),
    "dates as numbers": np.array([20230001, 20230002, 20230003]),
    "large": np.arange(3) + 2**60,
    "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]"),
}
AROUND = {
    "top-k": TopKSetClassifier(k=1),
    "threshold": ThresholdSetClassifier(),
    "coverage": CoverageSetClassifier(target_coverage=0.8, random_state=0),
    "aware": CardinalityAwareClassifier(**EXPERTS),
}


def inner(name):
    """Return a small classifier of another package; skip the test where it is not installed."""
    if name == "xgboost":
        return pytest.importorskip(name).XGBClassifier(n_estimators=5, n_jobs=1)
    if name == "lightgbm":
        return pytest.importorskip(name).LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    if name == "catboost":
        catboost = pytest.importorskip(name)
        return catboost.CatBoostClassifier(
            iterations=20, verbose=0, thread_count=1, allow_writing_files=False
        )
    tabnet = pytest.importorskip("pytorch_tabnet.tab_model")
    return tabnet.TabNetClassifier(n_d=4, n_a=4, n_steps=2, verbose=0, device_name="cpu")


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("wrapper", AROUND)
@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost", "tabnet"])
def test_sets_around_the_classifier_are_right_for_labels_of_every_type(name, wrapper, labels):
    y = LABELS[labels][CODES]
    model = clone(AROUND[wrapper]).set_params(estimator=inner(name)).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.sort(LABELS[labels]))
    if name != "tabnet":  # which learns slowly
        assert model.score(X, y) > 0.9
    if wrapper != "aware":
        first = model.estimator_.predict_proba(X).argmax(axis=1)
        np.testing.assert_array_equal(model.predict(X), model.estimator_.classes_[first])


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
def test_keywords_of_fit_reach_the_classifier(name):
    y = LABELS["texts"][CODES]
    model = TopKSetClassifier(inner(name), k=1).fit(X, y, eval_set=[(X[::3], y[::3])])
    fitted = model.estimator_
    assert fitted.evals_result() if name == "xgboost" else fitted.evals_result_


def test_raw_scores_of_a_custom_objective_are_refused():
    def objective(y, scores):
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p - np.eye(3)[y.astype(int)], 2 * p * (1 - p)

    model = ThresholdSetClassifier(inner("lightgbm").set_params(objective=objective))
    with pytest.raises(ValueError, match="predict_proba of LGBMClassifier gives values between"):
        model.fit(X, CODES)

    def binary(y, scores):
        p = 1 / (1 + np.exp(-scores))
        return p - y, p * (1 - p)

    model = ThresholdSetClassifier(inner("lightgbm").set_params(objective=binary))
    with pytest.raises(ValueError, match=r"the shape \(16,\) for 2 classes"):
        model.fit(X, CODES > 0)


def test_a_class_that_is_set_aside_does_not_trouble_xgboost():
    y = CODES + 3
    y[0], y[1:3] = 0, 1
    base = make_pipeline(StandardScaler(), inner("xgboost"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*count as misses")
        for seed in range(20):
            clf = CoverageSetClassifier(base, target_coverage=0.8, random_state=seed).fit(X, y)
            assert clf.classes_.tolist() == [0, 1, 3, 4, 5]
