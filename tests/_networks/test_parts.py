"""Splits that bear rare classes, and probabilities by models that left rows out."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from sklearn_setpred._cardinality.out_of_fold import out_of_fold_probabilities, rows_to_learn_from
from sklearn_setpred._networks.parts import (
    Part,
    fold_numbers,
    make_splits,
    splits_within,
    validation_rows,
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


def test_parts_are_taken_piece_by_piece(rng):
    part = Part(rng.normal(size=(4, 2)), np.arange(4), None, rng.normal(size=(4, 3)))
    taken = part.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.X, part.X[[2, 0]])
    assert (taken.target.tolist(), taken.weight) == ([2, 0], None)
    np.testing.assert_array_equal(taken.prior, part.prior[[2, 0]])


# ----------------------------------------------------------------- out-of-fold probabilities


def probabilities(estimator, X, y, splits, **params):
    """Return the out-of-fold probabilities over all labels of y, and which are known."""
    return out_of_fold_probabilities(estimator, X, y, np.unique(y), splits, params)


def test_probabilities_are_those_of_cross_val_predict(rng, random_state):
    X, y = rng.normal(size=(60, 3)), codes_of([20, 20, 20], rng)
    splits = make_splits(4, X, y, random_state)
    ours, known = probabilities(GaussianNB(), X, y, splits)
    theirs = cross_val_predict(GaussianNB(), X, y, cv=splits, method="predict_proba")
    np.testing.assert_array_equal(ours, theirs)
    assert known.all()


def test_classes_that_a_model_did_not_see_are_unknown_and_impossible(rng):
    X, y = rng.normal(size=(9, 2)), np.repeat(["a", "b", "c"], 3)
    splits = list(KFold(3).split(X))  # each fold leaves out a whole class
    p, known = probabilities(GaussianNB(), X, y, splits)
    np.testing.assert_array_equal(known, y[:, None] != np.unique(y))
    np.testing.assert_array_equal(p[~known], 0.0)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_rows_that_no_fold_tests_know_nothing(rng):
    X, y = rng.normal(size=(10, 2)), np.arange(10) % 2
    p, known = probabilities(GaussianNB(), X, y, [(np.arange(2, 10), np.arange(2))])
    assert known[:2].all()
    assert not known[2:].any()
    assert not p[2:].any()


def test_weights_are_cut_to_the_rows_of_the_fold(rng, random_state):
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    weight = rng.random(40)
    splits = make_splits(2, X, y, random_state)
    p, _ = probabilities(LogisticRegression(), X, y, splits, sample_weight=weight)
    train, test = splits[0]
    model = LogisticRegression().fit(X[train], y[train], sample_weight=weight[train])
    np.testing.assert_array_equal(p[test], model.predict_proba(X[test]))


def test_scores_of_a_support_vector_machine_are_read(rng, random_state):
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    p, _ = probabilities(SVC(), X, y, make_splits(2, X, y, random_state))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


class ReadsWhatItIsGiven(ClassifierMixin, BaseEstimator):
    """Remembers the rows of every fit, and finds every label as likely."""

    seen = []  # noqa: RUF012, shared by the clones

    def fit(self, X, y):
        self.seen.append(X)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_lists_of_text_stay_lists_of_text(random_state):
    X, y = [f"text {i}" for i in range(8)], ["a", "b"] * 4
    ReadsWhatItIsGiven.seen.clear()
    codes = np.arange(8) % 2
    splits = make_splits(2, X, codes, random_state)
    probabilities(ReadsWhatItIsGiven(), X, y, splits)
    assert [sorted(rows) for rows in ReadsWhatItIsGiven.seen] == [
        [X[i] for i in train] for train, _ in splits
    ]


# --------------------------------------------------------------------------- rows with a rank


def test_rows_with_a_rank_and_a_weight_are_learned_from():
    ranked = np.array([True] * 19 + [False])
    np.testing.assert_array_equal(rows_to_learn_from(ranked, None), np.arange(19))
    weight = np.append([0.0], np.ones(19))
    np.testing.assert_array_equal(rows_to_learn_from(ranked, weight), np.arange(1, 19))


def test_a_loss_of_more_than_a_tenth_of_the_weight_is_told():
    ranked = np.array([True] * 8 + [False] * 2)
    with pytest.warns(UserWarning, match=r"2 of 10 rows \(20% of the weight\)"):
        rows_to_learn_from(ranked, None)
    light = np.append(np.ones(8), [0.1, 0.1])
    np.testing.assert_array_equal(rows_to_learn_from(ranked, light), np.arange(8))


def test_without_a_row_to_learn_from_there_is_one_error_and_no_warning():
    with pytest.raises(ValueError, match="No row is left"):
        rows_to_learn_from(np.zeros(5, dtype=bool), None)


def test_splits_are_told_by_the_places_of_the_rows_that_are_left():
    splits = [(np.array([0, 1, 2]), np.array([3, 4])), (np.array([3, 4]), np.array([0, 1]))]
    within = splits_within(np.array([0, 3, 4]), splits, 5)
    assert [[side.tolist() for side in split] for split in within] == [[[0], [1, 2]], [[1, 2], [0]]]
    assert splits_within(np.array([3, 4]), splits, 5) == []
