"""Standardization of columns: by hand, under weights, the same for arrays and CSR."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_setpred._networks.standardize import (
    DenseStandardization,
    SparseStandardization,
    column_moments,
    quartiles,
    standardization_of,
)

BOTH = [DenseStandardization, SparseStandardization]
CONTAINERS = [np.asarray, sp.csr_array]


def sparse_numbers(rng, shape=(40, 6)):
    return rng.normal(size=shape) * (rng.random(shape) < 0.4)


def clipped(z):
    """Return standardized values after the smooth clip at 8."""
    return z / np.sqrt(1 + (z / 8) ** 2)


def column(*values):
    return np.array(values, dtype=float)[:, None]


# ------------------------------------------------------------------------------ which one


def test_csr_rows_are_only_scaled_if_the_module_reads_csr():
    X = np.eye(3)
    assert isinstance(standardization_of(sp.csr_array(X)), SparseStandardization)
    assert isinstance(standardization_of(X), DenseStandardization)
    for_arrays = standardization_of(sp.csr_array(X), reads_csr=False)
    assert isinstance(for_arrays, DenseStandardization)
    assert isinstance(for_arrays(sp.csr_array(X)), np.ndarray)


# -------------------------------------------------------------------- both: mean and spread


@pytest.mark.parametrize("cls", BOTH)
def test_dense_columns_get_mean_0_and_deviation_1(rng, cls):
    X = rng.uniform(-1, 1, size=(50, 3)) * [1.0, 1e-3, 1e4] + [0.0, 5.0, -1e6]
    standardization = cls(X)
    np.testing.assert_allclose(standardization.center, X.mean(axis=0))
    np.testing.assert_allclose(standardization.scale, X.std(axis=0))
    assert standardization(X).dtype == np.float32


@pytest.mark.parametrize("cls", BOTH)
def test_the_scale_of_a_sparse_column_is_that_of_its_filled_entries(cls):
    # Mean 4 / 8 = 0.5; variance 16 / 8 - 0.25 = 1.75; the one entry that is not zero lies 3.5
    # from the mean, which is more than sqrt(1.75).
    X = column(0, 0, 4, 0, 0, 0, 0, 0)
    for rows in (X, sp.csr_array(X)):
        standardization = cls(rows)
        np.testing.assert_allclose(standardization.center, [0.5])
        np.testing.assert_allclose(standardization.scale, [3.5])


def test_sparse_columns_of_like_scales_share_their_median(rng):
    # Two filled columns; words in one row of fifty, their values about 1, 2, 3, and 1000.
    X = np.zeros((100, 6))
    X[:, :2] = rng.uniform(-1, 1, size=(100, 2)) * [1.0, 5.0]
    X[[[0], [50]], [2, 3, 4, 5]] = [[1.0, 2.0, 3.0, 1000.0], [1.1, 2.2, 3.3, 1100.0]]
    for cls in BOTH:
        for rows in (X, sp.csr_array(X)):
            scale = cls(rows).scale
            alone = np.array([cls(rows[:, [j]]).scale[0] for j in range(6)])
            median = np.median(alone[2:])
            np.testing.assert_allclose(scale[2:5], median, rtol=1e-12)
            np.testing.assert_allclose(scale[[0, 1, 5]], alone[[0, 1, 5]], rtol=1e-12)
            assert alone[2] < median < alone[4]


def test_rows_of_weight_zero_do_not_make_a_column_sparse():
    # One row of forty is filled on the left, two on the right; of the rows that count, a half.
    X = np.zeros((40, 2))
    X[0, 0] = 1.0
    X[[1, 2], 1] = 3.0
    weight = np.zeros(40)
    weight[:4] = 1.0
    for cls in BOTH:
        sparse, weighted = cls(X).scale, cls(X, weight).scale
        assert sparse[0] == sparse[1]
        assert weighted[0] < weighted[1]
        np.testing.assert_allclose(weighted, cls(X[:4]).scale)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("constant", [0.0, 1.0, -3e7, 0.1])
def test_constant_columns_become_zero(cls, constant):
    X = np.full((9, 2), constant)
    for rows in (X, sp.csr_array(X)):
        standardization = cls(rows)
        np.testing.assert_array_equal(standardization.scale, 1.0)
        np.testing.assert_allclose(standardization(X), 0.0, atol=1e-8)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("container", CONTAINERS)
def test_constant_columns_stay_constant_under_weights(rng, cls, container, dtype):
    X = np.tile(rng.normal(size=50), (99, 1)).astype(dtype)
    standardization = cls(container(X), rng.random(99))
    np.testing.assert_array_equal(standardization.scale, 1.0)
    np.testing.assert_allclose(standardization.center, X[0], rtol=1e-12)


def test_moments_are_those_of_all_rows_also_by_blocks(rng):
    X, weight = rng.normal([3.0, 0.0], size=(9000, 2)), rng.random(9000)
    mean = np.average(X, axis=0, weights=weight)
    var = np.average((X - mean) ** 2, axis=0, weights=weight)
    for container in CONTAINERS:
        found = column_moments(container(X), weight)
        np.testing.assert_allclose(found, [mean, var], atol=1e-12)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("container", CONTAINERS)
def test_weights_are_read_as_repetition(rng, cls, container):
    X, weight = sparse_numbers(rng), rng.integers(0, 4, size=40)
    X[:, 0] = np.where(np.arange(40) == 7, 1e4, rng.normal(size=40))  # an outlier
    weight[7] = 1
    weighted = cls(container(X), weight.astype(float))
    repeated = cls(container(np.repeat(X, weight, axis=0)))
    np.testing.assert_allclose(weighted.center, repeated.center, atol=1e-12)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-12)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_the_weights_is_immaterial(rng, cls, factor):
    X, weight = sparse_numbers(rng), rng.random(40)
    ours, scaled = cls(X, weight), cls(X, factor * weight)
    np.testing.assert_allclose(ours.center, scaled.center, atol=1e-9)
    np.testing.assert_allclose(ours.scale, scaled.scale, rtol=1e-9)


@pytest.mark.parametrize("cls", BOTH)
def test_shifted_and_scaled_columns_are_standardized_alike(rng, cls):
    X = rng.normal(size=(50, 3))
    moved = X * [2.0, 1e-3, 1e3] + [1.0, -4.0, 100.0]
    np.testing.assert_allclose(cls(moved)(moved), cls(X)(X), atol=1e-5)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("container", CONTAINERS)
def test_values_beyond_float32_stay_finite(rng, cls, container):
    standardization = cls(container(rng.normal(size=(20, 3))))
    huge = np.full((2, 3), 1e40)
    huge[0] = -1e40
    for rows in (huge, sp.csr_array(huge)):
        values = standardization(rows)
        values = values.data if sp.issparse(values) else values
        assert np.isfinite(values).all()
    learned_from = cls(container(np.array([[1e40], [0.0], [1.0]])))
    assert np.isfinite(learned_from(np.array([[0.5]]))).all()


# -------------------------------------------------------- dense: outliers, the smooth clip


def test_a_column_with_an_outlier_is_read_by_median_and_quartiles():
    # Quartiles 2, 4 and 6 of the numbers 1 ... 7 and an outlier; 4 / 1.349 is far below a third
    # of the standard deviation.
    X = column(1, 2, 3, 4, 5, 6, 7, 1000)
    standardization = DenseStandardization(X)
    np.testing.assert_allclose(standardization.center, [4.0])
    np.testing.assert_allclose(standardization.scale, [4 / 1.349])
    z = (X - 4) * 1.349 / 4
    np.testing.assert_allclose(standardization(X), clipped(z), rtol=1e-6)
    np.testing.assert_allclose(standardization(X)[-1], 8.0, rtol=1e-3)


def test_a_column_without_outliers_is_read_by_mean_and_deviation():
    X = column(1, 2, 3, 4, 5, 6, 7, 20)
    standardization = DenseStandardization(X)
    np.testing.assert_allclose(standardization.center, [6.0])
    np.testing.assert_allclose(standardization.scale, [X.std()])


def test_a_column_of_zeros_mostly_has_no_outliers():
    # Its quartiles are all zero: the mean and the spread of the filled entries stand.
    X = column(*[0.0] * 18, 1.0, 5.0)
    standardization = DenseStandardization(X)
    np.testing.assert_allclose(standardization.center, [0.3])
    # Squares about the mean: 0.7^2 + 4.7^2, over two entries that are filled.
    np.testing.assert_allclose(standardization.scale, [np.sqrt((0.49 + 22.09) / 2)])


def test_quartiles_under_weights_by_hand():
    # Of a weight of 8, a quarter is reached at 10, a half at 20, three quarters at 30.
    X, weight = column(30, 10, 20, 40), np.array([2.0, 2.0, 2.0, 2.0])
    assert np.concatenate(quartiles(X, weight)).tolist() == [10, 20, 30]
    weight = np.array([1.0, 0.0, 1.0, 6.0])
    assert np.concatenate(quartiles(X, weight)).tolist() == [30, 40, 40]


def test_quartiles_of_many_rows_are_read_off_some_at_equal_distances(rng, monkeypatch):
    monkeypatch.setattr("sklearn_setpred._networks.standardize._ROWS_FOR_QUARTILES", 5)
    X, weight = rng.normal(size=(17, 2)), rng.random(17)
    np.testing.assert_array_equal(quartiles(X, weight), quartiles(X[::4], weight[::4]))


def test_standardized_values_are_clipped_smoothly():
    X = column(-1, 1, -1, 1)  # mean 0, deviation 1
    standardization = DenseStandardization(X)
    z = np.array([-1e6, -8.0, -0.1, 0.0, 0.1, 3.0, 8.0, 1e300])
    expected = [-8.0, -8 / np.sqrt(2), *clipped(z[2:6]), 8 / np.sqrt(2), 8.0]
    np.testing.assert_allclose(standardization(z[:, None])[:, 0], expected, rtol=1e-6)


def test_csr_rows_are_made_dense_and_have_no_offset(rng):
    X = sparse_numbers(rng)
    for rows in (X, sp.csr_array(X)):
        standardization = DenseStandardization(rows)
        np.testing.assert_array_equal(standardization.offset, np.zeros(6, dtype=np.float32))
        np.testing.assert_allclose(standardization(sp.csr_array(X)), standardization(X))


def test_rows_are_standardized_alike_in_blocks_and_at_once(rng):
    X = rng.normal([3.0, 0.0], size=(9000, 2))
    standardization = DenseStandardization(X)
    z = (X - standardization.center) / standardization.scale
    np.testing.assert_allclose(standardization(X), clipped(z), atol=1e-6)


@pytest.mark.parametrize("kind", [DenseStandardization, SparseStandardization])
@pytest.mark.parametrize("weighted", [False, True])
def test_after_more_rows_it_is_that_of_all(rng, kind, weighted):
    X = rng.normal(size=(90, 6)) * np.linspace(1, 5, 6) + np.arange(6) % 2
    X *= np.arange(6) < 3 if kind is DenseStandardization else rng.random((90, 6)) < 0.3
    weight = rng.random(len(X)) if weighted else np.ones(len(X))
    first, rest = slice(0, 40), slice(40, None)
    after, whole = kind(X[first], weight[first]).after(X[rest], weight[rest]), kind(X, weight)
    np.testing.assert_allclose(after.center, whole.center, atol=1e-12)
    np.testing.assert_allclose(after.scale, whole.scale)


def test_a_column_with_outliers_stays_as_it_is_after_more_rows():
    before = DenseStandardization(column(1, 2, 3, 4, 5, 6, 7, 1000))
    after = before.after(column(50, 60))
    assert (after.center, after.scale) == (before.center, before.scale)


# ------------------------------------------------------------------------ sparse: scale only


def test_csr_rows_are_scaled_only_and_lack_the_offset(rng):
    X = sparse_numbers(rng) + np.array([0.0, 0, 0, 0, 2.0, 2.0])
    standardization = SparseStandardization(sp.csr_array(X))
    scaled = standardization(sp.csr_array(X))
    assert isinstance(scaled, sp.csr_array)
    assert scaled.nnz == sp.csr_array(X).nnz
    expected = (X - standardization.center) / standardization.scale
    np.testing.assert_allclose(standardization(X), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scaled.toarray() - standardization.offset, expected, atol=1e-5)


def test_rows_of_csr_do_not_have_outliers():
    X = column(1, 2, 3, 4, 5, 6, 7, 1000)
    standardization = SparseStandardization(sp.csr_array(X))
    np.testing.assert_allclose(standardization.center, [128.5])
    np.testing.assert_allclose(standardization.scale, [X.std()])
