"""What every set predictor shares: one ranking, by batches."""

import numpy as np
import pandas as pd
import pytest
from around import both_wrappers
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB
from small_networks import network

from sklearn_setpred import ThresholdSetClassifier, TopKSetClassifier
from sklearn_setpred._utils import memory
from sklearn_setpred.sets import class_ranks


def test_ties_go_to_the_first_class():
    class Tied(GaussianNB):
        def predict_proba(self, X):
            return np.tile([0.25, 0.375, 0.375], (len(X), 1))

    X, y = np.arange(6.0)[:, None], np.arange(6) % 3
    model = TopKSetClassifier(Tied(), k=1).fit(X, y)
    assert model.predict_set(X[:1]).tolist() == [[False, True, False]]
    assert model.predict_top_k(X[:1], 3).tolist() == [[1, 2, 0]]
    model = ThresholdSetClassifier(Tied(), threshold=0.5).fit(X, y)
    assert model.predict_set(X[:1]).tolist() == [[False, True, False]]
    assert model.predict_set(X[:1], threshold=0.375).tolist() == [[False, True, True]]


@pytest.mark.parametrize("sparse_output", [False, True])
@both_wrappers
def test_batches_do_not_change_what_is_predicted(iris_like, wrapper, sparse_output, monkeypatch):
    X, y = pd.DataFrame(iris_like[0]), iris_like[1]
    model = wrapper(GaussianNB(), sparse_output=sparse_output).fit(X, y)

    def predictions():
        sets = model.predict_set(X)
        sets = sets.toarray() if sparse_output else sets
        return sets, model.predict(X), model.predict_top_k(X, 2), model.set_levels(X)

    whole = predictions()
    monkeypatch.setattr(memory, "BATCH", 8 * 21)  # seven rows at a time
    for ours, theirs in zip(predictions(), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sets_are_the_k_first_labels(blobs):
    X, y = blobs
    clf = network(k=2).fit(X, y)
    order = np.argsort(-clf.decision_function(X), axis=1, kind="stable")
    np.testing.assert_array_equal(clf.predict_top_k(X, 3), clf.classes_[order[:, :3]])
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[order[:, 0]])
    np.testing.assert_array_equal(clf.predict_set(X), class_ranks(clf.decision_function(X)) <= 2)
    assert clone(clf).set_params(k=None).fit(X, y).predict_set(X).all()
    assert clf.predict_set(X, k=3).sum(axis=1).tolist() == [3] * 300
