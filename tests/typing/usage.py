"""The public functions as users call them; ``make types`` checks this file, nothing runs it."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CompSumClassifier,
    CoverageSetClassifier,
    LDRClassifier,
    NeuralClassifier,
    SetScorer,
    ThresholdSetClassifier,
    TopKSetClassifier,
    cross_val_predict_set,
    explain_set,
    get_set_scorer,
    make_set_scorer,
    metrics,
    predict_set,
    predict_set_size,
    predict_top_k,
    set_levels,
    set_report,
    sets_to_frame,
    sets_to_labels,
    smallest_set_at,
)
from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.estimator_checks import check_set_predictor
from sklearn_setpred.inspection import CoverageSizeDisplay
from sklearn_setpred.losses import LDRKL, get_loss
from sklearn_setpred.onnx import to_onnx
from sklearn_setpred.sets import class_ranks, top_k

X, y = load_digits(return_X_y=True)

# Estimators: `fit` gives the same type, so that calls can be chained.
network = NeuralClassifier("gce", hidden_layer_sizes=(64, 64), random_state=0)
assert_type(network.fit(X, y), NeuralClassifier)
assert_type(network.partial_fit(X, y, classes=[0, 1, 2]), NeuralClassifier)
assert_type(network.predict_proba(X), NDArray[np.float64])
labels: NDArray[np.int64] = network.predict_top_k(X, k=3)
names: list[str] = network.fit(X, y).classes_.tolist()
LDRClassifier(lam=2.0, q=0.7).fit(X, y, sample_weight=np.ones(len(y))).temperature(X)
CompSumClassifier(tau=1.5, class_weight={0: 2.0}).fit(X, y, X_val=X, y_val=y).decision_function(X)

model = CardinalityAwareClassifier(LogisticRegression(), size_cost=np.sqrt, sizes=[1, 2, 5])
sets = model.fit(X, y).predict_set(X, size_penalty=0.1)
sizes: NDArray[np.int64] = model.predict_set_size(X)
assert_type(predict_set_size(make_pipeline(model), X), NDArray[np.int64])
assert_type(set_levels(make_pipeline(model), X), NDArray[np.float64])
predict_top_k(make_pipeline(model), X, 3, return_proba=True)
explain_set(make_pipeline(model), X[0]).head()
CoverageSetClassifier(model, target_coverage=0.9, conditional="strata").fit(X, y, strata=y)
ThresholdSetClassifier(model, threshold=0.1).fit(X, y).predict_set(X, threshold=0.2)
TopKSetClassifier(model, k=2, sparse_output=True).fit(X, y).predict_set(X, k=1)
check_set_predictor(TopKSetClassifier(LogisticRegression(), k=2))

# Sets, metrics and scorers.
coverage: float = metrics.coverage_score(y, sets, sample_weight=np.ones(len(y)))
metrics.cardinality_aware_loss(["a", "b"], [[True, False], [True, True]], size_cost="log")
curve: tuple[NDArray[np.float64], ...] = metrics.coverage_size_curve(y, model.set_levels(X))
for row in sets_to_labels(sets, model.classes_):
    row.tolist()
sets_to_frame(sets, model.classes_, like=X, columns="lists")
class_ranks([[0.2, 0.8]])
top_k(network.predict_proba(X), k=2).sum()
assert_type(get_set_scorer("coverage"), SetScorer)
loss = make_set_scorer(metrics.cardinality_aware_loss, size_penalty=0.1)
search = GridSearchCV(model, {"size_penalty": [0.1]}, scoring=set_report(loss=loss))
search.set_params(refit=smallest_set_at(coverage=0.95)).fit(X, y)
predict_set(search, X, size_penalty=0.2).sum(axis=1)
cross_val_predict_set(make_pipeline(model), X, y, cv=3, params={"sample_weight": np.ones(len(y))})

# What is around them.
display = CoverageSizeDisplay.from_estimator(model, X, y, name="ours").plot(target_coverage=0.9)
assert_type(display, CoverageSizeDisplay)
display.frame().to_csv("curve.csv")
noisy = make_noisy_labels(y, "uniform", level=0.2, random_state=0)
get_loss("ldr_kl").check(n_classes=10)
NeuralClassifier(LDRKL(lam=0.5)).fit(X, noisy)
with open("model.onnx", "wb") as file:
    file.write(to_onnx(model).SerializeToString())
