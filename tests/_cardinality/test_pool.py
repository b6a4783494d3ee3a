"""Refined probabilities: experts, and the pool that weighs them by likelihood."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax

from sklearn_setpred._cardinality.pool import (
    Pool,
    fit_refiner,
    floored_log,
    join_features,
    log_linear_pool,
    log_mean,
    mixture_shares,
    pool_exponents,
)
from sklearn_setpred._networks.network import MLPBuilder
from sklearn_setpred._networks.parts import Part, make_splits
from sklearn_setpred.datasets import make_confusable_classes

OPTIONS = {"build": MLPBuilder((16,)), "device": "cpu", "patience": 5, "learning_rate": 0.01}
OPTIONS |= {"weight_decay": 0.0, "batch_size": 128, "max_epochs": 100}


def likelihood(log_p, codes, weight=None):
    """Return the weighted mean log-likelihood of the labels."""
    return np.average(log_p[np.arange(len(codes)), codes], weights=weight)


def random_log_probabilities(rng, n=2000, n_classes=4):
    return log_softmax(1.5 * rng.normal(size=(n, n_classes)), axis=1)


def draw_labels(rng, log_p):
    """Draw a label per row from its probabilities."""
    return (np.exp(log_p).cumsum(axis=1) < rng.random((len(log_p), 1))).sum(axis=1)


# ------------------------------------------------------------------------------------- pool


def test_the_log_linear_pool_is_the_normalised_product_of_powers():
    # sqrt(0.8 * 0.2) : sqrt(0.2 * 0.8) is 1 : 1; 0.8^2 : 0.2^2 is 16 : 1.
    p, q = np.log([[0.8, 0.2]]), np.log([[0.2, 0.8]])
    np.testing.assert_allclose(np.exp(log_linear_pool([p, q], [0.5, 0.5])), [[0.5, 0.5]])
    np.testing.assert_allclose(np.exp(log_linear_pool([p, q], [2.0, 0.0])), [[16 / 17, 1 / 17]])


def test_one_expert_of_weight_one_is_the_log_linear_pool(rng):
    log_p = random_log_probabilities(rng, 10)
    np.testing.assert_allclose(log_linear_pool([log_p], [1.0]), log_p)


@pytest.mark.parametrize("true_weights", [(0.7, 0.9), (1.0, 0.0), (0.3, 1.5)])
def test_known_exponents_are_recovered(rng, true_weights):
    experts = [random_log_probabilities(rng, 20_000) for _ in range(2)]
    codes = draw_labels(rng, log_linear_pool(experts, true_weights))
    w = pool_exponents(experts, codes, np.ones(len(codes)))
    np.testing.assert_allclose(w, true_weights, atol=0.04)


def test_a_single_overconfident_expert_is_tempered(rng):
    log_p = random_log_probabilities(rng, 20_000)
    codes = draw_labels(rng, log_linear_pool([log_p], [0.5]))
    pool = Pool.fit([log_p], codes)
    np.testing.assert_allclose(pool.exponents, [0.5], atol=0.03)
    np.testing.assert_allclose(pool.shares, [1.0, 0.0], atol=0.02)


def test_the_mean_of_probabilities_is_taken_under_the_logarithm():
    log_p = np.log([[[0.8, 0.2]], [[0.2, 0.8]]])
    np.testing.assert_allclose(np.exp(log_mean(log_p)), [[0.5, 0.5]])
    np.testing.assert_allclose(np.exp(log_mean(log_p, np.array([0.75, 0.25]))), [[0.65, 0.35]])


@pytest.mark.parametrize("true_shares", [(0.3, 0.7), (1.0, 0.0)])
def test_known_shares_are_recovered(rng, true_shares):
    experts = [random_log_probabilities(rng, 20_000) for _ in range(2)]
    codes = draw_labels(rng, log_mean(experts, np.array(true_shares)))
    p = np.exp([log_p[np.arange(len(codes)), codes] for log_p in experts])
    shares = mixture_shares(p, np.ones(len(codes)))
    np.testing.assert_allclose(shares, true_shares, atol=0.04)
    np.testing.assert_allclose(shares.sum(), 1.0)


def test_the_pool_mixes_the_product_and_the_experts():
    # The product with exponents 1 and 1 is (1/2, 1/2): 0.2 * 0.5 + 0.5 * 0.8 + 0.3 * 0.2 = 0.56.
    experts = [np.log([[0.8, 0.2]]), np.log([[0.2, 0.8]])]
    pool = Pool(np.array([1.0, 1.0]), np.array([0.2, 0.5, 0.3]))
    np.testing.assert_allclose(np.exp(pool(experts)), [[0.56, 0.44]])
    np.testing.assert_allclose(pool.counts, [0.6, 0.4])


def test_a_label_that_one_expert_believes_in_keeps_a_probability():
    # Half of the labels are told by one expert alone, the other half by the other.
    codes = np.zeros(100, dtype=int)
    sure, wrong = np.log([1 - 1e-6, 1e-6]), np.log([1e-6, 1 - 1e-6])
    first = np.where(np.arange(100)[:, None] < 50, sure, wrong)
    experts = [first, first[::-1]]
    pool = Pool.fit(experts, codes)
    assert np.exp(pool(experts))[:, 0].min() > 0.49


def test_the_pool_is_never_worse_in_likelihood_than_an_expert(rng):
    for _ in range(10):
        experts = [random_log_probabilities(rng, 100) for _ in range(3)]
        codes, weight = rng.integers(0, 4, size=100), rng.random(100)
        pool = Pool.fit(experts, codes, weight)
        assert (pool.exponents >= 0).all()
        assert (pool.shares >= 0).all()
        product = log_linear_pool(experts, pool.exponents)
        best = max(likelihood(log_p, codes, weight) for log_p in [product, *experts])
        assert likelihood(pool(experts), codes, weight) >= best - 1e-3


def test_weights_of_rows_are_repetition(rng):
    experts, codes = [random_log_probabilities(rng, 100) for _ in range(2)], np.arange(100) % 4
    repeats = rng.integers(0, 3, size=100)
    weighted = Pool.fit(experts, codes, repeats.astype(float))
    repeated = Pool.fit(
        [np.repeat(log_p, repeats, axis=0) for log_p in experts], np.repeat(codes, repeats)
    )
    np.testing.assert_allclose(weighted.exponents, repeated.exponents, atol=1e-3)
    np.testing.assert_allclose(weighted.shares, repeated.shares, atol=1e-3)


def test_features_stand_beside_scores(rng):
    X, scores = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    joined = join_features(X, scores)
    np.testing.assert_array_equal(joined, np.column_stack([X, scores]))
    sparse = join_features(sp.csr_array(X), scores)
    assert isinstance(sparse, sp.csr_array)
    np.testing.assert_array_equal(sparse.toarray(), joined)
    np.testing.assert_array_equal(join_features(None, scores), scores)


# ---------------------------------------------------------------------------------- refiner


@pytest.fixture(scope="module")
def problem():
    """300 rows of 6 classes, their true log-probabilities, and those of a bad base."""
    X, y, posterior = make_confusable_classes(300, 6, 4, random_state=0)
    log_p = np.log(np.maximum(posterior, 1e-4))
    bad = log_softmax(0.5 * log_p + np.random.default_rng(0).normal(size=log_p.shape), axis=1)
    splits = make_splits(3, X, y, np.random.RandomState(0))
    return X, y, log_p, bad, splits


def fit(problem, X, log_base, max_epochs=20, weight=None, **options):
    part = Part(X, problem[1], weight, log_base)
    rng = np.random.RandomState(0)
    return fit_refiner(part, problem[4], rng, **(OPTIONS | {"max_epochs": max_epochs} | options))


def test_refining_a_bad_base_brings_it_nearer_to_the_labels(problem):
    X, y, _, bad, _ = problem
    refiner, log_p = fit(problem, X, bad)
    assert likelihood(log_p, y) > likelihood(bad, y) + 0.2
    assert set(refiner.weights) == {"base", "residual", "plain"}
    np.testing.assert_allclose(sum(refiner.weights.values()), 1.0)
    assert [len(networks) for networks in refiner.networks.values()] == [3, 3]


def test_refining_the_truth_does_little_harm(problem):
    X, y, truth, _, _ = problem
    _, log_p = fit(problem, X, truth)
    assert likelihood(log_p, y) > likelihood(truth, y) - 0.03


def test_residual_networks_start_as_the_base(problem):
    X, _, _, bad, _ = problem
    refiner, _ = fit(problem, X, bad, max_epochs=1, learning_rate=1e-12)
    residual, plain = (refiner.networks[name][0] for name in ("residual", "plain"))
    np.testing.assert_allclose(residual.scores(np.hstack([X, bad])), 0.0, atol=1e-9)
    assert np.abs(plain.scores(X)).max() > 0.1


def test_without_x_the_scores_alone_are_corrected(problem):
    _, y, truth, _, _ = problem
    tempered = log_softmax(0.3 * truth, axis=1)
    refiner, log_p = fit(problem, None, tempered)
    assert set(refiner.weights) == {"base", "residual"}
    assert likelihood(log_p, y) > likelihood(tempered, y) + 0.1
    assert refiner.log_probabilities(None, tempered[:7]).shape == (7, 6)


def test_log_probabilities_are_normalised_and_independent_of_other_rows(problem):
    X, _, _, bad, _ = problem
    refiner, _ = fit(problem, X, bad, max_epochs=2)
    log_p = refiner.log_probabilities(X, bad)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1.0)
    np.testing.assert_array_equal(refiner.log_probabilities(X[:3], bad[:3]), log_p[:3])


def test_rows_that_no_fold_tests_keep_the_base(problem):
    X, y, _, bad, _ = problem
    splits = [(np.arange(100, 300), np.arange(50)), (np.arange(50, 300), np.arange(50, 100))]
    _, log_p = fit((X, y, None, None, splits), X, bad, max_epochs=2)
    np.testing.assert_array_equal(log_p[100:], bad[100:])
    assert (log_p[:100] != bad[:100]).all()


def test_csr_rows_are_refined_as_dense_rows(problem):
    X, _, _, bad, _ = problem
    _, dense = fit(problem, X, bad, max_epochs=2)
    _, sparse = fit(problem, sp.csr_array(X), bad, max_epochs=2)
    np.testing.assert_allclose(sparse, dense, atol=1e-3)


def test_the_unit_of_the_weights_is_immaterial(problem):
    X, _, _, bad, _ = problem
    weight = np.random.default_rng(0).random(300)
    _, ours = fit(problem, X, bad, max_epochs=2, weight=weight / weight.mean())
    _, again = fit(problem, X, bad, max_epochs=2, weight=2 * weight / weight.mean())
    np.testing.assert_allclose(ours, again, atol=1e-3)


def test_the_floor_keeps_what_is_above_it_and_the_order_of_what_is_below():
    p = np.array([0.7, 1e-3, 1e-4, 1e-9, 1e-200, 0.0])
    log_p = floored_log(p, floor=1e-3)
    np.testing.assert_allclose(log_p[:2], np.log(p[:2]))
    # One decade below the floor: log f - log(1 + log 10).
    np.testing.assert_allclose(log_p[2], np.log(1e-3) - np.log(1 + np.log(10)))
    assert (np.diff(log_p) < 0).all()
    assert log_p[-1] > np.log(1e-3) - 7
