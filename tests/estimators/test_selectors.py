"""The law of the rank and rules trained on costs: which size is worth its cost."""

import numpy as np
import pytest
from scipy.special import log_softmax

from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.estimators._folds import Part
from sklearn_setpred.estimators._selectors import CostRule, RankLaw, bucket_masses, set_costs
from sklearn_setpred.losses import get_loss
from sklearn_setpred.networks import MLPBuilder
from sklearn_setpred.sets import concave_hull_levels, label_ranks

OPTIONS = {"build": MLPBuilder((16,)), "device": "cpu", "patience": 5, "max_epochs": 20}


def random_state():
    return np.random.RandomState(0)


# ------------------------------------------------------------------------- hand-computed


def test_bucket_masses_by_hand():
    # Sorted: 0.5, 0.25, 0.125, 0.125. Sizes 1 and 3 make the buckets {1}, {2, 3}, {4}.
    log_p = np.log([[0.125, 0.5, 0.125, 0.25]])
    masses = bucket_masses(log_p, np.array([1, 3]))
    np.testing.assert_allclose(masses, [[0.5, 0.375, 0.125]])


def test_an_impossible_bucket_has_no_mass():
    masses = bucket_masses(np.log([[0.5, 0.5]]), np.array([1, 2]))
    np.testing.assert_array_equal(masses, [[0.5, 0.5, 0.0]])


def test_without_a_network_the_law_is_that_of_the_sorted_probabilities():
    log_p = np.log([[0.125, 0.5, 0.125, 0.25]])
    np.testing.assert_allclose(RankLaw(np.array([1, 3])).values(None, log_p), [[0.5, 0.875]])


def test_set_costs_by_hand():
    # Penalty 0.1 and costs 1, 2, 4: the greatest value is 1 + 0.4. A label of rank 2 is missed
    # by the set of one label: (1 + 0.1) / 1.4; the others cost 0.2 / 1.4 and 0.4 / 1.4.
    costs = set_costs(np.array([2]), np.array([1, 2, 4]), np.array([1.0, 2.0, 4.0]), 0.1)
    np.testing.assert_allclose(costs, [[1.1 / 1.4, 0.2 / 1.4, 0.4 / 1.4]])


def test_set_costs_lie_between_0_and_1(rng):
    sizes = np.arange(1, 11)
    for penalty in (0.0, 0.05, 3.0):
        costs = set_costs(rng.integers(1, 11, size=50), sizes, np.log(sizes), penalty)
        assert costs.min() >= 0
        assert costs.max() <= 1


# ----------------------------------------------------------------------------- rank law


@pytest.fixture(scope="module")
def problem():
    """1500 rows of 12 classes with their true probabilities: x, labels, log-probabilities."""
    X, y, posterior = make_confusable_classes(1500, 12, 4, random_state=1)
    return Part(X, y, None, np.log(np.maximum(posterior, 1e-12)))


@pytest.mark.parametrize("sizes", [np.arange(1, 13), np.array([1, 2, 4, 8]), np.array([3])])
def test_before_training_the_law_is_that_of_the_probabilities(problem, sizes):
    law = RankLaw.fit(
        problem, sizes, random_state(), **(OPTIONS | {"max_epochs": 1, "learning_rate": 1e-12})
    )
    F = law.values(problem.X, problem.prior)
    covered = np.cumsum(-np.sort(-np.exp(problem.prior), axis=1), axis=1)[:, sizes - 1]
    np.testing.assert_allclose(F, covered, atol=1e-6)


def test_the_law_is_a_distribution_function(problem):
    F = RankLaw.fit(problem, np.arange(1, 13), random_state(), **OPTIONS).values(
        problem.X, problem.prior
    )
    assert (np.diff(F, axis=1) >= 0).all()
    assert F.min() > 0
    np.testing.assert_allclose(F[:, -1], 1.0, atol=1e-3)


def test_the_law_learns_from_ranks_what_bad_probabilities_miss(problem):
    # The scores rank as the truth does, but promise far too much.
    sharp = problem._replace(prior=log_softmax(5.0 * problem.prior, axis=1))
    ranks = label_ranks(sharp.prior, sharp.target)
    law = RankLaw.fit(sharp, np.arange(1, 13), random_state(), **OPTIONS)
    believed = np.sort(np.exp(sharp.prior), axis=1)[:, -1].mean()
    learned = law.values(sharp.X, sharp.prior)[:, 0].mean()
    truth = np.mean(ranks == 1)
    assert abs(learned - truth) < 0.25 * abs(believed - truth)


def chosen_sizes(values, costs, penalty):
    """Give the size chosen for each row, of candidates 1 ... m."""
    return (concave_hull_levels(costs, values) >= penalty).sum(axis=1)


def loss_of(sizes, ranks, penalty):
    """Give the mean cardinality-aware loss with the linear cost."""
    return np.mean((ranks > sizes) + penalty * sizes)


@pytest.mark.parametrize("penalty", [0.02, 0.05, 0.2])
def test_with_the_true_posterior_the_law_is_nearly_as_good_as_the_rule_of_bayes(problem, penalty):
    train, test = problem.take(np.arange(1000)), problem.take(np.arange(1000, 1500))
    sizes = np.arange(1, 13)
    law = RankLaw.fit(train, sizes, random_state(), **OPTIONS)
    ranks = label_ranks(test.prior, test.target)
    chosen = chosen_sizes(law.values(test.X, test.prior), 1.0 * sizes, penalty)
    bayes = np.maximum((np.exp(test.prior) >= penalty).sum(axis=1), 1)
    assert loss_of(chosen, ranks, penalty) <= 1.05 * loss_of(bayes, ranks, penalty)


# ---------------------------------------------------------------------------- cost rules


@pytest.mark.parametrize("name", ["cost_sensitive_comp_sum", "cost_sensitive_constrained"])
def test_a_rule_trained_on_costs_is_better_than_any_fixed_size(problem, name):
    train, test = problem.take(np.arange(1000)), problem.take(np.arange(1000, 1500))
    sizes, penalty = np.arange(1, 13), 0.05
    options = OPTIONS | {"max_epochs": 40, "learning_rate": 0.01}
    rule = CostRule.fit(
        train, sizes, 1.0 * sizes, penalty, get_loss(name), random_state(), **options
    )
    ranks = label_ranks(test.prior, test.target)
    chosen = rule.values(test.X, test.prior).argmax(axis=1) + 1
    fixed = min(loss_of(size, ranks, penalty) for size in sizes)
    assert loss_of(chosen, ranks, penalty) < fixed


def test_weights_move_the_law(problem):
    ranks = label_ranks(problem.prior, problem.target)
    weight = np.where(ranks == 1, 0.1, 1.0)
    weighted = problem._replace(weight=weight / weight.mean())
    means = [
        RankLaw.fit(part, np.arange(1, 13), random_state(), **OPTIONS)
        .values(part.X, part.prior)[:, 0]
        .mean()
        for part in (problem, weighted)
    ]
    assert means[1] < means[0] - 0.1
