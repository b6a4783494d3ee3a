"""The distribution of the set sizes."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples, SetsLike
from sklearn_setpred.inspection._display import Display, draw_histogram
from sklearn_setpred.metrics import set_size_distribution
from sklearn_setpred.prediction import predict_set


@dataclass(kw_only=True, eq=False, repr=False)
class SetSizeDisplay(Display):
    """Fraction of the sets of each size.

    Pass ``ax=first.ax_`` to draw several displays on the same axes.

    Parameters
    ----------
    share : ndarray of shape (K + 1,)
        Fraction of the sets with 0 ... K labels, as from
        :func:`~sklearn_setpred.metrics.set_size_distribution`.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display was drawn.
    stairs_ : matplotlib StepPatch
        The distribution.

    Examples
    --------
    >>> from sklearn_setpred.inspection import SetSizeDisplay
    >>> y_set = [[1, 0], [1, 1], [0, 1], [1, 0]]
    >>> display = SetSizeDisplay.from_predictions(["a", "b", "b", "a"], y_set, name="sets")
    >>> display.frame()
       name  size  share
    0  sets     0   0.00
    1  sets     1   0.75
    2  sets     2   0.25
    """

    share: Floats
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
        """Draw the sets of a fitted set predictor.

        Parameters
        ----------
        estimator : fitted estimator
            Whatever :func:`~sklearn_setpred.predict_set` takes.
        X : array-like of shape (n, n_features)
            Rows.
        y : array-like of shape (n,)
            True labels; checked, but without influence.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend; None takes the name of the set predictor's class.
        **kwargs : dict
            Keywords of :meth:`plot`.

        Returns
        -------
        SetSizeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        predictor, name = cls._predictor(estimator, "predict_set", name)
        return cls.from_predictions(
            y,
            predict_set(estimator, X),
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
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw sets.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels; checked, but without influence.
        y_set : array-like or sparse array of shape (n, K), bool
            The sets.
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
        SetSizeDisplay
        """
        share = set_size_distribution(y_true, y_set, classes=classes, sample_weight=sample_weight)
        return cls(share=share, name=name).plot(**kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the name of the display.
        **kwargs : dict
            Properties of the outline, such as ``color``.

        Returns
        -------
        SetSizeDisplay
        """
        from matplotlib.ticker import MaxNLocator

        ax = self._start(ax)
        share = self.share
        sizes = np.flatnonzero(share)
        first, last = min(1, sizes[0]), sizes[-1]
        edges = np.arange(first, last + 2) - 0.5
        label = f"{self._label(name)} (mean {share @ np.arange(len(share)):.3g})"
        self.stairs_ = draw_histogram(ax, share[first : last + 1], edges, label, kwargs)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="Set size (labels)", ylabel="Fraction of the sets")
        ax.legend()
        return self

    def _columns(self):
        """Return the columns of the frame."""
        return {"size": np.arange(len(self.share)), "share": self.share}
