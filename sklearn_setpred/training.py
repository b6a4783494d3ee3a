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

from sklearn_setpred.networks import Batches, Network, Standardization, seeded

_EVERY_BATCH = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class Criterion(nn.Module):
    """A Loss as skorch wants it: the weighted mean over the rows of a batch."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, scores, target):
        target, weight, prior = target
        values = self.loss(scores if prior is None else scores + prior, target)
        return values.mean() if weight is None else (weight * values).mean()


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
        raise FloatingPointError(
            f"Training diverged, with a training loss of {loss} at epoch "
            f"{net.history[-1, 'epoch']}; lower learning_rate={net.lr} or scale the features."
        )


def _copied_weights(net):
    """Give a copy of the module's parameters and buffers by name."""
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
        return Batches(dataset, max(self.batch_size, 8192))

    def infer(self, x, **fit_params):
        """Apply the module to the pieces of a batch."""
        return self.module_(*x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Apply the criterion; the targets lie on the device already."""
        return self.criterion_(y_pred, y_true)

    def notify(self, method_name, **cb_kwargs):
        """Call the callbacks; what happens in every batch only if one of them listens."""
        if method_name in _EVERY_BATCH and not self._is_heard(method_name):
            return
        super().notify(method_name, **cb_kwargs)

    def _is_heard(self, method_name):
        """Say whether a callback does something at an event."""
        silent = getattr(Callback, method_name)
        return any(
            getattr(type(cb), method_name, silent) is not silent for _, cb in self.callbacks_
        )

    def train_step(self, batch, **fit_params):
        """Take one step of the optimizer, without the closure that first-order ones ignore."""
        self.optimizer_.zero_grad()
        x, target = batch
        scores = self.infer(x)
        loss = self.get_loss(scores, target)
        loss.backward()
        if self._is_heard("on_grad_computed"):
            named = list(self.get_all_learnable_params())
            self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        self.optimizer_.step()
        return {"loss": loss, "y_pred": scores}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run an epoch; its loss is read back once, so that a GPU is never waited for."""
        if iterator is None:
            return
        self._set_training(training)
        total, n = 0.0, 0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            size = len(step["y_pred"])
            total, n = total + step["loss"].detach() * size, n + size
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(prefix + "_loss", float(total) / n)
        self.history.record(prefix + "_batch_count", len(iterator))


def make_net(
    network,
    loss,
    *,
    seed,
    patience=None,
    learning_rate=1e-3,
    weight_decay=0.0,
    batch_size=128,
    max_epochs=100,
    callbacks=None,
    verbose=0,
):
    """Build the skorch net that trains ``network`` with ``loss``.

    ``patience`` is the number of epochs without a better validation loss after which
    training stops; None where there are no validation rows.
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
    return [e["train_loss"] for e in history], [e["valid_loss"] for e in history if rows_valid]


def new_network(part, n_outputs, *, build, device, seed):
    """Give a network with fresh weights, its inputs standardized as the rows ask for."""
    standardization = Standardization(part.X, part.weight)
    n_features = part.X.shape[1]
    return Network(build, standardization, n_features, n_outputs, device=device, seed=seed)


def fit_network(
    train_part, valid_part, loss, n_outputs, *, build, device, seed, start=None, **options
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
    start : Network, optional
        Where to start from instead of fresh weights; it is left as it is.
    **options
        Of `make_net`.

    Returns
    -------
    network : Network
    losses, valid_losses : list of float
    """
    if start is None:
        network = new_network(train_part, n_outputs, build=build, device=device, seed=seed)
    else:
        network = deepcopy(start)
    if valid_part is None:
        options["patience"] = None
    net = make_net(network, loss, seed=seed, **options)
    rows_valid = None if valid_part is None else network.rows(*valid_part)
    return network, *train(net, network.rows(*train_part), rows_valid, seed=seed)


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
