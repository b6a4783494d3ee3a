"""Fits with two jobs against one, in seconds of the wall: this machine needs two idle cores."""

import time
from functools import partial

import numpy as np
from joblib import cpu_count
from joblib.externals.loky import get_reusable_executor
from speed_report import Figure, interleaved, ratio, say, seconds_of, skipped

from sklearn_setpred import CardinalityAwareClassifier
from sklearn_setpred.datasets import make_confusable_classes

# Rows, columns and classes.
SIZES = ((3_000, 20, 20), (5_000, 100, 20))
AIM = ">= 1.6"


def fitted(X, y, n_jobs):
    """Return our classifier without an argument, fitted with some jobs."""
    return CardinalityAwareClassifier(n_jobs=n_jobs, random_state=0).fit(X, y)


def figures():
    """Return the lines of this section."""
    if cpu_count() < 2:
        return [skipped("fit, one job / two jobs", "ratio", "one core", target=AIM)]
    return [line for size in SIZES for line in lines_of(*size)]


def lines_of(n, d, n_classes, repeats=2):
    """Return the lines of a size; the processes of the jobs have started before."""
    X, y = make_confusable_classes(n, n_classes, d, random_state=0)[:2]
    fits = {n_jobs: partial(fitted, X, y, n_jobs) for n_jobs in (1, 2)}
    say(f"{n} rows, {d} columns, {n_classes} classes, with one job and with two")
    levels = [fit().set_levels(X[:100]) for fit in fits.values()]
    np.testing.assert_array_equal(*levels)
    get_reusable_executor().shutdown()
    first = seconds_of(fits[2], clock=time.perf_counter)
    seconds = interleaved(fits, repeats, partial(seconds_of, clock=time.perf_counter))
    name = f"{n:,} rows, {d} columns, {n_classes} classes"
    alone = float(np.median(seconds[1]))
    return [
        ratio(f"{name}: one job / two jobs", seconds, 1, 2, predicted=1.7, target=AIM),
        Figure(f"{name}: one job", "s", alone),
        Figure(f"{name}: two jobs, their processes started too", "s", first),
    ]
