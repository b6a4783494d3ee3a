"""The distribution of the rank and rules trained on costs: which size is worth its cost."""

from dataclasses import replace

import numpy as np
import pytest
from candidate_sets import LOG_P, by_threshold, fixed
from scipy.special import log_softmax

from sklearn_setpred._cardinality.candidates import (
    FixedSizes,
    sketch_of_labels,
)
from sklearn_setpred._cardinality.selectors import CostRule, RankDistribution, SetCosts
from sklearn_setpred._networks.modules import KindBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred._networks.parts import Part
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.losses import CostSensitiveCompSum, CostSensitiveConstrained, get_loss
from sklearn_setpred.sets import concave_hull_levels, label_ranks

LOSSES_ON_COSTS = [
    *(CostSensitiveCompSum(tau) for tau in (0.5, 1.0, 1.5)),
    *(CostSensitiveConstrained(phi) for phi in ("exp", "squared_hinge")),
]

OPTIONS = TrainingOptions(
    KindBuilder("mlp", (16,)), learning_rate=0.01, weight_decay=0.0, max_epochs=10, device="cpu"
)


def random_state():
    return np.random.RandomState(0)


def learn(rule, part, candidates, **options):
    """Fit a rule to the rows of a part, whose prior are their log-probabilities."""
    batches = [(part.prior, part.target)]
    sketch, ranks = sketch_of_labels(candidates, batches, len(part.target))
    fields = options.keys() & TrainingOptions.__dataclass_fields__.keys()
    how = replace(OPTIONS, **{name: options.pop(name) for name in fields})
    return rule.fit(part.X, sketch, ranks, part.weight, random_state(), how, **options)


def values_of(selector, part, candidates):
    """Return F at the candidates of the rows of a part."""
    return selector.values(part.X, candidates.sketch(part.prior))


def test_without_a_network_the_law_is_that_of_the_sorted_probabilities():
    np.testing.assert_allclose(
        RankDistribution().values(None, fixed(1, 3).sketch(LOG_P)), [[0.5, 0.875]]
    )


@pytest.mark.parametrize(
    ("weightless", "expected"),
    [(0.0, [0.9 / 1.4, 0.0, 0.2 / 1.4]), (1.0, [1.0, 1 - 0.9 / 1.4, 1 - 0.7 / 1.4])],
)
def test_set_costs_by_hand(weightless, expected):
    # Penalty 0.1 and costs 1, 2, 4: the scale is 1 + 0.4. A label of rank 2 is missed by the set
    # of one label: 1.1; the others cost 0.2 and 0.4.
    sketch = fixed(1, 2, 4).sketch(LOG_P)
    costs = SetCosts(0.1, 4.0, weightless).of_ranks(np.array([2]), sketch)
    np.testing.assert_allclose(costs, [expected])


def test_set_costs_of_rows_with_their_own_sizes_by_hand():
    # At the thresholds 0.3 and 0.2 the rows have sets of 1, 2 and of 2, 2 labels.
    log_p = np.log([[0.5, 0.25, 0.125, 0.125], [0.4, 0.4, 0.1, 0.1]])
    sketch = by_threshold(0.3, 0.2).sketch(log_p)
    costs = SetCosts(0.1, 4.0, 0.0).of_ranks(np.array([2, 3]), sketch)
    np.testing.assert_allclose(costs, [[0.9 / 1.4, 0.0], [0.0, 0.0]], atol=1e-12)


FAMILIES = [
    *(fixed(1, 2, 5, 8), fixed(3), FixedSizes(np.array([1, 4]), np.array([-5.0, 2.0]))),
    by_threshold(0.4, 0.1, 0.01, n_classes=8),
]


