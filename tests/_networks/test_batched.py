"""Networks trained as a stack are the networks that each would be alone."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_setpred._networks.batched import StackTraining, stacks_of, train_stack
from sklearn_setpred._networks.network import MLPBuilder, ModuleBuilder, Network
from sklearn_setpred._networks.parts import Part, make_splits
from sklearn_setpred._networks.rows import Rows
from sklearn_setpred._networks.standardize import Standardization
from sklearn_setpred._networks.training import fit_network, fit_networks, make_net, train
from sklearn_setpred.losses import get_loss

CROSS_ENTROPY = get_loss("cross_entropy")
N_CLASSES = 4


@pytest.fixture
def problem(rng):
    """Parts of five folds of 203 rows with weights and prior: 162 or 163 rows to train on."""
    y = rng.integers(0, N_CLASSES, size=203)
    X = rng.normal(size=(203, 6)) + 1.5 * np.eye(N_CLASSES, 6)[y]
    part = Part(X, y, rng.uniform(0.5, 1.5, size=203), rng.normal(size=(203, N_CLASSES)))
    splits = make_splits(5, X, y, np.random.RandomState(0))
    return tuple([part.take(rows) for rows in side] for side in zip(*splits, strict=True))


def new_networks(parts, build):
    """Return a network for each part, in float64."""
    networks = [
        Network(build, Standardization(part.X), 6, N_CLASSES, device="cpu", seed=seed)
        for seed, part in enumerate(parts)
    ]
    for network in networks:
        network.module.double()
    return networks


def double_rows(network, part):
    """Return the rows of a part in float64."""
    rows = network.rows(*part)
    weight, prior = (None if p is None else p.double() for p in (rows.weight, rows.prior))
    return Rows((rows.x[0].double(),), rows.target, weight, prior)


def weights(network):
    return np.concatenate([w.detach().numpy().ravel() for w in network.module.parameters()])


OPTIONS = {"learning_rate": 0.02, "weight_decay": 0.01, "max_epochs": 80, "patience": 3}


@pytest.mark.parametrize("build", [MLPBuilder(()), MLPBuilder((8,)), MLPBuilder((8, 6), "tanh")])
@pytest.mark.parametrize(("batch_size", "scale_free"), [(32, False), (100, True)])
def test_a_stack_trains_as_skorch_trains_one_by_one(problem, build, batch_size, scale_free):
    parts, _ = problem
    together, alone = new_networks(parts, build), new_networks(parts, build)
    options = OPTIONS | {"batch_size": batch_size, "scale_free": scale_free}
    lengths = []
    for seed, (network, *both) in enumerate(zip(alone, *problem, strict=True)):
        net = make_net(network, CROSS_ENTROPY, seed=seed, **options)
        losses, _ = train(net, *(double_rows(network, part) for part in both), seed=seed)
        lengths.append(len(losses))
    assert len(set(lengths)) > 1  # they stop at epochs of their own

    max_epochs = options.pop("max_epochs")
    rows, valid_rows = (
        [double_rows(*pair) for pair in zip(together, given, strict=True)] for given in problem
    )
    seeds = range(5)
    StackTraining(together, rows, valid_rows, CROSS_ENTROPY, seeds=seeds, **options).run(max_epochs)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(weights(one), weights(other), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("cells", [1, 2000, 2**28])
def test_parts_of_any_size_are_trained_whatever_memory_holds(problem, monkeypatch, cells):
    monkeypatch.setattr("sklearn_setpred._networks.batched._STACK_CELLS", cells)
    parts, valid_parts = problem
    parts = [parts[0].take(np.arange(n)) for n in (160, 161, 90, 20, 33)]  # 5, 6, 3, 1, 2 batches
    options = OPTIONS | {"batch_size": 32, "build": MLPBuilder((8,)), "device": "cpu"}
    pairs = list(zip(parts, valid_parts, strict=True))
    seeds = list(range(5))
    trained = fit_networks(iter(pairs), CROSS_ENTROPY, N_CLASSES, seeds=seeds, **options)
    for seed, pair, (network, *curves) in zip(seeds, pairs, trained, strict=True):
        alone, *own_curves = fit_network(*pair, CROSS_ENTROPY, N_CLASSES, seed=seed, **options)
        X = pair[1].X
        np.testing.assert_allclose(network.scores(X), alone.scores(X), atol=1e-3)
        np.testing.assert_allclose(curves, own_curves, atol=1e-4)


@pytest.mark.parametrize(("cells", "sizes"), [(366, [3, 1]), (365, [2, 2]), (122, [1] * 4)])
def test_a_stack_holds_what_memory_allows(monkeypatch, cells, sizes):
    # 10 and 4 rows of 3 columns, and 8 tensors of 5 rows by 2 classes: 42 + 80 cells for each.
    monkeypatch.setattr("sklearn_setpred._networks.batched._STACK_CELLS", cells)
    pair = tuple(Part(np.zeros((n, 3)), np.zeros(n, dtype=int)) for n in (10, 4))
    assert [len(stack) for stack in stacks_of([pair] * 4, n_outputs=2, batch_size=5)] == sizes


def users_linear(n_features, n_outputs):
    return torch.nn.Linear(n_features, n_outputs)


@pytest.mark.parametrize("case", ["CSR rows", "a user's module", "callbacks"])
def test_what_cannot_be_stacked_is_trained_one_by_one(problem, case, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("stacked")

    monkeypatch.setattr("sklearn_setpred._networks.training.train_stack", refuse)
    parts, valid_parts = copy.copy(problem)
    build, callbacks = MLPBuilder((8,)), None
    if case == "CSR rows":
        parts, valid_parts = (
            [part._replace(X=sp.csr_array(part.X)) for part in given] for given in problem
        )
    elif case == "a user's module":
        build = ModuleBuilder(users_linear)
    else:
        callbacks = [("mine", None)]
    trained = fit_networks(
        zip(parts, valid_parts, strict=True),
        CROSS_ENTROPY,
        N_CLASSES,
        seeds=list(range(5)),
        build=build,
        device="cpu",
        callbacks=callbacks,
        **(OPTIONS | {"max_epochs": 2, "batch_size": 32}),
    )
    assert [network.scores(parts[0].X).shape for network, *_ in trained] == 5 * [(162, N_CLASSES)]


def float_networks(problem):
    """Return a network for each pair of parts, in float32, and the pairs."""
    networks = new_networks(problem[0], MLPBuilder((8,)))
    for network in networks:
        network.module.float()
    return networks, list(zip(*problem, strict=True))


def test_a_stack_that_diverges_names_the_epoch_and_the_learning_rate(problem):
    networks, pairs = float_networks(problem)
    options = {"weight_decay": 0.0, "batch_size": 32, "patience": 3, "verbose": 0}
    with pytest.raises(FloatingPointError, match=r"epoch \d+; lower learning_rate=1e\+30"):
        train_stack(
            *(networks, pairs, CROSS_ENTROPY),
            seeds=range(5),
            max_epochs=9,
            learning_rate=1e30,
            **options,
        )


def test_progress_of_a_stack_is_one_line(problem, capsys):
    networks, pairs = float_networks(problem)
    options = OPTIONS | {"max_epochs": 2, "batch_size": 32, "verbose": 1}
    train_stack(networks, pairs, CROSS_ENTROPY, seeds=range(5), **options)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "epoch 2/2, 5 networks, loss" in err
