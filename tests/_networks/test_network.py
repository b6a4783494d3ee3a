"""Networks: modules, scores, pickles."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred._networks.modules import KindBuilder, MeanBuilder, ModuleBuilder
from sklearn_setpred._networks.network import Network, choose_device
from sklearn_setpred._networks.standardize import DenseStandardization, standardization_of
from sklearn_setpred._utils import memory

CPU = torch.device("cpu")


def make_network(X, n_outputs=3, build=None, *, seed=0):
    """Return a network with random weights, and biases that are not zero."""
    build = KindBuilder("mlp", (8,)) if build is None else build
    standardization = standardization_of(X, reads_csr=build.reads_csr)
    network = Network(build, standardization, X.shape[1], n_outputs, device="cpu", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


# ------------------------------------------------------------------------- modules, scores

BUILDS = [
    *(KindBuilder("mlp", widths) for widths in ((), (8,), (16, 8))),
    *(KindBuilder(kind, (8, 6)) for kind in ("resnet", "periodic")),
    ModuleBuilder(torch.nn.Linear),
]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("fitted_on", [np.asarray, sp.csr_array])
def test_csr_rows_score_as_dense_rows_do(rng, build, fitted_on):
    X = sparse_numbers(rng)
    network = make_network(fitted_on(X), build=build)
    np.testing.assert_allclose(network.scores(sp.csr_array(X)), network.scores(X), atol=1e-5)


@pytest.mark.parametrize("build", BUILDS)
def test_scores_are_those_of_the_module_on_standardized_rows(rng, build):
    X = rng.normal(3.0, 2.0, size=(20, 4))
    network = make_network(X, build=build)
    expected = network.module.eval()(torch.from_numpy(DenseStandardization(X)(X))).detach()
    scores = network.scores(X)
    assert (scores.dtype, scores.shape) == (np.float64, (20, 3))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("build", BUILDS[1:], ids=str)
def test_a_mean_of_networks_scores_the_mean_of_their_scores(rng, build):
    X = rng.normal(size=(20, 4))
    networks = [make_network(X, build=build, seed=seed) for seed in (0, 1, 2)]
    mean = Network.mean_of(networks)
    expected = np.mean([network.scores(X) for network in networks], axis=0)
    np.testing.assert_allclose(mean.scores(X), expected, atol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mean)).scores(X), mean.scores(X))


def test_the_mean_of_one_network_is_that_network(rng):
    network = make_network(rng.normal(size=(20, 4)))
    assert Network.mean_of([network]) is network


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("widths", "n_features", "n_outputs"),
    [((), 1, 2), ((), 70, 10), ((1,), 3, 2), ((8,), 5, 3), ((64,), 33, 17), ((256, 64), 20, 100)],
)
def test_a_row_alone_gets_the_labels_that_it_gets_in_a_batch(
    rng, container, widths, n_features, n_outputs
):
    X = rng.normal(size=(130, n_features))
    network = make_network(X, n_outputs, KindBuilder("mlp", widths))
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
    monkeypatch.setattr(memory, "NETWORK_SCORES", 4 * cells)
    assert network.score_batch_size == batch_size
    np.testing.assert_allclose(network.scores(X), at_once, rtol=0, atol=4e-6)


def test_building_a_network_leaves_the_generator_of_torch_alone(rng):
    before = torch.get_rng_state()
    make_network(rng.normal(size=(20, 4)))
    assert torch.equal(torch.get_rng_state(), before)


# ------------------------------------------------------------------------- pickles, devices


@pytest.mark.parametrize("build", BUILDS[:-1], ids=str)
def test_a_pickle_holds_no_torch_and_scores_the_same(rng, build):
    X = rng.normal(size=(20, 4))
    network = make_network(X, build=build)
    dump = pickle.dumps(network)
    assert b"torch" not in dump
    np.testing.assert_array_equal(pickle.loads(dump).scores(X), network.scores(X))


def state_with(network, **changes):
    """Return the state of a pickle, some entries changed."""
    return network.__getstate__() | changes


@pytest.mark.parametrize("change", ["a shape", "a name", "a missing array", "a width"])
def test_weights_that_do_not_fit_the_network_are_refused(rng, change):
    network = make_network(rng.normal(size=(20, 4)))
    weights = network.weights()
    if change == "a shape":
        state = state_with(network, weights=weights | {"first.bias": np.zeros(9, np.float32)})
    elif change == "a name":
        renamed = {name.replace("first", "second"): array for name, array in weights.items()}
        state = state_with(network, weights=renamed)
    elif change == "a missing array":
        state = state_with(network, weights={"first.bias": weights["first.bias"]})
    else:
        state = state_with(network, n_outputs=5)
    with pytest.raises(ValueError, match="the file is damaged or was changed"):
        Network.__new__(Network).__setstate__(state)


def test_shapes_are_checked_before_any_memory_is_taken(rng):
    # Weights of a network this wide would take 4 TB.
    network = make_network(rng.normal(size=(20, 4)))
    state = state_with(network, n_features=10**6, build=KindBuilder("mlp", (10**6,)))
    with pytest.raises(ValueError, match=r"needs .*\(1000000, 1000000\)"):
        Network.__new__(Network).__setstate__(state)


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


@pytest.mark.parametrize("n_members", [1, 2, 10**12])
def test_a_mean_of_more_or_fewer_networks_than_it_says_is_refused(rng, n_members):
    X = rng.normal(size=(20, 4))
    mean = Network.mean_of([make_network(X, seed=seed) for seed in (0, 1, 2)])
    state = state_with(mean, build=MeanBuilder(mean.build.build, n_members))
    with pytest.raises(ValueError, match=f"weights of 3 networks, not of {n_members}:"):
        Network.__new__(Network).__setstate__(state)


def test_weights_read_from_a_file_may_be_trained_and_leave_the_file_alone(rng):
    state = make_network(rng.normal(size=(20, 4))).__getstate__()
    for array in state["weights"].values():
        array.flags.writeable = False
    before = {name: array.copy() for name, array in state["weights"].items()}
    network = Network.__new__(Network)
    network.__setstate__(dict(state))
    for parameter in network.module.parameters():
        parameter.data += 1.0
    for name, array in before.items():
        np.testing.assert_array_equal(state["weights"][name], array)


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