@pytest.mark.parametrize("candidates", FAMILIES)
@pytest.mark.parametrize("weightless", [0.0, 1.0])
@pytest.mark.parametrize("penalty", [0.0, 0.05, 3.0])
def test_of_the_set_costs_the_best_or_the_worst_is_weightless(rng, candidates, weightless, penalty):
    sketch = candidates.sketch(np.log(rng.dirichlet(np.ones(8), size=50)))
    ranks = rng.integers(1, 9, size=50)
    costs = SetCosts(penalty, 8.0, weightless).of_ranks(ranks, sketch)
    bound = costs.min(axis=1) if weightless == 0.0 else costs.max(axis=1)
    np.testing.assert_allclose(bound, weightless, atol=1e-12)
    raw = (ranks[:, None] > sketch.sizes) + penalty * sketch.costs
    scaled = (raw - raw[:, :1]) / (1 + 8 * penalty)
    np.testing.assert_allclose(costs - costs[:, :1], scaled, atol=1e-12)


@pytest.mark.parametrize("candidates", FAMILIES)
@pytest.mark.parametrize("weightless", [0.0, 1.0])
def test_expected_set_costs_are_the_mean_over_the_label(rng, candidates, weightless):
    p = -np.sort(-rng.dirichlet(np.ones(8), size=20), axis=1)
    sketch, costs = candidates.sketch(np.log(p)), SetCosts(0.1, 8.0, weightless)
    of_rank = [costs.of_ranks(np.full(20, rank), sketch) for rank in range(1, 9)]
    mean = np.einsum("nr,rnm->nm", p, np.array(of_rank))
    np.testing.assert_allclose(costs.expected(sketch), mean, atol=1e-12)


# ----------------------------------------------------------------------------- rank distribution


@pytest.fixture(scope="module")
def problem():
    """1500 rows of 12 classes with their true probabilities: x, labels, log-probabilities."""
    X, y, posterior = make_confusable_classes(1500, 12, 4, random_state=1)
    return Part(X, y, None, np.log(np.maximum(posterior, 1e-12)))


CANDIDATES = [
    fixed(*range(1, 13)),
    fixed(1, 2, 4, 8),
    fixed(3),
    by_threshold(0.5, 0.2, 0.05, 0.001, n_classes=12),
]


@pytest.mark.parametrize("candidates", CANDIDATES)
def test_before_training_the_law_is_that_of_the_probabilities(problem, candidates):
    selector = learn(RankDistribution, problem, candidates, max_epochs=1, learning_rate=1e-12)
    covered = candidates.sketch(problem.prior).covered
    np.testing.assert_allclose(values_of(selector, problem, candidates), covered, atol=1e-6)


@pytest.mark.parametrize("candidates", CANDIDATES)
def test_the_law_is_a_distribution_function(problem, candidates):
    F = values_of(learn(RankDistribution, problem, candidates), problem, candidates)
    assert (np.diff(F, axis=1) >= 0).all()
    assert F.min() > 0
    everything = candidates.sketch(problem.prior).sizes == 12
    np.testing.assert_allclose(F[everything], 1.0, atol=1e-3)


def test_without_a_gain_on_held_out_rows_there_is_no_network(problem):
    # Steps this long from the truth can only do harm.
    candidates, steps = fixed(1, 2, 4, 8), {"max_epochs": 1, "learning_rate": 30.0}
    selector = learn(RankDistribution, problem, candidates, **steps)
    assert selector.network is None
    sketch = candidates.sketch(problem.prior)
    np.testing.assert_array_equal(values_of(selector, problem, candidates), sketch.covered)
    for loss in LOSSES_ON_COSTS:
        rule = learn(CostRule, problem, candidates, loss=loss, size_penalty=0.05, **steps)
        assert rule.network is None


def test_where_probabilities_are_right_chance_seldom_makes_a_network():
    # On ten of these problems the best epoch is better than no network, by chance.
    n_kept = 0
    for seed in range(12):
        X, y, posterior = make_confusable_classes(1000, 12, 4, random_state=seed)
        part, candidates = Part(X, y, None, np.log(posterior)), fixed(1, 2, 4, 8)
        selector = learn(RankDistribution, part, candidates, learning_rate=1e-3)
        n_kept += selector.network is not None
    assert n_kept <= 5


