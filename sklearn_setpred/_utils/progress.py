"""What a fit tells while it runs: its steps, their number, the time gone and the time to come.

Lines go to the logger "sklearn_setpred". Where logging is not set up they go to stderr, on a
terminal each in the place of the one before. Without ``verbose`` the functions here do nothing.
"""

import functools
import logging
import shutil
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

Fit = TypeVar("Fit", bound=Callable[..., Any])

LOGGER = logging.getLogger(__name__.partition(".")[0])
# At least so many seconds, and this fraction of the time gone, lie between two lines.
_LEAST_SECONDS, _LEAST_FRACTION = 1.0, 0.02
# A fit that takes so many seconds more says so.
_LONG = 60.0

_current: ContextVar = ContextVar("progress", default=None)


def tells_progress(fit: Fit) -> Fit:
    """Decorate a method that fits: with ``verbose`` its steps are told."""

    @functools.wraps(fit)
    def wrapper(self, *args, **kwargs):
        progress = Progress(type(self).__name__, self.verbose) if self.verbose else None
        token = _current.set(progress)
        try:
            fitted = fit(self, *args, **kwargs)
            if progress is not None and progress.planned:
                progress.write("done")
            return fitted
        finally:
            _current.reset(token)
            if progress is not None:
                progress.close()

    return cast(Fit, wrapper)


def plan(steps, *, at_most=False, certain=()):
    """Say how many steps of each kind there are in all, by name, or ``at_most``.

    The kinds that are ``certain`` will have all their steps nevertheless.
    """
    if (progress := _current.get()) is not None:
        progress.plan(steps, at_most, certain)


def forgo(kinds):
    """Say that no more steps of some kinds will come, but all of the others."""
    if (progress := _current.get()) is not None:
        progress.forgo(kinds)


def step(kind, text=None):
    """Say that a step has ended; a step of a kind that is not planned is told as a detail."""
    if (progress := _current.get()) is not None:
        progress.step(kind, text)


def tell(text):
    """Write a line."""
    if (progress := _current.get()) is not None:
        progress.write(text)


def as_steps(results, kind):
    """Yield results, each of them a step."""
    for result in results:
        step(kind)
        yield result


class Progress:
    """The steps of one fit.

    Parameters
    ----------
    title : str
        The name of the estimator.
    verbose : int
        1 leaves out lines that follow another too soon, 2 writes all.
    """

    def __init__(self, title, verbose):
        self.title, self.verbose = title, verbose
        self.planned, self.seconds = {}, {}  # number of steps, and time of each, by kind
        self.certain = ()
        self.at_most, self.is_long = False, False
        self.begin = self.last_step = self.last_line = time.monotonic()
        self.stderr = _stderr_handler()
        self.write("started")

    def plan(self, steps, at_most, certain):
        """Set the number of steps of each kind and tell it."""
        self.planned, self.seconds, self.at_most = steps, {kind: [] for kind in steps}, at_most
        self.certain = certain
        self.last_step = time.monotonic()
        self.write(f"{'up to ' * at_most}{self.n_planned} steps: {', '.join(steps)}")

    def forgo(self, kinds):
        """Plan no more steps of some kinds than there were, and the others for certain."""
        self.at_most = False
        self.planned |= {kind: len(self.seconds[kind]) for kind in kinds if kind in self.planned}

    def step(self, kind, text):
        """Count a step, if it is planned, and tell it, unless the last line is too recent."""
        now = time.monotonic()
        if kind in self.planned:
            self.seconds[kind].append(now - self.last_step)
            self.last_step = now
            text = text or f"{kind} {len(self.seconds[kind])} of {self.planned[kind]}"
        if self.planned:
            number = self.n_done + (kind not in self.planned)
            text = f"step {number} of {self.n_planned}, {text}"
        left = self.seconds_left()
        least = self.seconds_of(self.certain) if left is None else left
        if least > _LONG and not self.is_long:
            self.is_long = True
            about = "at least" if left is None else "about"
            self.write(f"a long fit, of {about} {duration(now - self.begin + least)} in all")
        pause = max(_LEAST_SECONDS, _LEAST_FRACTION * (now - self.begin))
        if self.verbose > 1 or now - self.last_line >= pause:
            self.write(f"{text}, about {duration(left)} left" if left else text)

    @property
    def n_done(self):
        """How many of the planned steps have ended."""
        return sum(map(len, self.seconds.values()))

    @property
    def n_planned(self):
        """How many steps there are in all."""
        return sum(self.planned.values())

    def seconds_left(self):
        """Return the steps to come of each kind times their mean time so far, None if unknown."""
        if self.at_most or not all(self.seconds.values()):
            return None
        return self.seconds_of(self.seconds)

    def seconds_of(self, kinds):
        """Return the steps to come of some kinds times their mean time, 0 for one that is new."""
        begun = ((self.planned[kind], self.seconds[kind]) for kind in kinds if self.seconds[kind])
        return sum((planned - len(times)) * sum(times) / len(times) for planned, times in begun)

    def write(self, text):
        """Write a line, unless the level of the logger is set above INFO."""
        self.last_line = time.monotonic()
        line = f"{self.title}: {text} [{duration(self.last_line - self.begin)}]"
        if LOGGER.level <= logging.INFO:
            record = LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, line, (), None)
            (LOGGER if LOGGER.hasHandlers() else self.stderr).handle(record)

    def close(self):
        """End the line on a terminal."""
        if not self.stderr.terminator and not LOGGER.hasHandlers():
            self.stderr.stream.write("\n")


def _stderr_handler():
    """Return a handler that writes to stderr, on a terminal in the place of the last line."""
    handler = logging.StreamHandler(sys.stderr)
    if handler.stream.isatty():
        handler.terminator, width = "", shutil.get_terminal_size().columns - 1
        handler.setFormatter(logging.Formatter(f"\r\x1b[K%(message).{width}s"))
    return handler


def duration(seconds):
    """Return seconds as a short text."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
