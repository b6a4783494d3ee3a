"""Standardized columns, the same for arrays and CSR."""

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import mean_variance_axis

# Columns with a smaller share of non-zero entries are sparse.
_SPARSE = 0.1


# Scales of sparse columns that differ from their median by less than this factor count as one.
_ALIKE = 10.0


class Standardization:
    """Shift and scale of the columns, learned at fit, the same for arrays and CSR.

    The scale of a column is the larger of its standard deviation and of the root mean
    square of its non-zero entries about its mean: for dense columns that is the standard
    deviation, and a rare word is not blown up by its many zeros. Sparse columns whose
    scales are alike share their median, so that the weights of words stay what they are.
    CSR rows are scaled only; the shift enters through the bias of the first layer.
    """

    def __init__(self, X, weight=None):
        weight = np.ones(X.shape[0]) if weight is None else np.asarray(weight, dtype=np.float64)
        mean, var = column_moments(X, weight)
        total, filled = weight.sum(), sum(weight[i] @ (X[i] != 0) for i in _blocks(X))
        about_mean = total * var - (total - filled) * mean**2
        filled_spread = np.maximum(about_mean, 0.0) / np.maximum(filled, np.finfo(np.float64).tiny)
        # Constant up to rounding: the scale is one.
        constant = np.sqrt(var) <= len(weight) * np.finfo(np.float64).eps * np.abs(mean)
        spread = np.sqrt(np.maximum(var, filled_spread))
        sparse = ~constant & (filled < _SPARSE * total)
        spread[sparse] = shared_where_alike(spread[sparse])
        self.mean, self.scale = mean, np.where(constant, 1.0, spread)

    @property
    def offset(self):
        """What a scaled CSR row lacks: mean / scale, float32 of shape (d,)."""
        return (self.mean / self.scale).astype(np.float32)

    def __call__(self, X):
        """Give the standardized array, or the scaled CSR array, in float32."""
        if sp.issparse(X):
            X = sp.csr_array(X)
            values = (X.data / self.scale[X.indices]).astype(np.float32)
            return sp.csr_array((values, X.indices, X.indptr), shape=X.shape)
        standardized = np.empty(X.shape, dtype=np.float32)
        for rows in _blocks(X):
            standardized[rows] = (X[rows] - self.mean) / self.scale
        return standardized


def shared_where_alike(scales):
    """Give the median in place of the scales that differ from it by less than a factor."""
    if len(scales) == 0:
        return scales
    median = np.median(scales)
    alike = np.abs(np.log(scales / median)) < np.log(_ALIKE)
    return np.where(alike, median, scales)


def column_moments(X, weight):
    """Give the weighted mean and variance of each column, float64 of shape (d,)."""
    if sp.issparse(X):
        mean, var = mean_variance_axis(sp.csr_array(X, dtype=np.float64), axis=0, weights=weight)
        # Its correction for rounding can turn the variance of a constant column negative.
        return mean, np.maximum(var, 0.0)
    mean = sum(weight[i] @ X[i] for i in _blocks(X)) / weight.sum()
    return mean, sum(weight[i] @ (X[i] - mean) ** 2 for i in _blocks(X)) / weight.sum()


def _blocks(X):
    """Give slices of rows, so that no temporary array is as large as X."""
    return list(gen_batches(X.shape[0], 4096))
