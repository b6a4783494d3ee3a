"""Reading a table of any kind: its columns, and the numbers, texts and gaps in its cells.

A table is an array, CSR, or a frame of pandas or polars.
"""

from decimal import Decimal
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils import _safe_indexing, check_array

from sklearn_setpred._utils.validation import is_missing

# A column of texts is a category if it has at most so many values, and two rows for each.
MOST_CATEGORIES = 100
# Numbers are clipped to this reach: trees read float32.
REACH = 1e30


def check_numbers(X):
    """Return X as a float array or CSR; raise where it holds text, NaN or infinite values."""
    return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X")


def as_numbers(X):
    """Return X as `check_numbers` does, None where the built-in experts cannot read it."""
    try:
        return check_numbers(X)
    except (TypeError, ValueError):
        return None


# ------------------------------------------------------------------------------------- tables


def is_frame(X):
    """Say whether X is a frame, whose columns have names and types of their own."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def holds_no_columns_of_numbers(X):
    """Say whether X is an array of numbers without columns."""
    is_array = isinstance(X, np.ndarray) and X.dtype.kind in "biuf"
    return is_array and (X.ndim == 1 or X.shape[1] == 0)


def as_table(X):
    """Return X if it has rows and columns, a list of rows as an array; None for anything else."""
    if sp.issparse(X) or is_frame(X):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # rows of several lengths
        return None
    return array if array.ndim == 2 else None


def names_of(X):
    """Return the names of the columns, or their places."""
    if X is None:
        return []
    return list(X.columns) if is_frame(X) else list(range(X.shape[1]))


def column_of(X, j):
    """Return a column of a frame or an array."""
    return _safe_indexing(X, j, axis=1)


def some_columns(X, places):
    """Return some columns, X itself if it is all of them."""
    return X if len(places) == X.shape[1] else _safe_indexing(X, places, axis=1)


def kinds_of(X):
    """Return how each column can be read: "number", "category" or None."""
    if sp.issparse(X) or (not is_frame(X) and X.dtype.kind in "biuf"):
        return ["number"] * X.shape[1]
    return [_kind(column_of(X, j)) for j in range(X.shape[1])]


def _kind(column):
    """Return how a column can be read."""
    cells = np.asarray(column)
    is_category = str(column.dtype).lower().startswith(("category", "categorical", "enum"))
    if not is_category and cells.dtype.kind in "biuf":
        return "number"
    if cells.dtype.kind not in "biufOUT":
        return None
    values = [cell for cell in cells.tolist() if not is_missing(cell)]
    if not is_category and all(isinstance(value, (Real, Decimal)) for value in values):
        return "number"
    if not is_category and not all(isinstance(value, (str, Real)) for value in values):
        return None
    n_different = len(set(map(str, values)))
    return "category" if n_different <= min(MOST_CATEGORIES, len(cells) / 2) else None


# -------------------------------------------------------------------------------------- cells


def texts(cells):
    """Return cells as texts, None where one is missing."""
    return [None if is_missing(cell) else str(cell) for cell in cells.tolist()]


def numbers_of(X):
    """Return a table as a float array or CSR; NaN where there is a gap, or an infinite value."""
    numbers = _floats(X)
    values = numbers.data if sp.issparse(numbers) else numbers
    is_infinite = np.isinf(values)
    if is_infinite.any():
        numbers = numbers.copy()
        (numbers.data if sp.issparse(numbers) else numbers)[is_infinite] = np.nan
    return numbers


def _floats(X):
    """Return a table as a float array or CSR, NaN for cells that hold no number."""
    try:
        return check_array(
            X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=False
        )
    except (TypeError, ValueError):
        columns = (np.asarray(column_of(X, j)).tolist() for j in range(X.shape[1]))
        return np.array([[_float(cell) for cell in column] for column in columns]).T


def _float(cell):
    """Return a cell as a float, NaN if it holds no number."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def within_reach(numbers):
    """Return numbers, clipped where they are too large for float32."""
    values = numbers.data if sp.issparse(numbers) else numbers
    if values.size == 0 or max(-values.min(), values.max()) <= REACH:
        return numbers
    if not sp.issparse(numbers):
        return np.clip(numbers, -REACH, REACH)
    pieces = np.clip(values, -REACH, REACH), numbers.indices, numbers.indptr
    return sp.csr_array(pieces, shape=numbers.shape)


def gaps_of(numbers):
    """Return which cells are NaN; CSR for CSR."""
    if not sp.issparse(numbers):
        return np.isnan(numbers)
    return sp.csr_array(
        (np.isnan(numbers.data), numbers.indices, numbers.indptr), shape=numbers.shape
    )
