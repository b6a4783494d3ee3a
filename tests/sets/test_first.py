"""The k first classes are those of rank 1 to k, ties too, however few are sorted."""

import numpy as np
import pytest
from some_scores import SCORES_OF_MANY_CLASSES, scores_with_ties, work_in_batches_of

from sklearn_setpred.sets import class_ranks, top_k


@pytest.mark.parametrize("k", range(1, 10))
def test_top_k_holds_the_classes_of_rank_1_to_k_in_order(rng, k):
    scores = scores_with_ties(rng)
    columns = top_k(scores, k)
    ranks = np.take_along_axis(class_ranks(scores), columns, axis=1)
    np.testing.assert_array_equal(ranks, np.tile(np.arange(1, k + 1), (len(scores), 1)))


def test_top_k_breaks_ties_across_the_last_place_towards_the_lower_column():
    np.testing.assert_array_equal(top_k([[1, 2, 1, 1, 0]], k=3), [[1, 0, 2]])


def test_top_k_does_not_depend_on_the_size_of_batches(rng, monkeypatch):
    scores = scores_with_ties(rng)
    whole = top_k(scores, 4)
    work_in_batches_of(monkeypatch, 30)
    np.testing.assert_array_equal(top_k(scores, 4), whole)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("make", SCORES_OF_MANY_CLASSES.values(), ids=SCORES_OF_MANY_CLASSES)
@pytest.mark.parametrize("K", [100, 513])
def test_top_k_of_many_classes_is_the_head_of_a_stable_sort(rng, make, K, dtype):
    scores = make(rng, (40, K)).astype(dtype)
    expected = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 2, 3, 7, 16, 25, 60, K - 1, K):
        np.testing.assert_array_equal(top_k(scores, k), expected[:, :k])


def test_top_k_reads_scores_in_any_memory_order(rng):
    scores = rng.standard_normal((40, 200))
    for same in (np.asfortranarray(scores), np.repeat(scores, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(top_k(same, 5), top_k(scores, 5))
