"""Candidate sets of the linear cost, and a row of log-probabilities."""

import numpy as np

from sklearn_setpred._cardinality.candidates import (
    FixedSizes,
    SizesByThreshold,
)


def fixed(*sizes):
    """Return candidates of the linear cost."""
    return FixedSizes(np.array(sizes), np.array(sizes, dtype=float))


def by_threshold(*thresholds, n_classes=4):
    """Return candidates of the linear cost, by thresholds."""
    sizes = np.arange(1, n_classes + 1)
    return SizesByThreshold(sizes, 1.0 * sizes, np.array(thresholds))


# Sorted: 0.5, 0.25, 0.125, 0.125.
LOG_P = np.log([[0.125, 0.5, 0.125, 0.25]])
