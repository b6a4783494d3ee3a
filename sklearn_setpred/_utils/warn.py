"""Warnings that point at the user's line."""

import sys
import warnings


def warn_user(message):
    """Warn of the line outside of the package that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def _is_ours(frame):
    """Say whether a frame runs code of this package."""
    return frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]
