"""Loss and utility: the sets of the Bayes rule are best."""

import numpy as np
import pytest
from sets_by_hand import CLASSES, Y_SET, Y_TRUE, random_problem

from sklearn_setpred.metrics import cardinality_aware_loss, coverage_score, set_utility_score
from sklearn_setpred.sets import prefix_sets, threshold_sets


@pytest.mark.parametrize("size_cost", ["log", "linear", np.sqrt])
@pytest.mark.parametrize("size_penalty", [0.01, 0.1, 0.5])
def test_the_bayes_sets_minimise_the_loss(rng, size_cost, size_penalty):
    # Each row stands for its whole distribution of the label: one row per label, weighted by p.
    posterior = rng.dirichlet(np.full(4, 0.7), size=6)
    y = np.tile(np.arange(4), 6)
    every_set = (np.arange(16)[:, None] >> np.arange(4)) & 1 == 1

    def loss(one_set_per_row):
        return cardinality_aware_loss(
            y,
            np.repeat(one_set_per_row, 4, axis=0),
            size_penalty=size_penalty,
            size_cost=size_cost,
            sample_weight=posterior.ravel(),
        )

    costs = np.append(0, {"log": np.log, "linear": np.abs}.get(size_cost, size_cost)(range(1, 5)))
    risk = 1 - np.cumsum(np.c_[np.zeros(6), -np.sort(-posterior)], axis=1) + size_penalty * costs
    best_size = 1 + risk[:, 1:].argmin(axis=1)
    bayes = prefix_sets(posterior, best_size)
    np.testing.assert_allclose(loss(bayes), risk[np.arange(6), best_size].mean())
    for row in range(6):
        for other in every_set[1:]:
            changed = bayes.copy()
            changed[row] = other
            assert loss(bayes) <= loss(changed) + 1e-12


def test_with_linear_cost_the_bayes_sets_are_thresholded_at_the_penalty(rng):
    posterior, y = random_problem(rng, n=4000)
    losses = {
        t: cardinality_aware_loss(
            y, threshold_sets(posterior, t), size_penalty=0.1, size_cost="linear"
        )
        for t in [0.01, 0.05, 0.1, 0.2, 0.4]
    }
    assert min(losses, key=losses.get) == 0.1


def test_without_a_penalty_the_loss_is_the_miss_rate():
    loss = cardinality_aware_loss(Y_TRUE, Y_SET, size_penalty=0)
    np.testing.assert_allclose(loss, 1 - coverage_score(Y_TRUE, Y_SET))


def test_an_empty_set_costs_nothing_but_its_miss():
    def cost(k):
        return k + 5

    loss = cardinality_aware_loss(["a", "b"], [[0, 0], [0, 1]], size_cost=cost, size_penalty=0.5)
    assert loss == (1 + 0.5 * 6) / 2


@pytest.mark.parametrize("size_penalty", [-0.1, np.nan, np.inf])
def test_a_penalty_out_of_range_is_refused(size_penalty):
    with pytest.raises(ValueError, match="size_penalty="):
        cardinality_aware_loss(Y_TRUE, Y_SET, size_penalty=size_penalty)


def test_an_unknown_cost_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'log'"):
        cardinality_aware_loss(Y_TRUE, Y_SET, size_cost="logs")


@pytest.mark.parametrize(("utility", "worth"), [("u65", 0.65), ("u80", 0.80)])
def test_a_right_pair_is_worth_what_the_utility_is_named_for(utility, worth):
    pair = set_utility_score(["a"], [[1, 1, 0]], utility=utility, classes=CLASSES)
    single = set_utility_score(["a"], [[1, 0, 0]], utility=utility, classes=CLASSES)
    miss = set_utility_score(["a"], [[0, 1, 0]], utility=utility, classes=CLASSES)
    np.testing.assert_allclose([pair, single, miss], [worth, 1, 0])


def test_an_unknown_utility_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'u65'"):
        set_utility_score(Y_TRUE, Y_SET, utility="u66")
