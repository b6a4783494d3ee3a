"""Training on skorch: one cycle of the step size, the best epoch, failures, progress.

Imported when a network is fitted and not before: prediction needs no skorch.
"""

from __future__ import annotations

import contextlib
import math
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.utils import noop

from sklearn_setpred._networks.network import Network, go_on_from
from sklearn_setpred._networks.rows import row_values, values_at_best_scale
from sklearn_setpred._networks.skorch_net import Criterion, Net, RowsDataset, StopTraining
from sklearn_setpred._networks.standardize import standardization_of
from sklearn_setpred._utils.progress import step


class Trained(NamedTuple):
    """A trained network, and the numbers that were recorded of each epoch."""

    network: Network
    history: list

    @property
    def losses(self):
        """The training loss of each epoch."""
        return [epoch["train_loss"] for epoch in self.history]

    @property
    def valid_losses(self):
        """The loss of each epoch on the held-out rows; empty if there were none."""
        return [epoch["valid_loss"] for epoch in self.history if "valid_loss" in epoch]


class TrainingDivergedError(FloatingPointError):
    """Training ended with a loss or weight that is not finite.

    Attributes
    ----------
    trained : Trained
        The network as of the last finite epoch.
    estimator : estimator
        A copy of the estimator, fitted with this network.
    """

    trained = estimator = None


class TellEpochs(Callback):
    """Tells each epoch: its number, its losses and the best epoch so far."""

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        text = f"epoch {epoch['epoch']} of {net.max_epochs}, loss {epoch['train_loss']:.4f}"
        if "valid_loss" in epoch:
            best = 1 + np.argmin(net.history[:, "valid_loss"])
            text += f", validation loss {epoch['valid_loss']:.4f}, best {best}"
        step("epoch", text)


class FiniteLoss(Callback):
    """Stops a fit whose loss or weights are no numbers; keeps the last good epoch's weights."""

    def on_train_begin(self, net, **kwargs):
        self.good_weights_ = _copied_weights(net)

    def on_epoch_end(self, net, **kwargs):
        loss, weights = net.history[-1, "train_loss"], _copied_weights(net)
        # A last step may spoil the weights of an epoch whose losses were finite.
        if not (math.isfinite(loss) and all(bool(w.isfinite().all()) for w in weights.values())):
            raise TrainingDivergedError(
                f"Training diverged, with a training loss of {loss} at epoch "
                f"{net.history[-1, 'epoch']}; lower learning_rate={net.lr} or scale the features."
            )
        self.good_weights_ = weights


def _copied_weights(net):
    """Return a copy of the module's parameters and buffers by name."""
    return {name: w.detach().clone() for name, w in net.module_.state_dict().items()}


def make_net(network, loss, options, *, seed, n_rows, in_one_cycle=False, keeps_best=False):
    """Return the skorch net that trains ``network`` with ``loss``.

    Parameters
    ----------
    network : Network
    loss : Loss
    options : TrainingOptions
    seed : int
        Of the order of the rows.
    n_rows : int
        Number of rows to train on.
    in_one_cycle : bool
        Whether the step size rises from a 25th of ``learning_rate`` to all of it and falls to
        nothing over the epochs (one cycle [1]_); otherwise it is constant.
    keeps_best : bool
        Whether the epoch with the lowest validation loss is kept.

    References
    ----------
    .. [1] L. Smith, N. Topin, "Super-convergence: very fast training of neural networks using
       large learning rates", 2018.
    """
    callbacks, batch_size = list(options.callbacks or []), options.rows_per_step(n_rows)
    ours = [FiniteLoss()]
    if in_one_cycle and not any(isinstance(one, LRScheduler) for one in callbacks):
        n_steps = options.max_epochs * -(-n_rows // batch_size)
        ours.append(one_cycle(options.learning_rate, n_steps))
    if keeps_best:
        # It never stops the cycle: its patience is longer than the training.
        patience = options.max_epochs + 1
        ours.append(EarlyStopping(patience=patience, load_best=True, sink=noop))
    if options.verbose:
        ours.append(TellEpochs())
    net = Net(
        network.module,
        criterion=Criterion(loss),
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=options.weight_decay,
        optimizer__fused=network.device.type in ("cpu", "cuda"),
        lr=options.learning_rate,
        max_epochs=options.max_epochs,
        batch_size=batch_size,
        device=network.device,
        callbacks=[*ours, *callbacks],
        iterator_valid__batch_size=network.score_batch_size,
        verbose=options.verbose,
    )
    net.generator = torch.Generator(device="cpu").manual_seed(seed)
    net.classes_ = np.arange(network.n_outputs)
    net.records_batches = bool(callbacks)
    net.validation_values = values_at_best_scale if options.scale_free else row_values
    return net.initialize()


def one_cycle(learning_rate, n_steps):
    """Return the callback for one cycle of the step size."""
    return LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        step_every="batch",
        event_name=None,
        max_lr=learning_rate,
        total_steps=n_steps + 1,
        cycle_momentum=False,
    )


