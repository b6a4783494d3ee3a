"""LDRClassifier: the loss of its parameters, temperatures, one ranking."""

import pickle
from math import log

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import softmax
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from small_networks import network_parameters

from sklearn_setpred import LDRClassifier, NeuralClassifier
from sklearn_setpred.losses import ALDRKL, GCE, LDRKL

SMALL = {
    "hidden_layer_sizes": (16,),
    "learning_rate": 0.02,
    "max_epochs": 12,
    "random_state": 0,
}
# A classifier and the loss it stands for.
CLASSIFIERS = [
    pytest.param(
        LDRClassifier(lam=2.0, alpha=4.0, q=0.5),
        ALDRKL(lam=2.0, alpha=4.0, q=0.5),
        id="aldr_kl",
    ),
    pytest.param(LDRClassifier("ldr_kl", lam=0.5, q=0.0), LDRKL(lam=0.5), id="ldr_kl"),
    pytest.param(LDRClassifier("ldr_kl"), GCE(q=0.7), id="gce"),
]


@pytest.fixture(scope="module")
def blobs():
    """Rows of four classes that overlap, 25 of each."""
    return make_blobs(100, n_features=3, centers=4, cluster_std=3.0, random_state=3)


@pytest.fixture(scope="module")
def fitted(blobs):
    return LDRClassifier(lam=2.0, alpha=4.0, **SMALL).fit(*blobs)


@pytest.mark.parametrize(("classifier", "loss"), CLASSIFIERS)
def test_the_flat_parameters_are_those_of_the_loss(classifier, loss, blobs):
    X, y = blobs
    options = {**SMALL, "validation_fraction": None, "cv": None}
    ours = classifier.set_params(**options).fit(X, y)
    same = NeuralClassifier(loss, **options).fit(X, y)
    if type(ours.loss_) is type(loss):
        assert ours.loss_.get_params() == loss.get_params()
    # Generalised cross-entropy and LDR-KL with q differ by rounding, as training goes on.
    tolerance = 1e-3 if isinstance(loss, GCE) else 0
    np.testing.assert_allclose(ours.predict_proba(X), same.predict_proba(X), atol=tolerance)


def test_the_network_has_the_parameters_and_defaults_of_neural_classifier():
    shared = network_parameters(NeuralClassifier)
    del shared["weight_decay"]
    assert network_parameters(LDRClassifier) == shared | {"cv": 5}
    assert list(network_parameters(LDRClassifier)) == list(shared)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("aldrkl", "did you mean 'aldr_kl'"),
        ("cross_entropy", r"Known values: \['aldr_kl', 'ldr_kl'\]"),
        (ALDRKL(), "is unknown"),
    ],
)
def test_other_losses_are_refused(loss, message, blobs):
    with pytest.raises(ValueError, match=message):
        LDRClassifier(loss).fit(*blobs)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (LDRClassifier(alpha=1.0), r"alpha=1\.0 is not in \(1, inf\)"),
        (LDRClassifier(lam=0.0), r"lam=0\.0 is not in \(0, inf\)"),
        (LDRClassifier("ldr_kl", lam=-1.0), r"lam=-1\.0"),
        (LDRClassifier(q=1.1), r"q=1\.1 is not in \[0, 1\]"),
        (LDRClassifier(k=0), r"k=0 is not in \[1, inf\)"),
        (LDRClassifier(k=5), "k=5 is above the number of classes, 4"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_out_of_range_are_refused(classifier, message, method, blobs):
    X, y = blobs
    arguments = {"classes": range(4)} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=message):
        getattr(classifier, method)(X, y, **arguments)
    with pytest.raises(NotFittedError):
        check_is_fitted(classifier)


def test_ldr_kl_does_not_read_alpha(blobs):
    X, y = blobs
    fits = [LDRClassifier("ldr_kl", alpha=alpha, **SMALL).fit(X, y) for alpha in (0.0, 2.0)]
    np.testing.assert_array_equal(*(fit.decision_function(X) for fit in fits))


def test_partial_fit_refuses_a_class_it_was_not_told_of(blobs):
    X, y = blobs
    classifier = LDRClassifier(**SMALL).partial_fit(X, y, classes=range(4))
    with pytest.raises(ValueError, match=r"y holds \[7\], which the network does not know"):
        classifier.partial_fit(X[:1], [7])


def test_weights_that_sum_to_zero_are_refused(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="zero"):
        LDRClassifier(**SMALL).fit(X, y, sample_weight=np.zeros(len(y)))


@pytest.mark.parametrize("k", [0, 5, 1.5])
def test_sizes_of_sets_out_of_range_are_refused_at_call_time(k, fitted, blobs):
    for method in (fitted.predict_set, fitted.predict_top_k):
        with pytest.raises((ValueError, TypeError), match=f"k={k}"):
            method(blobs[0], k=k)


def test_a_loss_that_is_no_number_stops_the_fit_and_leaves_the_last_one(blobs):
    X, y = blobs
    classifier = LDRClassifier(q=0.0, **SMALL).fit(X, y)
    before = classifier.decision_function(X)
    with pytest.raises(FloatingPointError, match=r"at epoch \d+; lower learning_rate=1e\+38"):
        classifier.set_params(learning_rate=1e38).fit(X, y)
    np.testing.assert_array_equal(classifier.decision_function(X), before)


