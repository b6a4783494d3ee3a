"""Coverage of parts of the rows: classes, set sizes, strata."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Labels, Samples, SetsLike
from sklearn_setpred._utils.validation import check_option, weight_that_sums
from sklearn_setpred.inspection._display import Display, mark_target, next_style
from sklearn_setpred.metrics import strata_conditional_coverage
from sklearn_setpred.prediction import predict_set
from sklearn_setpred.sets._labels import check_label_array
from sklearn_setpred.sets._sets import check_y_set

_MAX_NAMED_GROUPS = 30
# Of more groups, this many are named: the groups of the lowest coverage.
_N_WORST = 8
_Z = 1.959964  # the normal distribution's 97.5 % quantile


@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalCoverageDisplay(Display):
    """Coverage of the rows of each class, each set size or each stratum.

    A bar around each coverage c of n rows shows the 95 % interval of Wilson,
    ``(c + z^2 / 2n +- z sqrt(c (1 - c) / n + z^2 / 4n^2)) / (1 + z^2 / n)``, z = 1.96: a rare
    class may be far from the target by chance. Pass ``ax=first.ax_`` to draw several displays on
    the same axes.

    Parameters
    ----------
    groups : array-like of shape (g,)
        The classes, set sizes or strata.
    coverage : ndarray of shape (g,)
        Coverage of each group.
    n_rows : ndarray of shape (g,)
        Number of rows of each group; with weights w the effective one,
        ``(sum w)^2 / sum w^2``.
    by : {"class", "size", "strata"}, default="class"
        What the groups are.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display was drawn.
    errorbar_ : matplotlib ErrorbarContainer
        Coverages and intervals.
    worst_ : matplotlib Text or None
        The names of the groups of the lowest coverage, where groups are too many to name all.

    Notes
    -----
    More than 30 classes or strata are drawn in the order of their coverage, and the eight of the
    lowest coverage are named.

    Examples
    --------
    >>> from sklearn_setpred.inspection import ConditionalCoverageDisplay
    >>> y_set = [[1, 0], [1, 1], [1, 0], [1, 0]]
    >>> display = ConditionalCoverageDisplay.from_predictions(["a", "b", "b", "a"], y_set)
    >>> display.frame().round(2)
       name group  coverage  n_rows   low  high
    0  None     a       1.0     2.0  0.34  1.00
    1  None     b       0.5     2.0  0.09  0.91
    """

    groups: Sequence[Any] | Labels
    coverage: Floats
    n_rows: Floats
    by: str = "class"
    name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: Samples,
        y: ArrayLike,
        *,
        by: str = "class",
        strata: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the sets of a fitted set predictor on rows that are new to it.

        Parameters
        ----------
        estimator : fitted estimator
            Whatever :func:`~sklearn_setpred.predict_set` takes.
        X : array-like of shape (n, n_features)
            Rows.
        y : array-like of shape (n,)
            True labels.
        by : {"class", "size", "strata"}, default="class"
            What the groups are.
        strata : array-like of shape (n,), default=None
            The stratum of each row, for ``by="strata"``.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend; None takes the name of the set predictor's class.
        **kwargs : dict
            Keywords of :meth:`plot`.

        Returns
        -------
        ConditionalCoverageDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        predictor, name = cls._predictor(estimator, "predict_set", name)
        return cls.from_predictions(
            y,
            predict_set(estimator, X),
            by=by,
            strata=strata,
            classes=predictor.classes_,
            sample_weight=sample_weight,
            name=name,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_set: SetsLike,
        *,
        by: str = "class",
        strata: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw sets.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels; one that is not among the classes counts as a miss.
        y_set : array-like or sparse array of shape (n, K), bool
            The sets.
        by : {"class", "size", "strata"}, default="class"
            What the groups are.
        strata : array-like of shape (n,), default=None
            The stratum of each row, for ``by="strata"``.
        classes : array-like of shape (K,), default=None
            The label of each column; None takes the sorted labels of `y_true`, if they are K.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend.
        **kwargs : dict
            Keywords of :meth:`plot`.

        Returns
        -------
        ConditionalCoverageDisplay

        Raises
        ------
        ValueError
            If ``by`` is unknown, or strata are missing or superfluous.
        """
        groups = _groups(by, y_true, y_set, strata)
        coverage_of_group = strata_conditional_coverage(
            y_true, y_set, groups, classes=classes, sample_weight=sample_weight
        )
        display = cls(
            groups=list(coverage_of_group),
            coverage=np.array(list(coverage_of_group.values())),
            n_rows=_effective_rows(groups, sample_weight),
            by=by,
            name=name,
        )
        return display.plot(**kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        target_coverage: float | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the name of the display.
        target_coverage : float, default=None
            Coverage to mark by a line.
        **kwargs : dict
            Properties of the points and bars, such as ``color``.

        Returns
        -------
        ConditionalCoverageDisplay
        """
        ax = self._start(ax, height=4.8 if self._is_crowded() else 1.6 + 0.28 * len(self.groups))
        order, places = self._order_and_places()
        # Displays on the same axes must not hide each other: each is a little lower.
        n_drawn = len(ax.get_legend_handles_labels()[1])
        size, alpha = (3, 0.25) if self._is_crowded() else (5, 1)
        style = {"markersize": size} | next_style(ax, kwargs) | {"linestyle": "none"}
        coverage, (low, high) = self.coverage[order], self._interval()[:, order]
        self.errorbar_ = ax.errorbar(
            coverage,
            places + 0.15 * n_drawn,
            xerr=np.abs([coverage - low, high - coverage]),  # -1e-16 at coverage 1 is refused
            label=self._label(name),
            ecolor=(style["color"], alpha),
            elinewidth=1,
            **style,
        )
        self.worst_ = self._name_worst(ax, n_drawn, style["color"])
        mark_target(ax.axvline, target_coverage)
        self._label_axes(ax, places)
        # Above the axes, where no bar can be.
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return self

    def _is_crowded(self):
        """Say whether the groups are too many to name all."""
        return len(self.groups) > _MAX_NAMED_GROUPS

    def _order_and_places(self):
        """Return the order in which groups are drawn, and the place of each on the axis."""
        given = np.arange(len(self.groups))
        if self.by == "size":
            return given, np.asarray(self.groups)
        if self._is_crowded():
            return np.argsort(self.coverage, kind="stable"), given
        return given, given

    def _interval(self):
        """Return the ends of Wilson's interval, shape (2, g)."""
        c, n = self.coverage, self.n_rows
        middle = c + _Z**2 / (2 * n)
        half = _Z * np.sqrt(c * (1 - c) / n + _Z**2 / (4 * n**2))
        return (middle + np.array([[-1.0], [1.0]]) * half) / (1 + _Z**2 / n)

    def _name_worst(self, ax, n_drawn, color):
        """Write the groups of the lowest coverage where sorted points leave room, at the left."""
        if not self._is_crowded() or self.by == "size":
            return None
        worst = np.argsort(self.coverage, kind="stable")[:_N_WORST]
        lines = [f"{self.groups[i]}: {self.coverage[i]:.2f}" for i in worst]
        place = {"ha": "left", "va": "bottom", "transform": ax.transAxes, "color": color}
        frame = {"facecolor": "white", "edgecolor": "0.8", "alpha": 0.85}
        text = "\n".join(["lowest coverage", *lines])
        return ax.text(0.02 + 0.28 * n_drawn, 0.03, text, fontsize="small", bbox=frame, **place)

    def _label_axes(self, ax, places):
        """Name the axes and, unless they are too many, the groups."""
        from matplotlib.ticker import MaxNLocator

        titles = {"class": "Class", "size": "Set size (labels)", "strata": "Stratum"}
        ax.set(xlabel="Coverage (with 95 % interval)", ylabel=titles[self.by])
        if self.by == "size":
            ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        elif self._is_crowded():
            ax.set_ylabel(f"{titles[self.by]}, in the order of coverage")
        else:
            ax.set_yticks(places, [str(group) for group in self.groups])
        ax.margins(y=0.6 / max(len(self.groups) - 1, 1))
        ax.yaxis.set_inverted(True)

    def _columns(self):
        """Return the columns of the frame."""
        low, high = self._interval()
        return {
            "group": self.groups,
            "coverage": self.coverage,
            "n_rows": self.n_rows,
            "low": low,
            "high": high,
        }


def _groups(by, y_true, y_set, strata):
    """Return the group of each row; raise where ``by`` and ``strata`` do not go together."""
    check_option("by", by, ["class", "size", "strata"])
    if by == "strata" and strata is None:
        raise ValueError("by='strata' needs the stratum of each row: strata=...")
    if by != "strata" and strata is not None:
        raise ValueError(f"strata are given, but by={by!r} does not read them; by='strata' does.")
    if by == "class":
        return y_true
    return strata if by == "strata" else np.asarray(check_y_set(y_set).sum(axis=1))


def _effective_rows(strata, sample_weight):
    """Return (sum w)^2 / sum w^2 of each stratum, in sorted order; NaN where all weights are 0."""
    _, groups = np.unique(check_label_array(strata, "strata"), return_inverse=True)
    weight = np.ones(len(groups)) if sample_weight is None else np.asarray(sample_weight)
    weight = weight_that_sums(weight)
    total, squares = np.bincount(groups, weight), np.bincount(groups, weight**2)
    return np.divide(total**2, squares, out=np.full(len(total), np.nan), where=squares > 0)
