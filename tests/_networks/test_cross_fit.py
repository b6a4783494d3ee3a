"""Networks trained on pairs of rows, and the mean of their curves."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config

from sklearn_setpred._networks.cross_fit import fit_pairs, mean_curve
from sklearn_setpred._networks.modules import KindBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred._networks.parts import Part, TrainingPairs
from sklearn_setpred._networks.standardize import DenseStandardization, SparseStandardization
from sklearn_setpred._networks.training import fit_network
from sklearn_setpred.losses import get_loss

CROSS_ENTROPY = get_loss("cross_entropy")
OPTIONS = TrainingOptions(KindBuilder("mlp", (4,)), learning_rate=0.01, max_epochs=2, device="cpu")
HALVES = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]


@pytest.fixture
def part(rng):
    """60 rows of 3 classes, their weights growing, the halves far from each other."""
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 2)) + np.where(np.arange(60) < 30, -5.0, 5.0)[:, None]
    return Part(X=X, target=y, weight=np.linspace(0.5, 1.5, 60))


def networks_of(pairs, options=OPTIONS, seeds=(0, 1)):
    trained = fit_pairs(pairs, CROSS_ENTROPY, 3, options, seeds=list(seeds))
    return [one.network for one in trained]


@pytest.mark.parametrize(
    ("container", "cls"),
    [(np.asarray, DenseStandardization), (sp.csr_array, SparseStandardization)],
)
def test_networks_of_several_pairs_are_standardized_by_all_rows(part, container, cls):
    part = part._replace(X=container(part.X))
    first, second = networks_of(TrainingPairs(part, HALVES))
    assert first.standardization is second.standardization
    np.testing.assert_array_equal(first.standardization.center, cls(part.X, part.weight).center)
    own = networks_of(TrainingPairs(part, HALVES[:1]), seeds=[0])[0].standardization
    assert (np.abs(own.center - first.standardization.center) > 1).all()


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_jobs_of_a_context_change_nothing(part, backend):
    pairs = TrainingPairs(part, HALVES)
    alone = networks_of(pairs)
    with parallel_config(backend, n_jobs=2):
        together = networks_of(pairs)
    for left, right in zip(alone, together, strict=True):
        np.testing.assert_array_equal(left.scores(part.X), right.scores(part.X))


def test_each_pair_has_a_network_with_a_seed_of_its_own(part):
    pairs = TrainingPairs(part, HALVES)
    shared = DenseStandardization(part.X, part.weight)
    for network, pair, seed in zip(networks_of(pairs), pairs, (0, 1), strict=True):
        how = {"seed": seed, "standardization": shared}
        alone = fit_network(*pair, CROSS_ENTROPY, 3, OPTIONS, **how).network
        np.testing.assert_array_equal(network.scores(part.X), alone.scores(part.X))


def test_a_single_pair_goes_on_from_a_network(part):
    pairs = TrainingPairs(part)
    (start,) = networks_of(pairs, seeds=[0])
    still = replace(OPTIONS, learning_rate=1e-12)
    (trained,) = fit_pairs(pairs, CROSS_ENTROPY, 3, still, seeds=[5], start=start)
    np.testing.assert_allclose(trained.network.scores(part.X), start.scores(part.X), atol=1e-6)


def test_a_mean_curve_is_over_the_curves_that_last():
    assert mean_curve([[1.0, 2.0], [3.0]]) == [2.0, 2.0]
    assert mean_curve([[], []]) == []
