"""The kernel over neighbours, by hand."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError

from sklearn_setpred._cardinality.kernel import KernelClassifier, unit_rows
from sklearn_setpred._utils import memory

# Cosines: 1 / sqrt(2) between the first two, 0 between the first and the last, 1 / sqrt(2).
X = np.array([[2.0, 0.0], [3.0, 3.0], [0.0, 0.5]])
Y = np.array(["a", "b", "b"])
C = 1 / np.sqrt(2)


def test_probabilities_by_hand():
    clf = KernelClassifier().fit(X, Y)
    t = clf.concentration_
    assert t in (8.0, 16.0, 32.0, 64.0)
    # A row along the first: cosines 1, C and 0.
    k = np.exp(t * np.array([1.0, C, 0.0]))
    np.testing.assert_allclose(
        clf.predict_proba([[7.0, 0.0]]), [[k[0], k[1] + k[2]] / k.sum()], rtol=1e-5
    )
    assert clf.classes_.tolist() == ["a", "b"]


def test_a_training_row_is_told_by_the_others():
    clf = KernelClassifier().fit(X, Y)
    # The first has neighbours of "b" only; the second one of each, as near; the last sees the
    # second at C and the first at 0.
    k = np.exp(clf.concentration_ * (0.0 - C))
    expected = [[0.0, 1.0], [0.5, 0.5], [k / (1 + k), 1 / (1 + k)]]
    np.testing.assert_allclose(clf.oob_decision_function_, expected, atol=1e-6)


def test_a_weight_is_a_vote():
    clf = KernelClassifier().fit(X, Y, sample_weight=[3.0, 1.0, 1.0])
    np.testing.assert_allclose(clf.oob_decision_function_[1], [0.75, 0.25], atol=1e-6)


def test_a_row_of_weight_zero_has_no_vote_and_no_say():
    rng = np.random.default_rng(0)
    rows, y, weight = rng.normal(size=(30, 4)), np.arange(30) % 3, rng.random(30)
    weight[::3] = 0.0
    kept = weight > 0
    zeroed = KernelClassifier().fit(rows, y, weight)
    removed = KernelClassifier().fit(rows[kept], y[kept], weight[kept])
    assert zeroed.concentration_ == removed.concentration_
    known = np.isin(zeroed.classes_, removed.classes_)
    p = zeroed.predict_proba(rows)
    np.testing.assert_allclose(p[:, known], removed.predict_proba(rows), rtol=1e-6)
    assert not p[:, ~known].any()


@pytest.mark.parametrize(("spread", "concentration"), [(0.01, 64.0), (20.0, 8.0)])
def test_the_concentration_is_that_of_the_likelihood(spread, concentration):
    # Labels that the neighbours tell want a sharp kernel, labels that nothing tells a flat one.
    rows, y = make_blobs(60, n_features=5, centers=3, cluster_std=spread, random_state=0)
    rows += 3.0
    if concentration == 8.0:
        y = np.random.default_rng(0).permutation(y)
    assert KernelClassifier().fit(rows, y).concentration_ == concentration


def test_a_row_of_zeros_is_as_near_to_all():
    np.testing.assert_array_equal(unit_rows(np.zeros((1, 2))), [[0.0, 0.0]])
    p = KernelClassifier().fit(X, Y).predict_proba(np.zeros((1, 2)))
    np.testing.assert_allclose(p, [[1 / 3, 2 / 3]], rtol=1e-6)


def test_batches_change_nothing(rng, monkeypatch):
    rows, y = rng.normal(size=(70, 4)), np.arange(70) % 3
    at_once = KernelClassifier().fit(rows, y)
    p = at_once.predict_proba(rows)
    monkeypatch.setattr(memory, "BATCH", 8 * 70 * 16)
    by_batches = KernelClassifier().fit(rows, y)
    left, right = by_batches.oob_decision_function_, at_once.oob_decision_function_
    np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(at_once.predict_proba(rows), p, rtol=1e-5, atol=1e-8)


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError):
        KernelClassifier().predict_proba(X)
