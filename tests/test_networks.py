"""Networks: rows and batches, standardization, modules, scores, pickles."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred.networks import (
    ACTIVATIONS,
    Batches,
    MLPBuilder,
    ModuleBuilder,
    Network,
    Standardization,
    as_rows,
    choose_device,
)

CPU = torch.device("cpu")


def make_network(X, n_outputs=3, build=None, *, seed=0):
    """Give a network with random weights, and biases that are not zero."""
    build = MLPBuilder((8,)) if build is None else build
    network = Network(build, Standardization(X), X.shape[1], n_outputs, device="cpu", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


# ------------------------------------------------------------------------ rows and batches


@pytest.mark.parametrize("index", [[0], [3, 1, 1], [], list(range(40))])
def test_csr_rows_are_taken_as_dense_rows_are(rng, index):
    X = sparse_numbers(rng)
    X[1] = 0.0
    rows = as_rows(sp.csr_array(X), CPU, (np.arange(40), None, None))
    assert len(rows) == 40
    (indptr, indices, values), (target, weight, prior) = rows.take(torch.tensor(index, dtype=int))
    taken = sp.csr_array((values.numpy(), indices.numpy(), indptr.numpy()), shape=(len(index), 6))
    np.testing.assert_array_equal(taken.toarray(), X[index].astype(np.float32))
    assert (target.tolist(), weight, prior) == (index, None, None)


def test_batches_hold_every_row_once_in_a_new_order_each_time():
    rows = as_rows(np.zeros((10, 1)), CPU, (np.arange(10),))
    batches = Batches(rows, 4, torch.Generator().manual_seed(0))
    epochs = [[target.tolist() for _, (target,) in batches] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert len(batches) == 3
    orders = [[row for batch in epoch for row in batch] for epoch in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


def test_batches_without_a_generator_keep_the_order():
    rows = as_rows(np.zeros((5, 1)), CPU, (np.arange(5),))
    assert [target.tolist() for _, (target,) in Batches(rows, 2)] == [[0, 1], [2, 3], [4]]


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


# ------------------------------------------------------------------------- modules, scores

USERS_LINEAR = ModuleBuilder(torch.nn.Linear)
BUILDS = [MLPBuilder(()), MLPBuilder((8,)), MLPBuilder((16, 8), "tanh"), USERS_LINEAR]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("fitted_on", [np.asarray, sp.csr_array])
def test_csr_rows_score_as_dense_rows_do(rng, build, fitted_on):
    X = sparse_numbers(rng) + 0.0
    network = make_network(fitted_on(X), build=build)
    np.testing.assert_allclose(network.scores(sp.csr_array(X)), network.scores(X), atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scores_follow_the_formula(rng, activation):
    X = rng.normal(size=(20, 4))
    network = make_network(X, build=MLPBuilder((5,), activation))
    w = {name: array.numpy() for name, array in network.module.state_dict().items()}
    hidden = Standardization(X)(X) @ w["first.weight"] + w["first.bias"]
    active = ACTIVATIONS[activation]()(torch.from_numpy(hidden)).numpy()
    expected = active @ w["rest.1.weight"].T + w["rest.1.bias"]
    scores = network.scores(X)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("widths", [(), (8,), (8, 8)])
def test_a_zero_start_scores_zero(rng, widths):
    X = rng.normal(size=(20, 4))
    build = MLPBuilder(widths, zero_start=True)
    network = Network(build, Standardization(X), 4, 3, device="cpu", seed=0)
    np.testing.assert_array_equal(network.scores(X), 0.0)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("widths", "n_features", "n_outputs"),
    [((), 1, 2), ((), 70, 10), ((1,), 3, 2), ((8,), 5, 3), ((64,), 33, 17), ((256, 64), 20, 100)],
)
def test_a_row_alone_scores_the_same_bits_as_in_a_batch(
    rng, container, widths, n_features, n_outputs
):
    X = rng.normal(size=(130, n_features))
    network = make_network(X, n_outputs, MLPBuilder(widths))
    X = container(X)
    scores = network.scores(X)
    for size in (1, 2, 15, 16, 17, 100):
        np.testing.assert_array_equal(network.scores(X[:size]), scores[:size])
        np.testing.assert_array_equal(network.scores(X[30 : 30 + size]), scores[30 : 30 + size])


@pytest.mark.parametrize("batch_size", [1, 7, 16, 39])
def test_scores_do_not_depend_on_the_size_of_batches(rng, batch_size):
    X = rng.normal(size=(40, 5))
    network = make_network(X)
    np.testing.assert_array_equal(network.scores(X, batch_size), network.scores(X))


def test_weights_follow_the_seed(rng):
    X = rng.normal(size=(20, 4))
    first, again, other = (
        Network(MLPBuilder((8,)), Standardization(X), 4, 3, device="cpu", seed=seed).scores(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_building_a_network_leaves_the_generator_of_torch_alone(rng):
    before = torch.get_rng_state()
    make_network(rng.normal(size=(20, 4)))
    assert torch.equal(torch.get_rng_state(), before)


# ------------------------------------------------------------------------- pickles, devices


@pytest.mark.parametrize("build", [MLPBuilder((8,)), MLPBuilder((), zero_start=True)])
def test_a_pickle_holds_no_torch_and_scores_the_same(rng, build):
    X = rng.normal(size=(20, 4))
    network = make_network(X, build=build)
    dump = pickle.dumps(network)
    assert b"torch" not in dump
    np.testing.assert_array_equal(pickle.loads(dump).scores(X), network.scores(X))


def test_reading_a_pickle_leaves_the_generator_of_torch_alone(rng):
    dump = pickle.dumps(make_network(rng.normal(size=(20, 4))))
    before = torch.get_rng_state()
    pickle.loads(dump)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_of_a_device_that_is_missing_is_read_on_the_cpu(rng):
    X = rng.normal(size=(20, 4))
    network = make_network(X)
    network.requested_device = "mps" if torch.cuda.is_available() else "cuda"
    loaded = pickle.loads(pickle.dumps(network))
    assert loaded.device == CPU
    np.testing.assert_array_equal(loaded.scores(X), network.scores(X))


def test_a_users_module_is_pickled_as_it_is(rng):
    X = rng.normal(size=(20, 4))
    network = make_network(X, build=ModuleBuilder(partial(torch.nn.Linear, bias=False)))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(network)).scores(X), network.scores(X))


def test_auto_takes_a_device_that_is_there():
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    assert choose_device("cpu") == CPU


def test_an_unknown_device_is_told_the_nearest_name():
    with pytest.raises(ValueError, match=r"device='cudda' is unknown; did you mean 'cuda'\?"):
        choose_device("cudda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_device_that_is_missing_is_an_error_with_the_way_out(device):
    with pytest.raises(ValueError, match=f"device='{device}' is not available.*'auto' or 'cpu'"):
        choose_device(device)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_on_cuda_are_those_of_the_cpu(rng):
    X = rng.normal(size=(50, 4))
    network = make_network(X)
    network.requested_device = "cuda"
    on_cuda = pickle.loads(pickle.dumps(network))
    assert on_cuda.device.type == "cuda"
    np.testing.assert_allclose(on_cuda.scores(X), network.scores(X), atol=1e-3)
