"""Parts of the rows, and splits that can deal with rare classes."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, RepeatedKFold, StratifiedKFold

from sklearn_setpred._networks.parts import (
    Part,
    TrainingPairs,
    fold_numbers,
    make_splits,
    splits_of_weighted,
    validation_rows,
    with_positive_weights,
)

COUNTS = [
    [20, 20, 20],
    [50, 7, 3, 2, 1],
    [2] * 11,
    [3, 2, 2, 4],
    [1, 2] * 9,  # the only rows of classes lie between those that are spread
    [1, 1, 1, 5],
]


def codes_of(counts, rng):
    """Return codes with the given number of rows per class, in random order."""
    return rng.permutation(np.repeat(np.arange(len(counts)), counts))


@pytest.fixture
def random_state():
    return np.random.RandomState(0)


# ------------------------------------------------------------------------------------ folds


@pytest.mark.parametrize("n_folds", [2, 3, 5, 10])
@pytest.mark.parametrize("counts", COUNTS)
def test_folds_are_of_equal_size_and_spread_every_class(rng, random_state, counts, n_folds):
    codes = codes_of(counts, rng)
    folds = fold_numbers(codes, n_folds, random_state)
    sizes = np.bincount(folds[folds >= 0], minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1
    for code, count in enumerate(counts):
        of_class = folds[codes == code]
        if count == 1:
            assert of_class.tolist() == [-1]
        else:
            per_fold = np.bincount(of_class, minlength=n_folds)
            assert per_fold.max() - per_fold.min() <= 1


@pytest.mark.parametrize("counts", COUNTS)
def test_every_row_is_tested_once_by_a_model_that_saw_its_class(rng, random_state, counts):
    codes = codes_of(counts, rng)
    splits = make_splits(5, np.zeros((len(codes), 1)), codes, random_state)
    tested = np.concatenate([test for _, test in splits])
    alone = np.bincount(codes)[codes] == 1
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(~alone))
    for train, test in splits:
        np.testing.assert_array_equal(np.union1d(train, test), np.arange(len(codes)))
        assert np.intersect1d(train, test).size == 0
        assert np.isin(codes[test], codes[train]).all()


def test_folds_differ_from_one_random_state_to_another(rng):
    codes = codes_of([30, 30], rng)
    folds = [fold_numbers(codes, 5, np.random.RandomState(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(folds[0], folds[1])
    assert not np.array_equal(folds[0], folds[2])


@pytest.mark.parametrize("n_folds", [2, np.int64(3)])
def test_without_a_class_of_two_rows_there_are_no_splits(random_state, n_folds):
    assert make_splits(n_folds, np.zeros((4, 1)), np.arange(4), random_state) == []


def test_a_splitter_and_an_iterable_are_taken_as_they_are(rng, random_state):
    X, codes = np.zeros((12, 1)), codes_of([6, 6], rng)
    splits = make_splits(StratifiedKFold(3), X, codes, random_state)
    expected = list(StratifiedKFold(3).split(X, codes))
    again = make_splits(iter(expected), X, codes, random_state)
    for found in (splits, again):
        assert len(found) == 3
        for (train, test), (train_expected, test_expected) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(train, train_expected)
            np.testing.assert_array_equal(test, test_expected)


@pytest.mark.parametrize("cv", [3, np.int64(3), GroupKFold(3)])
def test_rows_of_a_group_are_tested_together(rng, random_state, cv):
    codes, groups = codes_of([15, 15], rng), np.repeat(np.arange(10), 3)
    splits = make_splits(cv, np.zeros((30, 1)), codes, random_state, groups)
    tested = np.concatenate([test for _, test in splits])
    np.testing.assert_array_equal(np.sort(tested), np.arange(30))
    for train, test in splits:
        assert np.intersect1d(groups[train], groups[test]).size == 0
    with pytest.raises(ValueError, match="cv=1"):
        make_splits(1, np.zeros((30, 1)), codes, random_state, groups)


# --------------------------------------------------------------------------- validation rows


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("counts", COUNTS)
def test_validation_rows_leave_a_row_of_every_class(rng, counts, fraction):
    codes = codes_of(counts, rng)
    spare = len(codes) - len(counts)
    wanted = min(max(round(fraction * len(codes)), 1), spare)
    for seed in range(20):
        held_out = validation_rows(codes, fraction, np.random.RandomState(seed))
        assert held_out.sum() == wanted
        assert np.unique(codes[~held_out]).size == len(counts)


def test_validation_rows_take_about_the_same_share_of_every_class(rng):
    codes = codes_of([100, 50, 30], rng)
    for seed in range(20):
        held_out = validation_rows(codes, 0.1, np.random.RandomState(seed))
        np.testing.assert_allclose(np.bincount(codes[held_out]), [10, 5, 3], atol=1)


def test_a_class_of_one_row_has_none_to_spare(random_state):
    assert not validation_rows(np.arange(5), 0.5, random_state).any()


# ------------------------------------------------------------------------------------ parts


def test_parts_are_taken_piece_by_piece(rng):
    part = Part(X=rng.normal(size=(4, 2)), target=np.arange(4), prior=rng.normal(size=(4, 3)))
    taken = part.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.X, part.X[[2, 0]])
    assert (taken.target.tolist(), taken.weight) == ([2, 0], None)
    np.testing.assert_array_equal(taken.prior, part.prior[[2, 0]])


def test_rows_of_positive_weight_have_the_mean_weight_one():
    part = Part(X=np.arange(4.0)[:, None], target=np.arange(4), weight=np.array([0.0, 2, 0, 6]))
    kept = with_positive_weights(part)
    assert (kept.target.tolist(), kept.weight.tolist()) == ([1, 3], [0.5, 1.5])
    unweighted = part._replace(weight=None)
    assert with_positive_weights(unweighted) is unweighted


def test_training_pairs_have_weights_of_mean_one_on_either_side():
    part = Part(X=np.arange(4.0)[:, None], target=np.arange(4), weight=np.array([1.0, 3, 2, 2]))
    pairs = TrainingPairs(part, [(np.array([0, 1]), np.array([2, 3])), (np.array([1]), [0, 2])])
    assert len(pairs) == 2
    found = [[side.target.tolist() for side in pair] for pair in pairs]
    assert found == [[[0, 1], [2, 3]], [[1], [0, 2]]]
    weights = [[side.weight.tolist() for side in pair] for pair in pairs]
    np.testing.assert_allclose(weights[0], [[0.5, 1.5], [1.0, 1.0]])
    np.testing.assert_allclose(weights[1][1], [2 / 3, 4 / 3])


def test_without_splits_there_is_one_pair_of_all_rows_and_those_given():
    part = Part(X=np.zeros((2, 1)), target=np.arange(2), weight=np.array([1.0, 3.0]))
    given = Part(X=np.zeros((1, 1)), target=np.array([1]))
    ((train, held_out),) = pairs = TrainingPairs(part, given=given)
    assert len(pairs) == 1
    assert train.weight.tolist() == [0.5, 1.5]
    assert held_out is given
    ((_, held_out),) = pairs = TrainingPairs(part)
    assert held_out is None


# --------------------------------------------------------- splits of rows that have a weight


def test_a_number_splits_the_rows_of_positive_weight_as_if_they_were_alone(rng):
    part = Part(X=rng.normal(size=(12, 1)), target=np.arange(12) % 2, weight=np.arange(12.0) % 3)
    kept = part.take(part.weight > 0)
    weighted = splits_of_weighted(2, part, np.random.RandomState(0))
    alone = splits_of_weighted(2, kept._replace(weight=None), np.random.RandomState(0))
    for split, other in zip(weighted, alone, strict=True):
        for side, other_side in zip(split, other, strict=True):
            np.testing.assert_array_equal(side, other_side)


@pytest.mark.parametrize("cv", [2, GroupKFold(2)])
def test_rows_of_a_group_stay_together_under_weights(rng, random_state, cv):
    groups = np.repeat(np.arange(6), 4)
    part = Part(X=np.arange(24.0)[:, None], target=np.arange(24) % 2, weight=np.arange(24.0) % 3)
    kept = np.flatnonzero(part.weight > 0)
    for train, test in splits_of_weighted(cv, part, random_state, groups):
        assert np.intersect1d(groups[kept][train], groups[kept][test]).size == 0
        np.testing.assert_array_equal(np.union1d(train, test), np.arange(len(kept)))


def test_a_splitter_that_tests_rows_twice_is_refused(random_state):
    with pytest.raises(ValueError, match=r"cv=RepeatedKFold.*tests rows more than once"):
        make_splits(RepeatedKFold(n_splits=2), np.zeros((8, 1)), np.arange(8) % 2, random_state)
