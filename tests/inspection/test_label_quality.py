"""Labels that a model doubts which never saw them."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.inspection import label_quality


@pytest.mark.parametrize(
    ("method", "of_a", "of_b"),
    [("probability", 2 / 3, 1 / 3), ("neg_el2n", -np.sqrt(2) / 3, -2 * np.sqrt(2) / 3)],
)
def test_values_by_hand(method, of_a, of_b):
    # Every training part has four a and two b, and the classifier predicts these fractions.
    y = ["a"] * 6 + ["b"] * 3
    found = label_quality(DummyClassifier(), np.zeros((9, 1)), y, method=method, cv=3)
    np.testing.assert_allclose(found, [of_a] * 6 + [of_b] * 3)
    assert found.dtype == np.float64


def test_no_row_vouches_for_its_own_label():
    X, y = np.array([0.0, 1, 2, 10, 11, 12])[:, None], np.array([0, 1, 0, 1, 1, 1])
    nearest = KNeighborsClassifier(n_neighbors=1)
    assert nearest.fit(X, y).predict_proba(X)[1, 1] == 1
    folds = [(np.delete(np.arange(6), i), [i]) for i in range(6)]
    assert label_quality(nearest, X, y, cv=folds)[1] == 0


@pytest.mark.parametrize("method", ["probability", "neg_el2n"])
@pytest.mark.parametrize("noise", ["uniform", "class_dependent"])
def test_wrong_labels_come_first(method, noise):
    X, y = make_blobs(150, centers=3, random_state=0, cluster_std=0.6)
    noisy = make_noisy_labels(y, noise, 0.2, random_state=0)
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=10))
    quality = label_quality(model, X, noisy, method=method)
    assert roc_auc_score(noisy == y, quality) > 0.95


def test_an_unknown_method_is_refused_before_any_fit():
    with pytest.raises(ValueError, match="method='el2n' is unknown; did you mean 'neg_el2n'"):
        label_quality(None, [[0.0]], [0], method="el2n")
