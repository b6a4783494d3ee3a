"""Choices for a search: the smallest sets that cover enough, the largest coverage of small sets."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred.scorers import largest_coverage_at, smallest_set_at

X, y = overlapping_blobs()


def results_of(coverage, size):
    """The two columns of cv_results_ that choices read."""
    size = -np.array(size, dtype=float)
    return {"mean_test_coverage": np.array(coverage), "mean_test_neg_mean_set_size": size}


@pytest.mark.parametrize(
    ("choose", "coverage", "size", "best"),
    [
        (smallest_set_at(coverage=0.9), [0.8, 0.9, 0.95], [1, 2, 3], 1),
        (smallest_set_at(coverage=0.9), [0.99, 0.91, 0.95], [3, 2, 2], 2),
        (smallest_set_at(coverage=0.9), [0.9, np.nan, 0.8], [3, 1, 1], 0),
        (smallest_set_at(coverage=0.3), [0.1 + 0.2 - 1e-16, 0.9], [1, 2], 0),
        (largest_coverage_at(size=2.5), [0.8, 0.9, 0.95], [1, 2, 3], 1),
        (largest_coverage_at(size=2.5), [0.9, 0.9, 0.95], [2, 1, 3], 1),
    ],
)
def test_the_best_candidate_within_the_limit_is_chosen(choose, coverage, size, best):
    assert choose(results_of(coverage, size)) == best


@pytest.mark.parametrize(
    ("choose", "coverage", "size", "best"),
    [
        (smallest_set_at(coverage=0.9), [0.7, 0.8, 0.8], [1, 3, 2], 2),
        (largest_coverage_at(size=2), [0.7, 0.8, 0.9], [3, 3, 4], 1),
    ],
)
def test_without_a_feasible_candidate_the_nearest_is_taken_with_a_warning(
    choose, coverage, size, best
):
    with pytest.warns(UserWarning, match="no candidate qualifies"):
        assert choose(results_of(coverage, size)) == best


def test_the_columns_a_choice_needs_are_named_with_the_way_out():
    search = GridSearchCV(ToySetClassifier(), {}, cv=2, refit=smallest_set_at(coverage=0.9))
    with pytest.raises(ValueError, match=r"mean_test_coverage.*mean_test_score.*set_report\(\)"):
        search.fit(X, y)
