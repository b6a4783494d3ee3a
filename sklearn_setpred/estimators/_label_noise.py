"""Levels for the true labels, found on calibration rows with some wrong labels.

With ``T[l, k] = P(given label l | true label k)``, whatever x is, and W the inverse of T, the
expected value of ``W[k, given label]`` is 1 for the true label k and 0 for the others. So the sum
over the labels k of a set counts whether the set holds the true label, on average:

``P(y in S(x)) = E sum_{k in S(x)} W[k, given label]``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom, hypergeom

from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.estimators._calibration import (
    alpha_of,
    check_rows,
    moved,
    row_weights,
    rows_needed,
)

# The least number of rows to estimate a rate from: a tenth of them, the surest rows, tell it.
ROWS_TO_ESTIMATE = 500
# With fewer classes even the last ranks have true labels.
_CLASSES_WITH_LAST_RANKS = 6
# A rate that is too high by less than this costs less coverage than this.
_SMALL_RATE = 0.02
_ALL = "all"
# With a smaller singular value, the inverse of a matrix would magnify its errors too much.
_SMALLEST_SINGULAR_VALUE = 1e-3


def check_label_noise(label_noise, n_classes):
    """Raise unless ``label_noise`` is a rate, a matrix that can be inverted, or "estimate"."""
    if label_noise is None or (isinstance(label_noise, str) and label_noise == "estimate"):
        return
    if np.ndim(label_noise) == 0:
        hint = "give a rate, a matrix, 'estimate' or None"
        if isinstance(label_noise, str):
            raise ValueError(f"label_noise={label_noise!r} is unknown; {hint}.")
        check_number("label_noise", label_noise, low=0, high=1, hint=hint)
        if label_noise == 1:
            raise ValueError("label_noise=1 leaves nothing to see of the true labels; lower it.")
        return
    check_matrix(np.asarray(label_noise, dtype=np.float64), n_classes)


def check_matrix(matrix, n_classes):
    """Raise unless a matrix tells P(given label | true label) and can be inverted."""
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"label_noise has the shape {matrix.shape}; give one row and one column for each of "
            f"the {n_classes} classes."
        )
    if not ((matrix >= 0).all() and np.allclose(matrix.sum(axis=0), 1, atol=1e-6)):
        raise ValueError(
            "Columns of label_noise must be distributions, P(given label | true label): entries "
            f"from 0 on that sum to 1, got sums {matrix.sum(axis=0)}."
        )
    smallest = np.linalg.svd(matrix, compute_uv=False)[-1]
    if smallest < _SMALLEST_SINGULAR_VALUE:
        raise ValueError(
            f"label_noise cannot be inverted (smallest singular value {smallest:.1g}): some true "
            "labels cannot be told apart by given ones. Merge these classes."
        )


def estimated_rate(probability, ranks, n_classes):
    """Return the rate of uniform noise, a low estimate, and whether it may be overlap of classes.

    Noise bounds two counts of given labels from below. The first count is of labels other than the
    first-ranked one, among the surest tenth of the rows. The second is of labels in the last half
    of the ranking, among the surer half of the rows: redrawn labels are as frequent there as
    anywhere, true labels are rare. Each count gives a rate, the lower end of a one-sided 90 %
    interval of Clopper and Pearson; the smaller rate is returned.

    A rate that matters may be overlap where neither count shows a floor: the surest tenth is right
    more often than the rows behind it, and the very last ranks have fewer labels than those before
    them, or are too few to tell.

    Parameters
    ----------
    probability : ndarray of shape (n,)
        The probability of each row's first label.
    ranks : ndarray of shape (n,), int
        The rank of the given label.
    n_classes : int
    """
    ranks = ranks[np.argsort(-probability, kind="stable")]
    n_surest, n_surer = len(ranks) // 10, len(ranks) // 2
    n_last, n_very_last = n_classes // 2, n_classes // 4
    n_wrong = np.count_nonzero(ranks[:n_surest] > 1)
    n_in_last, n_in_very_last = (
        np.count_nonzero(ranks[:n_surer] > n_classes - n) for n in (n_last, n_very_last)
    )
    rate = min(
        _low_fraction(n_wrong, n_surest) * n_classes / (n_classes - 1),
        _low_fraction(n_in_last, n_surer) * n_classes / n_last,
        0.99,
    )
    n_wrong_of_surer = np.count_nonzero(ranks[:n_surer] > 1)
    still_falls = hypergeom.cdf(n_wrong, n_surer, n_wrong_of_surer, n_surest) < 0.01
    is_uneven = n_classes < _CLASSES_WITH_LAST_RANKS or (
        binom.cdf(n_in_very_last, n_in_last, n_very_last / n_last) < 0.05
    )
    return rate, bool(rate > _SMALL_RATE and still_falls and is_uneven)


def _low_fraction(count, n):
    """Return the lower end of a one-sided 90 % interval of a fraction."""
    return float(beta.ppf(0.1, count, n - count + 1)) if count else 0.0


@dataclass(frozen=True, eq=False)
class _Curve:
    """What noisy labels tell of the misses below a level, for some rows and labels.

    ``missed[j]`` estimates how many true labels lie below ``levels[j]``, at the most: it never
    falls from one level to the next. One more row could add ``one_more`` times
    ``(1 - alpha, alpha)``.
    """

    levels: np.ndarray
    missed: np.ndarray
    total: float
    one_more: tuple[float, float]

    def at(self, alpha):
        """Return the largest level whose misses, with one more row's, may be a fraction alpha."""
        allowed = alpha * self.total - (1 - alpha) * self.one_more[0] - alpha * self.one_more[1]
        place = np.searchsorted(self.missed, allowed + 1e-9, side="right") - 1
        return moved(float(self.levels[place]), -1) if place >= 0 else -np.inf


