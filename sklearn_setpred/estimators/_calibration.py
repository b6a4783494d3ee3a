"""Levels that meet a target, from the levels of rows that no part of a model has seen.

Rows come in groups, of one row each where nothing else is known: new rows are then like a row of
a new group, and every group counts as one row.
"""

import math

import numpy as np

# Levels that differ by less, relative to their size, are one level: a row alone and the same row
# in a batch may differ in the last bits of float32 networks.
_MARGIN = 1e-5


def rows_needed(alpha):
    """Return the least number of calibration rows for a fraction alpha of misses."""
    return math.ceil(1 / alpha - 1e-9) - 1


def row_weights(groups):
    """Return the weight of each row, one over the number of rows in its group."""
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return 1.0 / counts[places]


def allowed_misses(groups, alpha):
    """Return the weight of the rows that may miss: ``alpha (n + 1) - 1`` for n groups."""
    return alpha * (len(np.unique(groups)) + 1) - 1 + 1e-9


def coverage_level(of_label, alpha, groups=None):
    """Return the largest level that leaves at most the allowed misses below it.

    For n groups of one row that is the ``floor(alpha (n + 1))``-th smallest of the levels of the
    true labels, (n,). The level is lowered by a margin, so that labels that tie with it are in.
    """
    groups = np.arange(len(of_label)) if groups is None else groups
    order = np.argsort(of_label, kind="stable")
    weight = row_weights(groups)[order]
    missed = np.cumsum(weight) - weight
    last = np.searchsorted(missed, allowed_misses(groups, alpha), side="right") - 1
    return _moved(float(of_label[order[last]]), -1)


def _moved(level, sign):
    """Return a level moved by the margin, up for the sign 1 and down for -1."""
    return level + sign * _MARGIN * abs(level) if math.isfinite(level) else level


def class_levels_at(of_label, codes, n_classes, alpha, groups=None):
    """Return a level for each class, (n_classes,), and the codes of those pooled into one.

    Classes with too few calibration rows for a level of their own share one; where they have
    too few together, they are never left out of a set.
    """
    groups = np.arange(len(of_label)) if groups is None else groups
    known = codes >= 0
    of_label, codes, groups = of_label[known], codes[known], groups[known]
    _, places = np.unique(groups, return_inverse=True)
    codes_of_groups, _ = np.unique(np.stack([codes, places]), axis=1)
    pooled = np.bincount(codes_of_groups, minlength=n_classes) < rows_needed(alpha)
    level = np.full(n_classes, -np.inf)
    for code in np.flatnonzero(~pooled):
        rows = codes == code
        level[code] = coverage_level(of_label[rows], alpha, groups[rows])
    rows = pooled[codes]
    if len(np.unique(groups[rows])) >= rows_needed(alpha):
        level[pooled] = coverage_level(of_label[rows], alpha, groups[rows])
    return level, np.flatnonzero(pooled)


def strata_levels(of_label, strata, alpha, groups=None):
    """Return the level of each stratum as a dict; raise for a stratum with too few rows."""
    groups = np.arange(len(of_label)) if groups is None else groups
    rows_of = {value: strata == value for value in np.unique(strata).tolist()}
    needed = rows_needed(alpha)
    few = [value for value, rows in rows_of.items() if len(np.unique(groups[rows])) < needed]
    if few:
        raise ValueError(
            f"strata {few} have fewer than the {needed} calibration rows that "
            f"target_coverage={1 - alpha:g} needs; merge them or raise calibration_size."
        )
    levels = (coverage_level(of_label[rows], alpha, groups[rows]) for rows in rows_of.values())
    return dict(zip(rows_of, levels, strict=True))


def levels_of_strata(strata, levels):
    """Return the level of each row's stratum, (n,); raise for one that is not known."""
    values, places = np.unique(strata, return_inverse=True)
    unknown = [value for value in values.tolist() if value not in levels]
    if unknown:
        raise ValueError(
            f"strata {unknown} have no calibration row; known strata: {sorted(levels)}."
        )
    return np.array([levels[value] for value in values.tolist()])[places]


def size_level(batches, n_groups, n_classes, target_size):
    """Return the smallest level t with ``(n mean |S_t| + n_classes) / (n + 1) <= target_size``.

    ``S_t`` holds the labels of level t or more, and n is the number of groups. Batches are pairs
    of the levels of some rows, (m, n_classes), and of the rows' weights, (m,). Labels of a weight
    of at most ``target_size (n + 1) - n_classes`` may reach t. A mean size of one is that of the
    first labels, at any level.
    """
    allowed = n_groups if target_size == 1 else target_size * (n_groups + 1) - n_classes
    if allowed + 1e-9 >= n_groups * n_classes:
        return -math.inf
    highest, weights, lowest = np.empty(0), np.empty(0), -math.inf
    for levels, weight in batches:
        rows, columns = np.nonzero(levels > lowest)
        highest = np.append(highest, levels[rows, columns])
        weights = np.append(weights, weight[rows])
        order = np.argsort(-highest, kind="stable")
        n_kept = np.searchsorted(np.cumsum(weights[order]), allowed + 1e-9, side="right") + 1
        highest, weights = highest[order[:n_kept]], weights[order[:n_kept]]
        if n_kept <= len(order):
            lowest = highest[-1]  # one label too many
    if lowest == math.inf:
        raise ValueError(
            f"target_size={target_size!r} cannot be reached: the smallest sets of the estimator "
            "have more labels; give it smaller candidate sizes or raise the target."
        )
    # Above the first level that is one too many, so that ties with it stay out too.
    return math.inf if target_size == 1 else float(np.nextafter(_moved(lowest, 1), math.inf))