def test_temperature_solves_its_equation(fitted, blobs):
    # t = lam (1 - KL(p, 1 / K) / (alpha log K)), p = softmax(f / t), whatever q is.
    t, f = fitted.temperature(blobs[0]), fitted.decision_function(blobs[0])
    p = softmax(f / t[:, None], axis=1)
    divergence = (p * np.log(4 * p)).sum(axis=1)
    np.testing.assert_allclose(t, 2 * (1 - divergence / (4 * log(4))), rtol=1e-9)
    assert t.shape == (100,)
    assert t.dtype == np.float64


def test_temperature_is_low_where_the_prediction_is_certain(fitted, blobs):
    X, _ = blobs
    certainty = fitted.predict_proba(X).max(axis=1)
    t = fitted.temperature(X)
    assert t[certainty.argmax()] < np.median(t) < t[certainty.argmin()]
    assert (t > 2 * (1 - 1 / 4)).all()
    assert (t <= 2).all()


def test_temperature_of_a_row_does_not_depend_on_the_rows_beside_it(fitted, blobs):
    X, _ = blobs
    alone = np.concatenate([fitted.temperature(row[None]) for row in X[:5]])
    np.testing.assert_array_equal(fitted.temperature(X)[:5], alone)
    np.testing.assert_allclose(fitted.temperature(sp.csr_array(X))[:5], alone, rtol=1e-5)


def test_temperature_of_two_classes(blobs):
    X, y = blobs
    t = LDRClassifier(lam=1.0, **SMALL).fit(X, y < 2).temperature(X)
    assert ((t > 0.5) & (t <= 1)).all()


def test_only_the_adaptive_loss_has_temperatures():
    assert hasattr(LDRClassifier(), "temperature")
    assert not hasattr(LDRClassifier("ldr_kl"), "temperature")


def test_probabilities_invert_the_link(blobs):
    # p^(1 - q), renormalised, p = softmax(f / lam).
    X, y = blobs
    classifier = LDRClassifier("ldr_kl", lam=0.5, q=0.6, **SMALL).fit(X, y)
    expected = softmax(0.4 * classifier.decision_function(X) / 0.5, axis=1)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, rtol=1e-9)


@pytest.mark.parametrize("q", [0.0, 0.9])
@pytest.mark.parametrize("loss", ["aldr_kl", "ldr_kl"])
def test_scores_probabilities_labels_and_sets_have_one_ranking(loss, q, blobs):
    X, y = blobs
    classifier = LDRClassifier(loss, q=q, **SMALL).fit(X, y)
    scores, proba = classifier.decision_function(X), classifier.predict_proba(X)
    inverse_link = classifier.loss_.probabilities(torch.from_numpy(scores)).numpy()
    np.testing.assert_array_equal(proba, inverse_link)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    order = np.argsort(-scores, axis=1)
    np.testing.assert_array_equal(np.argsort(-proba, axis=1), order)
    np.testing.assert_array_equal(classifier.predict_top_k(X, 4), order)
    np.testing.assert_array_equal(classifier.predict(X), order[:, 0])


def test_with_q_the_true_labels_of_mislabelled_rows_are_predicted():
    X, y = make_blobs(1600, n_features=10, centers=6, cluster_std=3.0, random_state=0)
    rng = np.random.RandomState(0)
    noisy = np.where(rng.rand(1600) < 0.6, rng.randint(6, size=1600), y)
    plain, robust = (
        LDRClassifier(q=q, cv=None, random_state=0).fit(X[:800], noisy[:800]) for q in (0.0, 0.9)
    )
    assert robust.score(X[800:], y[800:]) > plain.score(X[800:], y[800:]) + 0.02


def test_the_default_sets_are_those_of_the_constructors_k(fitted, blobs):
    X, y = blobs
    assert fitted.predict_set(X).all()  # min(5, 4) labels
    assert fitted.predict_top_k(X).shape == (100, 4)
    two = LDRClassifier(k=2, **SMALL).fit(X, y)
    np.testing.assert_array_equal(two.predict_set(X), two.predict_set(X, k=2))
    assert (two.predict_set(X, k=3).sum(axis=1) == 3).all()


def test_top_k_sets_hold_the_top_k_labels_for_every_k(fitted, blobs):
    X, _ = blobs
    order = np.argsort(-fitted.decision_function(X), axis=1)
    for k in (1, 2, 3, 4):
        np.testing.assert_array_equal(fitted.predict_top_k(X, k), order[:, :k])
        sets = fitted.predict_set(X, k=k)
        assert (sets.sum(axis=1) == k).all()
        assert np.take_along_axis(sets, order[:, :k], axis=1).all()


def test_a_pickle_holds_no_torch(fitted, blobs):
    pickled = pickle.dumps(fitted)
    assert b"torch" not in pickled
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.temperature(blobs[0]), fitted.temperature(blobs[0]))


@pytest.mark.parametrize("q", [0.0, 0.9])
def test_without_q_epochs_are_compared_at_the_best_scale(blobs, q):
    X, y = blobs
    y_val = np.roll(y[60:], 1)  # the flatter the better
    clf = LDRClassifier(q=q, **(SMALL | {"max_epochs": 1}))
    clf.fit(X[:60], y[:60], X_val=X[60:], y_val=y_val)
    scores, target = torch.from_numpy(clf.net_.scores(X[60:])), torch.from_numpy(y_val)
    flat, plain = (clf.loss_(scale * scores, target).mean().item() for scale in (0.3, 1.0))
    assert flat != pytest.approx(plain, abs=1e-3)
    assert -clf.validation_scores_[0] == pytest.approx(plain if q else flat, abs=1e-5)
