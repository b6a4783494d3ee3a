"""Label noise: uniform, class-dependent, and within pairs of confusable classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, column_or_1d

from sklearn_setpred._utils.types import ArrayLike, Labels, Seed
from sklearn_setpred._utils.validation import check_number, check_option

#: Pairs of classes that are easily confused, as codes of the labels in sorted order.
CONFUSED_PAIRS = {
    # B-D C-G E-F H-N I-L K-X M-W O-Q P-R U-V
    "letter": (
        *((1, 3), (2, 6), (4, 5), (7, 13), (8, 11)),
        *((10, 23), (12, 22), (14, 16), (15, 17), (20, 21)),
    ),
    "news20": ((2, 5), (3, 4), (7, 8), (9, 10), (11, 12), (15, 18)),
    "vowel": ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9)),
}


def make_noisy_labels(
    y: ArrayLike,
    noise: str = "uniform",
    level: float = 0.3,
    *,
    pairs: Sequence[tuple[Any, Any]] | None = None,
    classes: ArrayLike | None = None,
    random_state: Seed = None,
) -> Labels:
    """Replace labels at random, each with probability ``level``.

    A replaced label y of K classes becomes::

        "uniform"           any of the K classes, y itself among them
        "class_dependent"   the next class, (y + 1) mod K
        "pair"              the other label of its pair; a label in no pair stays

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.
    noise : {"uniform", "class_dependent", "pair"}, default="uniform"
        What a label is replaced by.
    level : float in [0, 1], default=0.3
        Probability of a label to be replaced.
    pairs : list of pairs of labels, default=None
        Which labels are swapped; for ``noise="pair"``, and only for it. A label may be in
        one pair only. ``CONFUSED_PAIRS`` holds the paper's pairs for the data sets "letter",
        "news20" and "vowel".
    classes : array-like of shape (n_classes,), default=None
        All labels that exist; None means the labels in ``y``. Their sorted order defines
        the next class.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same labels at every call.

    Returns
    -------
    ndarray of shape (n_samples,)
        Labels of the type of ``y``; where they differ from ``y``, a label was changed.

    Raises
    ------
    TypeError, ValueError
        For an unknown noise, a level outside [0, 1], pairs that are missing, superfluous,
        overlapping or of unknown labels, or a label that is not in ``classes``.

    Notes
    -----
    Uniform noise may draw the true label again: the fraction of wrong labels is
    ``level * (K - 1) / K``, so for a fraction r of wrong labels pass ``level = r K / (K - 1)``.

    References
    ----------
    D. Zhu, Y. Ying, T. Yang. "Label Distributionally Robust Losses for Multi-class
    Classification: Consistency, Robustness and Adaptivity", ICML 2023, experiments.

    Examples
    --------
    >>> from sklearn_setpred.datasets import CONFUSED_PAIRS, make_noisy_labels
    >>> make_noisy_labels(["a", "b", "c"], "class_dependent", level=1)
    array(['b', 'c', 'a'], dtype='<U1')
    >>> make_noisy_labels([0, 1, 2], "pair", level=1, pairs=[(0, 1)])
    array([1, 0, 2])
    >>> y = [1, 3, 3, 0]  # B, D, D, A of the set "letter"
    >>> make_noisy_labels(y, "pair", level=1, pairs=CONFUSED_PAIRS["letter"], classes=range(26))
    array([3, 1, 1, 0])
    """
    check_option("noise", noise, ["uniform", "class_dependent", "pair"])
    check_number("level", level, low=0, high=1)
    if (noise == "pair") != (pairs is not None):
        raise ValueError(f"pairs={pairs!r} with noise={noise!r}; noise='pair' needs pairs.")
    y = column_or_1d(y)
    if y.size == 0:
        raise ValueError("y holds no labels.")
    classes = np.unique(y if classes is None else np.asarray(classes))
    codes = _codes(y, classes, "y")
    n_classes = len(classes)

    random_state = check_random_state(random_state)
    replaced = random_state.random_sample(len(y)) < level
    if noise == "uniform":
        substitutes = random_state.randint(n_classes, size=len(y))
    elif noise == "class_dependent":
        substitutes = (codes + 1) % n_classes
    else:
        substitutes = _partners(pairs, classes)[codes]
    # Not y[replaced] = ...: a longer string of `classes` would be cut off in silence.
    return np.where(replaced, classes[substitutes], y)


def _partners(pairs, classes):
    """Return the code of each class's partner, its own where it is in no pair."""
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"pairs has shape {pairs.shape}; pass a list of pairs of labels.")
    if len(np.unique(pairs)) < pairs.size:
        raise ValueError(f"pairs={pairs.tolist()} holds a label twice; one pair per label.")
    left, right = _codes(pairs, classes, "pairs").T
    partners = np.arange(len(classes))
    partners[left], partners[right] = right, left
    return partners


def _codes(labels, classes, name):
    """Return the position of each label among the sorted classes, or raise."""
    codes = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    unknown = np.unique(labels[classes[codes] != labels])
    if unknown.size:
        raise ValueError(
            f"{name} holds {unknown[:5].tolist()}, not among the classes "
            f"{classes[:30].tolist()}; pass all labels as classes=..."
        )
    return codes
