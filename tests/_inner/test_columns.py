"""What the built-in experts read of X: numbers, gaps, categories."""

import pickle
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import skops.io

from sklearn_setpred._inner.columns import fit_reader

NUMBERS = np.random.default_rng(0).normal(size=(40, 3))
GAPS = np.where(np.arange(120).reshape(40, 3) % 17 == 0, np.nan, NUMBERS)
KIND = np.array(["left", "right", None, "up"], dtype=object)[np.arange(40) % 4]
NAMES = ["left", "right", "up"]
COMPLETE_KIND = np.array(["left", "right"], dtype=object)[np.arange(40) % 2]


def frame(library=pd, **columns):
    """Return a frame of two numeric columns and others."""
    return library.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1], **columns})


def dense(numbers):
    """Return numbers as a dense array."""
    return numbers.toarray() if sp.issparse(numbers) else numbers


# ---------------------------------------------------------------------------- complete numbers


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_complete_numbers_come_through_without_a_copy(container, dtype):
    X = container(NUMBERS.astype(dtype))
    assert fit_reader(X)(X) is X
    later = container(NUMBERS[:5].astype(dtype))
    assert fit_reader(X)(later) is later


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        pl.DataFrame,
        np.ndarray.tolist,
        sp.csc_array,
        lambda X: pd.DataFrame(X).astype("Float64"),
        lambda X: pd.DataFrame(X).convert_dtypes(dtype_backend="pyarrow"),
        lambda X: X.astype(object),
        lambda X: pd.DataFrame(X.astype(object)),
    ],
)
def test_the_container_of_the_numbers_does_not_matter(make):
    np.testing.assert_array_equal(dense(fit_reader(make(NUMBERS))(make(NUMBERS))), NUMBERS)


def test_integers_and_booleans_are_numbers():
    X = pd.DataFrame({"n": np.arange(40), "yes": np.arange(40) % 2 == 0, "d": [Decimal(3)] * 40})
    expected = np.column_stack([np.arange(40), np.arange(40) % 2 == 0, np.full(40, 3)])
    np.testing.assert_array_equal(fit_reader(X)(X), expected)


# ---------------------------------------------------------------------------------------- gaps


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        pd.DataFrame,
        lambda X: pl.DataFrame(X, nan_to_null=True),
        lambda X: pd.DataFrame(X).astype("Float64"),
        lambda X: pd.DataFrame(X).convert_dtypes(dtype_backend="pyarrow"),
        lambda X: np.where(np.isnan(X), np.inf, X),
        lambda X: np.where(np.isnan(X), None, X),
        lambda X: pd.DataFrame(np.where(np.isnan(X), None, X)),
    ],
)
def test_gaps_in_training_become_the_median_and_are_marked(make):
    found = fit_reader(make(GAPS))(make(GAPS))
    medians = np.nanmedian(GAPS, axis=0)
    np.testing.assert_allclose(found[:, :3], np.where(np.isnan(GAPS), medians, GAPS))
    np.testing.assert_array_equal(found[:, 3:], np.isnan(GAPS))
    # A later row without gaps has no marks, and one of marks only is read.
    later = fit_reader(make(GAPS))(make(np.vstack([NUMBERS[:1], np.full((1, 3), np.nan)])))
    np.testing.assert_allclose(later, [[*NUMBERS[0], 0, 0, 0], [*medians, 1, 1, 1]])


def test_a_column_of_gaps_only_keeps_its_place():
    X = np.column_stack([NUMBERS, np.full(40, np.nan)])
    np.testing.assert_array_equal(fit_reader(X)(X), np.column_stack([NUMBERS, [[0, 1]] * 40]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_gaps_of_sparse_rows_become_zero(value):
    X = sp.csr_array(np.where(np.isnan(GAPS), value, np.where(NUMBERS > 0, NUMBERS, 0)))
    found = fit_reader(X)(X)
    assert found.format == "csr"
    expected = np.where(np.isnan(GAPS) | (NUMBERS <= 0), 0, NUMBERS)
    np.testing.assert_array_equal(found.toarray()[:, :3], expected)
    np.testing.assert_array_equal(found.toarray()[:, 3:], np.isnan(GAPS))
    complete = sp.csr_array(np.where(NUMBERS > 0, NUMBERS, 0))
    np.testing.assert_array_equal(fit_reader(complete)(X).toarray(), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, "?", pd.NA])
def test_a_cell_that_cannot_be_read_later_becomes_the_median_and_is_told(bad):
    reader = fit_reader(frame())
    X = frame().astype(object)
    X.iloc[5, 0] = X.iloc[7, 0] = X.iloc[7, 1] = bad
    found = reader(X)
    np.testing.assert_allclose(found[[5, 7], 0], np.median(NUMBERS[:, 0]))
    np.testing.assert_array_equal(np.delete(found, [5, 7], 0), np.delete(NUMBERS[:, :2], [5, 7], 0))
    with pytest.warns(UserWarning, match="no value that can be read in 3 cells of 2 rows") as told:
        reader.warn_of_gaps(X)
    assert len(told) == 1


def test_gaps_that_training_rows_had_too_and_complete_rows_are_not_told():
    one = NUMBERS.copy()
    one[3, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_reader(NUMBERS).warn_of_gaps(NUMBERS)
        fit_reader(GAPS).warn_of_gaps(GAPS)
        fit_reader(one).warn_of_gaps(one)
    two = one.copy()
    two[4, 2] = np.nan
    with pytest.warns(UserWarning, match="in 1 cells of 1 rows"):
        fit_reader(one).warn_of_gaps(two)
    with pytest.warns(UserWarning, match="in 2 cells of 2 rows"):
        fit_reader(sp.csr_array(NUMBERS)).warn_of_gaps(sp.csr_array(two))


def test_medians_of_many_complete_rows_are_those_of_some():
    X = np.arange(5000.0)[:, None]
    found = fit_reader(X)(np.array([[np.nan]]))
    assert abs(found[0, 0] - 2500) < 10


# ---------------------------------------------------------------------------------- categories


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: frame(kind=kind),
        lambda kind: frame(kind=pd.Categorical(kind)),
        lambda kind: frame(kind=pd.array(kind, dtype="string")),
        lambda kind: frame(pl, kind=kind.tolist()),
        lambda kind: frame(pl, kind=pl.Series(kind.tolist(), dtype=pl.Categorical)),
        lambda kind: frame(
            pl, kind=pl.Series(kind.tolist(), dtype=pl.Enum(["left", "right", "up"]))
        ),
        lambda kind: np.column_stack([NUMBERS[:, :2].astype(object), kind]),
    ],
)
def test_texts_and_categories_are_one_hot_encoded(make):
    X = make(KIND)
    columns = [KIND == "left", KIND == "right", KIND == "up", KIND == None]  # noqa: E711
    expected = np.column_stack([NUMBERS[:, :2], *columns])
    np.testing.assert_array_equal(fit_reader(X)(X), expected)


