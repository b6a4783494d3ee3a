"""Training on skorch: early stopping, failures, what is left untouched."""

import random

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback, LRScheduler

from sklearn_setpred._networks.network import MLPBuilder, ModuleBuilder
from sklearn_setpred._networks.parts import Part
from sklearn_setpred._networks.training import fit_network, train_one_epoch
from sklearn_setpred.losses import get_loss

CROSS_ENTROPY = get_loss("cross_entropy")
OPTIONS = {"build": MLPBuilder((8,)), "device": "cpu", "seed": 0, "patience": None}
OPTIONS |= {"learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 128, "max_epochs": 100}


@pytest.fixture
def part(rng):
    """Three overlapping classes, 90 rows of 4 features."""
    labels = np.arange(90) % 3
    return Part(rng.normal(size=(90, 4)) + np.eye(4)[labels] * 2.0, labels)


def fit(part, valid=None, **options):
    """Fit a network for 5 epochs unless told otherwise."""
    return fit_network(part, valid, CROSS_ENTROPY, 3, **(OPTIONS | {"max_epochs": 5} | options))


def mean_loss(network, part):
    """Return the mean cross-entropy of the rows of a part, float64."""
    scores = torch.from_numpy(network.scores(part.X))
    return CROSS_ENTROPY(scores, torch.from_numpy(part.target)).mean().item()


class Recorder(Callback):
    """Counts the batches and remembers the epochs."""

    def __init__(self):
        self.n_batches, self.losses = 0, []

    def on_batch_end(self, net, training, **kwargs):
        self.n_batches += training

    def on_epoch_end(self, net, **kwargs):
        self.losses.append(net.history[-1, "train_loss"])


class Interrupt(Callback):
    """The user's Ctrl-C in the middle of the second epoch."""

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


# -------------------------------------------------------------------------------- training


def test_training_lowers_the_loss(part):
    network, losses, valid_losses = fit(part, max_epochs=20, learning_rate=0.02)
    assert len(losses) == 20
    assert valid_losses == []
    assert losses[-1] < 0.7 * losses[0]
    assert mean_loss(network, part) < losses[0]


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(part):
    # With a learning rate of nearly zero, it is that of the weights at the start; 90 rows make
    # batches of 64 and 26.
    network, (loss,), (valid_loss,) = fit(
        part, part, patience=9, max_epochs=1, batch_size=64, learning_rate=1e-12
    )
    np.testing.assert_allclose([loss, valid_loss], mean_loss(network, part), rtol=1e-5)


def test_the_best_weights_on_the_validation_rows_are_kept(part, rng):
    noise = Part(rng.normal(size=(60, 4)), rng.integers(0, 3, size=60))
    network, losses, valid_losses = fit(
        part, noise, patience=4, max_epochs=60, learning_rate=0.05, batch_size=8
    )
    best = int(np.argmin(valid_losses))
    assert len(losses) == len(valid_losses) == best + 5 < 60
    np.testing.assert_allclose(mean_loss(network, noise), min(valid_losses), rtol=2e-4)


def test_csr_rows_train_as_dense_rows_do(part):
    dense, *curves = fit(part)
    sparse, *sparse_curves = fit(part._replace(X=sp.csr_array(part.X)))
    np.testing.assert_allclose(sparse_curves[0], curves[0], rtol=1e-4)
    np.testing.assert_allclose(sparse.scores(part.X), dense.scores(part.X), atol=1e-3)


def test_training_goes_on_from_another_network_which_stays_as_it_is(part):
    start, losses, _ = fit(part)
    scores = start.scores(part.X)
    network, later, _ = fit(part, start=start)
    assert later[0] < losses[-1]
    np.testing.assert_array_equal(start.scores(part.X), scores)
    assert not np.array_equal(network.scores(part.X), scores)


def test_the_same_seed_gives_the_same_network(part):
    first, again, other = (fit(part, seed=seed)[0].scores(part.X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def global_states():
    """Return the states of the global generators."""
    numpy_state = np.random.get_state()  # noqa: NPY002, the global generator is meant
    return random.getstate(), numpy_state[1].tolist(), torch.get_rng_state().tolist()


def test_training_leaves_global_generators_alone(part):
    before = global_states()
    fit(part)
    assert global_states() == before


def test_dropout_is_seeded_and_switched_off_at_prediction(part):
    class Dropping(torch.nn.Sequential):
        def __init__(self, n_features, n_outputs):
            super().__init__(torch.nn.Dropout(0.5), torch.nn.Linear(n_features, n_outputs))

    networks = [fit(part, build=ModuleBuilder(Dropping))[0] for _ in range(2)]
    scores = [network.scores(part.X) for network in networks for _ in range(2)]
    for others in scores[1:]:
        np.testing.assert_array_equal(others, scores[0])


def test_callbacks_of_skorch_are_called(part):
    recorder = Recorder()
    _, losses, _ = fit(part, callbacks=[recorder], batch_size=32)
    assert recorder.losses == losses
    assert recorder.n_batches == 5 * 3


def test_a_schedule_of_skorch_sets_the_learning_rate(part):
    stopped = LRScheduler(torch.optim.lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 0.0)
    _, losses, _ = fit(part, callbacks=[stopped])
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


def test_progress_is_silent_unless_asked_for(part, capsys):
    fit(part, part, patience=2)
    assert capsys.readouterr() == ("", "")


def test_progress_is_one_line(part, capsys):
    fit(part, part, patience=9, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "epoch 5/5, loss" in err
    assert "validation loss" in err


# -------------------------------------------------------------------------------- failures


def test_a_loss_that_is_no_number_names_the_epoch_and_the_learning_rate(part):
    with pytest.raises(FloatingPointError, match=r"epoch \d+; lower learning_rate=1e\+30"):
        fit(part, learning_rate=1e30, max_epochs=20)


def test_an_interrupt_by_the_user_ends_training(part):
    with pytest.raises(KeyboardInterrupt):
        fit(part, callbacks=[Interrupt()])


def one_epoch(network, part, **options):
    """Train for one more epoch."""
    return train_one_epoch(network, part, CROSS_ENTROPY, 3, **(OPTIONS | options))


def test_epochs_one_by_one_go_on_where_the_last_ended(part):
    network, losses = None, []
    for _ in range(15):
        network, loss = one_epoch(network, part, learning_rate=0.02)
        losses.append(loss)
    assert losses[-1] < 0.8 * losses[0]
    _, at_once, _ = fit(part, max_epochs=1, learning_rate=0.02)
    assert losses[0] == at_once[0]


def test_an_epoch_that_fails_leaves_the_weights_and_the_optimizer_sound(part):
    network, _ = one_epoch(None, part)
    scores = network.scores(part.X)
    huge = part._replace(weight=np.full(90, 1e38))
    with pytest.raises(FloatingPointError):
        one_epoch(network, huge)
    np.testing.assert_array_equal(network.scores(part.X), scores)
    losses = [one_epoch(network, part, learning_rate=0.02)[1] for _ in range(15)]
    assert losses[-1] < 0.8 * losses[0]


def test_weights_that_a_last_step_spoils_are_not_kept(part):
    network, *_ = fit(part)
    before = network.scores(part.X)
    options = OPTIONS | {"learning_rate": 1e38, "batch_size": 128}
    # The loss of the only batch is finite; the step after it is not.
    with pytest.raises(FloatingPointError, match=r"a training loss of [0-9.]+ at epoch"):
        train_one_epoch(network, part, CROSS_ENTROPY, 3, **options)
    np.testing.assert_array_equal(network.scores(part.X), before)
