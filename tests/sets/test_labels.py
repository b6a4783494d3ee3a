"""Labels find their columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array


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
    ],
)
def test_label_indices_of_any_type(labels, classes):
    np.testing.assert_array_equal(label_indices(labels, classes), [2, 0, -1])


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
        ([[1], [2]], ValueError, r"shape \(n_samples,\)"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), TypeError, "numbers or strings"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        check_label_array(labels, "y_true")
