"""Training on skorch: the loop, early stopping and the progress line.

skorch keeps the loop, the callbacks and the history; ours are the batches (slices of
tensors on the device) and the sums kept on the device until an epoch ends. Imported
when a network is fitted and not before: prediction needs no skorch.
"""

from __future__ import annotations

import math
import sys
from copy import deepcopy

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from skorch.utils import noop
from torch import nn

from sklearn_setpred._networks.batched import divergence, stacks_of, train_stack
from sklearn_setpred._networks.network import Network, seeded
from sklearn_setpred._networks.rows import Batches, EpochLoss, row_values, values_at_best_scale
from sklearn_setpred._networks.standardize import Standardization


class Criterion(nn.Module):
    """A Loss as skorch wants it: one value for each row of a batch."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, scores, batch):
        return row_values(self.loss, scores, batch)


class ProgressLine(Callback):
    """One line, rewritten after every epoch."""

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        valid = f", validation loss {epoch['valid_loss']:.4f}" if "valid_loss" in epoch else ""
        line = f"epoch {epoch['epoch']}/{net.max_epochs}, loss {epoch['train_loss']:.4f}{valid}"
        sys.stderr.write("\r" + line.ljust(70))

    def on_train_end(self, net, **kwargs):
        sys.stderr.write("\n")


class FiniteLoss(Callback):
    """Stops a fit whose loss or weights are no numbers, and puts back the last good weights."""

    def on_train_begin(self, net, **kwargs):
        self.good_weights_ = _copied_weights(net)

    def on_epoch_end(self, net, **kwargs):
        loss, weights = net.history[-1, "train_loss"], _copied_weights(net)
        # A last step may spoil the weights of an epoch whose losses were finite.
        if math.isfinite(loss) and all(bool(w.isfinite().all()) for w in weights.values()):
            self.good_weights_ = weights
            return
        net.module_.load_state_dict(self.good_weights_)
        raise divergence(loss, net.history[-1, "epoch"], net.lr)


def _copied_weights(net):
    """Return a copy of the module's parameters and buffers by name."""
    return {name: w.detach().clone() for name, w in net.module_.state_dict().items()}


class Net(NeuralNet):
    """skorch's training loop over rows that already lie on the device."""

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def check_data(self, X, y=None):
        """Take the rows as they are: they were validated before."""

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take the pair (training rows, validation rows or None) that `fit` was given."""
        return X

    def get_iterator(self, dataset, training=False):
        """Slice batches from the rows, shuffled when training."""
        if training:
            return Batches(dataset, self.batch_size, self.generator)
        return Batches(dataset, self.score_batch_size)

    def infer(self, x, **fit_params):
        """Apply the module to the pieces of a batch."""
        return self.module_(*x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of each row; ``y_true`` is the batch, already on the device."""
        return self.criterion_(y_pred, y_true)

    def _is_heard(self, method_name):
        """Say whether a callback does something at an event."""
        silent = getattr(Callback, method_name)
        return any(
            getattr(type(cb), method_name, silent) is not silent for _, cb in self.callbacks_
        )

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer and list what it trains: its own ``zero_grad`` looks for it anew."""
        super().initialize_optimizer(*args, **kwargs)
        self.trained_ = [p for group in self.optimizer_.param_groups for p in group["params"]]
        return self

    def train_step(self, batch, **fit_params):
        """Take one step of the optimizer, without the closure that first-order ones ignore."""
        for parameter in self.trained_:
            parameter.grad = None
        scores = self.infer(batch.x)
        values = self.get_loss(scores, batch)
        # The gradient of the weighted mean, without the mean.
        values.backward(batch.share)
        if self._is_heard("on_grad_computed"):
            named = list(self.get_all_learnable_params())
            self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        self.optimizer_.step()
        return values.detach(), scores

    def validation_step(self, batch, **fit_params):
        """Return the losses and scores of the rows of a batch."""
        with torch.no_grad():
            scores = self.infer(batch.x)
            return self.validation_values(self.criterion_.loss, scores, batch), scores

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run an epoch; its loss is read back once, so that a GPU is never waited for."""
        if iterator is None:
            return
        self._set_training(training)
        begins, ends = (self._is_heard(event) for event in ("on_batch_begin", "on_batch_end"))
        epoch = EpochLoss(len(iterator.rows))
        for batch in iterator:
            if begins:
                self.notify("on_batch_begin", batch=batch, training=training)
            values, scores = step_fn(batch, **fit_params)
            epoch.add(values, batch.weight)
            if ends:
                step = {"loss": values @ batch.share, "y_pred": scores}
                self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(prefix + "_loss", epoch.sum().item() / len(iterator.rows))
        self.history.record(prefix + "_batch_count", len(iterator))


def make_net(
    network,
    loss,
    *,
    seed,
    learning_rate,
    weight_decay,
    batch_size,
    max_epochs,
    patience=None,
    scale_free=False,
    callbacks=None,
    verbose=0,
):
    """Build the skorch net that trains ``network`` with ``loss``.

    ``patience`` is the number of epochs without a better validation loss after which
    training stops; None where there are no validation rows. Where
    ``scale_free``, validation losses are those at the best scale of the scores.
    """
    ours = [FiniteLoss()]
    if patience is not None:
        ours.append(EarlyStopping(patience=patience, load_best=True, sink=noop))
    if verbose:
        ours.append(ProgressLine())
    net = Net(
        network.module,
        criterion=Criterion(loss),
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=weight_decay,
        optimizer__fused=network.device.type in ("cpu", "cuda"),
        lr=learning_rate,
        max_epochs=max_epochs,
        batch_size=batch_size,
        device=network.device,
        callbacks=[*ours, *(callbacks or [])],
        verbose=0,
    )
    net.generator = torch.Generator().manual_seed(seed)
    net.score_batch_size = network.score_batch_size
    net.validation_values = values_at_best_scale if scale_free else row_values
    return net.initialize()


