"""The race of experts by hand, and the ensemble of those that win it."""

import numpy as np
import pytest
from scipy.special import log_softmax

from sklearn_setpred._cardinality import race as race_module
from sklearn_setpred._cardinality.experts import Expert, Fit, TrainingRows
from sklearn_setpred._cardinality.pool import Pool, log_linear_pool
from sklearn_setpred._cardinality.race import Ensemble, fit_ensemble, race
from sklearn_setpred._utils import memory


def two_groups(p_first, p_second, n=1000):
    """Return labels of two groups of n rows, a share p of each of which is of class 0."""
    place = np.arange(n) / n
    return np.concatenate([(place >= p_first), (place >= p_second)]).astype(int)


def log_odds(p_first, p_second, n=1000):
    """Return the log-probabilities of an expert that gives each group its own."""
    p = np.repeat([p_first, p_second], n)
    return np.log(np.column_stack([p, 1 - p]))


def names(experts, codes, **options):
    return race(experts, codes, np.ones(len(codes)), **options)


# --------------------------------------------------------------------------------- the race


def test_an_expert_that_adds_nothing_does_not_go_on():
    codes, right = two_groups(0.9, 0.3), log_odds(0.9, 0.3)
    experts = {
        "copy": log_softmax(0.5 * right, axis=1),
        "right": right,
        "blind": log_odds(0.6, 0.6),
    }
    assert len(names(experts, codes)) == 1
    assert names({"blind": experts["blind"], "right": right}, codes) == ["right"]


def test_the_pool_begins_with_the_best_and_takes_what_helps_most():
    # Each knows one of two groups and gives the other equal odds.
    codes = two_groups(0.9, 0.2)
    experts = {
        "second": log_odds(0.5, 0.2),
        "weak": log_odds(0.6, 0.5),
        "first": log_odds(0.9, 0.5),
    }
    assert names(experts, codes) == ["second", "first"]


def test_what_always_goes_on_goes_on_and_comes_first_in_the_pool():
    codes, right = two_groups(0.9, 0.3), log_odds(0.9, 0.3)
    experts = {"right": right, "blind": log_odds(0.5, 0.5)}
    assert names(experts, codes, always=["blind"]) == ["right", "blind"]
    experts["copy"] = 2 * right
    assert names(experts, codes, always=["copy", "blind"]) == ["blind", "copy"]
    assert names({"blind": experts["blind"]}, codes, always=["blind"]) == ["blind"]


# Beside an expert that knows nothing, with log 2 = 0.693 nats, another must gain 0.00347. Beside
# one that gives 0.98 to all, with 0.0980 nats, it must gain 0.001.
@pytest.mark.parametrize(
    ("p_first", "p_second", "known", "goes_on"),
    [
        (0.55, 0.45, 0.5, True),  # gains log 2 - H(0.55) = 0.00501
        (0.53, 0.47, 0.5, False),  # gains 0.00180
        (0.99, 0.97, 0.98, True),  # gains 0.00267
        (0.985, 0.975, 0.98, False),  # gains 0.00064, more than 0.005 of 0.0980
    ],
)
def test_an_expert_goes_on_if_its_gain_is_worth_its_time(p_first, p_second, known, goes_on):
    codes = two_groups(p_first, p_second)
    experts = {"known": log_odds(known, known), "new": log_odds(p_first, p_second)}
    assert ("new" in names(experts, codes, always=["known"])) is goes_on


def test_rows_count_by_their_weight():
    # The expert is right about the first group alone.
    codes = two_groups(0.9, 0.5)
    experts = {"blind": log_odds(0.5, 0.5), "first": log_odds(0.9, 0.5)}
    for weight, found in ((np.repeat([1.0, 1e-6], 1000), 2), (np.repeat([1e-6, 1.0], 1000), 1)):
        assert len(race(experts, codes, weight, always=["blind"])) == found


def test_the_likelihood_of_a_pool_is_the_same_by_batches(monkeypatch):
    codes, weight = two_groups(0.9, 0.3, n=50), np.arange(1.0, 101.0)
    p, exponents = np.repeat([0.8, 0.4], 50), iter([[1.0], [1.0]])
    monkeypatch.setattr(race_module, "pool_exponents", lambda *_: np.array(next(exponents)))
    expected = -np.average(np.log(np.where(codes == 0, p, 1 - p)), weights=weight)
    for batch in (memory.BATCH, 1):
        monkeypatch.setattr(memory, "BATCH", batch)
        experts = [log_odds(0.8, 0.4, n=50)]
        found = race_module._negative_log_likelihood(experts, codes, weight)
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("batch", [memory.BATCH, 1])
def test_held_out_outputs_are_those_of_the_first_model_and_the_mean_of_all(monkeypatch, batch):
    monkeypatch.setattr(memory, "BATCH", batch)
    expert = Noted("one", None)
    expert.log_p = lambda outputs: outputs + 100
    fits = [
        Fit("a", np.array([[1.0], [3.0]], dtype=np.float32), np.array([4, 0])),
        Fit("b", np.array([[5.0], [7.0], [9.0]], dtype=np.float32), np.array([2, 0, 3])),
    ]
    by_one, by_mean = race_module.held_out_log_p(expert, fits, np.array([0, 2, 4]))
    np.testing.assert_array_equal(by_one, [[103], [105], [101]])
    np.testing.assert_array_equal(by_mean, [[105], [105], [101]])