def _curve(levels, weights, candidates, total, one_more):
    """Return the `_Curve` of labels with levels and weights, at the candidate levels."""
    levels, weights = levels.ravel(), weights.ravel()
    order = np.argsort(levels, kind="stable")
    steps, first = np.unique(levels[order], return_index=True)
    below = np.append(0.0, np.cumsum(weights[order]))[first]
    candidates = np.unique(np.append(candidates, -np.inf))
    place = np.searchsorted(steps, candidates, side="right") - 1
    missed = np.where(place < 0, 0.0, np.maximum.accumulate(below)[place])
    return _Curve(candidates, missed, total, one_more)


@dataclass(frozen=True, eq=False)
class NoisyLevels:
    """Levels of all labels of the calibration rows, weighed so that true labels count.

    Parameters
    ----------
    curves : dict
        One for all rows, or one for each class or stratum.
    n_groups, n_rows : int
    conditional : {None, "class", "strata"}
    """

    curves: dict
    n_groups: int
    n_rows: int
    conditional: str | None

    target = "target_coverage"

    def is_few(self, target_coverage):
        """Say whether the rows are too few for a coverage."""
        return self.n_groups < rows_needed(alpha_of(target_coverage))

    @classmethod
    def of(cls, levels, found, noise):
        """Weigh the levels (n, n_classes) of calibration rows under a rate or a matrix of noise.

        ``found`` are the `LabelLevels` of the rows as they are given. A label that no training
        row has is a miss that needs no weight.
        """
        weights, one_more = _weights(noise, found.codes, levels.shape[1])
        levels, new = levels.copy(), found.is_new
        weights[new] = 0.0
        levels[new, 0], weights[new, 0] = -np.inf, 1.0
        weights *= row_weights(found.groups)[:, None]
        parts = _parts(found)
        curves = {
            key: _curve(
                levels[rows][:, columns],
                weights[rows][:, columns],
                found.levels[rows & of_part],
                float(weights[rows][:, columns].sum()),
                one_more(columns),
            )
            for key, rows, columns, of_part in parts
        }
        return cls(curves, found.n_groups, len(found.groups), found.conditional)

    def at(self, target_coverage):
        """Return the level for a coverage of the true labels; raise where the rows have none."""
        alpha = alpha_of(target_coverage)
        check_rows(self.n_groups, self.n_rows, coverage=target_coverage)
        levels = {key: curve.at(alpha) for key, curve in self.curves.items()}
        if self.conditional == "class":
            return np.array(list(levels.values()))
        return levels if self.conditional == "strata" else levels[_ALL]

    def rows_of_classes(self):
        """Return the number of rows that each class is estimated to have."""
        return np.array([curve.total for curve in self.curves.values()])


def _parts(found):
    """Yield key, rows, columns and the rows whose levels are candidates, for each part."""
    every = np.ones(len(found.codes), dtype=bool)
    if found.conditional == "class":
        for code in range(found.n_classes):
            yield code, every, [code], found.codes == code
    elif found.conditional == "strata":
        for stratum in np.unique(found.strata).tolist():
            rows = found.strata == stratum
            yield stratum, rows, slice(None), rows
    else:
        yield _ALL, every, slice(None), every


def _weights(noise, codes, n_classes):
    """Return ``W[k, given label]``, (n, n_classes), and the most that a row may add.

    The latter is a function of some columns: the largest sum over them of the positive weights of
    a row, and the largest sum of the negative ones.
    """
    if np.ndim(noise) == 0:
        spread = noise / ((1 - noise) * n_classes)
        weights = np.full((len(codes), n_classes), -spread)
        weights[np.arange(len(codes)), codes] += 1 / (1 - noise)
        return weights, lambda columns: _uniform_one_more(noise, spread, columns, n_classes)
    inverse = np.linalg.inv(noise)

    def one_more(columns):
        part = inverse[columns]
        return tuple(float(np.maximum(s * part, 0).sum(axis=0).max()) for s in (1, -1))

    return inverse[:, codes].T.copy(), one_more


def _uniform_one_more(noise, spread, columns, n_classes):
    """Return the most that a row may add under uniform noise."""
    n_others = n_classes - 1 if isinstance(columns, slice) else len(columns)
    return 1 / (1 - noise) - spread, spread * n_others
