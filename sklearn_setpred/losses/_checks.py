"""The check of k that the top-k losses have in common."""

from __future__ import annotations

from numbers import Integral


def check_k(k: int, n_classes: int) -> None:
    """Raise ValueError unless ``k`` is an integer in 1 ... n_classes - 1."""
    if isinstance(k, Integral) and 1 <= k < n_classes:
        return
    raise ValueError(
        f"k={k!r} must be an integer between 1 and n_classes - 1 = {n_classes - 1}: "
        "otherwise the k largest scores always contain the label; choose a smaller k."
    )
