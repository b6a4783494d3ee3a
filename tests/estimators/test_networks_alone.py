"""CardinalityAwareClassifier without a classifier inside: the networks of the folds, averaged."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier
from sklearn_setpred._inner import NetworksAlone
from sklearn_setpred.datasets import make_confusable_classes

SMALL = {"hidden_layer_sizes": (16,), "max_epochs": 20, "cv": 3, "random_state": 0}


@pytest.fixture(scope="module")
def problem():
    """600 rows of 5 classes, named by letters, and as many new ones."""
    X, y, _ = make_confusable_classes(1200, 5, 4, random_state=0)
    y = np.array(list("badce"))[y]
    return (X[:600], y[:600]), (X[600:], y[600:])


@pytest.fixture(scope="module")
def fitted(problem):
    return CardinalityAwareClassifier(**SMALL).fit(*problem[0])


def test_there_is_a_network_for_each_fold_and_none_beside(fitted):
    assert isinstance(fitted.estimator_, NetworksAlone)
    assert {name: len(nets) for name, nets in fitted.refiner_.networks.items()} == {"plain": 3}
    assert set(fitted.expert_weights_) == {"plain"}
    np.testing.assert_allclose(fitted.expert_weights_["plain"], 1.0)


def test_the_networks_together_beat_one_that_sees_all_rows(problem, fitted):
    train, (X, y) = problem
    alone = NeuralClassifier(hidden_layer_sizes=(16,), max_epochs=20, random_state=0).fit(*train)
    assert log_loss(y, fitted.predict_proba(X)) < log_loss(y, alone.predict_proba(X))


def test_sets_hold_the_first_ranked_label(problem, fitted):
    X = problem[1][0]
    sets = fitted.predict_set(X)
    places = np.searchsorted(fitted.classes_, fitted.predict(X))
    assert sets[np.arange(len(X)), places].all()
    np.testing.assert_array_equal(sets, fitted.set_levels(X) >= fitted.size_penalty)


def test_csr_rows_are_read_as_dense_ones(problem, fitted):
    (X, y), (X_new, _) = problem
    sparse = CardinalityAwareClassifier(**SMALL).fit(sp.csr_array(X), y)
    p = sparse.predict_proba(sp.csr_array(X_new))
    np.testing.assert_allclose(p, fitted.predict_proba(X_new), atol=0.02)


def test_columns_are_remembered(problem):
    (X, y), _ = problem
    frame = pd.DataFrame(X, columns=list("pqrs"))
    clf = CardinalityAwareClassifier(**(SMALL | {"max_epochs": 1})).fit(frame, y)
    assert clf.n_features_in_ == 4
    assert clf.feature_names_in_.tolist() == list("pqrs")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict_set(frame[list("qprs")])
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict_set(frame[list("pqr")])


def test_weights_reach_the_networks(problem):
    (X, y), (X_new, _) = problem
    heavy = np.where(y == "a", 50.0, 1.0)
    clf = CardinalityAwareClassifier(**SMALL).fit(X, y, sample_weight=heavy)
    assert (clf.predict(X_new) == "a").mean() > 0.5


def test_a_pickle_gives_the_same_sets(problem, fitted):
    X = problem[1][0]
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_set(X), fitted.predict_set(X))


def test_without_refinement_one_network_stands_inside(problem):
    clf = CardinalityAwareClassifier(refine=False, **(SMALL | {"max_epochs": 1}))
    assert isinstance(clf.fit(*problem[0]).estimator_, NeuralClassifier)


def test_the_base_beside_networks_alone_is_a_classifier_that_says_nothing():
    base = NetworksAlone()
    with pytest.raises(NotFittedError):
        check_is_fitted(base)
    base.fit(np.zeros((4, 2)), ["b", "a", "b", "c"])
    np.testing.assert_allclose(base.predict_proba(np.ones((2, 2))), 1 / 3)
