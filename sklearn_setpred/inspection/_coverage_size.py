"""Coverage against mean set size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_setpred._utils.types import ArrayLike, Estimator, Samples, SetsLike
from sklearn_setpred.inspection._display import (
    Display,
    mark_target,
    next_style,
    percent,
    require_matplotlib,
)
from sklearn_setpred.metrics import coverage_score, coverage_size_curve, mean_set_size
from sklearn_setpred.prediction import call_through, predict_set
from sklearn_setpred.sets._labels import check_label_array


@dataclass(kw_only=True, eq=False, repr=False)
class CoverageSizeDisplay(Display):
    """Coverage against mean set size: the higher and the further left, the better.

    The curve runs through the nested sets ``set_levels(X) >= t`` of all levels t; a marker
    shows the sets of ``predict_set``. Pass ``ax=first.ax_`` to draw several displays on the same
    axes.

    Parameters
    ----------
    coverage, mean_size : ndarray of shape (p,), default=()
        The curve, as from :func:`~sklearn_setpred.metrics.coverage_size_curve`.
    coverage_std : ndarray of shape (p,), default=None
        Standard deviation of the coverage over folds, drawn as a band.
    point : tuple of two floats, default=None
        Coverage and mean size of the sets predicted.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display was drawn.
    line_ : matplotlib Line2D or None
        The curve.
    point_ : matplotlib Line2D or None
        The marker.
    band_ : matplotlib PolyCollection or None
        The band.

    Examples
    --------
    >>> from sklearn_setpred.inspection import CoverageSizeDisplay
    >>> levels = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]
    >>> display = CoverageSizeDisplay.from_predictions(
    ...     ["a", "b"], levels=levels, classes=["a", "b", "c"], name="levels"
    ... )
    >>> display.frame()
         name   part  mean_size  coverage
    0  levels  curve        1.0       0.5
    1  levels  curve        1.5       1.0
    """

    coverage: ArrayLike = ()
    mean_size: ArrayLike = ()
    coverage_std: ArrayLike | None = None
    point: tuple[float, float] | None = None
    name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: Samples,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a fitted set predictor on rows that are new to it.

        Parameters
        ----------
        estimator : fitted estimator
            Whatever :func:`~sklearn_setpred.predict_set` takes. Without ``set_levels`` there
            is a marker and no curve.
        X : array-like of shape (n, n_features)
            Rows.
        y : array-like of shape (n,)
            True labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend; None takes the name of the set predictor's class.
        **kwargs : dict
            Keywords of :meth:`plot`: ``ax``, ``target_coverage``, properties of the line.

        Returns
        -------
        CoverageSizeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        predictor, name = cls._predictor(estimator, "predict_set", name)
        has_levels = hasattr(predictor, "set_levels")
        return cls.from_predictions(
            y,
            predict_set(estimator, X),
            levels=call_through(estimator, "set_levels", X) if has_levels else None,
            classes=predictor.classes_,
            sample_weight=sample_weight,
            name=name,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_set: SetsLike | None = None,
        *,
        levels: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw sets, levels or both.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels.
        y_set : array-like or sparse array of shape (n, K), bool, default=None
            Sets, drawn as a marker.
        levels : array-like of shape (n, K), default=None
            The level at which each class drops out of its set, drawn as a curve;
            probabilities work too.
        classes : array-like of shape (K,), default=None
            The label of each column; None takes the sorted labels of `y_true`, if they are K.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend.
        **kwargs : dict
            Keywords of :meth:`plot`: ``ax``, ``target_coverage``, properties of the line.

        Returns
        -------
        CoverageSizeDisplay

        Raises
        ------
        ValueError
            If neither sets nor levels are given.
        """
        if y_set is None and levels is None:
            raise ValueError("y_set=None and levels=None: nothing to draw; pass one of them.")
        shared = {"classes": classes, "sample_weight": sample_weight}
        coverage, mean_size, point = (), (), None
        if levels is not None:
            coverage, mean_size, _ = coverage_size_curve(y_true, levels, **shared)
        if y_set is not None:
            point = coverage_score(y_true, y_set, **shared), mean_set_size(y_true, y_set, **shared)
        display = cls(coverage=coverage, mean_size=mean_size, point=point, name=name)
        return display.plot(**kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        X: Samples,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the mean curve of the folds of a cross-validation with a band around it.

        At each mean size s, a fold counts with the largest coverage that it reaches at a mean
        size of at most s; the band is one standard deviation to both sides.

        Parameters
        ----------
        cv_results : dict
            From :func:`sklearn.model_selection.cross_validate` with ``return_estimator=True``
            and ``return_indices=True``. The estimators need ``set_levels``.
        X : array-like of shape (n, n_features)
            The rows given to the cross-validation.
        y : array-like of shape (n,)
            Their labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend.
        **kwargs : dict
            Keywords of :meth:`plot`: ``ax``, ``target_coverage``, properties of the line.

        Returns
        -------
        CoverageSizeDisplay

        Raises
        ------
        ValueError
            If the estimators or the indices of the folds are missing.
        """
        require_matplotlib(f"{cls.__name__}.from_cv_results")
        if not {"estimator", "indices"} <= set(cv_results):
            raise ValueError(
                f"cv_results has {sorted(cv_results)}; call cross_validate with "
                "return_estimator=True and return_indices=True."
            )
        y = check_label_array(y, "y")
        folds = zip(cv_results["estimator"], cv_results["indices"]["test"], strict=True)
        curves = [_fold_curve(model, rows, X, y, sample_weight) for model, rows in folds]
        sizes, coverages = _coverages_at_common_sizes(curves)
        display = cls(
            coverage=coverages.mean(axis=0),
            mean_size=sizes,
            coverage_std=coverages.std(axis=0),
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
            Coverage to mark by a line; the legend then says the mean size that the curve
            needs for it.
        **kwargs : dict
            Properties of the line, such as ``color``.

        Returns
        -------
        CoverageSizeDisplay
        """
        ax = self._start(ax)
        style = next_style(ax, kwargs)
        label = self._label(name) + self._figures(target_coverage)
        self.line_ = self._draw_curve(ax, style, label)
        self.band_ = self._draw_band(ax, style)
        self.point_ = self._draw_point(ax, style, label)
        mark_target(ax.axhline, target_coverage)
        _label_axes(ax)
        ax.legend()
        return self

    def _figures(self, target_coverage):
        """Write what the legend says beside the name: the band, the mean size at the target."""
        band = "" if self.coverage_std is None else " \u00b1 std of the folds"
        if target_coverage is None or len(self.coverage) == 0:
            return band
        reaching = np.flatnonzero(np.asarray(self.coverage) >= target_coverage)
        size = f"{self.mean_size[reaching[0]]:.3g} labels" if reaching.size else "not reached"
        return f"{band} ({size} at {percent(target_coverage)})"

    def _draw_curve(self, ax, style, label):
        """Draw the curve, if there is one."""
        if len(self.coverage) == 0:
            return None
        style = {"linewidth": 1.8} | style | {"marker": None, "drawstyle": "steps-post"}
        return ax.plot(self.mean_size, self.coverage, **style, label=label)[0]

    def _draw_band(self, ax, style):
        """Draw the band of the folds, if there is one."""
        if self.coverage_std is None:
            return None
        low, high = self.coverage - self.coverage_std, self.coverage + self.coverage_std
        return ax.fill_between(
            self.mean_size,
            low.clip(0, 1),
            high.clip(0, 1),
            step="post",
            alpha=0.2,
            linewidth=0,
            color=style["color"],
        )

    def _draw_point(self, ax, style, label):
        """Draw the marker, if there is one; without a curve it carries the name."""
        if self.point is None:
            return None
        coverage, mean_size = self.point
        style = style | {"linestyle": "none", "markersize": 8, "markeredgecolor": "white"}
        label = None if len(self.coverage) else label
        return ax.plot([mean_size], [coverage], **style, label=label)[0]

    def _columns(self):
        """Return the columns of the frame."""
        points = [] if self.point is None else [self.point]
        columns = {
            "part": ["curve"] * len(self.coverage) + ["point"] * len(points),
            "mean_size": [*self.mean_size, *(size for _, size in points)],
            "coverage": [*self.coverage, *(coverage for coverage, _ in points)],
        }
        if self.coverage_std is not None:
            columns["coverage_std"] = [*self.coverage_std, *(np.nan for _ in points)]
        return columns


def _fold_curve(estimator, rows, X, y, sample_weight):
    """Return coverage and mean size on the test rows of a fold."""
    coverage, mean_size, _ = coverage_size_curve(
        y[rows],
        call_through(estimator, "set_levels", _safe_indexing(X, rows)),
        classes=estimator.classes_,
        sample_weight=None if sample_weight is None else _safe_indexing(sample_weight, rows),
    )
    return coverage, mean_size


def _coverages_at_common_sizes(curves):
    """Return the mean sizes of all curves and each curve's coverage there."""
    sizes = np.unique(np.concatenate([mean_size for _, mean_size in curves]))
    # All curves start at the sets of one label; rounding may put a start after sizes[0].
    at = [(np.searchsorted(size, sizes, side="right") - 1).clip(min=0) for _, size in curves]
    return sizes, np.stack([coverage[i] for (coverage, _), i in zip(curves, at, strict=True)])


def _label_axes(ax):
    """Name the axes; sizes on a logarithmic scale, since a curve may end at n_classes."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel="Mean set size (labels)", ylabel="Coverage (true label in the set)")