def test_numbers_as_categories_are_categories_and_columns_of_texts_alone_are_read():
    X = pd.DataFrame({"code": pd.Categorical(np.arange(40) % 3), "kind": COMPLETE_KIND})
    found = fit_reader(X)(X)
    assert found.shape == (40, 5)
    np.testing.assert_array_equal(found.sum(axis=1), 2)


def test_unknown_categories_are_ignored_and_missing_ones_told():
    reader = fit_reader(frame(kind=COMPLETE_KIND))
    later = frame(kind=np.where(np.arange(40) < 3, "never seen", COMPLETE_KIND))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.warn_of_gaps(later)
    np.testing.assert_array_equal(reader(later)[:, 2:].sum(axis=1), np.arange(40) >= 3)
    with pytest.warns(UserWarning, match="in 10 cells of 10 rows"):
        reader.warn_of_gaps(frame(kind=KIND))


def test_many_categories_make_sparse_rows():
    X = frame(x=np.array([f"{i % 20}" for i in range(40)]), y=[f"{i // 2}" for i in range(40)])
    assert isinstance(fit_reader(X)(X), np.ndarray)
    columns = {f"c{j}": [f"{i % 80}" for i in range(200)] for j in range(4)}
    wide = pd.DataFrame({"a": np.arange(200.0), **columns})
    found = fit_reader(wide)(wide)
    assert found.format == "csr"
    assert found.shape == (200, 321)


@pytest.mark.parametrize(
    ("column", "n_read"),
    [
        ([f"text {i}" for i in range(40)], 2),
        (pd.date_range("2020-01-01", periods=40), 2),
        ([[1]] * 40, 2),
        (np.full(40, 1j), 2),
    ],
)
def test_columns_that_cannot_be_read_are_left_out_and_named(column, n_read):
    X = frame(odd=column)
    with pytest.warns(UserWarning, match=r"do not read the columns \['odd'\].* Encode the rest"):
        reader = fit_reader(X)
    np.testing.assert_array_equal(reader(X), NUMBERS[:, :n_read])


@pytest.mark.parametrize(
    "X",
    [
        [f"text {i}" for i in range(40)],
        np.array(["a", "b"]),
        [[1], [1, 2]],
        np.zeros((3, 2, 2)),
        pd.DataFrame({"text": [f"text {i}" for i in range(40)]}),
        pd.Series(["a", "b"]),
        [{"a": 1}],
    ],
    ids=["list of texts", "array of texts", "ragged", "3-D", "frame of texts", "series", "dicts"],
)
def test_what_has_no_columns_to_read_has_no_reader(X):
    with pytest.warns(UserWarning, match="The built-in experts do not read") as told:
        assert fit_reader(X) is None
    assert len(told) == 1


def test_columns_that_lie_beyond_what_is_read_are_told():
    with pytest.warns(UserWarning, match=r"The columns \[0, .* hold values beyond 1e\+30"):
        fit_reader((np.abs(NUMBERS) + 1) * 1e40)


# --------------------------------------------------------------------- order, errors and files


@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_frames_are_found_by_name(library):
    X = frame(library, kind=COMPLETE_KIND.tolist())
    shuffled = X[["kind", "b", "a"]]
    np.testing.assert_array_equal(fit_reader(X)(shuffled), fit_reader(X)(X))
    with pytest.raises(ValueError, match=r"X lacks the columns \['b'\]"):
        fit_reader(X)(X[["a", "kind"]])


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="X has 2 features, but CardinalityAwareClassifier is"):
        fit_reader(NUMBERS)(NUMBERS[:, :2])
    with pytest.raises(ValueError, match="X has no features"):
        fit_reader(NUMBERS)(["text"])


@pytest.mark.parametrize("X", [NUMBERS, GAPS, frame(kind=KIND), sp.csr_array(GAPS)])
def test_readers_are_kept_in_files(X):
    reader = fit_reader(X)
    data = skops.io.dumps(reader)
    trusted = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("sklearn_setpred") for name in trusted)
    for again in (pickle.loads(pickle.dumps(reader)), skops.io.loads(data, trusted=trusted)):
        np.testing.assert_array_equal(dense(again(X)), dense(reader(X)))


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("make_later", [np.asarray, sp.csr_array])
def test_later_rows_are_csr_where_the_first_ones_were(make, make_later):
    later = fit_reader(make(NUMBERS))(make_later(NUMBERS[:3]))
    assert isinstance(later, type(make(NUMBERS)))
    np.testing.assert_array_equal(dense(later), NUMBERS[:3])
