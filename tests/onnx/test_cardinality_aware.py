"""The pool and the sizes on tensors are those in NumPy."""

import numpy as np
import pytest
import torch
from exported import X, X_new, cardinality_aware, run, y
from sklearn.frozen import FrozenEstimator
from tiny import QUICK, SMALL

from sklearn_setpred import (
    CardinalityAwareClassifier,
    NeuralClassifier,
)
from sklearn_setpred._cardinality.candidates import check_candidates
from sklearn_setpred._cardinality.pool import Pool, floored_log
from sklearn_setpred._cardinality.selectors import SetCosts
from sklearn_setpred.onnx import _cardinality_aware as on_tensors
from sklearn_setpred.onnx import to_onnx
from sklearn_setpred.onnx._experts import floored_log as floored_log_of_tensors


def test_among_sizes_of_equal_worth_the_largest_is_taken():
    estimator = cardinality_aware(size_penalty=0).fit(X, y)
    # So sure that further labels add nothing, which a penalty of zero does not mind.
    n_experts, n_classes = len(estimator.expert_weights_), len(estimator.classes_)
    shares = np.eye(1 + n_experts)[0]
    pool = Pool(np.full(n_experts, 1e5), shares, np.ones(n_classes), np.zeros(n_classes))
    estimator.ensemble_.pool = pool
    outputs = run(to_onnx(estimator), X_new)
    assert outputs["sets"].all()
    assert estimator.predict_set(X_new).all()


def test_many_candidate_sizes(rng):
    n_classes = 1200
    codes = np.arange(3 * n_classes) % n_classes
    rows = rng.normal(size=(n_classes, 3))[codes] + 0.1 * rng.normal(size=(len(codes), 3))
    base = FrozenEstimator(NeuralClassifier(**{**SMALL, "max_epochs": 1}).fit(rows, codes))
    estimator = CardinalityAwareClassifier(base, size_penalty=0.01, **QUICK)
    estimator.fit(np.tile(rows[:200], (3, 1)), np.tile(codes[:200], 3))
    assert len(estimator.sizes_) < n_classes
    sets = run(to_onnx(estimator), rows[:50])["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(rows[:50]))


def test_the_pool_is_the_same_on_tensors(rng):
    p = rng.dirichlet(np.full(5, 0.2), size=40)
    experts = [floored_log(p, 1e-3), floored_log(p[::-1], 1e-3)]
    slopes, offsets = np.linspace(0.8, 1.2, 5), np.linspace(-0.1, 0.1, 5)
    pool = Pool(np.array([0.7, 0.6]), np.array([0.5, 0.5, 0.0]), slopes, offsets)
    tensors = [floored_log_of_tensors(torch.from_numpy(q.copy()), 1e-3) for q in (p, p[::-1])]
    np.testing.assert_allclose(tensors[0], experts[0], rtol=1e-12)
    np.testing.assert_allclose(on_tensors.pooled(pool, tensors), pool(experts), rtol=1e-12)


@pytest.mark.parametrize("family", [{"sizes": [1, 2, 5]}, {"thresholds": [0.1, 0.3]}])
@pytest.mark.parametrize("weightless", [0.0, 1.0])
def test_candidate_sets_and_their_costs_are_the_same_on_tensors(family, weightless, rng):
    candidates = check_candidates(*map({**family}.get, ("sizes", "thresholds")), "log", 6)
    log_p = np.log(rng.dirichlet(np.ones(6), size=40))
    sketch = candidates.sketch(log_p)
    found = on_tensors.sketch(candidates, torch.from_numpy(log_p))
    for one, expected in zip(found, sketch, strict=True):
        np.testing.assert_allclose(np.broadcast_to(one, expected.shape), expected, atol=1e-12)
    costs = SetCosts(0.3, np.ptp(sketch.costs), weightless)
    np.testing.assert_allclose(
        on_tensors.expected_costs(costs, found), costs.expected(sketch), atol=1e-12
    )
