"""From rows to an ensemble: which rows teach the sizes, splits, the limit of memory."""

from itertools import chain

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, KFold
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred._cardinality.experts import TrainingRows, user_expert
from sklearn_setpred._cardinality.learning import (
    known_rows,
    learn,
    make_repeats,
    rows_to_learn_from,
    within_memory,
)
from sklearn_setpred._utils import memory

N, N_CLASSES = 60, 5


@pytest.fixture
def rows(rng):
    """60 rows of 5 classes that overlap."""
    codes = rng.permutation(np.arange(N) % N_CLASSES)
    X = rng.normal(size=(N, 2)) + np.stack([codes, codes % 2], axis=1)
    return TrainingRows(X, X, codes, np.arange(N_CLASSES))


def random_state():
    return np.random.RandomState(0)


def expert_of(classifier, rows):
    return user_expert("base", classifier, rows, {})


def all_of(learned):
    """Return the log-probabilities and labels of all batches."""
    return [np.concatenate(side) for side in zip(*learned.batches, strict=True)]


# ----------------------------------------------------------------------------------- splits


def test_a_number_splits_the_rows_several_times(rows):
    once, again = make_repeats(3, rows, random_state(), n_repeats=2)
    for splits in (once, again):
        assert len(splits) == 3
        np.testing.assert_array_equal(np.sort(np.hstack([t for _, t in splits])), np.arange(N))
    assert not np.array_equal(once[0][1], again[0][1])


def test_given_splits_are_taken_once(rows):
    (splits,) = make_repeats(KFold(4), rows, random_state(), n_repeats=2)
    assert [test.tolist() for _, test in splits] == np.arange(N).reshape(4, 15).tolist()


@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_rows_of_a_group_are_held_out_together(rows, cv):
    rows = rows._replace(groups=np.arange(N) // 6)
    for splits in make_repeats(cv, rows, random_state(), n_repeats=2):
        for train, test in splits:
            assert not np.isin(rows.groups[test], rows.groups[train]).any()


# --------------------------------------------------------------- rows that teach the sizes


def test_a_row_is_known_if_every_repeat_holds_it_out_of_a_model_that_knows_its_label():
    codes = np.array([0, 0, 1, 1, 2])
    rows = TrainingRows(None, None, codes, np.arange(3))
    halves = [(np.array([0, 2, 4]), np.array([1, 3])), (np.array([1, 3]), np.array([0, 2, 4]))]
    assert known_rows([halves], rows).tolist() == [True, True, True, True, False]
    by_class = [(np.array([2, 3, 4]), np.array([0, 1])), (np.array([0, 1, 2]), np.array([3]))]
    assert known_rows([by_class], rows).tolist() == [False, False, False, True, False]
    assert known_rows([halves, by_class], rows).tolist() == [False, False, False, True, False]


def test_rows_with_a_rank_and_a_weight_are_learned_from():
    known = np.array([True] * 19 + [False])
    np.testing.assert_array_equal(rows_to_learn_from(known, None), np.arange(19))
    weight = np.append([0.0], np.ones(19))
    np.testing.assert_array_equal(rows_to_learn_from(known, weight), np.arange(1, 19))


def test_a_loss_of_more_than_a_tenth_of_the_weight_is_told():
    known = np.array([True] * 8 + [False] * 2)
    with pytest.warns(UserWarning, match=r"2 of 10 rows \(20% of the weight\)"):
        rows_to_learn_from(known, None)
    light = np.append(np.ones(8), [0.1, 0.1])
    np.testing.assert_array_equal(rows_to_learn_from(known, light), np.arange(8))


def test_without_a_row_to_learn_from_there_is_one_error_and_no_warning():
    with pytest.raises(ValueError, match="No row is left"):
        rows_to_learn_from(np.zeros(5, dtype=bool), None)


# --------------------------------------------------------------------------------- learning


def test_without_refinement_the_expert_is_taken_as_it_is(rows):
    expert = expert_of(GaussianNB(), rows)
    learned = learn([expert], rows, 3, random_state(), refine=False)
    assert learned.ensemble.pool is None
    np.testing.assert_array_equal(learned.rows, np.arange(N))
    log_p, codes = all_of(learned)
    np.testing.assert_array_equal(codes, rows.codes)
    (splits,) = make_repeats(3, rows, random_state(), n_repeats=1)
    train, test = splits[1]
    p = GaussianNB().fit(rows.X[train], rows.codes[train]).predict_proba(rows.X[test])
    np.testing.assert_allclose(np.exp(log_p[test]), p, rtol=1e-5, atol=rows.floor)


def test_a_single_expert_is_pooled_with_itself(rows):
    learned = learn([expert_of(GaussianNB(), rows)], rows, 3, random_state())
    assert learned.ensemble.pool.exponents.shape == (1,)
    log_p, _ = all_of(learned)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1.0)


