"""The sizes that a row's set may have, and the features by which one of them is chosen."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_setpred.sets import label_ranks, size_costs
from sklearn_setpred.sets._batches import stack_tuples
from sklearn_setpred.sets._sizes import check_sizes, check_thresholds

# The selector reads this many of the sorted scores; the tail behind them is smooth.
SCORES_READ = 64
# Number of labels that are sorted where the order of the others does not matter.
_SORTED = 1024


class Sketch(NamedTuple):
    """The features of rows of log-probabilities by which their sizes are chosen.

    Attributes
    ----------
    head : ndarray of shape (n, min(64, n_classes)), float64
        The first log-probabilities, in order.
    sizes : ndarray of shape (n, m), int64
        The candidate sizes of each row, non-decreasing.
    costs : ndarray of shape (n, m), float64
        Their costs.
    covered : ndarray of shape (n, m), float64
        The sum of the first s probabilities, for each candidate size s.
    """

    head: np.ndarray
    sizes: np.ndarray
    costs: np.ndarray
    covered: np.ndarray

    def masses(self):
        """Return the probability of each bucket of ranks, (n, m + 1).

        Bucket j holds the ranks above the size before it and up to size j, the last bucket
        those above all sizes.
        """
        n = len(self.covered)
        edges = np.hstack([np.zeros((n, 1)), self.covered, np.ones((n, 1))])
        return np.maximum(np.diff(edges, axis=1), 0.0)

    def buckets(self, ranks):
        """Return the bucket that holds each row's rank, (n,)."""
        return np.count_nonzero(self.sizes < ranks[:, None], axis=1)


@dataclass(frozen=True, eq=False)
class Candidates:
    """A family of candidate sets: each row has ``len(candidates)`` of them.

    Parameters
    ----------
    sizes : ndarray of int64
        All sizes that sets may have, increasing.
    costs : ndarray of float64
        Their costs.
    """

    sizes: np.ndarray
    costs: np.ndarray

    def sketch(self, log_p):
        """Return the `Sketch` of rows of log-probabilities, (n, n_classes)."""
        raise NotImplementedError


class FixedSizes(Candidates):
    """The same candidate sizes for all rows: all of ``sizes``."""

    def __len__(self):
        return len(self.sizes)

    def sketch(self, log_p):
        depth, shape = min(log_p.shape[1], _SORTED), (len(log_p), len(self))
        ordered, covered = _sorted_ahead(log_p, depth, self.sizes[self.sizes > depth])
        return Sketch(
            ordered[:, :SCORES_READ].copy(),
            np.broadcast_to(self.sizes, shape),
            np.broadcast_to(self.costs, shape),
            covered[:, self.sizes - 1],
        )


@dataclass(frozen=True, eq=False)
class SizesByThreshold(Candidates):
    """Candidate sets ``{y : p(y | x) >= t}``, and the first label, for each threshold t.

    Parameters
    ----------
    sizes, costs : ndarray of shape (n_classes,)
        1 ... n_classes, and their costs.
    thresholds : ndarray of shape (m,), float64
        Decreasing.
    """

    thresholds: np.ndarray

    def __len__(self):
        return len(self.thresholds)

    def sketch(self, log_p):
        # Of the labels above a threshold there are no more than 1 / threshold.
        depth = int(min(log_p.shape[1], max(_SORTED, 1 / self.thresholds[-1] + 1)))
        ordered, covered = _sorted_ahead(log_p, depth)
        ahead = ordered[:, :depth]
        reached = [np.count_nonzero(ahead >= log_t, axis=1) for log_t in np.log(self.thresholds)]
        place = np.maximum(np.column_stack(reached), 1) - 1
        return Sketch(
            ordered[:, :SCORES_READ].copy(),
            self.sizes[place],
            self.costs[place],
            np.take_along_axis(covered, place, axis=1),
        )


def check_candidates(sizes, thresholds, size_cost, n_classes):
    """Return the candidates that an estimator's parameters ask for; raise if they are bad."""
    if thresholds is None:
        sizes = check_sizes(sizes, n_classes)
        return FixedSizes(sizes, size_costs(sizes, size_cost))
    if sizes is not None:
        raise ValueError(
            f"sizes={sizes!r} and thresholds={thresholds!r} are two families of candidate sets; "
            "set one of them to None."
        )
    thresholds = check_thresholds(thresholds)
    sizes = np.arange(1, n_classes + 1)
    return SizesByThreshold(sizes, size_costs(sizes, size_cost), thresholds)


def sketch_of_labels(candidates, batches, n):
    """Return the `Sketch` of many rows and the ranks of their labels.

    Parameters
    ----------
    candidates : Candidates
    batches : iterable of (log_p, codes)
        Log-probabilities (any, n_classes) and labels (any,) of some of the rows.
    n : int
        Number of all rows.

    Returns
    -------
    sketch : Sketch
    ranks : ndarray of shape (n,), int64
    """
    parts = ((*candidates.sketch(log_p), label_ranks(log_p, codes)) for log_p, codes in batches)
    *sketch, ranks = stack_tuples(parts, n)
    return Sketch(*sketch), ranks


def _sorted_ahead(log_p, depth, edges=()):
    """Return log-probabilities, the first ones sorted, and the cumulative probabilities.

    Parameters
    ----------
    log_p : ndarray of shape (n, n_classes)
    depth : int
        Number of labels that are sorted.
    edges : ndarray of int
        Sizes above depth: for each size s, the s first labels come before all others.

    Returns
    -------
    ordered, covered : ndarray of shape (n, n_classes)
        Normalised: the last column of ``covered`` is one.
    """
    ordered = -log_p
    if depth < log_p.shape[1]:
        ordered.partition(np.array([depth, *edges]) - 1, axis=1)
    ordered[:, :depth].sort(axis=1)
    np.negative(ordered, out=ordered)
    covered = np.exp(ordered - ordered[:, :1])
    np.cumsum(covered, axis=1, out=covered)
    total = covered[:, -1:].copy()
    ordered -= ordered[:, :1] + np.log(total)
    covered /= total
    return ordered, covered
