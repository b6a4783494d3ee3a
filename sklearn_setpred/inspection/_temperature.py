"""The temperatures of rows under an adaptive loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples
from sklearn_setpred.inspection._display import Display, draw_histogram
from sklearn_setpred.prediction import call_through
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array


@dataclass(kw_only=True, eq=False, repr=False)
class TemperatureDisplay(Display):
    """Distribution of the temperatures of rows, for right and wrong predictions apart.

    A model trained with an adaptive loss has a temperature for each row: high where the model
    doubts the label. Each histogram shows one group of rows, as fractions of the
    group.

    Parameters
    ----------
    bin_edges : ndarray of shape (b + 1,)
        Edges of the bins, ascending.
    shares : dict of str to ndarray of shape (b,)
        Fraction of the rows in each bin, for each group of rows.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display was drawn.
    stairs_ : dict of str to matplotlib StepPatch
        The histogram of each group.

    Examples
    --------
    >>> from sklearn_setpred.inspection import TemperatureDisplay
    >>> display = TemperatureDisplay.from_predictions(
    ...     [1.0, 1.5, 3.0], y_true=["a", "b", "b"], y_pred=["a", "b", "a"], bins=[1, 2, 3]
    ... )
    >>> display.frame()
       name   rows  low  high  share
    0  None  right    1     2    1.0
    1  None  right    2     3    0.0
    2  None  wrong    1     2    0.0
    3  None  wrong    2     3    1.0
    """

    bin_edges: Floats
    shares: Mapping[str, Floats]
    name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: Samples,
        y: ArrayLike | None = None,
        *,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the temperatures of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            An estimator with ``temperature``, or a pipeline or a search around one.
        X : array-like of shape (n, n_features)
            Rows.
        y : array-like of shape (n,), default=None
            True labels, to tell right predictions from wrong ones.
        name : str, default=None
            Name in the legend; None takes the name of the estimator's class.
        **kwargs : dict
            Keywords of :meth:`from_predictions` and :meth:`plot`.

        Returns
        -------
        TemperatureDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        _, name = cls._predictor(estimator, "temperature", name)
        return cls.from_predictions(
            call_through(estimator, "temperature", X),
            y_true=y,
            y_pred=None if y is None else estimator.predict(X),
            name=name,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        temperature: ArrayLike,
        *,
        y_true: ArrayLike | None = None,
        y_pred: ArrayLike | None = None,
        bins: ArrayLike = 30,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw temperatures.

        Parameters
        ----------
        temperature : array-like of shape (n,)
            Temperature of each row.
        y_true, y_pred : array-like of shape (n,), default=None
            True and predicted labels, to tell right predictions from wrong ones.
        bins : int or array-like of shape (b + 1,), default=30
            Number or edges of the bins, as in :func:`numpy.histogram`.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend.
        **kwargs : dict
            Keywords of :meth:`plot`.

        Returns
        -------
        TemperatureDisplay

        Raises
        ------
        ValueError
            If only one of ``y_true`` and ``y_pred`` is given, or lengths differ.
        """
        temperature = np.asarray(temperature)
        rows_of_group = _rows_of_group(len(temperature), y_true, y_pred)
        weight = np.ones(len(temperature)) if sample_weight is None else np.asarray(sample_weight)
        edges = np.histogram_bin_edges(temperature, bins)
        shares = {
            group: np.histogram(temperature[rows], edges, weights=weight[rows])[0]
            / weight[rows].sum()
            for group, rows in rows_of_group.items()
        }
        return cls(bin_edges=edges, shares=shares, name=name).plot(**kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the name of the display.
        **kwargs : dict
            Properties of the outlines, such as ``linewidth``.

        Returns
        -------
        TemperatureDisplay
        """
        ax = self._start(ax)
        name = self.name if name is None else name
        self.stairs_ = {}
        for group, share in self.shares.items():
            label = f"{name}, {group}" if name else group
            self.stairs_[group] = draw_histogram(ax, share, self.bin_edges, label, kwargs)
        ax.set(xlabel="Temperature", ylabel="Fraction of the group's rows")
        ax.legend()
        return self

    def _columns(self):
        """Return the columns of the frame."""
        n_bins = len(self.bin_edges) - 1
        return {
            "rows": np.repeat(list(self.shares), n_bins),
            "low": np.tile(self.bin_edges[:-1], len(self.shares)),
            "high": np.tile(self.bin_edges[1:], len(self.shares)),
            "share": np.concatenate(list(self.shares.values())),
        }


def _rows_of_group(n_rows, y_true, y_pred):
    """Return the rows of right and of wrong predictions, or all rows where labels are missing."""
    if (y_true is None) != (y_pred is None):
        raise ValueError("y_true and y_pred tell right from wrong together; give both or none.")
    if y_true is None:
        return {"all rows": np.ones(n_rows, dtype=bool)}
    y_true, y_pred = check_label_array(y_true, "y_true"), check_label_array(y_pred, "y_pred")
    if not len(y_true) == len(y_pred) == n_rows:
        raise ValueError(
            f"y_true has {len(y_true)} rows, y_pred {len(y_pred)}; there are {n_rows} temperatures."
        )
    labels = np.unique(y_pred)
    right = label_indices(y_true, labels) == label_indices(y_pred, labels)
    return {group: rows for group, rows in [("right", right), ("wrong", ~right)] if rows.any()}
