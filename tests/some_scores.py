"""Scores that are hard to rank, and batches that are small, for the tests of sets."""

import numpy as np

from sklearn_setpred._utils import memory


def scores_with_ties(rng, n=200, K=9):
    return rng.integers(0, 4, size=(n, K)).astype(float)


def rounded_normal(rng, shape):
    return rng.standard_normal(shape).round(1)


SCORES_OF_MANY_CLASSES = {
    "distinct": lambda rng, shape: rng.standard_normal(shape),
    "tied": rounded_normal,
    "all equal": lambda rng, shape: np.zeros(shape),
    "nearly all equal": lambda rng, shape: np.maximum(rounded_normal(rng, shape), 2.0),
    "rising": lambda rng, shape: np.sort(rng.standard_normal(shape), axis=1),
    "mostly -inf": lambda rng, shape: np.where(rng.random(shape) < 0.02, 1.0, -np.inf),
    "some inf": lambda rng, shape: np.where(rng.random(shape) < 0.02, np.inf, 0.0),
}


def work_in_batches_of(monkeypatch, n_cells):
    monkeypatch.setattr(memory, "BATCH", 8 * n_cells)
