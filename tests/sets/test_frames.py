"""Sets as frames of pandas and polars."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from sklearn_setpred.sets import sets_to_arrow, sets_to_frame

Y_SET = np.array([[True, False, True], [False, False, False], [False, True, False]])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_a_pandas_frame_keeps_the_index(make):
    index = pd.Index(["x", "y", "z"], name="who")
    frame = sets_to_frame(make(Y_SET), np.array([10, 20, 30]), like=pd.Series(0, index=index))
    expected = pd.DataFrame(Y_SET, index=index, columns=[10, 20, 30])
    pd.testing.assert_frame_equal(frame, expected, check_column_type=False)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_a_polars_frame_comes_from_polars_rows(make):
    frame = sets_to_frame(make(Y_SET), [10, 20, 30], like=pl.DataFrame({"x": [1, 2, 3]}))
    assert frame.equals(pl.DataFrame(Y_SET, schema=["10", "20", "30"]))


@pytest.mark.parametrize("like", [pd.Series(range(3)), pl.Series(range(3)), np.ones(3), None])
def test_a_column_of_lists_holds_the_labels(like):
    frame = sets_to_frame(Y_SET, ["a", "b", "c"], like=like, columns="lists")
    assert type(frame).__module__.startswith("polars" if isinstance(like, pl.Series) else "pandas")
    assert [list(labels) for labels in frame["labels"]] == [["a", "c"], [], ["b"]]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    ("classes", "of_arrow"),
    [(["a", "b", "c"], pa.string()), ([10, 20, 30], pa.int64()), ([0.5, 1.5, 2.5], pa.float64())],
)
def test_arrow_lists_have_the_type_of_the_labels(make, classes, of_arrow):
    found = sets_to_arrow(make(Y_SET), classes)
    assert found.type == pa.list_(of_arrow)
    assert found.to_pylist() == [[classes[0], classes[2]], [], [classes[1]]]
    none = sets_to_arrow(make(Y_SET)[:0], classes)
    assert (len(none), none.type) == (0, found.type)


def test_arrow_lists_go_through_a_parquet_file(tmp_path):
    table = pa.table({"labels": sets_to_arrow(Y_SET, ["a", "b", "c"])})
    pq.write_table(table, tmp_path / "sets.parquet")
    found = pl.read_parquet(tmp_path / "sets.parquet")
    assert found["labels"].to_list() == [["a", "c"], [], ["b"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"like": [1, 2]}, "like has 2 rows, y_set has 3"),
        ({"columns": "list"}, "did you mean 'lists'"),
        ({"classes": ["a"]}, "y_set has 3 columns"),
    ],
)
def test_frames_refuse_what_does_not_match(arguments, message):
    arguments = {"classes": ["a", "b", "c"]} | arguments
    with pytest.raises(ValueError, match=message):
        sets_to_frame(Y_SET, **arguments)