def test_an_expert_that_goes_on_always_stays_in_the_ensemble(rows):
    experts = [expert_of(GaussianNB(), rows), expert_of(Constant(), rows)]
    for expert, name in zip(experts, ("bayes", "constant"), strict=True):
        expert.name = name
    how = {"always": ["bayes", "constant"]}
    learned = learn(experts, rows, 3, random_state(), **how)
    assert [one.name for one in learned.ensemble.experts] == ["bayes", "constant"]
    alone = learn(experts, rows, 3, random_state())
    assert [one.name for one in alone.ensemble.experts] == ["bayes"]


class Constant(GaussianNB):
    """Finds all classes as likely."""

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


# ------------------------------------------------------------------- the limit of memory


def within(repeats, rows, n_experts=1):
    return within_memory(repeats, np.arange(N), rows, n_experts, random_state())


def limit(monkeypatch, n_rows):
    """Let the limit hold the probabilities of so many rows."""
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 8 * N_CLASSES * n_rows)


def test_up_to_the_limit_all_rows_are_read(rows, monkeypatch):
    limit(monkeypatch, N)
    repeats = make_repeats(5, rows, random_state(), n_repeats=2)
    found = within(repeats, rows)
    for splits, expected in zip(found, repeats, strict=True):
        for one, other in zip(splits, expected, strict=True):
            np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))


# The square root of the fraction of 60 rows, of ten splits.
@pytest.mark.parametrize(("n_rows", "n_splits"), [(59, 10), (48, 9), (38, 8), (15, 5), (2, 2)])
def test_above_the_limit_splits_are_fewer_and_a_warning_tells(rows, monkeypatch, n_rows, n_splits):
    limit(monkeypatch, n_rows)
    repeats = make_repeats(5, rows, random_state(), n_repeats=2)
    with pytest.warns(UserWarning, match=f"60 rows of 5 classes: .* {n_splits} of 10 splits"):
        found = within(repeats, rows)
    assert [len(splits) for splits in found] == [
        n for n in (min(n_splits, 5), n_splits - 5) if n > 0
    ]
    splits = list(chain.from_iterable(found))
    for (train, test), (of_train, of_test) in zip(splits, chain(*repeats), strict=False):
        np.testing.assert_array_equal(train, of_train)
        assert np.isin(test, of_test).all()


# Float32 log-probabilities: of one expert once, of 3 experts once, of 3 experts twice.
@pytest.mark.parametrize(("n_experts", "n_repeats", "n_read"), [(1, 1, 60), (3, 1, 40), (3, 2, 20)])
def test_of_many_experts_fewer_rows_are_read(rows, monkeypatch, n_experts, n_repeats, n_read):
    limit(monkeypatch, N)
    repeats = make_repeats(5, rows, random_state(), n_repeats)
    if n_read == N:
        found = within(repeats, rows, n_experts)
    else:
        with pytest.warns(UserWarning, match=f"from {n_read} rows"):
            found = within(repeats, rows, n_experts)
    read = [np.sort(np.concatenate([test for _, test in splits])) for splits in found]
    assert len(np.unique(read[0])) == n_read
    for of_repeat in read:
        np.testing.assert_array_equal(of_repeat, read[0])


def test_a_fold_without_a_row_to_read_is_no_matter(rows, monkeypatch):
    limit(monkeypatch, 2)
    with pytest.warns(UserWarning, match="60 rows of 5 classes"):
        learned = learn([expert_of(GaussianNB(), rows)], rows, KFold(30), random_state())
    assert len(learned.rows) == 4  # of 12 rows in six folds


def test_held_out_rows_without_weight_teach_nothing(rows):
    weighted = rows._replace(weight=(np.arange(N) % 2).astype(float))
    frozen = FrozenEstimator(GaussianNB().fit(rows.X, rows.codes))
    for classifier in (frozen, GaussianNB()):
        learned = learn([expert_of(classifier, rows)], weighted, 4, random_state())
        np.testing.assert_array_equal(learned.rows, np.arange(1, N, 2))


def test_a_row_of_weight_zero_makes_no_label_known_and_no_split(rows):
    first = np.flatnonzero(rows.codes == 0)
    weight = np.where(np.isin(np.arange(N), first[1:]), 0.0, 1.0)
    weighted = rows._replace(weight=weight)
    known = known_rows(make_repeats(KFold(4), weighted, random_state(), 1), weighted)
    np.testing.assert_array_equal(known[weight > 0], rows.codes[weight > 0] > 0)
    alone = rows._replace(weight=(np.arange(N) == 3).astype(float))
    (splits,) = make_repeats(KFold(4), alone, random_state(), 1)
    assert all(3 in train for train, _ in splits)
    assert len(splits) == 3
