"""How many labels may stand alone, and how accurate they are."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples
from sklearn_setpred.inspection._display import Display, mark_target, next_style
from sklearn_setpred.metrics._checks import check_weight, true_columns
from sklearn_setpred.prediction import call_through
from sklearn_setpred.sets._ranks import check_scores


@dataclass(kw_only=True, eq=False, repr=False)
class DecisionDisplay(Display):
    """Accuracy of the first labels that stand alone, against the fraction of the rows they decide.

    The surest rows are decided alone first. A point marks the level that was tested, that of
    ``target_accuracy`` of `CoverageSetClassifier`. Pass ``ax=first.ax_`` to draw several displays
    on the same axes.

    Parameters
    ----------
    fraction : ndarray of shape (p,)
        Fraction of the rows whose first label has a probability of at least ``level``.
    accuracy : ndarray of shape (p,)
        Fraction of these rows whose first label is right.
    level : ndarray of shape (p,)
        Decreasing probabilities.
    tested_level : float, default=None
        The level to mark.
    target_accuracy : float, default=None
        The accuracy to mark by a line.
    name : str, default=None
        Name in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the display was drawn.
    line_ : matplotlib Line2D
        The curve.
    point_ : matplotlib Line2D or None
        The tested point; None without one, or where no row reaches its level.

    Examples
    --------
    >>> from sklearn_setpred.inspection import DecisionDisplay
    >>> proba = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]
    >>> display = DecisionDisplay.from_predictions(["a", "b", "b", "b"], proba, name="clf")
    >>> display.frame().round(2)
      name  fraction  accuracy  level
    0  clf      0.25      1.00    0.9
    1  clf      0.50      1.00    0.8
    2  clf      0.75      0.67    0.7
    3  clf      1.00      0.75    0.6
    """

    fraction: Floats
    accuracy: Floats
    level: Floats
    tested_level: float | None = None
    target_accuracy: float | None = None
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
        """Draw the first labels of a fitted set predictor on rows that are new to it.

        Parameters
        ----------
        estimator : fitted estimator
            Whatever :func:`~sklearn_setpred.predict_set` takes.
        X : array-like of shape (n, n_features)
            Rows.
        y : array-like of shape (n,)
            True labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.
        name : str, default=None
            Name in the legend; None takes the name of the set predictor's class.
        **kwargs : dict
            Keywords of :meth:`plot`.

        Returns
        -------
        DecisionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        predictor, name = cls._predictor(estimator, "predict_set", name)
        return cls.from_predictions(
            y,
            call_through(estimator, "predict_proba", X),
            tested_level=getattr(predictor, "accuracy_level_", None),
            target_accuracy=getattr(predictor, "target_accuracy", None),
            classes=predictor.classes_,
            sample_weight=sample_weight,
            name=name,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        proba: ArrayLike,
        *,
        tested_level: float | None = None,
        target_accuracy: float | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the first labels of probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            True labels; one that is not among the classes counts as wrong.
        proba : array-like of shape (n, K)
            Probabilities of the classes.
        tested_level : float, default=None
            The level to mark.
        target_accuracy : float, default=None
            The accuracy to mark by a line.
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
        DecisionDisplay
        """
        proba = check_scores(proba, "proba")
        columns = true_columns(y_true, classes, *proba.shape)
        weight = check_weight(sample_weight, len(columns))
        # Rows of one probability stand alone together.
        level, place = np.unique(-proba.max(axis=1), return_inverse=True)
        alone = np.cumsum(np.bincount(place, weight))
        right = np.cumsum(np.bincount(place, weight * (proba.argmax(axis=1) == columns)))
        drawn = alone > 0
        display = cls(
            fraction=(alone / alone[-1])[drawn],
            accuracy=right[drawn] / alone[drawn],
            level=-level[drawn],
            tested_level=tested_level,
            target_accuracy=target_accuracy,
            name=name,
        )
        return display.plot(**kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the name of the display.
        **kwargs : dict
            Properties of the line, such as ``color``.

        Returns
        -------
        DecisionDisplay
        """
        ax = self._start(ax)
        style = {"linewidth": 1.8} | next_style(ax, kwargs)
        marker = style.pop("marker")
        (self.line_,) = ax.plot(self.fraction, self.accuracy, label=self._label(name), **style)
        marked = np.inf if self.tested_level is None else self.tested_level
        self.point_, n_above = None, np.count_nonzero(self.level >= marked)
        if n_above:
            at = self.fraction[n_above - 1], self.accuracy[n_above - 1]
            (self.point_,) = ax.plot(*at, marker, color=style["color"], markersize=8)
        mark_target(ax.axhline, self.target_accuracy)
        ax.set(xlabel="Fraction of the rows decided alone", ylabel="Accuracy of these")
        ax.legend()
        return self

    def _columns(self):
        """Return the columns of the frame."""
        return {"fraction": self.fraction, "accuracy": self.accuracy, "level": self.level}
