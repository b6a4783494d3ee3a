"""A graph is compared with the estimator on rows that lie near its borders."""

import numpy as np
import pytest
from exported import NETWORK, X, X_new, y
from sklearn.base import clone

from sklearn_setpred.onnx import to_onnx
from sklearn_setpred.onnx._check import made_up_rows


@pytest.mark.parametrize("name", ["label", "probabilities", "sets"])
def test_every_output_is_checked(name, monkeypatch):
    estimator = clone(NETWORK).set_params(k=2).fit(X, y)
    method = {"label": "predict", "probabilities": "predict_proba", "sets": "predict_set"}[name]
    right = getattr(type(estimator), method)
    monkeypatch.setattr(type(estimator), method, lambda self, X: right(self, X)[::-1])
    expected = (
        rf"^NeuralClassifier\(.*\) cannot be exported: as an ONNX graph it gives other {name}"
    )
    with pytest.raises(ValueError, match=expected):
        to_onnx(estimator, X_new)


def test_made_up_rows_lie_about_changes_of_the_label_and_hang_on_no_last_digit():
    estimator = clone(NETWORK).fit(X / 1e4, y)
    rows = made_up_rows(estimator)
    assert len(np.unique(estimator.predict(rows))) > 1
    p = estimator.predict_proba(rows)
    assert (p.max(axis=1) < 0.9).any()
    np.testing.assert_allclose(estimator.predict_proba(rows * (1 + 1e-6)), p, rtol=0, atol=1e-6)
