"""Levels that meet a wish, from the levels of rows that no part of a model has seen."""

import math

import numpy as np


def rows_needed(alpha):
    """Return the least number of calibration rows for a share alpha of misses."""
    return math.ceil(1 / alpha - 1e-9) - 1


def coverage_level(of_label, alpha):
    """Return the ``floor(alpha (n + 1))``-th smallest of the levels of the true labels, (n,)."""
    place = math.floor(alpha * (len(of_label) + 1) + 1e-9)
    return float(np.partition(of_label, place - 1)[place - 1])


def class_levels_at(of_label, codes, n_classes, alpha):
    """Return a level for each class, (n_classes,), and the codes of those pooled into one.

    Classes with too few calibration rows for a level of their own share one; where they have
    too few together, they are never left out of a set.
    """
    known = codes >= 0
    of_label, codes = of_label[known], codes[known]
    counts = np.bincount(codes, minlength=n_classes)
    pooled = counts < rows_needed(alpha)
    level = np.full(n_classes, -np.inf)
    for code in np.flatnonzero(~pooled):
        level[code] = coverage_level(of_label[codes == code], alpha)
    of_pooled = of_label[pooled[codes]]
    if len(of_pooled) >= rows_needed(alpha):
        level[pooled] = coverage_level(of_pooled, alpha)
    return level, np.flatnonzero(pooled)


def strata_levels(of_label, strata, alpha):
    """Return the level of each stratum as a dict; raise for a stratum with too few rows."""
    values, counts = np.unique(strata, return_counts=True)
    few = values[counts < rows_needed(alpha)].tolist()
    if few:
        raise ValueError(
            f"strata {few} have fewer than the {rows_needed(alpha)} calibration rows that "
            f"target_coverage={1 - alpha:g} needs; merge them or raise calibration_size."
        )
    return {value: coverage_level(of_label[strata == value], alpha) for value in values.tolist()}


def levels_of_strata(strata, levels):
    """Return the level of each row's stratum, (n,); raise for one that is not known."""
    values, places = np.unique(strata, return_inverse=True)
    unknown = [value for value in values.tolist() if value not in levels]
    if unknown:
        raise ValueError(
            f"strata {unknown} have no calibration row; known strata: {sorted(levels)}."
        )
    return np.array([levels[value] for value in values.tolist()])[places]


def size_level(batches, shape, target_size):
    """Return the smallest level t with ``(n mean |S_t| + n_classes) / (n + 1) <= target_size``.

    ``S_t`` holds the labels of level t or more. Of the n n_classes levels, which come in batches
    of rows, at most ``target_size (n + 1) - n_classes`` may reach t.
    """
    n, n_classes = shape
    allowed = math.floor(target_size * (n + 1) - n_classes + 1e-9)
    if allowed >= n * n_classes:
        return -math.inf
    highest = np.empty(0)
    for levels in batches:
        highest = np.append(highest, levels)
        highest = -np.partition(-highest, min(allowed, highest.size - 1))[: allowed + 1]
    # Just above the first level that is one too many, so that ties with it stay out too.
    return float(np.nextafter(highest.min(), np.inf))
