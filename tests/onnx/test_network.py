"""Networks, of the package and of users, in a graph."""

import numpy as np
import scipy.sparse as sp
from exported import NETWORK, X, X_new, run, y
from sklearn.base import clone
from torch import nn

from sklearn_setpred import (
    NeuralClassifier,
)
from sklearn_setpred.onnx import to_onnx


def test_networks_trained_on_csr_read_arrays():
    estimator = clone(NETWORK).fit(sp.csr_array(X * (X > 0)), y)
    rows = X_new * (X_new > 0)
    outputs = run(to_onnx(estimator, rows), rows)
    p = estimator.predict_proba(sp.csr_array(rows))
    np.testing.assert_allclose(outputs["probabilities"], p, rtol=0, atol=1e-5)


def test_modules_of_users_are_exported():
    class Block(nn.Sequential):
        def __init__(self, n_features, n_outputs):
            super().__init__(
                nn.LayerNorm(n_features), nn.Dropout(), nn.Linear(n_features, n_outputs)
            )

    estimator = NeuralClassifier(module=Block, max_epochs=1, k=2, random_state=0).fit(X, y)
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))
