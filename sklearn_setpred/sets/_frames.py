"""From sets to data frames; pandas and polars are imported only when a frame is made."""

from typing import Any

import numpy as np
from scipy import sparse

from sklearn_setpred._utils.types import ArrayLike, SetsLike
from sklearn_setpred._utils.validation import check_option
from sklearn_setpred.sets._sets import check_columns, check_y_set, sets_to_labels


def sets_to_frame(
    y_set: SetsLike, classes: ArrayLike, *, like: Any = None, columns: str = "classes"
) -> Any:
    """Return the sets as a data frame.

    Parameters
    ----------
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,)
        The label of each column.
    like : frame or series with n rows, default=None
        The rows that the sets were predicted for. For polars rows a polars frame is returned, for
        pandas rows a pandas frame with their index, otherwise a pandas frame with the default
        index.
    columns : {"classes", "lists"}, default="classes"
        One boolean column per class, or one column ``labels`` of lists, in pandas of objects.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame with n rows
        polars names columns by strings: a label of another type is written as one.

    Raises
    ------
    ValueError
        If there is not one class per column, or `like` has another number of rows.
    ModuleNotFoundError
        If `like` asks for no library and pandas is not installed.

    Notes
    -----
    Boolean columns are dense, also for CSR sets; for many classes take lists.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_setpred.sets import sets_to_frame
    >>> y_set = [[False, True, True], [True, False, False]]
    >>> X = pd.DataFrame({"size": [3, 4]}, index=["Rex", "Tom"])
    >>> sets_to_frame(y_set, ["cat", "dog", "emu"], like=X)
           cat    dog    emu
    Rex  False   True   True
    Tom   True  False  False
    >>> sets_to_frame(y_set, ["cat", "dog", "emu"], like=X, columns="lists")
             labels
    Rex  [dog, emu]
    Tom       [cat]
    """
    check_option("columns", columns, ["classes", "lists"])
    y_set = check_y_set(y_set)
    classes = check_columns(classes, y_set)
    if like is not None and np.shape(like)[0] != y_set.shape[0]:
        raise ValueError(f"like has {np.shape(like)[0]} rows, y_set has {y_set.shape[0]}.")
    values = (_list_column if columns == "lists" else _boolean_columns)(y_set, classes)
    library = type(like).__module__.partition(".")[0]
    if library == "polars":
        import polars as pl

        return pl.DataFrame({str(name): column for name, column in values.items()})
    import pandas as pd

    return pd.DataFrame(values, index=like.index if library == "pandas" else None)


def sets_to_arrow(y_set: SetsLike, classes: ArrayLike) -> Any:
    """Return the sets as an Arrow array of lists, without a Python object for any label.

    Parameters
    ----------
    y_set : array-like or sparse array of shape (n, K), bool
        The sets.
    classes : array-like of shape (K,)
        The label of each column.

    Returns
    -------
    pyarrow.ListArray of length n
        The labels of each row in the order of the columns, of the Arrow type that ``classes``
        have: a column of a Parquet file or a polars frame. Its type is what Dask needs to write
        the lists of :func:`sets_to_frame`.

    Raises
    ------
    ValueError
        If there is not one class per column.
    ModuleNotFoundError
        If pyarrow is not installed.

    Examples
    --------
    >>> from sklearn_setpred.sets import sets_to_arrow
    >>> y_set = [[False, True, True], [True, False, False]]
    >>> sets_to_arrow(y_set, ["cat", "dog", "emu"]).to_pylist()
    [['dog', 'emu'], ['cat']]
    """
    import pyarrow as pa

    y_set = check_y_set(y_set)
    classes = check_columns(classes, y_set)
    rows = sparse.csr_array(y_set)
    rows.sort_indices()
    labels = pa.array(classes).take(pa.array(rows.indices))
    return pa.ListArray.from_arrays(pa.array(rows.indptr, pa.int32()), labels)


def _boolean_columns(y_set, classes):
    """Return one boolean column for each class."""
    dense = y_set.toarray() if sparse.issparse(y_set) else y_set
    return dict(zip(classes.tolist(), dense.T, strict=True))


def _list_column(y_set, classes):
    """Return one column of lists of labels."""
    return {"labels": [labels.tolist() for labels in sets_to_labels(y_set, classes)]}
