"""Several networks of one architecture trained as one, with stacked weights.

skorch trains one network. A stack has a loop of its own, because networks leave it one by one
when they stop early. Each network sees the batches, takes the steps and keeps the weights that
it would alone.
"""

from __future__ import annotations

import sys

import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional

from sklearn_setpred._networks.network import ACTIVATIONS, rows_at_a_time
from sklearn_setpred._networks.rows import (
    Batch,
    Batches,
    EpochLoss,
    row_values,
    split,
    values_at_best_scale,
)

# A validation loss has to fall by this share to count as better, as in skorch's EarlyStopping.
_LEAST_GAIN = 1e-4
# Inputs that are held for the networks of one stack and what a step makes, in cells (1 GB of
# float32); of the size of its scores are about so many tensors.
_STACK_CELLS = 2**28
_TENSORS_OF_SCORES = 8


class Stack(nn.Module):
    """MLPs of one architecture as one module: inputs (m, n, d) to scores (m, n, K).

    Parameters
    ----------
    modules : list of MLP
        They keep their own weights; `load_into` writes those of the stack back.
    activation : str
        Of the hidden layers.
    """

    def __init__(self, modules, activation):
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        self.weights = nn.ParameterList(
            torch.stack([piece.detach() for piece in pieces])
            for pieces in zip(*(module.parameters() for module in modules), strict=True)
        )

    def forward(self, x):
        weight, bias, *rest = self.weights
        scores = torch.baddbmm(bias.unsqueeze(1), x, weight)
        for weight, bias in zip(rest[::2], rest[1::2], strict=True):
            scores = torch.baddbmm(bias.unsqueeze(1), self.activation(scores), weight.mT)
        return scores

    def keep(self, places, optimizer):
        """Drop the other networks, from the optimizer's memory too."""
        for stacked in self.weights:
            stacked.data = stacked.data[places]
            stacked.grad = None
            memory = optimizer.state[stacked]
            for name in ("exp_avg", "exp_avg_sq"):
                memory[name] = memory[name][places]

    def load_into(self, module, place):
        """Write the weights of one network into a module of its own."""
        with torch.no_grad():
            for own, stacked in zip(module.parameters(), self.weights, strict=True):
                own.copy_(stacked[place])


class StackedBatches:
    """The batches of several networks side by side: those of one step as one `Batch`.

    All must have the same number of batches. Where rows are missing in the last one, zeros of no
    weight take their place.
    """

    def __init__(self, batches):
        self.batches = batches
        lengths = [[len(one.rows)] for one in batches]
        self.n_rows = torch.tensor(lengths, device=batches[0].rows.device).squeeze(1)

    def __iter__(self):
        size = self.batches[0].batch_size
        for blocks in zip(*(one.blocks() for one in self.batches), strict=True):
            yield from split(stacked(blocks), size, dim=1)


def stacked(blocks):
    """Put batches side by side, padded to the longest."""
    n = max(len(block.target) for block in blocks)

    def side_by_side(pieces):
        if pieces[0] is None:
            return None
        return torch.stack([_padded(piece, n) for piece in pieces])

    pieces = zip(*((block.x[0], *block[1:]) for block in blocks), strict=True)
    x, *rest = map(side_by_side, pieces)
    return Batch((x,), *rest)


def _padded(tensor, n):
    """Return the tensor with zero rows behind it, n in all."""
    missing = n - len(tensor)
    if missing == 0:
        return tensor
    return functional.pad(tensor, (0, 0) * (tensor.dim() - 1) + (0, missing))


def divergence(loss, epoch, learning_rate):
    """Return the error of a training whose loss or weights are no numbers."""
    return FloatingPointError(
        f"Training diverged, with a training loss of {loss} at epoch {epoch}; lower "
        f"learning_rate={learning_rate} or scale the features."
    )


