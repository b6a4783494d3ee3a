"""Coverage: of all rows, of a class, of a size, of a stratum."""

import numpy as np
from sets_by_hand import CLASSES, Y_SET, Y_TRUE, random_problem
from sklearn.metrics import recall_score
from sklearn.preprocessing import label_binarize

from sklearn_setpred.metrics import (
    class_conditional_coverage,
    coverage_gap,
    coverage_score,
    singleton_accuracy_score,
    size_stratified_coverage,
    size_stratified_coverage_gap,
    strata_conditional_coverage,
)


def test_coverage_is_the_samples_recall_of_scikit_learn(rng):
    posterior, y = random_problem(rng)
    y_set = posterior > 0.2
    weight = rng.random(len(y))
    one_hot = label_binarize(y, classes=np.arange(6))
    expected = recall_score(one_hot, y_set, average="samples", sample_weight=weight)
    coverage = coverage_score(y, y_set, classes=np.arange(6), sample_weight=weight)
    np.testing.assert_allclose(coverage, expected)


def test_class_conditional_coverage_is_the_recall_of_each_class(rng):
    posterior, y = random_problem(rng)
    y_set = posterior > 0.2
    expected = recall_score(label_binarize(y, classes=np.arange(6)), y_set, average=None)
    np.testing.assert_allclose(class_conditional_coverage(y, y_set), expected)


def test_a_label_that_is_not_among_the_classes_is_a_miss():
    y_true = ["z", *Y_TRUE[1:]]
    assert coverage_score(y_true, Y_SET, classes=CLASSES) == 3 / 6
    assert singleton_accuracy_score(y_true, Y_SET, classes=CLASSES) == 1 / 3
    np.testing.assert_array_equal(
        class_conditional_coverage(y_true, Y_SET, classes=CLASSES), [0, 1 / 2, 1]
    )


def test_a_class_without_rows_has_no_coverage_and_no_part_in_the_gap():
    y_true, y_set = ["a", "a"], Y_SET[[0, 3]]
    coverages = class_conditional_coverage(y_true, y_set, classes=CLASSES)
    np.testing.assert_array_equal(coverages, [1 / 2, np.nan, np.nan])
    assert coverage_gap(y_true, y_set, classes=CLASSES, target_coverage=0.9) == 0.4
    assert np.isnan(coverage_gap(["z", "z"], y_set, classes=CLASSES))


def test_gaps_are_taken_from_the_target_given():
    np.testing.assert_allclose(coverage_gap(Y_TRUE, Y_SET, target_coverage=1), 1 / 3)
    np.testing.assert_allclose(
        size_stratified_coverage_gap(Y_TRUE, Y_SET, target_coverage=0.9), 0.9
    )


def test_sizes_are_stratified_into_bins():
    by_bin = size_stratified_coverage(Y_TRUE, Y_SET, bins=[1, 2])
    np.testing.assert_array_equal(by_bin, [2 / 4, 1, 1])
    assert size_stratified_coverage_gap(Y_TRUE, Y_SET, bins=[1], target_coverage=0.9) == 0.4
    np.testing.assert_array_equal(
        size_stratified_coverage(Y_TRUE, Y_SET, bins=[5]), [4 / 6, np.nan]
    )


def test_strata_are_named_in_sorted_order():
    named = strata_conditional_coverage(Y_TRUE, Y_SET, [2, 2, 1, 1, 1, 2])
    assert named == {1: 1 / 3, 2: 1.0}
    assert list(named) == [1, 2]
