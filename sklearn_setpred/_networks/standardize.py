"""Standardization of the columns, learned at fit: robust for dense rows, scale only for CSR."""

from copy import copy
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import mean_variance_axis

# Columns with a smaller fraction of non-zero entries are sparse.
_SPARSE = 0.1
# Scales of sparse columns that differ from their median by less than this factor count as one.
_ALIKE = 10.0
# The interquartile range of a normal distribution, in standard deviations.
_IQR_OF_NORMAL = 1.349
# A column has outliers if its standard deviation is so many times that of a normal distribution
# with the same quartiles.
_OUTLIERS = 3.0
# Standardized values are clipped smoothly to this range.
LARGEST = 8.0
# Quartiles are read off so many rows at most, at equal distances.
_ROWS_FOR_QUARTILES = 20_000


def standardization_of(X, weight=None, *, reads_csr=True):
    """Return the standardization that suits the rows and their weights.

    CSR rows are only scaled, if the module reads CSR; all other rows are standardized as dense.
    """
    is_sparse = sp.issparse(X) and reads_csr
    return (SparseStandardization if is_sparse else DenseStandardization)(X, weight)


class Standardization:
    """What both kinds share: a subclass sets center and scale in ``_learn``."""

    def after(self, X, weight=None):
        """Return the standardization by these rows and by those before."""
        later = copy(self)
        later._learn(self.seen.joined(Moments.of(X, _weights(X, weight))))
        return later


class SparseStandardization(Standardization):
    """Scale of the columns of CSR rows; arrays with the same columns are shifted too.

    The scale of a column is the larger of its standard deviation and of the root mean
    square of its non-zero entries about its mean: for dense columns that is the standard
    deviation, and a rare word is not blown up by its many zeros. Sparse columns whose
    scales are alike share their median, so that the weights of words stay what they are.
    CSR rows are scaled only; the shift enters through the bias of the first layer.

    Attributes
    ----------
    center, scale : ndarray of shape (n_features,), float64
    """

    def __init__(self, X, weight=None):
        self._learn(Moments.of(X, _weights(X, weight)))

    def _learn(self, seen):
        """Set center and scale by the moments of the rows seen."""
        self.seen, self.center, self.scale = seen, seen.mean, seen.scale

    @property
    def offset(self):
        """What a scaled CSR row lacks: center / scale, float32 of shape (n_features,)."""
        return (self.center / self.scale).astype(np.float32)

    def __call__(self, X):
        """Return the standardized array, or the scaled CSR array, in float32."""
        if sp.issparse(X):
            X = sp.csr_array(X)
            values = _finite32(X.data / self.scale[X.indices])
            return sp.csr_array((values, X.indices, X.indptr), shape=X.shape)
        return _by_blocks(X, lambda rows: (rows - self.center) / self.scale)


class DenseStandardization(Standardization):
    """Center and scale of the columns, then a smooth clip [1]_: ``z / sqrt(1 + (z / 8)^2)``.

    Columns are centered and scaled as by `SparseStandardization`. A column with outliers is
    centered at its median and scaled by its interquartile range instead: its standard deviation
    is more than three times that of a normal distribution with the same quartiles; it keeps its
    center and scale when more rows come. CSR rows are made dense.

    Attributes
    ----------
    center, scale : ndarray of shape (n_features,), float64

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024.
    """

    def __init__(self, X, weight=None):
        weight = _weights(X, weight)
        seen = Moments.of(X, weight)
        lower, median, upper = quartiles(X, weight)
        robust = (upper - lower) / _IQR_OF_NORMAL
        self.has_outliers = (robust > 0) & (_OUTLIERS * robust < seen.scale)
        self.center, self.scale = median, robust
        self._learn(seen)

    def _learn(self, seen):
        self.seen = seen
        self.center = np.where(self.has_outliers, self.center, seen.mean)
        self.scale = np.where(self.has_outliers, self.scale, seen.scale)

    @property
    def offset(self):
        """Zeros: no row enters as CSR, float32 of shape (n_features,)."""
        return np.zeros(len(self.center), dtype=np.float32)

    def __call__(self, X):
        """Return the standardized array in float32."""

        def clipped(rows):
            z = (rows - self.center) / self.scale
            return z / np.hypot(1.0, z / LARGEST)

        return _by_blocks(X, clipped)


