"""Networks: modules, scores, pickles."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred._networks.network import (
    ACTIVATIONS,
    MLPBuilder,
    ModuleBuilder,
    Network,
    choose_device,
    sets_of_first,
)
from sklearn_setpred._networks.standardize import Standardization
from sklearn_setpred.sets import prefix_sets

CPU = torch.device("cpu")


def make_network(X, n_outputs=3, build=None, *, seed=0):
    """Return a network with random weights, and biases that are not zero."""
    build = MLPBuilder((8,)) if build is None else build
    network = Network(build, Standardization(X), X.shape[1], n_outputs, device="cpu", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


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
def test_a_row_alone_gets_the_labels_that_it_gets_in_a_batch(
    rng, container, widths, n_features, n_outputs
):
    X = rng.normal(size=(130, n_features))
    network = make_network(X, n_outputs, MLPBuilder(widths))
    X = container(X)
    scores = network.scores(X)
    ordered = np.sort(scores, axis=1)
    is_clear = np.diff(ordered, axis=1).min(axis=1) > 1e-5  # no labels that rounding could swap
    assert is_clear.mean() > 0.5
    for size in (1, 2, 15, 16, 17, 100):
        for rows in (slice(size), slice(30, 30 + size)):
            alone = network.scores(X[rows])
            # The last bits belong to the processor, as those of other products of matrices do.
            np.testing.assert_allclose(alone, scores[rows], rtol=0, atol=4e-6)
            order, order_alone = (np.argsort(-s[is_clear[rows]]) for s in (scores[rows], alone))
            np.testing.assert_array_equal(order_alone, order)


@pytest.mark.parametrize(("cells", "batch_size"), [(1, 16), (60, 16), (100, 32)])
def test_scores_do_not_depend_on_the_size_of_batches(rng, cells, batch_size, monkeypatch):
    X = rng.normal(size=(40, 5))
    network = make_network(X)
    at_once = network.scores(X)
    monkeypatch.setattr("sklearn_setpred._networks.network._SCORE_CELLS", cells)
    assert network.score_batch_size == batch_size
    np.testing.assert_allclose(network.scores(X), at_once, rtol=0, atol=4e-6)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_sets_made_on_the_device_are_those_made_by_numpy(rng, k):
    scores = rng.integers(0, 4, size=(200, 7)).astype(float)  # with many ties
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    sets = sets_of_first(torch.from_numpy(scores), k)
    np.testing.assert_array_equal(sets, prefix_sets(scores, k))


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