def test_the_law_learns_from_ranks_what_bad_probabilities_miss(problem):
    # The scores rank as the truth does, but promise far too much.
    sharp = problem._replace(prior=log_softmax(5.0 * problem.prior, axis=1))
    for candidates in (fixed(*range(1, 13)), by_threshold(1.0, 0.01, 1e-4, n_classes=12)):
        ranks = label_ranks(sharp.prior, sharp.target)
        selector = learn(RankDistribution, sharp, candidates)
        believed = np.sort(np.exp(sharp.prior), axis=1)[:, -1].mean()
        learned = values_of(selector, sharp, candidates)[:, 0].mean()
        assert abs(learned - np.mean(ranks == 1)) < 0.25 * abs(believed - np.mean(ranks == 1))


def chosen_sizes(values, costs, penalty):
    """Return the size chosen for each row, of candidates 1 ... m."""
    return (concave_hull_levels(costs, values) >= penalty).sum(axis=1)


def loss_of(sizes, ranks, penalty):
    """Return the mean cardinality-aware loss with the linear cost."""
    return np.mean((ranks > sizes) + penalty * sizes)


@pytest.mark.parametrize("penalty", [0.02, 0.05, 0.2])
def test_with_the_true_posterior_the_law_is_nearly_as_good_as_the_rule_of_bayes(problem, penalty):
    train, test = problem.take(np.arange(1000)), problem.take(np.arange(1000, 1500))
    candidates = fixed(*range(1, 13))
    selector = learn(RankDistribution, train, candidates)
    ranks = label_ranks(test.prior, test.target)
    chosen = chosen_sizes(values_of(selector, test, candidates), candidates.costs, penalty)
    bayes = np.maximum((np.exp(test.prior) >= penalty).sum(axis=1), 1)
    assert loss_of(chosen, ranks, penalty) <= 1.05 * loss_of(bayes, ranks, penalty)


# ---------------------------------------------------------------------------- cost rules


@pytest.mark.parametrize("candidates", CANDIDATES)
@pytest.mark.parametrize("loss", LOSSES_ON_COSTS, ids=repr)
def test_before_training_a_rule_is_that_of_the_probabilities(problem, candidates, loss):
    options = {"loss": loss, "size_penalty": 0.05, "max_epochs": 1, "learning_rate": 1e-12}
    rule = learn(CostRule, problem, candidates, **options)
    sketch = candidates.sketch(problem.prior)
    expected = 1 - sketch.covered + 0.05 * sketch.costs
    chosen = values_of(rule, problem, candidates).argmax(axis=1)[:, None]
    best = expected.min(axis=1, keepdims=True)
    np.testing.assert_allclose(np.take_along_axis(expected, chosen, 1), best, atol=1e-5)


@pytest.mark.parametrize("name", ["cost_sensitive_comp_sum", "cost_sensitive_constrained"])
def test_a_rule_trained_on_costs_is_better_than_any_fixed_size(problem, name):
    train, test = problem.take(np.arange(1000)), problem.take(np.arange(1000, 1500))
    candidates, penalty = fixed(*range(1, 13)), 0.05
    options = {"max_epochs": 40, "learning_rate": 0.01}
    rule = learn(CostRule, train, candidates, loss=get_loss(name), size_penalty=penalty, **options)
    ranks = label_ranks(test.prior, test.target)
    chosen = values_of(rule, test, candidates).argmax(axis=1) + 1
    fixed_sizes = min(loss_of(size, ranks, penalty) for size in range(1, 13))
    assert loss_of(chosen, ranks, penalty) < fixed_sizes


def test_weights_move_the_law(problem):
    ranks = label_ranks(problem.prior, problem.target)
    weight = np.where(ranks == 1, 0.1, 1.0)
    weighted = problem._replace(weight=weight / weight.mean())
    candidates = fixed(*range(1, 13))
    means = [
        values_of(learn(RankDistribution, part, candidates), part, candidates)[:, 0].mean()
        for part in (problem, weighted)
    ]
    assert means[1] < means[0] - 0.1
