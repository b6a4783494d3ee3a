"""Rows: batches and the losses over them, the same for arrays and CSR."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred._networks.rows import (
    Batches,
    EpochLoss,
    as_rows,
    row_values,
    values_at_best_scale,
)
from sklearn_setpred._utils import memory
from sklearn_setpred.losses import get_loss

CPU = torch.device("cpu")


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


# ------------------------------------------------------------------------ rows and batches


@pytest.mark.parametrize("index", [[0], [3, 1, 1], [], list(range(40))])
def test_csr_rows_are_taken_as_dense_rows_are(rng, index):
    X = sparse_numbers(rng)
    X[1] = 0.0
    rows = as_rows(sp.csr_array(X), CPU, target=np.arange(40))
    assert len(rows) == 40
    taken = rows.take(torch.tensor(index, dtype=int))
    indptr, indices, values = (piece.numpy() for piece in taken.x)
    dense = sp.csr_array((values, indices, indptr), shape=(len(index), 6)).toarray()
    np.testing.assert_array_equal(dense, X[index].astype(np.float32))
    assert (taken.target.tolist(), taken.weight, taken.prior) == (index, None, None)


def test_batches_hold_every_row_once_in_a_new_order_each_time():
    rows = as_rows(np.zeros((10, 1)), CPU, target=np.arange(10))
    batches = Batches(rows, 4, torch.Generator().manual_seed(0))
    epochs = [[batch.target.tolist() for batch in batches] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert len(batches) == 3
    orders = [[row for batch in epoch for row in batch] for epoch in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


def test_batches_without_a_generator_keep_the_order():
    rows = as_rows(np.zeros((5, 1)), CPU, target=np.arange(5))
    assert [batch.target.tolist() for batch in Batches(rows, 2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_the_pieces_of_a_batch_belong_to_the_same_rows(container):
    number = np.arange(7.0)
    X, prior = container(number[:, None] + 1), np.stack([number, -number], axis=1)
    rows = as_rows(X, CPU, target=number.astype(int), weight=number / 3, prior=prior)
    for batch in Batches(rows, 3, torch.Generator().manual_seed(0)):
        found = batch.target.numpy()
        np.testing.assert_array_equal(batch.x[-1].numpy().ravel(), found + 1)
        np.testing.assert_allclose(batch.weight, found / 3, rtol=1e-6)
        np.testing.assert_allclose(batch.factor, found / 3 / len(found), rtol=1e-6)
        np.testing.assert_array_equal(batch.prior[:, 1], -found)


def test_rows_shuffled_by_small_blocks_are_the_same_batches(monkeypatch):
    rows = as_rows(np.zeros((10, 1)), CPU, target=np.arange(10))

    def epoch():
        batches = Batches(rows, 2, torch.Generator().manual_seed(0))
        return [batch.target.tolist() for batch in batches]

    at_once = epoch()
    monkeypatch.setattr(memory, "SHUFFLED_ROWS", 16)
    assert epoch() == at_once


# ------------------------------------------------------------------------ losses of rows


def batch_of(target, weight=None, prior=None):
    """Return rows with labels as one batch."""
    pieces = {"target": np.array(target), "weight": weight, "prior": prior}
    return as_rows(np.zeros((len(target), 1)), CPU, **pieces).as_batch(8)


def test_the_loss_of_a_batch_is_the_weighted_mean_over_its_rows():
    # Cross-entropies log 4 and log(4 / 3), with the weights 2 and 1: (2 log 4 + log(4 / 3)) / 2.
    batch = batch_of([0, 1], np.array([2.0, 1.0]))
    scores = torch.log(torch.tensor([[1.0, 3.0], [1.0, 3.0]]))
    values = row_values(get_loss("cross_entropy"), scores, batch)
    expected = (2 * np.log(4) + np.log(4 / 3)) / 2
    np.testing.assert_allclose(values @ batch.factor, expected, rtol=1e-6)


def test_the_prior_is_added_to_the_scores():
    batch = batch_of([1], prior=np.array([[-0.5, np.log(3.0)]]))
    values = row_values(get_loss("cross_entropy"), torch.tensor([[0.5, 0.0]]), batch)
    np.testing.assert_allclose(values, [np.log(4 / 3)], rtol=1e-6)


def test_the_best_scale_is_that_of_the_least_mean_loss():
    # A row that is right and one that is wrong, both as sure: the flatter the better.
    scores = torch.tensor([[10.0, 0.0], [10.0, 0.0]])
    values = values_at_best_scale(get_loss("cross_entropy"), scores, batch_of([0, 1]))
    np.testing.assert_allclose(values, [np.log1p(np.exp(-3.0)), np.log1p(np.exp(3.0))], rtol=1e-5)


def test_the_best_scale_is_that_of_the_weighted_loss():
    # As above, but the row that is right counts: the steeper the better.
    scores, batch = torch.tensor([[4.0, 0.0], [4.0, 0.0]]), batch_of([0, 1], np.array([2.0, 1e-9]))
    values = values_at_best_scale(get_loss("cross_entropy"), scores, batch)
    np.testing.assert_allclose(values, [np.log1p(np.exp(-5.0)), np.log1p(np.exp(5.0))], rtol=1e-5)


def test_the_prior_is_scaled_with_the_scores():
    # Together the scores are 3 and -1; 1.25 suits a row that is right best.
    batch = batch_of([0], prior=np.array([[2.0, 1.0]]))
    values = values_at_best_scale(get_loss("cross_entropy"), torch.tensor([[1.0, -2.0]]), batch)
    np.testing.assert_allclose(values, [np.log1p(np.exp(-5.0))], rtol=1e-5)


def test_the_loss_of_an_epoch_is_the_weighted_sum_over_all_rows():
    epoch = EpochLoss(3)
    epoch.add(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.0]))
    epoch.add(torch.ones(1), torch.ones(1))
    np.testing.assert_allclose(epoch.sum(), 3.5)
