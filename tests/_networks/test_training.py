"""Training on skorch: one cycle, the best epoch, failures, what is left untouched."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from sklearn_setpred._networks.modules import KindBuilder, ModuleBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred._networks.parts import Part
from sklearn_setpred._networks.training import (
    TrainingDivergedError,
    fit_network,
    new_network,
    train_one_epoch,
)
from sklearn_setpred.losses import get_loss

CROSS_ENTROPY = get_loss("cross_entropy")
OPTIONS = TrainingOptions(
    KindBuilder("mlp", (8,)),
    learning_rate=0.01,
    weight_decay=0.0,
    batch_size=128,
    max_epochs=5,
    device="cpu",
)
DROPPING = {kind: KindBuilder(kind, (8, 6), 0.5) for kind in ("mlp", "resnet", "periodic")}


@pytest.fixture
def part(rng):
    """Three overlapping classes, 90 rows of 4 features."""
    labels = np.arange(90) % 3
    return Part(rng.normal(size=(90, 4)) + np.eye(4)[labels] * 2.0, labels)


class Fitted(NamedTuple):
    """A network and the losses of its epochs."""

    network: object
    losses: list
    valid_losses: list


def fit(part, valid=None, *, seed=0, start=None, standardization=None, **options):
    """Fit a network for 5 epochs unless told otherwise."""
    how = {"seed": seed, "start": start, "standardization": standardization}
    trained = fit_network(part, valid, CROSS_ENTROPY, 3, replace(OPTIONS, **options), **how)
    return Fitted(trained.network, trained.losses, trained.valid_losses)


def mean_loss(network, part):
    """Return the mean cross-entropy of the rows of a part, float64."""
    scores = torch.from_numpy(network.scores(part.X))
    return CROSS_ENTROPY(scores, torch.from_numpy(part.target)).mean().item()


class Recorder(Callback):
    """Notes the step size of every batch and the loss of every epoch."""

    def __init__(self):
        self.step_sizes, self.losses = [], []

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            self.step_sizes.append(net.optimizer_.param_groups[0]["lr"])

    def on_epoch_end(self, net, **kwargs):
        self.losses.append(net.history[-1, "train_loss"])


class Raising(Callback):
    """Raises an error at an event of an epoch."""

    def __init__(self, error, event, epoch):
        self.error, self.event, self.epoch = error, event, epoch

    def _at(self, net, event):
        if self.error and event == self.event and len(net.history) == self.epoch:
            raise self.error

    def on_batch_end(self, net, **kwargs):
        self._at(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._at(net, "on_epoch_end")

    def on_train_begin(self, net, **kwargs):
        self._at(net, "on_train_begin")


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
        part, part, max_epochs=1, batch_size=64, learning_rate=1e-12
    )
    np.testing.assert_allclose([loss, valid_loss], mean_loss(network, part), rtol=1e-5)


def test_the_best_weights_on_the_validation_rows_are_kept(part, rng):
    noise = Part(rng.normal(size=(60, 4)), rng.integers(0, 3, size=60))
    network, losses, valid_losses = fit(
        part, noise, max_epochs=20, learning_rate=0.05, batch_size=8
    )
    assert len(losses) == len(valid_losses) == 20
    assert np.argmin(valid_losses) < 15
    # skorch calls a loss better if it is lower by more than a 10,000th part.
    np.testing.assert_allclose(mean_loss(network, noise), min(valid_losses), rtol=2e-4)


def test_without_validation_rows_the_last_epoch_is_kept(part):
    recorder = Recorder()
    network, *_ = fit(part, callbacks=[recorder])
    again, *_ = fit(part, start=network, max_epochs=1, learning_rate=1e-12)
    assert mean_loss(network, part) < recorder.losses[-1]
    np.testing.assert_allclose(again.scores(part.X), network.scores(part.X), atol=1e-6)


def test_epochs_are_compared_at_the_best_scale_of_the_scores(part):
    # Shifted labels: every row is wrong, and the flattest scores suit it best.
    wrong = part._replace(target=(part.target + 1) % 3)
    start, *_ = fit(part, max_epochs=20, learning_rate=0.02)
    options = {"start": start, "max_epochs": 1, "learning_rate": 1e-12, "scale_free": True}
    _, _, (valid_loss,) = fit(part, wrong, **options)
    scores = torch.from_numpy(start.scores(part.X))
    flat = CROSS_ENTROPY(0.3 * scores, torch.from_numpy(wrong.target)).mean().item()
    np.testing.assert_allclose(valid_loss, flat, rtol=1e-5)


def test_the_step_size_runs_through_one_cycle(part):
    recorder = Recorder()
    fit(part, callbacks=[recorder], max_epochs=4, batch_size=40, learning_rate=0.03)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.03, total_steps=4 * 3 + 1, cycle_momentum=False
    )
    expected = []
    for _ in range(4 * 3):
        expected += cycle.get_last_lr()
        optimizer.step()
        cycle.step()
    np.testing.assert_allclose(recorder.step_sizes, expected, rtol=1e-12)
    np.testing.assert_allclose([expected[0], expected[-1]], [0.03 / 25, 0.0], atol=1e-3)
    np.testing.assert_allclose(max(expected), 0.03, rtol=0.02)


def test_a_schedule_of_the_users_stands_for_the_cycle(part):
    recorder = Recorder()
    stopped = LRScheduler(torch.optim.lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 0.0)
    _, losses, _ = fit(part, callbacks=[stopped, recorder])
    assert recorder.step_sizes == [0.0] * 5
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


def test_weight_decay_shrinks_the_weights(part):
    # Of a row of weight zero only the decay is left.
    still = part._replace(weight=np.zeros(90))
    start, *_ = fit(part, max_epochs=1)
    decayed, *_ = fit(still, start=start, weight_decay=0.5, learning_rate=0.1)
    for name, weight in decayed.weights().items():
        if name != "first.offset":
            norm = np.linalg.norm(start.weights()[name])
            assert np.linalg.norm(weight) < 0.95 * norm


@pytest.mark.parametrize("build", [*DROPPING.values(), ModuleBuilder(torch.nn.Linear)], ids=str)
def test_csr_rows_train_every_kind(part, build):
    dense, sparse = (
        fit(part._replace(X=container(part.X)), build=build, max_epochs=15, learning_rate=0.05)
        for container in (np.asarray, sp.csr_array)
    )
    for network, losses, _ in (dense, sparse):
        assert losses[-1] < 0.9 * losses[0]
        scores = network.scores(part.X)
        np.testing.assert_allclose(network.scores(sp.csr_array(part.X)), scores, atol=1e-4)


def test_training_goes_on_from_another_network_which_stays_as_it_is(part):
    start, losses, _ = fit(part)
    scores = start.scores(part.X)
    network, later, _ = fit(part, start=start)
    assert later[0] < losses[-1]
    np.testing.assert_array_equal(start.scores(part.X), scores)
    assert not np.array_equal(network.scores(part.X), scores)


def test_a_standardization_may_be_given(part):
    start = new_network(part._replace(X=part.X * 9.0), 3, OPTIONS, seed=0)
    network, *_ = fit(part, standardization=start.standardization)
    assert network.standardization is start.standardization


# -------------------------------------------------------------------------------- the seed


@pytest.mark.parametrize("build", [OPTIONS.build, *DROPPING.values()], ids=str)
def test_the_same_seed_gives_the_same_network(part, build):
    first, again, other = (
        fit(part, seed=seed, build=build, batch_size=32, max_epochs=2).network.scores(part.X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def global_states():
    """Return the states of the global generators."""
    numpy_state = np.random.get_state()  # noqa: NPY002, the global generator is meant
    return random.getstate(), numpy_state[1].tolist(), torch.get_rng_state().tolist()


def users_dropping(n_features, n_outputs):
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(n_features, n_outputs))


BUILDS = [OPTIONS.build, *DROPPING.values(), ModuleBuilder(users_dropping)]


@pytest.mark.parametrize("build", BUILDS)
def test_training_leaves_global_generators_alone(part, build):
    before = global_states()
    fit(part, part, build=build, max_epochs=1)
    assert global_states() == before


@pytest.mark.parametrize("build", BUILDS[1:])
def test_dropout_is_seeded_and_switched_off_at_prediction(part, build):
    networks = [fit(part, build=build, max_epochs=2).network for _ in range(2)]
    scores = [network.scores(part.X) for network in networks for _ in range(2)]
    for others in scores[1:]:
        np.testing.assert_array_equal(others, scores[0])


@pytest.mark.parametrize("kind", DROPPING)
def test_dropout_changes_what_is_learned(part, kind):
    builds = DROPPING[kind], KindBuilder(kind, (8, 6), 0.0)
    dropped, plain = (fit(part, build=one, max_epochs=2).network.scores(part.X) for one in builds)
    assert not np.allclose(dropped, plain)


def test_fits_in_threads_are_those_of_fits_one_by_one(part):
    def scores(seed):
        options = {"build": DROPPING["resnet"], "batch_size": 16, "max_epochs": 2}
        return fit(part, part, seed=seed, **options).network.scores(part.X)

    alone = [scores(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(scores, range(6)))
    np.testing.assert_array_equal(together, alone)


# -------------------------------------------------------------- the state of torch around it


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("build", [*DROPPING.values()], ids=str)
def test_networks_are_float32_whatever_the_default_of_torch(part, build, float64_by_default):
    network, *_ = fit(part, part, build=build, max_epochs=2)
    assert {w.dtype for w in network.module.state_dict().values()} == {torch.float32}
    torch.set_default_dtype(torch.float32)
    expected, *_ = fit(part, part, build=build, max_epochs=2)
    np.testing.assert_array_equal(network.scores(part.X), expected.scores(part.X))


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_training_works_where_gradients_are_switched_off(part, around):
    expected = fit(part).network.scores(part.X)
    with around():
        network = fit(part).network
        assert torch.is_grad_enabled() is False
    np.testing.assert_array_equal(network.scores(part.X), expected)
    assert fit(part, start=network, max_epochs=1).losses[0] < fit(part).losses[-1]


def test_denormal_numbers_are_as_before_the_training(part):
    def halves_to_zero():
        smallest = torch.full((1,), torch.finfo(torch.float32).tiny)
        return (smallest / 2).item() == 0.0

    before = halves_to_zero()
    try:
        for flushes in (False, True):
            if torch.set_flush_denormal(flushes):
                fit(part, max_epochs=1)
                assert halves_to_zero() is flushes
    finally:
        torch.set_flush_denormal(before)


# ----------------------------------------------------------------------- callbacks, progress


def test_callbacks_of_skorch_are_called(part):
    recorder = Recorder()
    _, losses, _ = fit(part, callbacks=[recorder], batch_size=32)
    assert recorder.losses == losses
    assert len(recorder.step_sizes) == 5 * 3


def test_early_stopping_of_the_users_ends_training_quietly(part, capsys):
    stop = EarlyStopping("train_loss", patience=2, threshold=1.0)  # no epoch is good enough
    _, losses, _ = fit(part, callbacks=[stop], max_epochs=9)
    assert len(losses) == 3


# -------------------------------------------------------------------------------- failures


def test_a_loss_that_is_no_number_names_the_epoch_and_the_learning_rate(part):
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+; lower learning_rate=1e\+30"):
        fit(part, learning_rate=1e30, max_epochs=20)


def test_a_fit_that_diverges_hands_over_the_last_good_epoch(part):
    class Spoil(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 4:
                net.module_.last.bias.data.fill_(np.nan)

    with pytest.raises(TrainingDivergedError, match="at epoch 4") as caught:
        fit(part, part, callbacks=[Spoil()])
    recorder, stop = Recorder(), Raising(KeyboardInterrupt, "on_epoch_end", 4)
    trained = caught.value.trained
    network, losses, valid_losses = trained.network, trained.losses, trained.valid_losses
    assert len(losses) == len(valid_losses) == 3
    np.testing.assert_allclose(mean_loss(network, part), valid_losses[-1], rtol=1e-5)
    with pytest.raises(KeyboardInterrupt):
        fit(part, part, callbacks=[recorder, stop])
    assert recorder.losses[:3] == losses


INTERRUPTS = [
    *(("on_batch_end", epoch) for epoch in (1, 3)),
    *(("on_epoch_end", epoch) for epoch in (1, 3)),
    ("on_train_begin", 0),
]


@pytest.mark.parametrize(("event", "epoch"), INTERRUPTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_a_callback_raises_ends_training(part, event, epoch, error):
    recorder, raising = Recorder(), Raising(error, event, epoch)
    with pytest.raises(error):
        fit(part, part, callbacks=[raising, recorder])
    assert len(recorder.losses) == max(epoch - 1, 0)


@pytest.mark.parametrize(("event", "epoch"), INTERRUPTS)
def test_what_ends_training_leaves_the_weights_of_the_last_good_epoch(part, event, epoch):
    seen = {}

    class Keep(Callback):
        def on_train_begin(self, net, **kwargs):
            self.on_epoch_end(net)

        def on_epoch_end(self, net, **kwargs):
            weights = net.module_.state_dict()
            seen[len(net.history)] = {name: w.clone() for name, w in weights.items()}
            seen["module"] = net.module_

    with pytest.raises(KeyboardInterrupt):
        fit(part, callbacks=[Keep(), Raising(KeyboardInterrupt, event, epoch)])
    n_ended = epoch if event == "on_epoch_end" else max(epoch - 1, 0)
    for name, weight in seen["module"].state_dict().items():
        assert torch.equal(weight, seen[n_ended][name])


def one_epoch(network, part, **options):
    """Train for one more epoch; return the network and its loss."""
    options = replace(OPTIONS, **options)
    trained = train_one_epoch(network, part, CROSS_ENTROPY, 3, options, seed=0)
    network, (loss,) = trained.network, trained.losses
    return network, loss


def test_epochs_one_by_one_go_on_where_the_last_ended(part):
    network, losses = None, []
    for _ in range(15):
        network, loss = one_epoch(network, part, learning_rate=0.02)
        losses.append(loss)
    assert losses[-1] < 0.8 * losses[0]
    _, at_once, _ = fit(part, max_epochs=1, learning_rate=0.02)
    assert losses[0] == at_once[0]


def test_epochs_one_by_one_have_a_constant_step_size(part):
    recorder, network = Recorder(), None
    for _ in range(3):
        network, _ = one_epoch(network, part, batch_size=40, callbacks=[recorder])
    assert recorder.step_sizes == [0.01] * 9


@pytest.mark.parametrize("how", ["weights too large", "an interrupt", "an interrupt at the end"])
def test_an_epoch_that_fails_leaves_the_weights_and_the_optimizer_sound(part, how):
    switch = Raising(None, "on_epoch_end" if "end" in how else "on_batch_end", 2)
    network, _ = one_epoch(None, part, callbacks=[switch])
    scores = network.scores(part.X)
    if how == "weights too large":
        with pytest.raises(TrainingDivergedError):
            one_epoch(network, part._replace(weight=np.full(90, 1e38)))
    else:
        switch.error = KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            one_epoch(network, part)
    np.testing.assert_array_equal(network.scores(part.X), scores)
    losses = [one_epoch(network, part, learning_rate=0.02)[1] for _ in range(15)]
    assert losses[-1] < 0.8 * losses[0]


def test_weights_that_a_last_step_spoils_are_not_kept(part):
    network, *_ = fit(part)
    before = network.scores(part.X)
    # The loss of the only batch is finite; the step after it is not.
    with pytest.raises(TrainingDivergedError, match=r"a training loss of [0-9.]+ at epoch"):
        one_epoch(network, part, learning_rate=1e38)
    np.testing.assert_array_equal(network.scores(part.X), before)


@pytest.mark.parametrize(("n_rows", "size"), [(50, 8), (100, 10), (1000, 100), (5000, 128)])
def test_without_a_batch_size_small_data_have_ten_steps_in_an_epoch(n_rows, size):
    assert replace(OPTIONS, batch_size=None).rows_per_step(n_rows) == size
    assert OPTIONS.rows_per_step(n_rows) == 128
