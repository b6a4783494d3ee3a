"""Levels that meet a target, from the levels of rows that no part of a model has seen.

What the calibration rows tell is kept in one object, `LabelLevels` for a coverage and
`SizeLevels` for a size; ``at`` returns the level for a target.

Rows come in groups, of one row each unless groups are given. A new row is like a row of a new
group, and every group counts as one row.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from sklearn_setpred._utils.validation import check_number

# Levels that differ by less, relative to their size, are one level: a row alone and the same row
# in a batch may differ in the last bits of float32 networks.
_MARGIN = 1e-5


def rows_needed(alpha):
    """Return the least number of calibration rows for a fraction alpha of misses."""
    return math.ceil(1 / alpha - 1e-9) - 1


def alpha_of(target_coverage):
    """Return the fraction of misses allowed; raise unless it lies between 0 and 1."""
    if np.ndim(target_coverage):
        raise TypeError(
            f"target_coverage={target_coverage!r} are several, and a call returns the sets of one; "
            "take {c: model.predict_set(X, target_coverage=c) for c in coverages}."
        )
    within = {"low": 0, "high": 1, "is_open": True, "hint": "95 % is 0.95"}
    return 1 - check_number("target_coverage", target_coverage, **within)


def n_different(groups):
    """Return the number of groups: by sorting, as `np.unique` hashes, which is slow for many."""
    return np.count_nonzero(np.diff(np.sort(groups))) + (len(groups) > 0)


def row_weights(groups):
    """Return the weight of each row, one over the number of rows in its group."""
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return 1.0 / counts[places]


def allowed_misses(groups, alpha):
    """Return the weight of the rows that may miss: ``alpha (n + 1) - 1`` for n groups."""
    return alpha * (n_different(groups) + 1) - 1 + 1e-9


def coverage_level(of_label, alpha, groups):
    """Return the largest level that leaves at most the allowed misses below it.

    For n groups of one row that is the ``floor(alpha (n + 1))``-th smallest of the levels of the
    true labels, (n,). The level is lowered by a margin, so that labels that tie with it are in.
    """
    order = np.argsort(of_label, kind="stable")
    weight = row_weights(groups)[order]
    missed = np.cumsum(weight) - weight
    last = np.searchsorted(missed, allowed_misses(groups, alpha), side="right") - 1
    return moved(float(of_label[order[last]]), -1)


def moved(level, sign):
    """Return a level moved by the margin, up for the sign 1 and down for -1."""
    return level + sign * _MARGIN * abs(level) if math.isfinite(level) else level


def groups_of_classes(codes, groups, n_classes):
    """Return the number of groups with rows of each class, (n_classes,); -1 is no class."""
    known = codes >= 0
    _, places = np.unique(groups[known], return_inverse=True)
    codes_of_groups, _ = np.unique(np.stack([codes[known], places]), axis=1)
    return np.bincount(codes_of_groups, minlength=n_classes)


def class_levels_at(of_label, codes, n_classes, alpha, groups):
    """Return a level for each class, (n_classes,).

    Classes with too few calibration rows for a level of their own have one together; where they
    have too few together, they are in every set.
    """
    known = codes >= 0
    of_label, codes, groups = of_label[known], codes[known], groups[known]
    pooled = groups_of_classes(codes, groups, n_classes) < rows_needed(alpha)
    level = np.full(n_classes, -np.inf)
    for code in np.flatnonzero(~pooled):
        rows = codes == code
        level[code] = coverage_level(of_label[rows], alpha, groups[rows])
    rows = pooled[codes]
    if n_different(groups[rows]) >= rows_needed(alpha):
        level[pooled] = coverage_level(of_label[rows], alpha, groups[rows])
    return level


def strata_levels(of_label, strata, alpha, groups, few=None):
    """Return the level of each stratum as a dict.

    A stratum with too few rows has the level ``few``; None raises.
    """
    rows_of = {value: strata == value for value in np.unique(strata).tolist()}
    needed = rows_needed(alpha)
    short = [value for value, rows in rows_of.items() if n_different(groups[rows]) < needed]
    if short and few is None:
        raise ValueError(
            f"strata {short} have fewer than the {needed} calibration rows that "
            f"target_coverage={1 - alpha:g} needs; merge them or raise calibration_size."
        )
    return {
        value: few if value in short else coverage_level(of_label[rows], alpha, groups[rows])
        for value, rows in rows_of.items()
    }


def levels_of_strata(strata, levels):
    """Return the level of each row's stratum, (n,); raise for one that is not known."""
    values, places = np.unique(strata, return_inverse=True)
    unknown = [value for value in values.tolist() if value not in levels]
    if unknown:
        raise ValueError(
            f"strata {unknown} have no calibration row; known strata: {sorted(levels)}."
        )
    return np.array([levels[value] for value in values.tolist()])[places]