@dataclass(frozen=True)
class Moments:
    """Number and weight of rows; mean, variance and weight of non-zeros of each column."""

    n: int
    total: float
    mean: np.ndarray
    var: np.ndarray
    filled: np.ndarray

    @classmethod
    def of(cls, X, weight):
        """Return the moments of rows; raise ValueError where numbers are too large for them."""
        filled = sum(weight[i] @ (X[i] != 0) for i in _blocks(X))
        with np.errstate(over="ignore", invalid="ignore"):
            mean, var = column_moments(X, weight)
        too_large = np.flatnonzero(~np.isfinite(var))
        if len(too_large):
            raise ValueError(
                f"X holds numbers in the columns {too_large[:5].tolist()} whose squares overflow, "
                "beyond 1e150; divide them, or look at these rows."
            )
        return cls(len(weight), weight.sum(), mean, var, filled)

    def joined(self, other):
        """Return the moments of these rows and of others."""
        total = self.total + other.total
        own, fraction, shift = self.total / total, other.total / total, other.mean - self.mean
        return Moments(
            self.n + other.n,
            total,
            self.mean + fraction * shift,
            own * self.var + fraction * other.var + own * fraction * shift**2,
            self.filled + other.filled,
        )

    @property
    def scale(self):
        """The scale of each column, as `SparseStandardization` defines it."""
        about_mean = self.total * self.var - (self.total - self.filled) * self.mean**2
        filled = np.maximum(self.filled, np.finfo(np.float64).tiny)
        spread = np.sqrt(np.maximum(self.var, np.maximum(about_mean, 0.0) / filled))
        # Constant up to rounding: the scale is one.
        rounding = self.n * np.finfo(np.float64).eps * np.abs(self.mean)
        constant = np.sqrt(self.var) <= rounding
        sparse = ~constant & (self.filled < _SPARSE * self.total)
        spread[sparse] = shared_where_alike(spread[sparse])
        return np.where(constant, 1.0, spread)


def shared_where_alike(scales):
    """Return the median in place of the scales that differ from it by less than a factor."""
    if len(scales) == 0:
        return scales
    median = np.median(scales)
    alike = np.abs(np.log(scales / median)) < np.log(_ALIKE)
    return np.where(alike, median, scales)


def column_moments(X, weight):
    """Return the weighted mean and variance of each column, float64 of shape (d,)."""
    if sp.issparse(X):
        mean, var = mean_variance_axis(sp.csr_array(X, dtype=np.float64), axis=0, weights=weight)
        # Its correction for rounding can turn the variance of a constant column negative.
        return mean, np.maximum(var, 0.0)
    mean = sum(weight[i] @ X[i] for i in _blocks(X)) / weight.sum()
    return mean, sum(weight[i] @ (X[i] - mean) ** 2 for i in _blocks(X)) / weight.sum()


def quartiles(X, weight):
    """Return the weighted quartiles of each column, three arrays of shape (d,)."""
    step = -(-X.shape[0] // _ROWS_FOR_QUARTILES)
    X, weight = _dense(X[::step]), weight[::step]
    targets = np.array([0.25, 0.5, 0.75]) * weight.sum()
    order = np.argsort(X, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0)
    places = (np.count_nonzero(reached < target * (1 - 1e-12), axis=0) for target in targets)
    columns = np.arange(X.shape[1])
    return [X[order[place, columns], columns] for place in places]


def _weights(X, weight):
    """Return the rows' weights as float64, ones where there are none."""
    return np.ones(X.shape[0]) if weight is None else np.asarray(weight, dtype=np.float64)


def _dense(X):
    """Return rows as an array."""
    return X.toarray() if sp.issparse(X) else X


def _by_blocks(X, function):
    """Return a function of the rows as float32, made by blocks of rows."""
    standardized = np.empty(X.shape, dtype=np.float32)
    for rows in _blocks(X):
        standardized[rows] = _finite32(function(_dense(X[rows])))
    return standardized


def _finite32(values):
    """Return values as float32, huge ones at 1e15, whose square a layer can still take."""
    return np.clip(values, -1e15, 1e15).astype(np.float32)


def _blocks(X):
    """Return slices of rows, so that no temporary array is as large as X."""
    return list(gen_batches(X.shape[0], 4096))
