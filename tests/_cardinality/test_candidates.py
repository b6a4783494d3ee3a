"""What the choice of a size reads of a row, by hand."""

import numpy as np
import pytest
from candidate_sets import LOG_P, by_threshold, fixed
from scipy.special import log_softmax

from sklearn_setpred._cardinality.candidates import (
    check_candidates,
)


def test_a_sketch_by_hand():
    sketch = fixed(1, 3).sketch(LOG_P)
    np.testing.assert_allclose(np.exp(sketch.head), [[0.5, 0.25, 0.125, 0.125]])
    np.testing.assert_allclose(sketch.covered, [[0.5, 0.875]])
    # Sizes 1 and 3 make the buckets {1}, {2, 3}, {4}.
    np.testing.assert_allclose(sketch.masses(), [[0.5, 0.375, 0.125]])
    assert [sketch.buckets(np.array([rank])).item() for rank in (1, 2, 3, 4)] == [0, 1, 1, 2]


def test_a_sketch_by_thresholds_by_hand():
    # No label reaches 0.9, so that the first stands alone, as at 0.5 and 0.3.
    sketch = by_threshold(0.9, 0.5, 0.3, 0.2, 0.01).sketch(LOG_P)
    assert sketch.sizes.tolist() == [[1, 1, 1, 2, 4]]
    assert sketch.costs.tolist() == [[1.0, 1.0, 1.0, 2.0, 4.0]]
    np.testing.assert_allclose(sketch.covered, [[0.5, 0.5, 0.5, 0.75, 1.0]])
    np.testing.assert_allclose(sketch.masses(), [[0.5, 0, 0, 0.25, 0.25, 0]], atol=1e-15)
    assert sketch.buckets(np.array([3])).tolist() == [4]


def test_an_impossible_bucket_has_no_mass():
    sketch = fixed(1, 2).sketch(np.log([[0.5, 0.5]]))
    np.testing.assert_array_equal(sketch.masses(), [[0.5, 0.5, 0.0]])


def test_log_probabilities_of_a_sketch_are_normalised():
    candidates = by_threshold(0.3, 0.2)
    exact, shifted = candidates.sketch(LOG_P), candidates.sketch(LOG_P - 700)
    for left, right in zip(exact, shifted, strict=True):
        np.testing.assert_allclose(left, right)


@pytest.mark.parametrize("candidates", [fixed(1, 2, 70, 71, 150, 299, 300), fixed(200)])
def test_of_many_classes_only_those_asked_for_are_sorted(rng, monkeypatch, candidates):
    log_p = log_softmax(rng.normal(size=(20, 300)), axis=1)
    all_sorted = candidates.sketch(log_p)
    monkeypatch.setattr("sklearn_setpred._cardinality.candidates._SORTED", 70)
    for left, right in zip(all_sorted, candidates.sketch(log_p), strict=True):
        np.testing.assert_allclose(left, right)


def test_labels_above_a_threshold_are_all_sorted(rng, monkeypatch):
    log_p = log_softmax(0.1 * rng.normal(size=(20, 300)), axis=1)
    thresholds = 0.0038, 0.0033
    candidates = by_threshold(*thresholds, n_classes=300)
    monkeypatch.setattr("sklearn_setpred._cardinality.candidates._SORTED", 64)
    sketch = candidates.sketch(log_p)
    assert sketch.sizes.max() > 100
    for j, t in enumerate(thresholds):
        np.testing.assert_array_equal(sketch.sizes[:, j], (log_p >= np.log(t)).sum(axis=1))
        covered = np.where(log_p >= np.log(t), np.exp(log_p), 0).sum(axis=1)
        np.testing.assert_allclose(sketch.covered[:, j], covered)


def test_two_families_of_candidates_are_refused():
    with pytest.raises(ValueError, match=r"sizes=\[1\] and thresholds=\[0\.5\]"):
        check_candidates([1], [0.5], "linear", 4)
