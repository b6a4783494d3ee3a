"""A set predictor fitted to small problems, and the comparisons that tell what was seen."""

import random
import sys
from collections import namedtuple
from functools import cached_property
from unittest import SkipTest

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_blobs

_N_TRAIN, N_NEW = 80, 30
_NUMBERS = np.array([3, 5, 8, 9])  # not 0 ... 3, which might be taken for columns
_STRINGS = np.array(["ant", "bee", "cat", "dog"])


class _Problem(namedtuple("_Problem", ["name", "model", "X", "y", "classes"])):
    """A fitted model and new rows with their labels."""

    @property
    def sets(self):
        return dense(self.model.predict_set(self.X))


class Trial:
    """An estimator fitted to each problem once, when a check first asks."""

    def __init__(self, estimator):
        self.estimator = estimator

    def unfitted(self, **params):
        """Return a clone whose every random state is set."""
        names = [name for name in self.estimator.get_params() if name.endswith("random_state")]
        return clone(self.estimator).set_params(**dict.fromkeys(names, 0), **params)

    def problem(self, name, labels=_NUMBERS, rows=np.asarray, **params):
        """Fit on blobs with some labels, their rows in some container."""
        X, y = make_blobs(
            _N_TRAIN + N_NEW, n_features=3, centers=len(labels), cluster_std=8.0, random_state=3
        )
        y = labels[y]
        model = self.unfitted(**params).fit(rows(X[:_N_TRAIN]), y[:_N_TRAIN])
        return _Problem(name, model, rows(X[_N_TRAIN:]), y[_N_TRAIN:], labels)

    @cached_property
    def numbers(self):
        return self.problem("integer labels")

    @cached_property
    def strings(self):
        return self.problem("string labels", _STRINGS)

    @cached_property
    def binary(self):
        return self.problem("two classes", _NUMBERS[:2])

    @cached_property
    def repeated(self):
        """The first problem again, and the global random states before and after its fit."""
        _ = self.numbers  # whatever fit imports is now imported
        _move_global_random_states()  # else a fit that seeds them, as the first one did, is missed
        before = _global_random_states()
        problem = self.problem("integer labels, again")
        _ = problem.sets  # predicts, for its effect on the states
        return problem, before, _global_random_states()

    @property
    def problems(self):
        return [self.numbers, self.strings, self.binary]


def _move_global_random_states():
    """Draw from the global generators."""
    random.random()
    np.random.random()  # noqa: NPY002, the global generator is the one meant
    if "torch" in sys.modules:
        sys.modules["torch"].rand(1)


def _global_random_states():
    """Return the states of the global generators of Python, NumPy and, where imported, torch."""
    states = {"random": random.getstate(), "numpy": repr(np.random.get_state())}  # noqa: NPY002
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().tolist()
    return states


def dense(sets):
    """Return sets as a dense array."""
    return sets.toarray() if sp.issparse(sets) else sets


def require(condition, message):
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def require_same(seen, expected, what):
    """Raise AssertionError, telling the first row that differs, unless the arrays are equal."""
    require(seen.shape == expected.shape, f"{what}: shape {seen.shape}, not {expected.shape}")
    wrong = np.flatnonzero((seen != expected).reshape(len(seen), -1).any(axis=1))
    if len(wrong):
        row = wrong[0]
        raise AssertionError(
            f"{what}: {len(wrong)} of {len(seen)} rows differ; row {row} is "
            f"{seen[row].tolist()}, not {expected[row].tolist()}"
        )


def needs(condition, otherwise):
    """Skip the check, with a reason, unless the estimator makes the promise."""
    if not condition:
        raise SkipTest(otherwise)


def require_error(error, call, what):
    """Raise AssertionError unless the call raises the error."""
    try:
        call()
    except error:
        return
    raise AssertionError(f"{what}: no {error.__name__} was raised")
