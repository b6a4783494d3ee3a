"""The pool that weighs experts' probabilities by the likelihood of labels."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax

from sklearn_setpred._cardinality.pool import (
    Pool,
    floored_log,
    join_features,
    log_linear_pool,
    log_mean,
    mixture_shares,
    pool_exponents,
    vector_scaling,
    without_the_least,
)
from sklearn_setpred._utils import memory


def likelihood(log_p, codes, weight=None):
    """Return the weighted mean log-likelihood of the labels."""
    return np.average(log_p[np.arange(len(codes)), codes], weights=weight)


def random_log_probabilities(rng, n=2000, n_classes=4):
    return log_softmax(1.5 * rng.normal(size=(n, n_classes)), axis=1)


def draw_labels(rng, log_p):
    """Draw a label per row from its probabilities."""
    return (np.exp(log_p).cumsum(axis=1) < rng.random((len(log_p), 1))).sum(axis=1)


def unscaled(exponents, shares, n_classes):
    """Return a pool whose classes are not recalibrated."""
    scaling = np.ones(n_classes), np.zeros(n_classes)
    return Pool(np.array(exponents), np.array(shares), *scaling)


def fitted(experts, codes, weight=None):
    """Return the pool of experts that are one model each."""
    weight = np.ones(len(codes)) if weight is None else weight
    return Pool.fit(experts, experts, codes, weight)


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
    pool = fitted([log_p], codes)
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
    pool = unscaled([1.0, 1.0], [0.2, 0.5, 0.3], 2)
    np.testing.assert_allclose(np.exp(pool(experts)), [[0.56, 0.44]])
    np.testing.assert_allclose(pool.counts, [0.6, 0.4])


def test_a_label_that_one_expert_believes_in_keeps_a_probability():
    # Half of the labels are told by one expert alone, the other half by the other.
    codes = np.zeros(100, dtype=int)
    sure, wrong = np.log([1 - 1e-6, 1e-6]), np.log([1e-6, 1 - 1e-6])
    first = np.where(np.arange(100)[:, None] < 50, sure, wrong)
    experts = [first, first[::-1]]
    pool = fitted(experts, codes)
    assert np.exp(pool(experts))[:, 0].min() > 0.49


def test_the_pool_is_never_worse_in_likelihood_than_an_expert(rng):
    for _ in range(10):
        experts = [random_log_probabilities(rng, 100) for _ in range(3)]
        codes, weight = rng.integers(0, 4, size=100), rng.random(100)
        pool = fitted(experts, codes, weight)
        assert (pool.exponents >= 0).all()
        assert (pool.shares >= 0).all()
        product = log_linear_pool(experts, pool.exponents)
        best = max(likelihood(log_p, codes, weight) for log_p in [product, *experts])
        assert likelihood(pool(experts), codes, weight) >= best - 1e-3


def test_weights_of_rows_are_repetition(rng):
    experts, codes = [random_log_probabilities(rng, 100) for _ in range(2)], np.arange(100) % 4
    repeats = rng.integers(0, 3, size=100)
    weighted = fitted(experts, codes, repeats.astype(float))
    repeated = fitted(
        [np.repeat(log_p, repeats, axis=0) for log_p in experts], np.repeat(codes, repeats)
    )
    np.testing.assert_allclose(weighted.exponents, repeated.exponents, atol=0.02)
    np.testing.assert_allclose(weighted.shares, repeated.shares, atol=0.02)


def test_exponents_are_carried_on_to_the_number_of_models(rng):
    # One model's probabilities are the square of the mean's: its exponent is half of the mean's.
    # In 1 / m, from 1 and 1 / 2 to 1 / 4: half a step more, which is a quarter of the exponent.
    by_mean = random_log_probabilities(rng, 500)
    codes = draw_labels(rng, by_mean)
    (w,) = pool_exponents([by_mean], codes, np.ones(500))
    how = {"n_averaged": 2, "n_models": 4}
    pool = Pool.fit([2 * by_mean], [by_mean], codes, np.ones(500), **how)
    np.testing.assert_allclose(pool.exponents, [1.25 * w], rtol=2e-3)


def test_an_exponent_is_never_carried_below_zero(rng):
    # The first expert is worth less the more models are averaged: from 1 to 0.1, and on below 0.
    first, second = (random_log_probabilities(rng, 2000) for _ in range(2))
    codes = draw_labels(rng, log_linear_pool([first, second], [0.5, 0.5]))
    one, mean = [first / 2, 4 * second], [5 * first, second]
    pool = Pool.fit(one, mean, codes, np.ones(2000), n_averaged=2, n_models=10)
    assert pool.exponents[0] == 0.0
    assert pool.exponents[1] > 0.3


def test_exponents_are_never_carried_to_less_in_all(rng):
    # The exponent falls from 1 to 0.25, and would go on to none at all.
    by_mean = random_log_probabilities(rng, 500)
    codes = draw_labels(rng, by_mean)
    how = {"n_averaged": 2, "n_models": 10}
    pool = Pool.fit([by_mean / 4], [by_mean], codes, np.ones(500), **how)
    assert pool.exponents.tolist() == pool_exponents([by_mean], codes, np.ones(500)).tolist()


def test_exponents_of_rows_that_are_all_right_have_a_bound(rng):
    log_p, codes = np.log(np.full((50, 2), [0.9, 0.1])), np.zeros(50, dtype=int)
    (w,) = pool_exponents([log_p], codes, np.ones(50))
    # Where -log q' = p log 9 is the slope of the ridge, (w - 1) / 50, p = 1 / (1 + 9^w).
    assert (w - 1) / 50 == pytest.approx(np.log(9) / (1 + 9**w), rel=1e-3)


def test_one_model_alone_is_carried_nowhere(rng):
    by_one, by_mean = (random_log_probabilities(rng, 300) for _ in range(2))
    codes = rng.integers(0, 4, size=300)
    pool = Pool.fit([by_one], [by_mean], codes, np.ones(300), n_averaged=1, n_models=5)
    np.testing.assert_array_equal(pool.exponents, fitted([by_mean], codes).exponents)


def test_an_expert_that_hardly_counts_is_left_out():
    # Counts: 0.495 + 0.5 / 1.004, and 0.005 + 0.5 * 0.004 / 1.004, which is below 0.01.
    carried, held_out = np.array([1.0, 0.004]), np.array([0.8, 0.1])
    found = without_the_least(carried, held_out, np.array([0.5, 0.495, 0.005]))
    assert [w.tolist() for w in found[:2]] == [[1.0, 0.0], [0.8, 0.0]]
    np.testing.assert_allclose(found[2], [0.5 / 0.995, 0.495 / 0.995, 0.0])


def test_the_pool_of_those_that_count_is_the_pool(rng):
    experts = [random_log_probabilities(rng, 20) for _ in range(3)]
    pool = Pool(np.array([0.7, 0.0, 0.5]), np.array([0.2, 0.5, 0.0, 0.3]), *rng.random((2, 4)))
    asked = np.flatnonzero(pool.counts)
    assert asked.tolist() == [0, 2]
    np.testing.assert_allclose(pool.of(asked)([experts[0], experts[2]]), pool(experts))


def test_batches_change_no_pool(rng, monkeypatch):
    experts, codes = [random_log_probabilities(rng, 100) for _ in range(2)], np.arange(100) % 4
    at_once = fitted(experts, codes, np.linspace(1, 2, 100))
    pooled = at_once(experts)
    monkeypatch.setattr(memory, "BATCH", 8 * 3 * 4 * 30)
    in_batches = fitted(experts, codes, np.linspace(1, 2, 100))
    for left, right in zip(vars(in_batches).values(), vars(at_once).values(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-4)
    np.testing.assert_allclose(at_once(experts), pooled)


# -------------------------------------------------------------------------- vector scaling


def test_the_pool_ends_with_a_slope_and_an_offset_for_each_class():
    # softmax(2 log 0.8, log 0.2 + log 3.2) is 0.64 : 0.64.
    pool = Pool(np.ones(1), np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.array([0, np.log(3.2)]))
    np.testing.assert_allclose(np.exp(pool([np.log([[0.8, 0.2]])])), [[0.5, 0.5]])


def test_known_slopes_and_offsets_are_recovered(rng):
    log_p = random_log_probabilities(rng, 40_000)
    slopes, offsets = np.array([1.5, 1.0, 0.7, 1.0]), np.array([0.4, -0.4, 0.3, -0.3])
    codes = draw_labels(rng, log_softmax(slopes * log_p + offsets, axis=1))
    found = vector_scaling(log_p, codes, np.ones(40_000))
    # Offsets are told up to a constant, which the ridge makes zero on average.
    np.testing.assert_allclose(found, [slopes, offsets], atol=0.08)


def test_slopes_and_offsets_of_one_row_by_hand():
    # K / n = 2: at the least penalised loss, q - (1, 0) + 4 b = 0 and (q - (1, 0)) log p = -4 t
    # with s = 1 + t.
    log_p = np.log([[0.3, 0.7]])
    slopes, offsets = vector_scaling(log_p, np.array([0]), np.array([5.0]))
    residual = np.exp(log_softmax(slopes * log_p + offsets, axis=1))[0] - [1.0, 0.0]
    np.testing.assert_allclose(residual, -4 * offsets, atol=1e-4)
    np.testing.assert_allclose(residual * log_p[0], -4 * (slopes - 1), atol=1e-4)
    assert offsets[0] > 0.1


def test_few_rows_of_many_classes_are_hardly_scaled(rng):
    log_p = random_log_probabilities(rng, 20, n_classes=200)
    slopes, offsets = vector_scaling(log_p, rng.integers(0, 200, size=20), np.ones(20))
    np.testing.assert_allclose(slopes, 1.0, atol=0.05)
    np.testing.assert_allclose(offsets, 0.0, atol=0.05)


def test_features_stand_beside_scores(rng):
    X, scores = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    joined = join_features(X, scores)
    np.testing.assert_array_equal(joined, np.column_stack([X, scores]))
    sparse = join_features(sp.csr_array(X), scores)
    assert isinstance(sparse, sp.csr_array)
    np.testing.assert_array_equal(sparse.toarray(), joined)
    np.testing.assert_array_equal(join_features(None, scores), scores)


def test_the_floor_keeps_what_is_above_it_and_the_order_of_what_is_below():
    p = np.array([0.7, 1e-3, 1e-4, 1e-9, 1e-200, 0.0])
    log_p = floored_log(p, floor=1e-3)
    np.testing.assert_allclose(log_p[:2], np.log(p[:2]))
    # One decade below the floor: log f - log(1 + log 10).
    np.testing.assert_allclose(log_p[2], np.log(1e-3) - np.log(1 + np.log(10)))
    assert (np.diff(log_p) < 0).all()
    assert log_p[-1] > np.log(1e-3) - 7
