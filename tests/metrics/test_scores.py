"""Metrics of scores: top-k accuracy, the curve of coverage and size, calibration."""

import numpy as np
import pytest
from sets_by_hand import PROBA, Y_TRUE, random_problem
from sklearn.metrics import top_k_accuracy_score as sklearn_top_k_accuracy_score

from sklearn_setpred.metrics import (
    coverage_score,
    coverage_size_auc_score,
    coverage_size_curve,
    expected_calibration_error,
    mean_set_size,
    top_k_accuracy_score,
)
from sklearn_setpred.sets import class_ranks, threshold_sets


@pytest.mark.parametrize("k", range(1, 8))
def test_top_k_accuracy_is_the_coverage_of_the_top_k_sets(rng, k):
    scores = rng.integers(0, 3, size=(100, 6))
    y = rng.integers(0, 8, size=100)  # 6 and 7 have no column
    expected = coverage_score(y, class_ranks(scores) <= k, classes=range(6))
    assert top_k_accuracy_score(y, scores, k=k, classes=range(6)) == expected


def test_top_k_accuracy_without_ties_is_scikit_learns(rng):
    posterior, y = random_problem(rng)
    expected = sklearn_top_k_accuracy_score(y, posterior, k=2)
    np.testing.assert_allclose(top_k_accuracy_score(y, posterior), expected)


def test_top_k_accuracy_refuses_no_k():
    with pytest.raises(ValueError, match="k=0"):
        top_k_accuracy_score(Y_TRUE, PROBA, k=0)


def test_the_curve_is_that_of_the_threshold_sets(rng):
    posterior, y = random_problem(rng)
    y[:20] = 9  # without a column
    weight = rng.integers(0, 3, size=len(y))
    options = {"classes": np.arange(6), "sample_weight": weight}
    coverage, mean_size, thresholds = coverage_size_curve(y, posterior, **options)
    for c, s, t in zip(coverage[::20], mean_size[::20], thresholds[::20], strict=True):
        y_set = threshold_sets(posterior, t)
        np.testing.assert_allclose(c, coverage_score(y, y_set, **options))
        np.testing.assert_allclose(s, mean_set_size(y, y_set, **options))
    assert (np.diff(coverage) > 0).all()
    assert (np.diff(mean_size) > 0).all()
    assert (np.diff(thresholds) < 0).all()


def test_the_curve_starts_with_the_first_classes():
    coverage, mean_size, thresholds = coverage_size_curve(Y_TRUE, PROBA)
    np.testing.assert_allclose([coverage[0], mean_size[0], thresholds[0]], [4 / 6, 1, np.inf])


def test_a_class_of_level_minus_inf_never_enters_the_curve():
    levels = [[1.0, 0.0, -np.inf], [1.0, 0.0, -np.inf]]
    coverage, mean_size, thresholds = coverage_size_curve([1, 2], levels, classes=[0, 1, 2])
    np.testing.assert_array_equal(coverage, [0, 0.5])
    np.testing.assert_array_equal(mean_size, [1, 2])
    np.testing.assert_array_equal(thresholds, [np.inf, 0])


def test_the_area_of_a_perfect_and_of_a_hopeless_ranking():
    perfect, hopeless = np.eye(3), -np.eye(3)
    assert coverage_size_auc_score([0, 1, 2], perfect) == 1
    assert coverage_size_auc_score([0, 1, 2], hopeless) == 0


def test_the_area_of_rankings_is_the_mean_of_their_top_k_accuracies(rng):
    # Levels -rank give the sets of top-k: the curve has steps at k = 1 ... K.
    levels = -class_ranks(rng.random((200, 5))).astype(float)
    y = rng.integers(5, size=200)
    expected = np.mean([top_k_accuracy_score(y, levels, k=k) for k in range(1, 5)])
    np.testing.assert_allclose(coverage_size_auc_score(y, levels), expected)
    np.testing.assert_allclose(
        coverage_size_auc_score(y, levels, max_size=2), top_k_accuracy_score(y, levels, k=1)
    )


@pytest.mark.parametrize("max_size", [1, 0.5, 4])
def test_a_largest_size_out_of_range_is_refused(max_size):
    with pytest.raises(ValueError, match=f"max_size={max_size}"):
        coverage_size_auc_score(Y_TRUE, PROBA, max_size=max_size)


def test_calibration_error_sums_the_bins():
    # Confidences .6, .7, .7 in the bin (.5, .75], two of them right; .8 in (.75, 1], right.
    proba = [[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.3, 0.7]]
    y_true = ["a", "b", "a", "b"]
    expected = abs(2 - (0.6 + 0.7 + 0.7)) / 4 + abs(1 - 0.8) / 4
    error = expected_calibration_error(y_true, proba, n_bins=4)
    np.testing.assert_allclose(error, expected, atol=1e-12)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # One bin (.5, .75] with one row of two right.
    error = expected_calibration_error(["a", "b"], [[0.75, 0.25], [0.6, 0.4]], n_bins=4)
    np.testing.assert_allclose(error, abs(1 - 1.35) / 2)


def test_the_true_posterior_is_calibrated(rng):
    posterior, y = random_problem(rng, n=20_000)
    assert expected_calibration_error(y, posterior) < 0.02
    sharper = posterior**2 / (posterior**2).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y, sharper) > 0.08


def test_one_bin_compares_accuracy_with_mean_confidence(rng):
    posterior, y = random_problem(rng)
    expected = abs(np.mean(posterior.argmax(axis=1) == y) - posterior.max(axis=1).mean())
    error = expected_calibration_error(y, posterior, n_bins=1)
    np.testing.assert_allclose(error, expected)


@pytest.mark.parametrize("proba", [PROBA * 2, PROBA - 0.5])
def test_scores_are_no_probabilities(proba):
    with pytest.raises(ValueError, match="softmax"):
        expected_calibration_error(Y_TRUE, proba)


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="n_bins=0"):
        expected_calibration_error(Y_TRUE, PROBA, n_bins=0)