# ----------------------------------------------------------------------------- the ensemble


class Noted(Expert):
    """Reads its log-probabilities off the columns of X; notes the splits that it is fitted on."""

    def __init__(self, name, log_p):
        self.name, self.table, self.fitted = name, log_p, []

    def _fit(self, rows, split, seed):
        self.fitted.append([len(part) for part in split])
        return self.name

    def outputs(self, model, X, numbers):
        return self.table[numbers[:, 0].astype(int)]

    def log_p(self, outputs):
        return log_softmax(outputs, axis=1)


@pytest.fixture
def problem():
    """Rows of two groups by turns, the number of each row as its only column."""
    codes = two_groups(0.9, 0.2, n=100)[np.arange(200).reshape(2, 100).T.ravel()]
    number = np.arange(200.0)[:, None]
    return TrainingRows(number, number, codes, np.arange(2))


def by_turns(p_first, p_second):
    return log_odds(p_first, p_second, n=100)[np.arange(200).reshape(2, 100).T.ravel()]


def halves(order):
    return [(order[:100], order[100:]), (order[100:], order[:100])]


REPEATS = [halves(np.arange(200)), halves(np.roll(np.arange(200), 50))]


def ensemble_of(experts, rows, repeats=REPEATS, **options):
    rng = np.random.RandomState(0)
    return fit_ensemble(experts, rows, repeats, rng, **options)


def test_losers_are_fitted_on_the_first_splits_only(problem, monkeypatch):
    monkeypatch.setattr(race_module, "_LEAST_ROWS", 100)
    right, blind = Noted("right", by_turns(0.9, 0.2)), Noted("blind", by_turns(0.5, 0.5))
    ensemble, log_p = ensemble_of([blind, right], problem)
    assert [expert.name for expert in ensemble.experts] == ["right"]
    assert (len(blind.fitted), len(right.fitted)) == (1, 4)
    assert right.models == ["right"] * 4
    np.testing.assert_allclose(*log_p, right.log_p(right.table), rtol=1e-5)


@pytest.mark.parametrize(("least", "n_splits"), [(1, 1), (100, 1), (101, 2), (200, 2), (600, 2)])
def test_the_race_takes_enough_splits_of_the_first_repeat(problem, monkeypatch, least, n_splits):
    monkeypatch.setattr(race_module, "_LEAST_ROWS", least)
    right, blind = Noted("right", by_turns(0.9, 0.2)), Noted("blind", by_turns(0.5, 0.5))
    ensemble_of([right, blind], problem)
    assert len(blind.fitted) == n_splits


def test_an_expert_that_counts_nothing_is_forgotten_and_never_asked(problem):
    right, wrong = Noted("right", by_turns(0.9, 0.2)), Noted("wrong", by_turns(0.2, 0.9))
    ensemble, _ = ensemble_of([right, wrong], problem, always=["wrong"])
    assert ensemble.weights == {"right": 1.0, "wrong": 0.0}
    assert wrong.models == []
    wrong.outputs = None  # a call would fail
    assert ensemble.log_probabilities(None, problem.numbers[:3]).shape == (3, 2)


def test_of_two_repeats_the_pool_is_fitted_to_the_mean_and_carried_on(problem, monkeypatch):
    seen = {}

    def fit(by_one, by_mean, codes, weight, **numbers):
        seen.update(numbers, by_one=by_one, by_mean=by_mean, codes=codes, weight=weight)
        return Pool(np.ones(1), np.array([1.0, 0.0]), np.ones(2), np.zeros(2))

    class Changing(Noted):
        def outputs(self, model, X, numbers):
            return self.table[numbers[:, 0].astype(int)] * (1 + (len(self.fitted) > 2))

    monkeypatch.setattr(Pool, "fit", staticmethod(fit))
    expert = Changing("one", by_turns(0.9, 0.2))
    ensemble_of([expert], problem)
    assert (seen["n_averaged"], seen["n_models"]) == (2, 4)
    np.testing.assert_allclose(seen["by_one"][0], by_turns(0.9, 0.2), rtol=1e-5)
    mean = log_linear_pool([by_turns(0.9, 0.2)], [1.5])
    np.testing.assert_allclose(seen["by_mean"][0], mean, rtol=1e-5)


def test_probabilities_of_a_single_expert_may_be_taken_as_they_are(problem):
    expert = Noted("one", by_turns(0.9, 0.2))
    expert.models = ["one", "two"]
    ensemble = Ensemble([expert])
    assert ensemble.weights == {"one": 1.0}
    log_p = ensemble.log_probabilities(None, problem.numbers)
    np.testing.assert_allclose(log_p, by_turns(0.9, 0.2))
