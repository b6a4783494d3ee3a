"""Labels find their columns."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array

YEARS = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[s]")
INTEGERS = [np.int64, np.uint64, object]
# NumPy has its own strings from 2.0 on.
STRINGS = np.dtypes.StringDType() if hasattr(np.dtypes, "StringDType") else str


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([2, 0, 7], [0, 1, 2]),
        ([2, 0, 7], [0.0, 1.0, 2.0]),
        (["c", "a", "longer"], ["a", "b", "c"]),
        (np.array(["c", "a", "z"], dtype=object), np.array(["a", "b", "c"])),
        (pd.Series(["c", "a", "z"]), pd.Series(["a", "b", "c"])),
        (pd.Categorical(["c", "a", "z"]), ["a", "b", "c"]),
        (pd.Series([2, 0, 7], dtype="Int64"), [0, 1, 2]),
        (pl.Series(["c", "a", "z"]), pl.Series(["a", "b", "c"])),
        (pd.Index(["c", "a", "z"]), ["a", "b", "c"]),
        (pd.DataFrame({"y": ["c", "a", "z"]}), ["a", "b", "c"]),
        (pl.DataFrame({"y": [2, 0, 7]}), [0, 1, 2]),
        (pa.array(["c", "a", "z"]), pa.chunked_array([["a"], ["b", "c"]])),
        (pa.array(["c", "a", "z"]).dictionary_encode(), ["a", "b", "c"]),
        (np.array(["c", "a", "z"], dtype=STRINGS), ["a", "b", "c"]),
        ([True, False, 7], [False, 5, True]),
        (pd.to_datetime(["2022", "2020", "2023"]), YEARS),
        (np.array(["2022-01-01", "2020-01-01", "2020-01-02"], dtype="M8[D]"), YEARS),
    ],
)
def test_label_indices_of_any_type(labels, classes):
    np.testing.assert_array_equal(label_indices(labels, classes), [2, 0, -1])


@pytest.mark.parametrize("labels", INTEGERS)
@pytest.mark.parametrize("classes", INTEGERS)
def test_large_integers_of_two_types_are_compared_exactly(labels, classes):
    big = 2**60
    labels = np.array([big + 1, big, 7, big + 3], dtype=labels)
    classes = np.array([big, big + 1, big + 2], dtype=classes)
    np.testing.assert_array_equal(label_indices(labels, classes), [1, 0, -1, -1])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([-1]), np.array([2**64 - 1], dtype=np.uint64)),
        (np.array([2**64 - 1], dtype=np.uint64), np.array([-1])),
        (np.array([300]), np.array([44], dtype=np.int8)),
        (np.array([2**60 + 1]), np.array([2.0**60])),
        (np.array([2.0**60]), np.array([2**60 + 1])),
        (np.array([2.5]), np.array([2])),
        (np.array([2]), np.array([True])),
        (np.array([np.inf]), np.array([2**62])),
    ],
)
def test_a_number_that_the_type_of_the_classes_cannot_hold_is_none_of_them(labels, classes):
    assert label_indices(labels, classes).tolist() == [-1]


def test_scalars_of_two_integer_types_stay_exact():
    labels = np.array([np.int64(2**60 + 1), np.uint64(2**60)], dtype=object)
    assert label_indices(labels, [2**60, 2**60 + 1]).tolist() == [1, 0]


def test_dates_are_not_found_among_numbers():
    with pytest.raises(TypeError, match="cannot be compared"):
        label_indices(np.array([0], dtype="M8[D]"), [0])


def test_label_indices_with_classes_in_any_order():
    np.testing.assert_array_equal(label_indices([1, 2, 3], [3, 1]), [1, -1, 0])


def test_label_indices_of_nothing():
    assert label_indices([], [1, 2]).shape == (0,)
    np.testing.assert_array_equal(label_indices([1], []), [-1])


def test_numbers_are_not_found_among_strings():
    with pytest.raises(TypeError, match="cannot be compared"):
        label_indices([1, 2], ["1", "2"])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1.0, np.nan], ValueError, "y_true contains NaN in row 1"),
        (np.array(["a", None], dtype=object), TypeError, "NoneType"),
        (np.array(["a", 1], dtype=object), TypeError, "strings only"),
        (np.array([1, None], dtype=object), TypeError, "NoneType"),
        (pd.Series([1, None], dtype="Int64"), (ValueError, TypeError), "NaN|missing values"),
        ([[1, 2], [2, 1]], ValueError, r"shape \(n_samples,\), got \(2, 2\)"),
        (np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"), ValueError, "NaT in row 1"),
        (np.array([b"a"]), TypeError, "numbers, strings or dates"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        check_label_array(labels, "y_true")