class StackTraining:
    """The training of a stack, which a network leaves when its validation loss stops falling.

    Parameters
    ----------
    networks : list of Network
        Of one architecture; each holds its best weights in the end.
    rows, valid_rows : list of Rows
        Of each network; all make the same numbers of batches.
    loss : Loss
    seeds : list of int
        Of the order of the rows.
    learning_rate, weight_decay, batch_size, patience, scale_free
        As in `training.make_net`.
    """

    def __init__(
        self,
        networks,
        rows,
        valid_rows,
        loss,
        *,
        seeds,
        learning_rate,
        weight_decay,
        batch_size,
        patience,
        scale_free=False,
    ):
        self.networks, self.loss, self.patience = list(networks), loss, patience
        self.validation_values = values_at_best_scale if scale_free else row_values
        self.stack = Stack([one.module for one in networks], networks[0].build.activation)
        self.optimizer = torch.optim.AdamW(
            self.stack.parameters(),
            lr=learning_rate,
            weight_decay=weight_decay,
            fused=networks[0].device.type in ("cpu", "cuda"),
        )
        self.batches = [
            Batches(of_one, batch_size, torch.Generator().manual_seed(seed))
            for of_one, seed in zip(rows, seeds, strict=True)
        ]
        self.held_out = [Batches(of_one, networks[0].score_batch_size) for of_one in valid_rows]
        self.to_beat = torch.full((len(networks),), torch.inf, dtype=torch.float64)
        self.misses = torch.zeros(len(networks), dtype=torch.int64)
        # Training and validation losses of each network, as it stands in the stack.
        self.curves = [([], []) for _ in networks]

    def run(self, max_epochs, verbose=0):
        """Train until every network has left; raise FloatingPointError where one diverges."""
        for epoch in range(1, max_epochs + 1):
            losses = self._run_epoch(self.batches, self._step)
            valid_losses = self._run_epoch(self.held_out, self._validation_values)
            self._check_finite(losses, epoch)
            self._note(losses, valid_losses)
            if verbose:
                _show(epoch, max_epochs, losses, valid_losses)
            self._remember_better(valid_losses.cpu().double())
            self._dismiss_those_without_hope()
            if not self.networks:
                break
        if verbose:
            sys.stderr.write("\n")

    def _run_epoch(self, batches, values_of):
        """Return the mean loss of each network, (m,)."""
        together = StackedBatches(batches)
        epoch = EpochLoss(int(together.n_rows.max()))
        for batch in together:
            epoch.add(values_of(batch), batch.weight)
        return epoch.sum() / together.n_rows

    @torch.no_grad()
    def _validation_values(self, batch):
        """Return the losses of a batch of held-out rows, (m, n)."""
        return self.validation_values(self.loss, self.stack(*batch.x), batch)

    def _step(self, batch):
        """Return the losses of a batch before a step of the optimizer, (m, n)."""
        self.optimizer.zero_grad()
        values = row_values(self.loss, self.stack(*batch.x), batch)
        values.backward(batch.share)
        self.optimizer.step()
        return values.detach()

    def _check_finite(self, losses, epoch):
        """Raise unless losses and weights are numbers."""
        checked = [losses, *self.stack.parameters()]
        if not all(tensor.isfinite().all() for tensor in checked):
            options = self.optimizer.param_groups[0]
            raise divergence(losses.mean().item(), epoch, options["lr"])

    def _note(self, losses, valid_losses):
        """Write the losses of an epoch into the curves."""
        pairs = zip(losses.tolist(), valid_losses.tolist(), strict=True)
        for (curve, valid_curve), (loss, valid_loss) in zip(self.curves, pairs, strict=True):
            curve.append(loss)
            valid_curve.append(valid_loss)

    def _remember_better(self, losses):
        """Write the weights of those that have become better into their networks."""
        better = losses < self.to_beat
        for place in better.nonzero().flatten().tolist():
            self.stack.load_into(self.networks[place].module, place)
        self.to_beat = torch.where(better, losses - _LEAST_GAIN * losses.abs(), self.to_beat)
        self.misses = torch.where(better, 0, self.misses + 1)

    def _dismiss_those_without_hope(self):
        """Take the networks out of the stack that have not become better for too long."""
        going = (self.misses < self.patience).nonzero().flatten()
        if len(going) == len(self.networks):
            return
        self.to_beat, self.misses = self.to_beat[going], self.misses[going]
        self.networks, self.batches, self.held_out, self.curves = (
            [given[place] for place in going]
            for given in (self.networks, self.batches, self.held_out, self.curves)
        )
        if self.networks:
            self.stack.keep(going, self.optimizer)


def train_stack(networks, pairs, loss, *, seeds, max_epochs, verbose, **options):
    """Train networks, each on its own rows, as one stack.

    Parameters
    ----------
    networks : list of Network
        Of one architecture.
    pairs : list of (Part, Part)
        Rows to train on and rows for early stopping, all making the same numbers of batches.
    loss, seeds, **options
        As in `StackTraining`.
    max_epochs, verbose : int
        As in `training.make_net`.

    Returns
    -------
    list of (Network, list of float, list of float)
        The networks with their training and validation losses. An error of training that diverges
        bears it as ``trained``, with the best weights so far.
    """
    rows, valid_rows = (
        [network.rows(*part) for network, part in zip(networks, parts, strict=True)]
        for parts in zip(*pairs, strict=True)
    )
    training = StackTraining(networks, rows, valid_rows, loss, seeds=seeds, **options)
    trained = [(one, *curves) for one, curves in zip(networks, training.curves, strict=True)]
    try:
        training.run(max_epochs, verbose)
    except FloatingPointError as error:
        error.trained = trained
        raise
    return trained


def stacks_of(pairs, n_outputs, batch_size):
    """Return neighbours among pairs of parts that can be trained as one stack, as lists.

    They make as many batches, and memory holds their inputs and the scores of a step. CSR rows
    stay alone. A pair is taken from the iterator only when its turn comes.
    """
    stack, known = [], None
    for pair in pairs:
        parts = [part for part in pair if part is not None]
        n_batches = _n_batches(parts, n_outputs, batch_size)
        cells = sum(part.X.size for part in parts)
        cells += _TENSORS_OF_SCORES * batch_size * n_outputs
        fits = not sp.issparse(parts[0].X) and (len(stack) + 1) * cells <= _STACK_CELLS
        if stack and not (fits and n_batches == known):
            yield stack
            stack = []
        stack.append(pair)
        known = n_batches
    if stack:
        yield stack


def _n_batches(parts, n_outputs, batch_size):
    """Return the numbers of batches that training and validating take."""
    sizes = batch_size, rows_at_a_time(n_outputs)
    return [-(-len(part.target) // size) for part, size in zip(parts, sizes, strict=False)]


def _show(epoch, max_epochs, losses, valid_losses):
    """Rewrite the line of progress."""
    line = (
        f"epoch {epoch}/{max_epochs}, {len(losses)} networks, loss {losses.mean():.4f}, "
        f"validation loss {valid_losses.mean():.4f}"
    )
    sys.stderr.write("\r" + line.ljust(70))
