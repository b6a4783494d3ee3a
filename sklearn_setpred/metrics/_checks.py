"""What every metric reads from its arguments, checked once."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_setpred._utils.validation import weight_that_sums
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array, columns_by_name
from sklearn_setpred.sets._sets import check_y_set


class LabelledSets(NamedTuple):
    """What the metrics know of n sets and of the true labels."""

    hits: np.ndarray  # (n,) bool: the set holds the true label
    sizes: np.ndarray  # (n,) int: labels in the set
    columns: np.ndarray  # (n,) int: column of the true label, -1 if it has none
    weight: np.ndarray  # (n,) float: not negative, with a positive sum
    n_classes: int

    def mean(self, values):
        """Return the weighted mean of one value per row."""
        return float(np.average(values, weights=self.weight))

    def coverage(self, groups=None, n_groups=1):
        """Return the coverage of each group of rows, NaN for a group without weight."""
        groups = np.zeros(len(self.hits), dtype=np.intp) if groups is None else groups
        hit = np.bincount(groups, self.weight * self.hits, minlength=n_groups)
        total = np.bincount(groups, self.weight, minlength=n_groups)
        return np.divide(hit, total, out=np.full(n_groups, np.nan), where=total > 0)

    def size_weights(self):
        """Return the weight of the rows with 0, 1, ... n_classes labels in their set."""
        return np.bincount(self.sizes, self.weight, minlength=self.n_classes + 1)

    def rows(self, selected):
        """Return the sets and labels of a selection of the rows."""
        hits, sizes, columns, weight = (values[selected] for values in self[:4])
        return LabelledSets(hits, sizes, columns, weight, self.n_classes)


def labelled_sets(y_true, y_set, classes, sample_weight):
    """Check the arguments that all metrics on sets have, and return what the metrics read."""
    y_set = check_y_set(named_columns(y_set, y_true, classes))
    n_rows, n_classes = y_set.shape
    columns = true_columns(y_true, classes, n_rows, n_classes)
    hits = np.asarray(_one_hot(columns, n_classes).multiply(y_set).sum(axis=1)) > 0
    sizes = np.asarray(y_set.sum(axis=1), dtype=np.intp)
    weight = check_weight(sample_weight, n_rows)
    return LabelledSets(hits, sizes, columns, weight, n_classes)


def named_columns(table, y_true, classes):
    """Return a frame with its columns in the order of the classes, if they name them."""
    if not hasattr(table, "columns"):
        return table
    labels = np.unique(check_label_array(y_true, "y_true")) if classes is None else classes
    return columns_by_name(table, labels)


def true_columns(y_true, classes, n_rows, n_classes):
    """Return the column of each true label, -1 for a label that is not among the classes."""
    y_true = check_label_array(y_true, "y_true")
    if len(y_true) == 0:
        raise ValueError("y_true is empty; a metric needs one row or more.")
    if len(y_true) != n_rows:
        raise ValueError(f"y_true has {len(y_true)} rows, the predictions have {n_rows}.")
    return label_indices(y_true, _check_classes(classes, y_true, n_classes))


def check_weight(sample_weight, n_rows):
    """Return the weights of the rows, ones by default."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight must have the shape ({n_rows},), got {weight.shape}.")
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must be finite and not negative.")
    if not weight.any():
        raise ValueError("sample_weight is zero for every row; no row would count.")
    return weight_that_sums(weight)


def _check_classes(classes, y_true, n_classes):
    """Return the label of each column; None takes the sorted labels of y_true."""
    if classes is None:
        classes = np.unique(y_true)
        if len(classes) != n_classes:
            raise ValueError(
                f"y_true holds {len(classes)} labels but the predictions have {n_classes} columns;"
                " name the columns, as in classes=estimator.classes_."
            )
        return classes
    classes = check_label_array(classes, "classes")
    if len(classes) != n_classes:
        raise ValueError(f"classes has {len(classes)} labels, the predictions {n_classes} columns.")
    if len(np.unique(classes)) < n_classes:
        raise ValueError("classes names a label twice; each column needs its own.")
    return classes


def _one_hot(columns, n_classes):
    """Return a CSR array (n, n_classes) with one True per row, none where the column is -1."""
    known = columns >= 0
    start = np.concatenate([[0], np.cumsum(known)])
    shape = (len(columns), n_classes)
    return sparse.csr_array((known[known], columns[known], start), shape=shape)
