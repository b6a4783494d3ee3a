"""Checks of hyper-parameters: each error names the parameter, its value and the way out."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise ValueError, with the nearest known name, unless ``value`` is one of ``choices``."""
    known = list(choices)
    if value in known:
        return
    names = [choice for choice in known if isinstance(choice, str)]
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"{name}={value!r} is unknown{hint} Known: {known}")


def check_real(
    name: str,
    value: float,
    low: float,
    high: float = math.inf,
    *,
    strict: bool = False,
    hint: str = "",
) -> None:
    """Raise ValueError unless ``low <= value <= high`` (``<`` on both sides if ``strict``)."""
    inside = low < value < high if strict else low <= value <= high
    if inside and math.isfinite(value):
        return
    if math.isinf(high):
        expected = f"a finite number {'above' if strict else 'at least'} {low:g}"
    else:
        opening, closing = "()" if strict else "[]"
        expected = f"a number in {opening}{low:g}, {high:g}{closing}"
    raise ValueError(f"{name}={value!r} must be {expected}{hint and '; ' + hint}.")


def check_k(k: int, n_classes: int) -> None:
    """Raise ValueError unless ``k`` is an integer in 1 ... n_classes - 1."""
    if k == int(k) and 1 <= k < n_classes:
        return
    raise ValueError(
        f"k={k!r} must be an integer between 1 and n_classes - 1 = {n_classes - 1}: "
        "the k largest of n_classes scores always contain the label otherwise; choose a smaller k."
    )