def check_rows(n_groups, n_rows, *, coverage):
    """Raise unless so many groups of calibration rows have a level for a coverage."""
    needed, units = rows_needed(1 - coverage), "rows" if n_groups == n_rows else "groups"
    if n_groups < needed:
        raise ValueError(
            f"target_coverage={coverage:g} needs at least {needed} calibration {units}, got "
            f"{n_groups}; raise calibration_size or lower the target."
        )


def check_size(n_groups, n_classes, target_size):
    """Raise unless so many groups of calibration rows have a level for a mean size."""
    check_number("target_size", target_size, low=1, high=n_classes)
    # Sets of the first label alone meet a target of one label without any calibration.
    if target_size > 1 and (n_groups + n_classes) / (n_groups + 1) > target_size:
        needed = math.ceil((n_classes - target_size) / (target_size - 1))
        raise ValueError(
            f"target_size={target_size!r} needs at least {needed} calibration rows or groups for "
            f"{n_classes} classes, got {n_groups}; raise calibration_size or the target."
        )


@dataclass(frozen=True, eq=False)
class LabelLevels:
    """The levels of the calibration rows' labels: every coverage has its level in them.

    Parameters
    ----------
    levels : ndarray of shape (n,)
        -inf where ``is_new``.
    codes : ndarray of shape (n,), int
        The labels; -1 for one that the classifier does not know.
    is_new : ndarray of shape (n,), bool
        The rows whose label no training row has.
    groups : ndarray of shape (n,), int
    strata : ndarray of shape (n,) or None
    n_classes : int
    conditional : {None, "class", "strata"}
    """

    levels: np.ndarray
    codes: np.ndarray
    is_new: np.ndarray
    groups: np.ndarray
    strata: np.ndarray | None
    n_classes: int
    conditional: str | None

    target = "target_coverage"

    @property
    def n_groups(self):
        """Number of groups."""
        return n_different(self.groups)

    def is_few(self, target_coverage):
        """Say whether the rows are too few for a coverage."""
        return self.n_groups < rows_needed(alpha_of(target_coverage))

    def at(self, target_coverage, few=None):
        """Return the level for a coverage; where rows are too few, ``few``, and raise for None."""
        alpha = alpha_of(target_coverage)
        if few is None:
            check_rows(self.n_groups, len(self.groups), coverage=target_coverage)
        check_reachable(self, alpha, self.conditional)
        if self.conditional == "class":
            return class_levels_at(self.levels, self.codes, self.n_classes, alpha, self.groups)
        if self.conditional == "strata":
            return strata_levels(self.levels, self.strata, alpha, self.groups, few)
        if self.is_few(target_coverage):
            return few
        return coverage_level(self.levels, alpha, self.groups)

    def joined(self, more):
        """Return the levels of these rows and of more rows, where each new row is a group."""
        first_group = self.groups.max(initial=-1) + 1
        return replace(
            self,
            levels=np.append(self.levels, more.levels),
            codes=np.append(self.codes, more.codes),
            is_new=np.append(self.is_new, more.is_new),
            groups=np.append(self.groups, first_group + more.groups),
            strata=None if self.strata is None else np.append(self.strata, more.strata),
        )

    def reached(self, levels, strata=None):
        """Return how many calibration rows have no higher level, and how many rows there are.

        The first is of the shape of the levels, (n, n_classes). With ``conditional``, only the
        calibration rows of the label, or of the row's stratum, are counted. A row of a group counts
        as one over the size of the group.
        """
        if self.conditional == "class":
            columns = [
                self._reached(self.codes == code, levels[:, code]) for code in range(self.n_classes)
            ]
            counts, totals = zip(*columns, strict=True)
            return np.column_stack(counts), np.array(totals)
        if self.conditional == "strata":
            counts, totals = np.empty(levels.shape), np.empty((len(levels), 1))
            for value in np.unique(strata):
                rows = strata == value
                counts[rows], totals[rows] = self._reached(self.strata == value, levels[rows])
            return counts, totals
        return self._reached(slice(None), levels)

    def _reached(self, rows, levels):
        """Return the weight of some rows of no higher level than each given one, and of all."""
        known, weights = self.levels[rows], row_weights(self.groups[rows])
        order = np.argsort(known, kind="stable")
        lowered = known[order] - np.where(
            np.isfinite(known[order]), _MARGIN * np.abs(known[order]), 0.0
        )
        up_to = np.append(0.0, np.cumsum(weights[order]))
        return up_to[np.searchsorted(lowered, levels, side="right")], up_to[-1]

    def rows_of_classes(self):
        """Return the number of groups with rows of each class."""
        return groups_of_classes(self.codes, self.groups, self.n_classes)


