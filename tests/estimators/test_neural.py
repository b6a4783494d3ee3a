"""NeuralClassifier: its losses, its kinds of network, and what it learns."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from small_networks import KINDS, network

from sklearn_setpred import NeuralClassifier
from sklearn_setpred.losses import TGCE, CompSum, Loss, get_loss


class Recorder(Callback):
    """Counts the epochs; pickled as it is."""

    def __init__(self):
        self.n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


# -------------------------------------------------------------------------------- learning


def test_the_loss_falls_and_labels_are_learned(blobs):
    clf = network(max_epochs=20).fit(*blobs)
    assert clf.n_iter_ == len(clf.loss_curve_) == 20
    assert clf.loss_curve_[-1] < 0.7 * clf.loss_curve_[0]
    assert clf.score(*blobs) > 0.75


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_learns(blobs, kind):
    X, y = blobs
    clf = network(module=kind, validation_fraction=0.1).fit(X, y)
    assert clf.loss_curve_[-1] < 0.8 * clf.loss_curve_[0]
    assert clf.score(X, y) > 0.6
    X = sp.csr_array(X)
    np.testing.assert_allclose(clf.predict_proba(X), clf.predict_proba(X.toarray()), atol=1e-4)
    assert NeuralClassifier(module=kind).set_params(**clf.get_params()).module == kind


def test_without_hidden_layers_the_scores_are_linear(blobs):
    X, y = blobs
    clf = network(hidden_layer_sizes=()).fit(X, y)
    z = clf.net_.standardization(X)  # linear but for the smooth clip of outliers
    weight, bias = (clf.net_.weights()[f"first.{name}"] for name in ("weight", "bias"))
    np.testing.assert_allclose(clf.decision_function(X), z @ weight + bias, atol=1e-4)


def test_moved_and_scaled_columns_change_nothing(blobs):
    X, y = blobs
    clf, moved = network().fit(X, y), network().fit(X * [1, 1e-3, 1e3, 2, 5] + 7.0, y)
    scores = moved.decision_function(X * [1, 1e-3, 1e3, 2, 5] + 7.0)
    np.testing.assert_allclose(scores, clf.decision_function(X), atol=1e-3)


def test_a_users_module_is_trained(blobs):
    class TwoLayers(torch.nn.Sequential):
        def __init__(self, n_features, n_classes):
            layers = torch.nn.Linear(n_features, 8), torch.nn.Tanh(), torch.nn.Linear(8, n_classes)
            super().__init__(*layers)

    def linear(n_features, n_classes):
        return torch.nn.Linear(n_features, n_classes)

    X, y = blobs
    for module in (TwoLayers, linear):
        clf = network(module=module, hidden_layer_sizes=None).fit(X, y)
        assert clf.loss_curve_[-1] < 0.8 * clf.loss_curve_[0]
        np.testing.assert_allclose(
            clf.predict_proba(sp.csr_array(X)), clf.predict_proba(X), atol=1e-5
        )


def test_a_loss_is_named_or_given(blobs):
    named, given = (network(loss=loss).fit(*blobs) for loss in ("gce", get_loss("gce")))
    np.testing.assert_array_equal(named.predict_proba(blobs[0]), given.predict_proba(blobs[0]))
    assert named.loss_.name == "gce"
    assert network(loss=CompSum(tau=0.5)).set_params(loss__tau=1.5).loss.tau == 1.5


def test_a_loss_that_needs_a_warm_start_is_told(blobs):
    clf = network(loss="gce", max_epochs=2).fit(*blobs)  # no warning
    clf.set_params(loss="tgce", warm_start=True).fit(*blobs)  # nor here
    fresh = network(loss="tgce", max_epochs=1)
    with pytest.warns(UserWarning, match="'tgce' hardly moves fresh weights.*warm_start=True"):
        fresh.fit(*blobs)
    with pytest.warns(UserWarning, match="hardly moves fresh weights"):
        clone(fresh).partial_fit(*blobs, classes=np.unique(blobs[1]))
    network(loss=TGCE(truncation=0.1), max_epochs=1).fit(*blobs)


def test_callbacks_reach_skorch(blobs):
    recorder = Recorder()
    network(max_epochs=4, callbacks=[recorder]).fit(*blobs)
    assert recorder.n_epochs == 4


def test_a_loss_on_costs_is_sent_to_the_classifier_that_has_costs(blobs):
    with pytest.raises(ValueError, match="CardinalityAwareClassifier"):
        network(loss="cost_sensitive_comp_sum").fit(*blobs)


# ------------------------------------------------------- losses and modules that cannot be trained


@dataclass(eq=False, repr=False)
class Returning(Loss):
    """A loss that returns what a function makes of the values of cross-entropy."""

    function: object = None

    def forward(self, scores, target):
        values = torch.nn.functional.cross_entropy(scores, target, reduction="none")
        return self.function(values)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.mean, r"values of shape \(\) for \d+ rows.*one value for each row"),
        (lambda values: values[:, None], r"values of shape \(\d+, 1\) for \d+ rows"),
        (torch.detach, "no gradient in the scores"),
    ],
)
def test_a_loss_without_a_value_or_a_gradient_for_each_row_is_told(blobs, function, message):
    with pytest.raises(ValueError, match=message):
        NeuralClassifier(loss=Returning(function), max_epochs=1).fit(*blobs)


@pytest.mark.parametrize("n_more", [-1, 1])
def test_a_module_with_another_number_of_scores_is_told(blobs, n_more):
    def module(n_features, n_classes):
        return torch.nn.Linear(n_features, n_classes + n_more)

    message = rf"module returned scores of shape \(\d+, {4 + n_more}\) for \d+ rows of 4 classes"
    with pytest.raises(ValueError, match=message):
        NeuralClassifier(module=module, max_epochs=1).fit(*blobs)
