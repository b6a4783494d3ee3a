"""Tables of any kind are read alike: columns, numbers, texts and gaps."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from sklearn_setpred._inner.cells import (
    REACH,
    as_numbers,
    as_table,
    gaps_of,
    kinds_of,
    names_of,
    numbers_of,
    texts,
    within_reach,
)

NUMBERS = np.array([[1.0, np.nan], [np.inf, 4.0]])


@pytest.mark.parametrize("X", [["a", "b"], [[1], [1, 2]], np.zeros((3, 2, 2)), 5])
def test_what_has_no_rows_and_columns_is_no_table(X):
    assert as_table(X) is None
    assert names_of(as_table(X)) == []


@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_frames_have_names_and_others_have_places(library):
    assert names_of(library.DataFrame({"a": [1], "b": [2]})) == ["a", "b"]
    assert names_of(as_table([[1, 2]])) == [0, 1]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([1, 2, 3, 4], "number"),
        ([True, False, True, False], "number"),
        ([Decimal(1), None, 2.5, 1], "number"),
        ([None] * 4, "number"),
        (["a", "b", "a", None], "category"),
        (["a", "b", "c", "d"], None),
        (pd.Categorical([1, 2, 1, 2]), "category"),
        (pd.date_range("2020-01-01", periods=4), None),
        ([[1]] * 4, None),
    ],
)
def test_a_column_holds_numbers_or_few_texts_or_what_is_not_read(column, kind):
    assert kinds_of(pd.DataFrame({"x": column})) == [kind]


@pytest.mark.parametrize(
    "make", [np.asarray, sp.csr_array, pd.DataFrame, pl.DataFrame, lambda X: X.astype(object)]
)
def test_gaps_are_nan_and_infinite_values(make):
    numbers = numbers_of(make(NUMBERS))
    gaps = gaps_of(numbers)
    assert sp.issparse(gaps) == sp.issparse(make(NUMBERS))
    gaps = gaps.toarray() if sp.issparse(gaps) else gaps
    np.testing.assert_array_equal(gaps, ~np.isfinite(NUMBERS))


def test_the_infinite_values_of_the_user_stay():
    X = NUMBERS.copy()
    numbers_of(X)
    np.testing.assert_array_equal(X, NUMBERS)


def test_a_cell_that_holds_no_number_is_a_gap_among_numbers():
    np.testing.assert_array_equal(
        numbers_of(as_table([["1", "?"], [None, 4]])), [[1, np.nan], [np.nan, 4]]
    )
    assert as_numbers([["1", "?"], [None, 4]]) is None


def test_texts_of_cells_are_none_where_one_is_missing():
    assert texts(np.array(["a", None, 1, np.nan], dtype=object)) == ["a", None, "1", None]


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_numbers_beyond_reach_are_clipped_and_others_are_not_copied(make):
    near = make(np.array([[1.0, -2.0], [0.0, 3.0]]))
    assert within_reach(near) is near
    far = within_reach(make(np.array([[1.0, -1e40], [0.0, 1e40]])))
    far = far.toarray() if sp.issparse(far) else far
    np.testing.assert_array_equal(far, [[1.0, -REACH], [0.0, REACH]])
