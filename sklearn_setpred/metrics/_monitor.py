"""Whether sets keep their coverage on a stream of later labels."""

__all__ = ["CoverageMonitor"]

from typing import Self

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, SetsLike
from sklearn_setpred._utils.validation import check_number
from sklearn_setpred.metrics._checks import labelled_sets

# Bets, as fractions of the largest one that cannot lose everything.
_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.4])


class CoverageMonitor:
    """Tell when the coverage of sets has left a band, row by row, as labels arrive.

    Every row is a bet that the coverage is below ``low``, with the gain ``1 + b (low - hit)``, and
    one that it is above ``high``, with ``1 + b (hit - high)``. While the coverage is in the band,
    the product of gains from any row on is a test martingale: it does not grow on average. The
    evidence is the sum of these products over the rows where they may begin, the mean over several
    b; one multiplication a row keeps it, ``e <- (e + 1) gain`` [1]_.

    Parameters
    ----------
    low : float
        Least coverage, above 0 and below 1. Leave room below the target: calibrated on n rows, a
        target of .9 is missed by .3 / sqrt(n) in one of six cases.
    high : float, default=1.0
        Largest coverage, above ``low``; 1 watches the lower end alone.
    run_length : float, default=10_000
        The mean number of rows until an alarm, while the coverage is in the band, is at least this.

    Attributes
    ----------
    n_rows : int
        Rows seen.
    n_hits : int
        Rows whose set holds the label.
    evidence : float
        The evidence that the coverage has left the band.
    alarm_row : int or None
        The number of the row, from 0, at which the evidence reached ``run_length`` first.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential
       change detection", 2022.

    Examples
    --------
    >>> from sklearn_setpred.metrics import CoverageMonitor
    >>> monitor = CoverageMonitor(low=0.8, run_length=1000)
    >>> for y_true, y_set in [("a", [True, False])] * 500 + [("b", [True, False])] * 20:
    ...     monitor = monitor.update([y_true], [y_set], classes=["a", "b"])
    >>> monitor.alarm_row
    507
    """

    def __init__(self, low: float, high: float = 1.0, *, run_length: float = 10_000) -> None:
        check_number("low", low, low=0, high=1, is_open=True)
        check_number("high", high, low=low, high=1)
        check_number("run_length", run_length, low=1)
        self.low, self.high, self.run_length = low, high, run_length
        below = _BETS / (1 - low)
        self._gains = [1 + below * low, 1 + below * (low - 1)]
        if high < 1:
            above = _BETS / high
            ends = 1 - above * high, 1 + above * (1 - high)
            self._gains = [np.append(*two) for two in zip(self._gains, ends, strict=True)]
        self._products = np.zeros(len(self._gains[0]))
        self.n_rows, self.n_hits = 0, 0
        self.alarm_row: int | None = None

    @property
    def evidence(self) -> float:
        """The evidence that the coverage has left the band."""
        return float(self._products.mean())

    def update(
        self, y_true: ArrayLike, y_set: SetsLike, *, classes: ArrayLike | None = None
    ) -> Self:
        """Take rows whose labels have become known, in their order.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels; one that is not among the classes counts as a miss.
        y_set : array-like or sparse array of shape (n, K), bool
            The sets.
        classes : array-like of shape (K,), default=None
            The label of each column; None takes the sorted labels of `y_true`, if they are K.

        Returns
        -------
        self
        """
        for hit in labelled_sets(y_true, y_set, classes, None).hits:
            self._products = (self._products + 1) * self._gains[int(hit)]
            if self.alarm_row is None and self.evidence >= self.run_length:
                self.alarm_row = self.n_rows
            self.n_rows, self.n_hits = self.n_rows + 1, self.n_hits + int(hit)
        return self
