"""Small benchmarks beside the one of label noise: each arm runs on a few rows."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Bunch

from sklearn_setpred.inspection import label_quality

pytest.importorskip("pandas")
pytest.importorskip("tabulate")


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    rows = np.arange(150)
    speakers = rows % 10
    parts = {"X_train": X[rows], "y_train": y[rows], "X_test": X[-300:], "y_test": y[-300:]}
    return Bunch(**parts, speaker_train=speakers)


def test_every_order_of_every_network_finds_wrong_labels(benchmark, digits, monkeypatch):
    module = benchmark("label_quality")
    monkeypatch.setattr(module, "load_dataset", lambda name: digits)
    monkeypatch.setitem(module.DATASETS, "digits", None)
    lines = list(module.lines_of("digits", "uniform", 0))
    assert [line["network"] for line in lines] == list(module.NETWORKS)
    for line in lines:
        assert (
            min(line[order] for order in ("probability", "minus EL2N", "normalised margin")) > 0.7
        )
    assert "LDRClassifier(cv=None)" in module.table(lines)


def test_the_orders_are_those_of_label_quality(benchmark, digits, rng):
    module, X, y = benchmark("label_quality"), digits.X_train, digits.y_train
    model = LogisticRegression(max_iter=1000)
    p = module.cross_val_predict(model, X, y, method="predict_proba")
    orders = module.orders(p, y)
    np.testing.assert_array_equal(orders["probability"], label_quality(model, X, y))
    np.testing.assert_array_equal(
        orders["minus EL2N"], label_quality(model, X, y, method="neg_el2n")
    )
    by_hand = module.orders(np.array([[0.5, 0.2, 0.3]]), np.array([2]))["normalised margin"]
    np.testing.assert_allclose(by_hand, [-0.2])


def test_every_method_learns_from_speakers(benchmark, digits, monkeypatch):
    module = benchmark("label_noise_speakers")
    monkeypatch.setitem(module.noisy_labels.__globals__["DATASETS"], "vowel", None)
    monkeypatch.setattr(module, "SOME_NOISES", (("uniform", 0.3),))
    table = module.table(digits, seeds=1)
    for name in module.METHODS:
        (line,) = (line for line in table.splitlines() if line.split("|")[1].strip() == name)
        assert float(line.split("|")[2]) > 0.5
