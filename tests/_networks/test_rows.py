"""Rows: batches and standardization, the same for arrays and CSR."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred._networks.rows import (
    Batch,
    Batches,
    EpochLoss,
    as_rows,
    row_values,
    values_at_best_scale,
)
from sklearn_setpred._networks.standardize import Standardization
from sklearn_setpred.losses import get_loss

CPU = torch.device("cpu")


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


# ------------------------------------------------------------------------ rows and batches


@pytest.mark.parametrize("index", [[0], [3, 1, 1], [], list(range(40))])
def test_csr_rows_are_taken_as_dense_rows_are(rng, index):
    X = sparse_numbers(rng)
    X[1] = 0.0
    rows = as_rows(sp.csr_array(X), CPU, np.arange(40))
    assert len(rows) == 40
    taken = rows.take(torch.tensor(index, dtype=int))
    indptr, indices, values = (piece.numpy() for piece in taken.x)
    dense = sp.csr_array((values, indices, indptr), shape=(len(index), 6)).toarray()
    np.testing.assert_array_equal(dense, X[index].astype(np.float32))
    assert (taken.target.tolist(), taken.weight, taken.prior) == (index, None, None)


def test_batches_hold_every_row_once_in_a_new_order_each_time():
    rows = as_rows(np.zeros((10, 1)), CPU, np.arange(10))
    batches = Batches(rows, 4, torch.Generator().manual_seed(0))
    epochs = [[batch.target.tolist() for batch in batches] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert len(batches) == 3
    orders = [[row for batch in epoch for row in batch] for epoch in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


def test_batches_without_a_generator_keep_the_order():
    rows = as_rows(np.zeros((5, 1)), CPU, np.arange(5))
    assert [batch.target.tolist() for batch in Batches(rows, 2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_the_pieces_of_a_batch_belong_to_the_same_rows(container):
    number = np.arange(7.0)
    X, prior = container(number[:, None] + 1), np.stack([number, -number], axis=1)
    rows = as_rows(X, CPU, number.astype(int), number / 3, prior)
    for batch in Batches(rows, 3, torch.Generator().manual_seed(0)):
        found = batch.target.numpy()
        np.testing.assert_array_equal(batch.x[-1].numpy().ravel(), found + 1)
        np.testing.assert_allclose(batch.weight, found / 3, rtol=1e-6)
        np.testing.assert_allclose(batch.share, found / 3 / len(found), rtol=1e-6)
        np.testing.assert_array_equal(batch.prior[:, 1], -found)


def test_rows_shuffled_by_small_blocks_are_the_same_batches(monkeypatch):
    rows = as_rows(np.zeros((10, 1)), CPU, np.arange(10))

    def epoch():
        batches = Batches(rows, 2, torch.Generator().manual_seed(0))
        return [batch.target.tolist() for batch in batches]

    at_once = epoch()
    monkeypatch.setattr("sklearn_setpred._networks.rows._BLOCK_CELLS", 4)
    assert epoch() == at_once


# ------------------------------------------------------------------------ losses of rows


def test_the_loss_of_a_batch_is_the_weighted_mean_over_its_rows():
    # Cross-entropies log 4 and log(4 / 3), with the weights 2 and 1: (2 log 4 + log(4 / 3)) / 2.
    batch = as_rows(np.zeros((2, 1)), CPU, np.array([0, 1]), np.array([2.0, 1.0])).as_batch(8)
    scores = torch.log(torch.tensor([[1.0, 3.0], [1.0, 3.0]]))
    values = row_values(get_loss("cross_entropy"), scores, batch)
    expected = (2 * np.log(4) + np.log(4 / 3)) / 2
    np.testing.assert_allclose(values @ batch.share, expected, rtol=1e-6)


def test_the_prior_is_added_to_the_scores():
    prior = torch.tensor([[-0.5, np.log(3.0)]])
    batch = Batch((), torch.tensor([1]), prior, torch.ones(1), torch.ones(1))
    values = row_values(get_loss("cross_entropy"), torch.tensor([[0.5, 0.0]]), batch)
    np.testing.assert_allclose(values, [np.log(4 / 3)], rtol=1e-6)


def test_networks_side_by_side_have_their_own_losses():
    scores = torch.tensor([[[0.0, 0.0]], [[0.0, np.log(3.0)]]])
    ones = torch.ones(2, 1)
    batch = Batch((), torch.tensor([[0], [1]]), None, ones, ones)
    values = row_values(get_loss("cross_entropy"), scores, batch)
    np.testing.assert_allclose(values, [[np.log(2)], [np.log(4 / 3)]], rtol=1e-6)


def test_the_best_scale_is_that_of_the_least_mean_loss():
    # A row that is right and one that is wrong, both as sure: the flatter the better.
    batch = as_rows(np.zeros((2, 1)), CPU, np.array([0, 1])).as_batch(8)
    scores = torch.tensor([[10.0, 0.0], [10.0, 0.0]])
    values = values_at_best_scale(get_loss("cross_entropy"), scores, batch)
    np.testing.assert_allclose(values, [np.log1p(np.exp(-3.0)), np.log1p(np.exp(3.0))], rtol=1e-5)


def test_the_best_scale_is_that_of_the_rows_with_weight():
    # The flatter the better for the row that is wrong, which has no weight.
    batch = as_rows(np.zeros((2, 1)), CPU, np.array([0, 1]), np.array([2.0, 0.0])).as_batch(8)
    scores = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    values = values_at_best_scale(get_loss("cross_entropy"), scores, batch)
    np.testing.assert_allclose(values[0], np.log1p(np.exp(-2.5)), rtol=1e-5)


def test_each_network_has_a_best_scale_and_the_prior_is_scaled_too():
    batch = Batch((), torch.tensor([[0], [1]]), torch.ones(2, 1, 2), *torch.ones(2, 2, 1))
    scores = torch.tensor([[[3.0, -1.0]], [[3.0, -1.0]]])
    values = values_at_best_scale(get_loss("cross_entropy"), scores, batch)
    # The first is right, 1.25 suits it best, the second is wrong, for which 0.3 is best.
    np.testing.assert_allclose(
        values, [[np.log1p(np.exp(-5.0))], [np.log1p(np.exp(1.2))]], rtol=1e-5
    )


def test_the_loss_of_an_epoch_is_the_weighted_sum_over_all_rows():
    epoch = EpochLoss(3)
    epoch.add(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.0]))
    epoch.add(torch.ones(1), torch.ones(1))
    np.testing.assert_allclose(epoch.sum(), 3.5)


# ------------------------------------------------------------------------- standardization


def test_dense_columns_get_mean_0_and_deviation_1(rng):
    X = rng.normal(size=(50, 3)) * [1.0, 1e-3, 1e4] + [0.0, 5.0, -1e6]
    Z = Standardization(X)(X)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(Z.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(Z.std(axis=0), 1.0, rtol=1e-5)


def test_the_scale_of_a_sparse_column_is_that_of_its_filled_entries():
    # Mean 4 / 8 = 0.5; variance 16 / 8 - 0.25 = 1.75; the one entry that is not zero lies 3.5
    # from the mean, which is more than sqrt(1.75).
    X = np.zeros((8, 1))
    X[2] = 4.0
    for rows in (X, sp.csr_array(X)):
        standardization = Standardization(rows)
        np.testing.assert_allclose(standardization.mean, [0.5])
        np.testing.assert_allclose(standardization.scale, [3.5])
    np.testing.assert_allclose(Standardization(X)(X)[2], [1.0])
    np.testing.assert_allclose(Standardization(X)(sp.csr_array(X)).toarray()[2], [4.0 / 3.5])


def test_sparse_columns_of_like_scales_share_their_median(rng):
    # Two filled columns; words in one row of fifty, their values about 1, 2, 3, and 1000.
    X = np.zeros((100, 6))
    X[:, :2] = rng.normal(size=(100, 2)) * [1.0, 5.0]
    X[[[0], [50]], [2, 3, 4, 5]] = [[1.0, 2.0, 3.0, 1000.0], [1.1, 2.2, 3.3, 1100.0]]
    for rows in (X, sp.csr_array(X)):
        scale = Standardization(rows).scale
        alone = np.array([Standardization(rows[:, [j]]).scale[0] for j in range(6)])
        median = np.median(alone[2:])
        np.testing.assert_allclose(scale[2:5], median, rtol=1e-12)
        np.testing.assert_allclose(scale[[0, 1, 5]], alone[[0, 1, 5]], rtol=1e-12)
        assert alone[2] < median < alone[4]


def test_rows_of_weight_zero_do_not_make_a_column_sparse():
    # One row of forty is filled on the left, two on the right; of the rows that count, a half.
    X = np.zeros((40, 2))
    X[0, 0] = 1.0
    X[[1, 2], 1] = 3.0
    weight = np.zeros(40)
    weight[:4] = 1.0
    sparse, weighted = Standardization(X).scale, Standardization(X, weight).scale
    assert sparse[0] == sparse[1]
    assert weighted[0] < weighted[1]
    np.testing.assert_allclose(weighted, Standardization(X[:4]).scale)


@pytest.mark.parametrize("constant", [0.0, 1.0, -3e7, 0.1])
def test_constant_columns_become_zero(constant):
    X = np.full((9, 2), constant)
    for rows in (X, sp.csr_array(X)):
        standardization = Standardization(rows)
        np.testing.assert_array_equal(standardization.scale, 1.0)
        np.testing.assert_allclose(standardization(X), 0.0, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_constant_columns_stay_constant_under_weights(rng, container, dtype):
    X = np.tile(rng.normal(size=50), (99, 1)).astype(dtype)
    standardization = Standardization(container(X), rng.random(99))
    np.testing.assert_array_equal(standardization.scale, 1.0)
    np.testing.assert_allclose(standardization.mean, X[0], rtol=1e-12)


def test_rows_are_standardized_alike_in_blocks_and_at_once(rng):
    X, weight = rng.normal([3.0, 0.0], size=(9000, 2)), rng.random(9000)
    standardization = Standardization(X, weight)
    mean = np.average(X, axis=0, weights=weight)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    np.testing.assert_allclose(standardization.mean, mean, atol=1e-12)
    np.testing.assert_allclose(standardization.scale, scale)
    np.testing.assert_allclose(standardization(X), (X - mean) / scale, atol=1e-6)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_standardization_reads_weights_as_repetition(rng, container):
    X, weight = sparse_numbers(rng), rng.integers(0, 4, size=40)
    weighted = Standardization(container(X), weight.astype(float))
    repeated = Standardization(container(np.repeat(X, weight, axis=0)))
    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-12)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-12)


def test_standardization_ignores_the_unit_of_the_weights(rng):
    X, weight = sparse_numbers(rng), rng.random(40)
    ours, scaled = (Standardization(X, factor * weight) for factor in (1.0, 1e-6))
    np.testing.assert_allclose(ours.scale, scaled.scale, rtol=1e-9)


def test_shifted_and_scaled_columns_are_standardized_alike(rng):
    X = rng.normal(size=(50, 3))
    moved = X * [2.0, 1e-3, 1e3] + [1.0, -4.0, 100.0]
    np.testing.assert_allclose(Standardization(moved)(moved), Standardization(X)(X), atol=1e-5)
