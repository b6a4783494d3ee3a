"""CompSumClassifier: the network classifier with the comp-sum loss of order tau."""

import numpy as np
import pytest
from small_networks import network_parameters

from sklearn_setpred import CompSumClassifier, NeuralClassifier
from sklearn_setpred.losses import CompSum

OPTIONS = {"hidden_layer_sizes": (8,), "validation_fraction": None, "random_state": 0}


def test_tau_is_the_order_of_the_loss(blobs):
    X, y = blobs
    ours = CompSumClassifier(1.5, max_epochs=5, **OPTIONS).fit(X, y)
    same = NeuralClassifier(CompSum(tau=1.5), max_epochs=5, **OPTIONS).fit(X, y)
    assert ours.loss_.get_params() == {"tau": 1.5}
    np.testing.assert_array_equal(ours.predict_proba(X), same.predict_proba(X))


def test_the_network_has_the_parameters_and_defaults_of_neural_classifier():
    ours, shared = network_parameters(CompSumClassifier), network_parameters(NeuralClassifier)
    assert list(ours.items()) == list(shared.items())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_order_out_of_range_is_refused(blobs, method):
    X, y = blobs
    arguments = {"classes": np.unique(y)} if method == "partial_fit" else {}
    classifier = CompSumClassifier(tau=-1)
    with pytest.raises(ValueError, match=r"tau=-1 is not in \[0, inf\)"):
        getattr(classifier, method)(X, y, **arguments)
    assert not hasattr(classifier, "net_")
