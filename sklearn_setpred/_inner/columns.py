"""Reading the columns of X for the built-in experts.

``reader = fit_reader(X)`` learns how to make numbers of the columns, and ``reader(X)`` makes them.
"""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import _check_feature_names, _check_n_features

from sklearn_setpred._inner.cells import (
    MOST_CATEGORIES,
    REACH,
    as_numbers,
    as_table,
    check_numbers,
    column_of,
    gaps_of,
    holds_no_columns_of_numbers,
    is_frame,
    kinds_of,
    names_of,
    numbers_of,
    some_columns,
    texts,
    within_reach,
)
from sklearn_setpred._utils.warn import warn_user

# Where nothing is missing, medians are taken over about so many rows.
_ROWS_OF_MEDIANS = 1000
# One-hot columns become CSR where so few of all cells are not zero.
_SPARSE_BELOW = 0.05


def note_of_texts(X):
    """Return which columns of X are no numbers, and what can be done, as a sentence."""
    X = as_table(X)
    others = [name for name, kind in zip(names_of(X), kinds_of(X), strict=True) if kind != "number"]
    return (
        f"The columns {others[:5]} hold texts or categories; encode them before, as OneHotEncoder "
        "in a pipeline does. CardinalityAwareClassifier() reads categories as they are."
    )


def fit_reader(X):
    """Return a reader of the columns of X, which later rows share; None if no column can be read.

    Numbers are read as they are. Gaps (NaN, None, infinite values) become the median of their
    column, zero in CSR; a column with gaps in X gets a second one that marks them. Columns of
    texts, and categories of frames, are one-hot encoded.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Array, CSR, or a frame of pandas or polars.

    Returns
    -------
    ColumnReader or None

    Warns
    -----
    UserWarning
        For columns that are not read: dates, texts with many values, anything without columns.
    """
    if holds_no_columns_of_numbers(X):
        return None  # no classifier takes it
    X = as_table(X)
    kinds = [] if X is None else kinds_of(X)
    unread = [name for name, kind in zip(names_of(X), kinds, strict=True) if kind is None]
    if unread or not kinds:
        what = f"the columns {unread[:5]}" if unread else "X, which has no columns,"
        warn_user(
            f"The built-in experts do not read {what}: they read numbers, and texts of up to "
            f"{MOST_CATEGORIES} values as categories. Encode the rest as numbers before this "
            "estimator, as TfidfVectorizer and TargetEncoder do.",
        )
    return None if len(unread) == len(kinds) else ColumnReader(X, kinds)


class Columns(BaseEstimator):
    """The columns of X as the built-in experts read them, and the checks that scikit-learn makes.

    Parameters
    ----------
    alone : bool
        Whether no other estimator reads X and checks it: then something has to be read, and the
        names of the columns are checked too.

    Attributes
    ----------
    reader_ : ColumnReader or None
    n_features_in_ : int
        Only where no other estimator reads X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Likewise, and only where X has names.
    """

    def __init__(self, alone=True):
        self.alone = alone

    def fit(self, X):
        """Learn the columns; raise ValueError if none can be read and nothing else reads X."""
        if self.alone:
            self._check(X, self, reset=True)
        self.reader_ = fit_reader(X)
        if self.reader_ is None and self.alone:
            check_numbers(X)
            raise ValueError(
                "The built-in experts can read no column of X; make numbers of them, or give an "
                "estimator that reads X."
            )
        return self

    def __call__(self, X, estimator=None):
        """Return the numbers of `ColumnReader`; None where the experts cannot read X.

        The checks of scikit-learn name ``estimator`` in their errors; it knows the same columns.
        """
        if self.reader_ is None:
            return None
        self._check(X, estimator or self)
        return self.reader_(X)

    def warn_of_gaps(self, X, estimator):
        """Warn of cells without a value, as `ColumnReader` does."""
        if self.reader_ is not None:
            self._check(X, estimator)
            self.reader_.warn_of_gaps(X)

    def _check(self, X, estimator, reset=False):
        """Raise unless X has columns, the ones of the fit."""
        if as_table(X) is None:
            check_numbers(X)
        if self.alone:
            _check_feature_names(estimator, X, reset=reset)
            _check_n_features(estimator, X, reset=reset)


