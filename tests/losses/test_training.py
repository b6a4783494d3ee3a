"""Every loss with labels trains a network; losses with costs are refused by name."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from sklearn_setpred import NeuralClassifier
from sklearn_setpred.losses import LOSSES, get_loss

X, Y = make_blobs(300, centers=4, cluster_std=1.0, random_state=0)
LABEL = [name for name, loss in LOSSES.items() if loss.target == "label"]


@pytest.mark.parametrize("name", LABEL)
def test_every_label_loss_learns_four_blobs(name):
    # The truncated loss starts to learn above its truncation: .5 is never reached from scratch.
    loss = get_loss(name).set_params(**({"truncation": 0.1} if name == "tgce" else {}))
    network = NeuralClassifier(loss, hidden_layer_sizes=(), max_epochs=15, learning_rate=0.05)
    network.set_params(validation_fraction=None, random_state=0).fit(X, Y)
    first, last = network.loss_curve_[0], network.loss_curve_[-1]
    assert last < first
    top_2 = network.predict_top_k(X, 2)
    assert (top_2 == Y[:, None]).any(axis=1).mean() > 0.9
    p = network.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (network.predict(X) == p.argmax(axis=1)).all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in LABEL])
def test_losses_with_costs_are_refused_with_the_place_they_belong_to(name):
    with pytest.raises(ValueError, match="CardinalityAwareClassifier"):
        NeuralClassifier(name).fit(X, Y)


def test_a_k_beyond_the_classes_is_an_error_at_fit():
    with pytest.raises(ValueError, match="k=4 must be an integer between 1 and n_classes - 1 = 3"):
        NeuralClassifier(get_loss("smooth_top_k").set_params(k=4)).fit(X, Y)