def train(net, network, rows, rows_valid=None, *, seed, epochs=None):
    """Train for ``epochs``, None meaning up to the net's maximum; return a `Trained`.

    An error or an interrupt that ends the training earlier leaves the network with the
    weights of the last good epoch.
    """
    before, data = len(net.history), RowsDataset(rows)
    data_valid = None if rows_valid is None else RowsDataset(rows_valid)
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_denormals())
        stack.enter_context(network.build.drawing(network.module, seed, network.device))
        try:
            net.notify("on_train_begin", X=data.X, y=data.y)
            with contextlib.suppress(StopTraining):
                net.fit_loop((data, data_valid), epochs=epochs)
            net.notify("on_train_end", X=data.X, y=data.y)
        except BaseException as error:
            guard = dict(net.callbacks_)["FiniteLoss"]
            net.module_.load_state_dict(guard.good_weights_)
            if isinstance(error, TrainingDivergedError):
                error.trained = Trained(network, numbers(net.history[before:-1]))
            raise
    return Trained(network, numbers(net.history[before:]))


@contextlib.contextmanager
def without_denormals():
    """Let numbers below float32's smallest normal one count as zero: they are slow on a CPU."""
    smallest = torch.full((1,), torch.finfo(torch.float32).tiny, dtype=torch.float32, device="cpu")
    was_set = (smallest / 2).item() == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_set)


def numbers(history):
    """Return what was recorded of each epoch, as far as it is a number or a text."""
    epochs = [{name: _plain(value) for name, value in epoch.items()} for epoch in history]
    return [
        {name: value for name, value in epoch.items() if isinstance(value, (int, float, str))}
        for epoch in epochs
    ]


def _plain(value):
    """Return a number of NumPy as one of Python, anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def new_network(part, n_outputs, options, *, seed, standardization=None):
    """Return a network with fresh weights, its inputs standardized by the rows or as given."""
    standardization = standardization or standardization_of(
        part.X, part.weight, reads_csr=options.build.reads_csr
    )
    n_features = part.X.shape[1]
    device = options.device
    return Network(options.build, standardization, n_features, n_outputs, device=device, seed=seed)


@torch.inference_mode(False)
@torch.enable_grad()
def fit_network(
    train_part, valid_part, loss, n_outputs, options, *, seed, standardization=None, start=None
):
    """Build a network for the training rows and train it.

    Parameters
    ----------
    train_part : Part
        Rows to train on.
    valid_part : Part or None
        Held-out rows, on which the best epoch is chosen.
    loss : Loss
    n_outputs : int
    options : TrainingOptions
    seed : int
    standardization : standardization, optional
        Of the inputs, instead of the training rows' own.
    start : Network, optional
        Where to start from instead of fresh weights; it is left as it is.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingDivergedError
        With the network as of the last finite epoch.
    """
    if start is None:
        network = new_network(
            train_part, n_outputs, options, seed=seed, standardization=standardization
        )
    else:
        network = deepcopy(start)
    how = {"seed": seed, "n_rows": len(train_part.target), "in_one_cycle": True}
    net = make_net(network, loss, options, keeps_best=valid_part is not None, **how)
    rows_valid = None if valid_part is None else network.rows(**valid_part._asdict())
    return train(net, network, network.rows(**train_part._asdict()), rows_valid, seed=seed)


@torch.inference_mode(False)
@torch.enable_grad()
def train_one_epoch(network, part, loss, n_outputs, options, *, seed):
    """Train for one epoch at a constant step size; None for a network begins one.

    Returns
    -------
    Trained
        The same network, with the optimizer's state kept for the next call. An error or an
        interrupt leaves its weights as they were.
    """
    is_new = network is None
    if is_new:
        network = new_network(part, n_outputs, options, seed=seed)
    net = network.trainer
    if net is None:
        net = make_net(network, loss, options, seed=seed, n_rows=len(part.target))
        if network.filed_state is not None:
            go_on_from(net, network.filed_state)
    # An epoch that fails spoils the optimizer's state.
    network.trainer = network.filed_state = None
    weights, standardization = _copied_weights(net), network.standardization
    try:
        if not is_new:
            network.follow(part.X, part.weight)
        trained = train(net, network, network.rows(**part._asdict()), seed=seed, epochs=1)
    except BaseException:
        net.module_.load_state_dict(weights)
        network.standardization = standardization
        raise
    network.trainer = net
    return trained
