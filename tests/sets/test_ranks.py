"""Ranks follow their definition, ties too; bad scores are refused."""

import numpy as np
import pytest
from some_scores import scores_with_ties

from sklearn_setpred.sets import class_ranks, label_ranks, top_k
from sklearn_setpred.sets._ranks import check_scores


def rank_by_definition(row, y):
    return 1 + sum(s > row[y] for s in row) + sum(row[j] == row[y] for j in range(y))


def test_ranks_follow_the_definition_also_at_ties(rng):
    scores = scores_with_ties(rng)
    expected = [[rank_by_definition(row, y) for y in range(9)] for row in scores]
    ranks = class_ranks(scores)
    np.testing.assert_array_equal(ranks, expected)
    assert ranks.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_])
def test_ranks_of_any_dtype_put_the_higher_score_first(dtype):
    np.testing.assert_array_equal(class_ranks(np.array([[0, 1, 0]], dtype=dtype)), [[2, 1, 3]])


def test_infinite_scores_are_ranked():
    np.testing.assert_array_equal(class_ranks([[-np.inf, 0, np.inf, -np.inf]]), [[3, 2, 1, 4]])


def test_label_ranks_are_the_entries_of_class_ranks(rng):
    scores = scores_with_ties(rng)
    y = rng.integers(9, size=len(scores))
    expected = class_ranks(scores)[np.arange(len(y)), y]
    np.testing.assert_array_equal(label_ranks(scores, y), expected)


def test_a_label_without_a_column_ranks_behind_all_classes():
    assert label_ranks([[0.0, 1.0]], [-1]) == [3]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_top_k_refuses_a_k_out_of_range(k):
    with pytest.raises(ValueError, match=f"k={k}"):
        top_k(np.zeros((2, 3)), k)


@pytest.mark.parametrize("k", [1.0, "2", True, None])
def test_top_k_refuses_a_k_that_is_no_integer(k):
    with pytest.raises(TypeError, match="must be an integer"):
        top_k(np.zeros((2, 3)), k)


@pytest.mark.parametrize("function", [class_ranks, check_scores, lambda s: top_k(s, 1)])
def test_nan_scores_are_refused_with_the_row(function):
    with pytest.raises(ValueError, match="scores contains NaN in row 1"):
        function([[0.0, 1.0], [np.nan, 1.0]])


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 3, 1)])
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="scores must have the shape"):
        check_scores(np.zeros(shape))


def test_scores_keep_their_floating_type():
    assert check_scores(np.zeros((1, 2), dtype=np.float32)).dtype == np.float32
    assert check_scores([[1, 2]]).dtype == np.float64