@dataclass(frozen=True, eq=False)
class SizeLevels:
    """The highest levels of all labels of the calibration rows, for sizes up to ``largest``.

    Parameters
    ----------
    levels, weights : ndarray of shape (m,)
        The levels, decreasing, and the weights of their rows.
    n_groups, n_classes : int
    largest : float
        The mean size up to which there are levels.
    """

    levels: np.ndarray
    weights: np.ndarray
    n_groups: int
    n_classes: int
    largest: float

    target = "target_size"

    @classmethod
    def of(cls, batches, n_groups, n_classes, largest):
        """Return the highest levels in batches of (levels (any, n_classes), weights (any,))."""
        allowed = _allowed_labels(largest, n_groups, n_classes)
        highest, weights, lowest = np.empty(0), np.empty(0), -math.inf
        for levels, weight in batches:
            rows, columns = np.nonzero(levels > lowest)
            highest = np.append(highest, levels[rows, columns])
            weights = np.append(weights, weight[rows])
            order = np.argsort(-highest, kind="stable")
            n_kept = np.searchsorted(np.cumsum(weights[order]), allowed, side="right") + 1
            highest, weights = highest[order[:n_kept]], weights[order[:n_kept]]
            if n_kept <= len(order):
                lowest = highest[-1]  # one label too many
        return cls(highest, weights, n_groups, n_classes, largest)

    def at(self, target_size):
        """Return the smallest level t with ``(n mean |S_t| + n_classes) / (n + 1) <= target_size``.

        ``S_t`` holds the labels of level t or more, and n is the number of groups. Labels of a
        weight of at most ``target_size (n + 1) - n_classes`` may reach t. A mean size of one is
        that of the first labels, at any level.
        """
        check_size(self.n_groups, self.n_classes, target_size)
        if target_size > self.largest:
            raise ValueError(
                f"target_size={target_size!r} is above {self.largest!r}, for which the classifier "
                "was fitted; only levels for sizes up to that are kept, so fit with the larger one."
            )
        allowed = _allowed_labels(target_size, self.n_groups, self.n_classes)
        if allowed >= self.n_groups * self.n_classes:
            return -math.inf
        n_in = np.searchsorted(np.cumsum(self.weights), allowed, side="right")
        lowest = self.levels[n_in] if n_in < len(self.levels) else -math.inf
        if lowest == math.inf:
            raise ValueError(
                f"target_size={target_size!r} cannot be reached: the smallest sets of the "
                "estimator have more labels; give it smaller candidate sizes or raise the target."
            )
        # Above the first level that is one too many, so that ties with it stay out too.
        return math.inf if target_size == 1 else float(np.nextafter(moved(lowest, 1), math.inf))


def _allowed_labels(target_size, n_groups, n_classes):
    """Return the weight of the labels that may be in sets."""
    allowed = n_groups if target_size == 1 else target_size * (n_groups + 1) - n_classes
    return allowed + 1e-9


def check_reachable(rows, alpha, conditional, such_as=""):
    """Raise if more rows than may miss have labels that no training row has.

    With levels for each class there are never too many: rare classes are never left out.
    """
    if conditional == "class" or not rows.is_new.any():
        return
    parts = [np.ones(len(rows.groups), dtype=bool)]
    if conditional == "strata":
        parts = [rows.strata == stratum for stratum in np.unique(rows.strata)]
    for part in parts:
        groups = rows.groups[part]
        if row_weights(groups)[rows.is_new[part]].sum() > allowed_misses(groups, alpha):
            raise ValueError(
                f"target_coverage={1 - alpha:g} cannot be reached: {new_labels(rows)}{such_as}. "
                "Merge rare labels, give them more rows, or lower the target."
            )


def new_labels(rows):
    """Say how many calibration rows have labels that no training row has."""
    n_new, n = np.count_nonzero(rows.is_new), len(rows.is_new)
    return f"{n_new} of {n} calibration rows ({n_new / n:.0%}) have labels that no training row has"