def train(net, rows, rows_valid=None, *, seed, epochs=None):
    """Train for ``epochs``, None meaning up to the net's maximum.

    Returns
    -------
    losses, valid_losses : list of float
        Of each epoch; the second is empty where there are no validation rows.
    """
    before = len(net.history)
    with seeded(seed, torch.device(net.device)):
        net.partial_fit((rows, rows_valid), epochs=epochs)
    history = net.history[before:]
    # skorch takes an interrupt for an early stop; in an epoch without an end it is the user's.
    if "dur" not in history[-1]:
        raise KeyboardInterrupt
    return curves(history, rows_valid)


def curves(history, rows_valid):
    """Return the training and validation losses of epochs."""
    return [e["train_loss"] for e in history], [e["valid_loss"] for e in history if rows_valid]


def new_network(part, n_outputs, *, build, device, seed, standardization=None):
    """Return a network with fresh weights, its inputs standardized by the rows or as given."""
    standardization = standardization or Standardization(part.X, part.weight)
    n_features = part.X.shape[1]
    return Network(build, standardization, n_features, n_outputs, device=device, seed=seed)


def fit_network(
    train_part,
    valid_part,
    loss,
    n_outputs,
    *,
    build,
    device,
    seed,
    standardization=None,
    start=None,
    **options,
):
    """Build a network for the training rows and train it.

    Parameters
    ----------
    train_part : Part
        Rows to train on.
    valid_part : Part or None
        Rows for early stopping.
    loss : Loss
    n_outputs : int
    build : MLPBuilder or ModuleBuilder
    device : str
    seed : int
    standardization : Standardization, optional
        Of the inputs, instead of that of the training rows.
    start : Network, optional
        Where to start from instead of fresh weights; it is left as it is.
    **options
        Of `make_net`.

    Returns
    -------
    network : Network
    losses, valid_losses : list of float
        An error of training that diverges bears all three, in a list, as ``trained``.
    """
    if start is None:
        fresh = {"build": build, "device": device, "standardization": standardization}
        network = new_network(train_part, n_outputs, seed=seed, **fresh)
    else:
        network = deepcopy(start)
    if valid_part is None:
        options["patience"] = None
    net = make_net(network, loss, seed=seed, **options)
    rows_valid = None if valid_part is None else network.rows(*valid_part)
    try:
        return network, *train(net, network.rows(*train_part), rows_valid, seed=seed)
    except FloatingPointError as error:
        error.trained = [(network, *curves(net.history[:-1], rows_valid))]
        raise


def fit_networks(
    pairs,
    loss,
    n_outputs,
    *,
    build,
    device,
    seeds,
    standardization=None,
    callbacks=None,
    verbose=0,
    **options,
):
    """Build and train a network for each pair of parts, as `fit_network` does one by one.

    Our own networks on dense rows are trained as stacks, which is faster for small ones; with
    ``callbacks``, which expect one network, they are not.

    Parameters
    ----------
    pairs : iterable of (Part, Part)
        Rows to train on, and rows for early stopping; each is taken when its turn comes.
    loss : Loss
    n_outputs : int
    build : MLPBuilder or ModuleBuilder
    device : str
    seeds : list of int
        One for each pair.
    standardization : Standardization, optional
        Of the inputs of all networks, instead of one of each network's own.
    callbacks, verbose, **options
        Of `make_net`.

    Returns
    -------
    list of (Network, list of float, list of float)
        The networks with their training and validation losses. An error of training that diverges
        bears those there are, as ``trained``.
    """
    stacks = ([pair] for pair in pairs)
    if build.can_stack and not callbacks:
        stacks = stacks_of(pairs, n_outputs, options["batch_size"])
    shared = {"build": build, "device": device, "standardization": standardization}
    options |= {"verbose": verbose}
    trained = []
    for stack in stacks:
        own_seeds = seeds[len(trained) : len(trained) + len(stack)]
        try:
            if len(stack) > 1:
                networks = [
                    new_network(part, n_outputs, seed=seed, **shared)
                    for (part, _), seed in zip(stack, own_seeds, strict=True)
                ]
                trained += train_stack(networks, stack, loss, seeds=own_seeds, **options)
            else:
                alone = shared | options | {"seed": own_seeds[0], "callbacks": callbacks}
                trained.append(fit_network(*stack[0], loss, n_outputs, **alone))
        except FloatingPointError as error:
            error.trained = [*trained, *error.trained]
            raise
    return trained


def train_one_epoch(network, part, loss, n_outputs, *, build, device, seed, patience, **options):
    """Train for one epoch from where the last call ended; None for a network begins one.

    Returns
    -------
    network : Network
        The same, with the optimizer's state kept for the next call.
    loss : float
    """
    if network is None:
        network = new_network(part, n_outputs, build=build, device=device, seed=seed)
    net = network.trainer
    if net is None:
        net = make_net(network, loss, seed=seed, **options)
    network.trainer = None  # an epoch that fails spoils the optimizer's state
    losses, _ = train(net, network.rows(*part), seed=seed, epochs=1)
    network.trainer = net
    return network, losses[0]
