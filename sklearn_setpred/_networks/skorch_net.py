"""skorch's net over rows on the device, and what its callbacks see.

skorch keeps the loop, the callbacks, the schedule and the history; ours are the batches (slices of
tensors on the device) and the sums kept on the device until an epoch ends.
"""

from __future__ import annotations

import torch
from sklearn.base import ClassifierMixin
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from skorch.dataset import Dataset
from torch import nn

from sklearn_setpred._networks.rows import Batches, EpochLoss, Rows, row_values


class StopTraining(Exception):  # noqa: N818, not an error
    """A callback such as EarlyStopping ends the training."""


class Criterion(nn.Module):
    """A Loss as skorch wants it: one value for each row of a batch."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, scores, batch):
        return row_values(self.loss, scores, batch)


def check_scores(scores, shape):
    """Raise ValueError unless a module returned a score of each class for each row."""
    if scores.shape != shape:
        raise ValueError(
            f"module returned scores of shape {tuple(scores.shape)} for {shape[0]} rows of "
            f"{shape[1]} classes; it must return {shape}, before softmax."
        )


def check_values(loss, values, n_rows):
    """Raise ValueError unless a loss gave a value with a gradient for each row."""
    if values.shape != (n_rows,):
        raise ValueError(
            f"loss={loss!r} returned values of shape {tuple(values.shape)} for {n_rows} rows; its "
            "forward must return one value for each row, not their mean (reduction='none')."
        )
    if not values.requires_grad:
        raise ValueError(
            f"loss={loss!r} has no gradient in the scores, so nothing can be learned; its forward "
            "must compute with the scores by functions of torch that autograd follows."
        )


class RowsDataset(Dataset):
    """Rows as skorch's callbacks see them: ``X`` are the inputs, ``y`` the codes of the labels."""

    def __init__(self, rows):
        super().__init__(_inputs(rows.x), rows.target, length=len(rows))
        self.rows = rows


class Net(ClassifierMixin, NeuralNet):
    """skorch's training loop over rows that already lie on the device.

    Callbacks see it as a classifier of codes, on columns that are standardized.
    """

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def check_data(self, X, y=None):
        """Take the rows as they are: they were validated before."""

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the pair (training rows, validation rows or None) that `train` gives as X."""
        return X

    def get_dataset(self, X, y=None):
        """Return rows as skorch wants them; X is an array or tensor, or the pieces of CSR."""
        if isinstance(X, RowsDataset):
            return X
        if not isinstance(X, tuple):
            X = (torch.as_tensor(X, dtype=torch.float32, device=self.device),)
        return RowsDataset(Rows(X))

    def get_iterator(self, dataset, training=False):
        """Slice batches from the rows, shuffled when training."""
        if training:
            return Batches(dataset.rows, self.batch_size, self.generator)
        return Batches(dataset.rows, self.iterator_valid__batch_size)

    def set_params(self, **params):
        """Set parameters; raise for one of the module, which is built already."""
        if any(name.startswith("module") for name in params):
            raise ValueError(
                f"A callback sets {sorted(params)}, but the network is built before callbacks see "
                "it; module=f, where f(n_features, n_classes) returns it, knows the shape."
            )
        return super().set_params(**params)

    def predict_proba(self, X):
        """Return the probabilities of rows, float64 of shape (n, n_classes)."""
        scores = torch.cat(list(self.forward_iter(X)))
        return self.criterion_.loss.probabilities(scores.double()).cpu().numpy()

    def predict(self, X):
        """Return the code of the most probable class of each row."""
        return self.predict_proba(X).argmax(axis=1)

    def evaluation_step(self, batch, training=False):
        """Return the scores of the rows of a batch."""
        self._set_training(training)
        with torch.set_grad_enabled(training):
            return self.infer(batch.x)

    def infer(self, x, **fit_params):
        """Apply the module to the pieces of a batch."""
        return self.module_(*x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of each row; ``y_true`` is the batch, already on the device."""
        return self.criterion_(y_pred, y_true)

    def notify(self, method_name, **kwargs):
        """Call the callbacks; an interrupt by EarlyStopping ends the training, any other is raised.

        skorch would take the user's KeyboardInterrupt for the end of training too.
        """
        getattr(self, method_name)(self, **kwargs)
        is_over = False
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except KeyboardInterrupt:
                if not isinstance(callback, EarlyStopping):
                    raise
                is_over = True
        if is_over:
            raise StopTraining

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
        check_scores(scores, (len(batch.target), len(self.classes_)))
        values = self.get_loss(scores, batch)
        check_values(self.criterion_.loss, values, len(scores))
        # The same gradient as the weighted mean's, one operation less.
        values.backward(batch.factor)
        if self._is_heard("on_grad_computed"):
            named = list(self.get_all_learnable_params())
            step = {"named_parameters": named, "batch": _pair(batch), "training": True}
            self.notify("on_grad_computed", **step)
        self.optimizer_.step()
        return values.detach(), scores.detach()

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
        begins, ends = (
            self.records_batches or self._is_heard(event)
            for event in ("on_batch_begin", "on_batch_end")
        )
        epoch = EpochLoss(len(iterator.rows))
        for batch in iterator:
            if begins:
                self.notify("on_batch_begin", batch=_pair(batch), training=training)
            values, scores = step_fn(batch, **fit_params)
            epoch.add(values, batch.weight)
            if ends:
                step = {"loss": values @ batch.factor, "y_pred": scores}
                self._record_batch(prefix, step["loss"], len(values))
                self.notify("on_batch_end", batch=_pair(batch), training=training, **step)
        self._record_epoch(prefix + "_loss", epoch.sum().item() / len(iterator.rows))
        self.history.record(prefix + "_batch_count", len(iterator))

    def _record_batch(self, prefix, loss, size):
        """Record a batch, if a callback of the user's may want to know it."""
        if self.records_batches:
            self.history.record_batch(prefix + "_loss", loss.item())
            self.history.record_batch(prefix + "_batch_size", size)

    def _record_epoch(self, name, loss):
        """Record a loss, and whether it is the lowest so far."""
        before = [epoch[name] for epoch in self.history[:-1] if name in epoch]
        self.history.record(name, loss)
        self.history.record(name + "_best", all(loss < other for other in before))


def _pair(batch):
    """Return the inputs and labels of a batch, as skorch's callbacks read it."""
    return _inputs(batch.x), batch.target


def _inputs(x):
    """Return the inputs of rows: a tensor, or the pieces of CSR."""
    return x[0] if len(x) == 1 else x
