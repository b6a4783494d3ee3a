"""The levels that meet a target, by hand."""

import numpy as np
import pytest
from calibrated import X, Y, approx
from sklearn.naive_bayes import GaussianNB
from tiny import QUICK

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier
from sklearn_setpred.estimators._calibration import (
    SizeLevels,
    class_levels_at,
    coverage_level,
    levels_of_strata,
    rows_needed,
    strata_levels,
)


def size_level(batches, n_groups, n_classes, target_size):
    """Return the level of a size, from the labels kept for that size."""
    kept = SizeLevels.of(batches, n_groups, n_classes, target_size)
    return kept.at(target_size)


@pytest.mark.parametrize(("n", "place"), [(9, 1), (18, 1), (19, 2), (29, 3)])
def test_the_level_is_the_floor_of_alpha_n_plus_1_th_smallest(n, place):
    levels = np.random.default_rng(0).permutation(n).astype(float)
    assert coverage_level(levels, 0.1, np.arange(n)) == approx(place - 1)


@pytest.mark.parametrize(("alpha", "needed"), [(0.1, 9), (0.05, 19), (0.5, 1), (0.3, 3)])
def test_rows_needed_are_the_fewest_that_have_a_level(alpha, needed):
    assert rows_needed(alpha) == needed
    coverage_level(np.arange(needed, dtype=float), alpha, np.arange(needed))
    assert np.floor(alpha * needed + 1e-9) < 1


def test_rare_classes_share_a_level_and_others_have_their_own():
    # alpha = 1/2: a level needs one row, and is the floor((n + 1) / 2)-th smallest.
    of_label = np.array([0.1, 0.2, 0.3, 0.9, 0.7])
    codes = np.array([0, 0, 0, 1, -1])
    level = class_levels_at(of_label, codes, 3, 0.5, np.arange(5))
    assert level == approx([0.2, 0.9, -np.inf])
    # alpha = 1/4: a level needs three rows; classes 1 and 2 have three together.
    codes = np.array([0, 0, 0, 1, 2])
    of_label, codes = np.append(of_label, 0.8), np.append(codes, 2)
    level = class_levels_at(of_label, codes, 3, 0.25, np.arange(6))
    assert level == approx([0.1, 0.7, 0.7])


def test_strata_have_a_level_each_and_are_refused_where_rows_or_strata_are_missing():
    of_label = np.array([0.1, 0.2, 0.3, 0.4])
    levels = strata_levels(of_label, np.array(list("aabb")), 0.5, np.arange(4))
    assert levels == approx({"a": 0.1, "b": 0.3})
    assert levels_of_strata(np.array(["b", "a"]), levels) == approx([0.3, 0.1])
    with pytest.raises(ValueError, match=r"strata \['c'\] have no calibration row"):
        levels_of_strata(np.array(["c"]), levels)
    with pytest.raises(ValueError, match=r"strata \['b'\] have fewer than the 2"):
        strata_levels(of_label[:3], np.array(list("aab")), 0.34, np.arange(3))


def test_the_level_for_a_size_lets_in_as_many_labels_as_the_bound_allows():
    # n = 3 rows and K = 2: sizes s_i with (sum s_i + 2) / 4 <= 1.5, so at most 4 labels.
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.2, np.inf]])
    one = np.ones(3)
    level = size_level([(levels, one)], 3, 2, target_size=1.5)
    parts = [(levels[:1], one[:1]), (levels[1:], one[1:])]
    assert size_level(parts, 3, 2, target_size=1.5) == level
    assert (levels >= level).sum() == 4
    assert 0.2 < level <= 0.3
    assert size_level([(levels, one)], 3, 2, target_size=2) == -np.inf


def test_labels_that_tie_at_the_border_of_a_size_stay_out_together():
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.3, np.inf]])
    level = size_level([(levels, np.ones(3))], 3, 2, target_size=1.5)
    assert (levels >= level).sum() == 3
    nearly = np.where(levels == 0.3, [[0.3], [0.3], [0.3 + 1e-9]], levels)
    assert (nearly >= level).sum() == 3


def test_rows_of_a_group_count_as_one_row():
    # Three groups; alpha (3 + 1) - 1 = 1 group may miss: both rows of one, or halves of two.
    groups = np.array([0, 0, 1, 1, 2, 2])
    for of_label in ([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 5, 6]):
        level = coverage_level(np.array(of_label, dtype=float), alpha=0.5, groups=groups)
        assert level == approx(3)
    alone = coverage_level(np.arange(6.0), 0.5, np.arange(6))
    assert coverage_level(np.repeat(np.arange(6.0), 2), 0.5, np.repeat(np.arange(6), 2)) == alone
    levels = np.array([[np.inf, 0.1], [np.inf, 0.3], [0.2, np.inf]])
    twice = [(np.repeat(levels, 2, axis=0), np.full(6, 0.5))]
    once = [(levels, np.ones(3))]
    assert size_level(twice, 3, 2, 1.5) == size_level(once, 3, 2, 1.5)


class Jitters(GaussianNB):
    """Gives other last bits for one row than for many, as matrix products do."""

    def predict_proba(self, X):
        p = np.round(super().predict_proba(X), 1)
        p /= p.sum(axis=1, keepdims=True)
        noise = np.float32(1e-6) * (-1) ** np.arange(p.shape[1])
        return (p * (1 + noise * (len(X) > 1))).astype(np.float32)


@pytest.mark.parametrize(
    "target",
    [
        {"target_coverage": 0.7},
        {"target_coverage": 0.8},
        {"target_coverage": 0.9},
        {"target_coverage": 0.5, "conditional": "class"},
        {"target_size": 1.7},
        {"target_size": 2.3},
    ],
    ids=str,
)
def test_a_row_alone_has_the_set_that_it_has_in_a_batch_although_levels_tie(target):
    for seed in range(3):
        clf = CoverageSetClassifier(Jitters(), **target, random_state=seed).fit(X, Y)
        alone = np.vstack([clf.predict_set(X[i : i + 1]) for i in range(len(X))])
        np.testing.assert_array_equal(alone, clf.predict_set(X))


def test_a_size_below_the_smallest_sets_of_the_estimator_is_refused():
    inner = CardinalityAwareClassifier(GaussianNB(), sizes=[3], **QUICK)
    for size in (1, 1.5, 2.9):
        clf = CoverageSetClassifier(inner, target_size=size, calibration_size=0.5, random_state=0)
        with pytest.raises(ValueError, match=f"target_size={size} cannot be reached: the smallest"):
            clf.fit(X, Y)
    sets = clf.set_params(target_size=3.2).fit(X, Y).predict_set(X)
    assert sets.sum(axis=1).mean() == 3


def test_a_size_of_one_is_the_first_label():
    clf = CoverageSetClassifier(GaussianNB(), target_size=1.0, random_state=0).fit(X, Y)
    assert clf.level_ == np.inf
    assert (clf.predict_set(X).sum(axis=1) == 1).all()