class ColumnReader:
    """Makes numbers of the columns of X, as learned from the rows that it is made with.

    Parameters
    ----------
    X : ndarray, CSR or frame of shape (n_samples, n_features)
    kinds : list of {"number", "category", None}
        How each column is read.
    """

    def __init__(self, X, kinds):
        self.names = list(X.columns) if is_frame(X) else None
        self.n_columns = len(kinds)
        self.numeric = [j for j, kind in enumerate(kinds) if kind == "number"]
        self.categorical = [j for j, kind in enumerate(kinds) if kind == "category"]
        if self.numeric:
            self._learn_gaps(numbers_of(some_columns(X, self.numeric)))
            self._warn_of_far_columns(names_of(X))
        self.encoder = self._fit_encoder(self._categories(X)) if self.categorical else None
        self.is_sparse = sp.issparse(X) or bool(self.categorical and self.encoder.sparse_output)

    def _learn_gaps(self, numbers):
        """Learn which columns have gaps, and medians; without gaps, from some of the rows."""
        self.had_gaps = np.asarray(gaps_of(numbers).sum(axis=0) > 0).ravel()
        self.medians = np.zeros(numbers.shape[1])
        if not sp.issparse(numbers):
            step = 1 if self.had_gaps.any() else -(-len(numbers) // _ROWS_OF_MEDIANS)
            imputer = SimpleImputer(strategy="median", keep_empty_features=True)
            self.medians = imputer.fit(numbers[::step]).statistics_

    def _warn_of_far_columns(self, names):
        """Warn of columns whose values are clipped to one and the same number."""
        far = [names[self.numeric[j]] for j in np.flatnonzero(np.abs(self.medians) > REACH)]
        if far:
            warn_user(
                f"The columns {far[:5]} hold values beyond {REACH:g}, which the built-in networks "
                "and trees read as if they were at it; divide them before."
            )

    def _fit_encoder(self, categories):
        """Return the fitted encoder of categories; its output is CSR where most cells are zero."""
        encoder = OneHotEncoder(handle_unknown="ignore").fit(categories)
        n_columns = sum(map(len, encoder.categories_))
        filled = len(self.numeric) + len(self.categorical)
        is_sparse = filled < _SPARSE_BELOW * (len(self.numeric) + n_columns)
        return encoder.set_params(sparse_output=is_sparse)

    def __call__(self, X):
        """Return the numbers that the built-in experts read.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Columns of a frame are found by name, others by place.

        Returns
        -------
        ndarray or csr_array of shape (n_samples, n_numbers), float64 or float32
            CSR for all rows or for none, as for the rows that it is made with. X itself, where it
            is a float array or CSR without gaps.

        Raises
        ------
        ValueError
            If columns are missing.
        """
        X = self._checked(X)
        parts = []
        if self.numeric:
            parts.append(within_reach(self._filled(some_columns(X, self.numeric))))
        if self.categorical:
            parts.append(self.encoder.transform(self._categories(X)))
        numbers = parts[0]
        if len(parts) > 1:
            is_sparse = any(map(sp.issparse, parts))
            numbers = sp.csr_array(sp.hstack(parts)) if is_sparse else np.hstack(parts)
        if sp.issparse(numbers) == self.is_sparse:
            return numbers
        return sp.csr_array(numbers) if self.is_sparse else numbers.toarray()

    def _filled(self, X):
        """Return columns of numbers without gaps; those that never had any as they are."""
        complete = None if self.had_gaps.any() else as_numbers(X)
        if complete is not None:
            return complete
        numbers = numbers_of(X)
        gaps = gaps_of(numbers)
        marks = gaps[:, self.had_gaps].astype(numbers.dtype)
        if not sp.issparse(numbers):
            filled = np.where(gaps, self.medians.astype(numbers.dtype), numbers)
            return np.hstack([filled, marks])
        filled = numbers.copy()
        filled.data[np.isnan(filled.data)] = 0.0
        return sp.csr_array(sp.hstack([filled, marks], format="csr"))

    def warn_of_gaps(self, X):
        """Warn once of cells without a value, in columns that had one in every row at fit."""
        X = self._checked(X)
        gaps = []
        if self.numeric:
            X_numeric = some_columns(X, self.numeric)
            if as_numbers(X_numeric) is None:
                gaps.append(gaps_of(numbers_of(X_numeric))[:, ~self.had_gaps])
        if self.categorical:
            never = [None not in known.tolist() for known in self.encoder.categories_]
            gaps.append(np.equal(self._categories(X), None)[:, never])
        n_cells = sum(int(gap.sum()) for gap in gaps)
        if n_cells == 0:
            return
        rows = np.any([np.asarray(gap.sum(axis=1)).ravel() > 0 for gap in gaps], axis=0)
        warn_user(
            f"X has no value that can be read in {n_cells} cells of {np.count_nonzero(rows)} rows, "
            "in columns that were complete when fitted; the built-in experts read the median of "
            "the column there, or no category.",
        )

    def _checked(self, X):
        """Return X as a table, its columns in the order of the fit; raise if some are missing."""
        X = as_table(X)
        if X is not None and self.names is not None and is_frame(X):
            missing = [name for name in self.names if name not in list(X.columns)]
            if missing:
                raise ValueError(f"X lacks the columns {missing}, which it had when fitted.")
            return X if list(X.columns) == self.names else X[self.names]
        if X is None or X.shape[1] != self.n_columns:
            n = "no" if X is None else X.shape[1]
            raise ValueError(
                f"X has {n} features, but CardinalityAwareClassifier is expecting "
                f"{self.n_columns} features as input."
            )
        return X

    def _categories(self, X):
        """Return the columns of categories as texts in an object array, with None for gaps."""
        columns = [np.asarray(column_of(X, j)) for j in self.categorical]
        return np.array([texts(cells) for cells in columns], dtype=object).T
