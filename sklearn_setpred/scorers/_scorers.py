"""Callables that score the sets of an estimator, one metric or many at once."""

from collections.abc import Mapping
from inspect import signature
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import UNUSED

from sklearn_setpred._utils.types import ArrayLike, Estimator, Metric, Samples, SetsLike
from sklearn_setpred._utils.validation import check_integer, check_option
from sklearn_setpred.metrics import (
    cardinality_aware_loss,
    coverage_gap,
    coverage_score,
    macro_coverage_score,
    mean_set_size,
    set_utility_score,
    singleton_accuracy_score,
    singleton_score,
    size_stratified_coverage_gap,
)
from sklearn_setpred.prediction import call_through, predict_set
from sklearn_setpred.sets import label_indices


class _ScoresSets(BaseEstimator):
    """A callable ``(estimator, X, y)`` that scores the sets of ``estimator``.

    A subclass defines ``score_sets(y_true, y_set, classes, sample_weight)``. Being a
    ``BaseEstimator`` with a method named ``score``, it has ``set_score_request``.
    """

    __metadata_request__score: ClassVar = {"estimator": UNUSED, "strata": None}

    def __call__(
        self,
        estimator: Estimator,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Any:
        return self.score(estimator, X, y, sample_weight=sample_weight, **params)

    def score(
        self,
        estimator: Estimator,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Any:
        """Score the sets that ``estimator`` predicts for X.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`~sklearn_setpred.predict_set` takes.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, 1)
            True labels; one that is not in ``estimator.classes_`` is in no set.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.
        **params : dict
            Call-time keywords of ``predict_set``, such as ``strata``.

        Returns
        -------
        float, or dict of str to float for a report
            Higher is better.
        """
        y_set = self._sets(estimator, X, **params)
        return self.score_sets(column_or_1d(y), y_set, estimator.classes_, sample_weight)

    def _accept_sample_weight(self):
        # scikit-learn asks this of every scorer before it passes weights without routing.
        return True

    def _sets(self, estimator, X, **params):
        """Return the sets that are scored."""
        return predict_set(estimator, X, **params)


class SetScorer(_ScoresSets):
    """Score prediction sets by one metric, higher is better.

    ``scorer(estimator, X, y) = sign * metric(y, predict_set(estimator, X), classes=classes_)``
    with sign +1 if greater is better, else -1.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_set, *, classes, sample_weight)`` returns a float.
    greater_is_better : bool, default=True
        Whether a higher value of the metric is better; if not, the score is its negative.
    kwargs : dict, optional
        Further keywords of the metric.

    See Also
    --------
    make_set_scorer : Makes a scorer; the direction is read from the name of the metric.

    Notes
    -----
    Under metadata routing, ``set_score_request(sample_weight=True)`` asks for weights, and
    ``set_score_request(strata=True)`` for the strata that the estimator's ``predict_set`` needs.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import SetScorer, TopKSetClassifier
    >>> from sklearn_setpred.metrics import mean_set_size
    >>> model = TopKSetClassifier(GaussianNB(), k=2).fit([[0], [1], [5], [6]], [0, 0, 1, 1])
    >>> SetScorer(mean_set_size, greater_is_better=False)(model, [[0], [5]], [0, 1])
    -2.0
    """

    def __init__(
        self,
        metric: Metric,
        greater_is_better: bool = True,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.kwargs = kwargs

    def score_sets(
        self,
        y_true: ArrayLike,
        y_set: SetsLike,
        classes: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Score sets that were predicted before.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_set : bool array or CSR array of shape (n_samples, n_classes)
            Sets.
        classes : array-like of shape (n_classes,)
            Label of each column.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        float
            Higher is better.
        """
        kwargs = dict(self.kwargs or {}, classes=classes)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        value = self.metric(y_true, y_set, **kwargs)
        return value if self.greater_is_better else -value

    def _accept_sample_weight(self):
        return "sample_weight" in signature(self.metric).parameters

    def __repr__(self):
        kwargs = dict(greater_is_better=self.greater_is_better, **(self.kwargs or {}))
        arguments = "".join(f", {name}={value!r}" for name, value in kwargs.items())
        return f"make_set_scorer({_name_of(self.metric)}{arguments})"


class TopKScorer(_ScoresSets):
    """Score the coverage of the sets of the k first-ranked labels."""

    def __init__(self, k):
        self.k = k

    def _sets(self, estimator, X, **params):
        classes = np.asarray(estimator.classes_)
        labels = call_through(estimator, "predict_top_k", X, k=min(self.k, len(classes)), **params)
        columns = label_indices(labels.ravel(), classes).reshape(labels.shape)
        sets = np.zeros((len(labels), len(classes)), dtype=bool)
        np.put_along_axis(sets, columns, True, axis=1)
        return sets

    def score_sets(self, y_true, y_set, classes, sample_weight=None):
        return coverage_score(y_true, y_set, classes=classes, sample_weight=sample_weight)

    def __repr__(self):
        return f"top_k_scorer({self.k})"


# name: (metric, greater_is_better)
_SCORERS = {
    "coverage": (coverage_score, True),
    "macro_coverage": (macro_coverage_score, True),
    "neg_mean_set_size": (mean_set_size, False),
    "neg_cardinality_aware_loss": (cardinality_aware_loss, False),
    "neg_coverage_gap": (coverage_gap, False),
    "neg_size_stratified_coverage_gap": (size_stratified_coverage_gap, False),
    "set_utility": (set_utility_score, True),
    "singleton": (singleton_score, True),
    "singleton_accuracy": (singleton_accuracy_score, True),
}
_REPORTED = ("coverage", "neg_mean_set_size", "neg_cardinality_aware_loss", "singleton")


def get_set_scorer_names() -> list[str]:
    """Return the names that :func:`get_set_scorer` knows.

    Returns
    -------
    list of str
        Sorted.

    Examples
    --------
    >>> from sklearn_setpred import get_set_scorer_names
    >>> "coverage" in get_set_scorer_names()
    True
    """
    return sorted(_SCORERS)


def get_set_scorer(name: str) -> SetScorer:
    """Return the scorer of that name.

    As in scikit-learn, ``neg_`` marks the negative of a quantity that should be small. The
    scorer of the cardinality-aware loss has the default penalty and cost of the metric, not the
    penalty and cost of the estimator: otherwise a search over ``size_penalty`` would always end at
    its smallest value. :func:`make_set_scorer` makes other scorers.

    Parameters
    ----------
    name : str
        One of :func:`get_set_scorer_names`.

    Returns
    -------
    SetScorer
        A new one at each call, so that its ``set_score_request`` changes no other scorer.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> from sklearn_setpred import get_set_scorer
    >>> get_set_scorer("neg_mean_set_size")
    make_set_scorer(mean_set_size, greater_is_better=False)
    """
    return SetScorer(*_SCORERS[check_option("name", name, get_set_scorer_names())])


def make_set_scorer(
    metric: Metric, *, greater_is_better: bool | None = None, **kwargs: Any
) -> SetScorer:
    """Make a scorer of sets from a metric.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_set, *, classes, sample_weight)`` returns a float.
    greater_is_better : bool, optional
        Whether a higher value is better. None reads it from the name of the metric: yes for
        ``..._score``, no for ``..._loss``.
    **kwargs : dict
        Further keywords of the metric.

    Returns
    -------
    SetScorer
        For ``scoring=``.

    Raises
    ------
    ValueError
        If the name of the metric does not tell the direction and ``greater_is_better`` is None.

    Examples
    --------
    >>> from sklearn_setpred import make_set_scorer
    >>> from sklearn_setpred.metrics import cardinality_aware_loss
    >>> make_set_scorer(cardinality_aware_loss, size_penalty=0.1)
    make_set_scorer(cardinality_aware_loss, greater_is_better=False, size_penalty=0.1)
    """
    if greater_is_better is None:
        greater_is_better = _greater_is_better(metric)
    return SetScorer(metric, greater_is_better, kwargs)


def top_k_scorer(k: int) -> TopKScorer:
    """Make a scorer of the fraction of rows whose label is among the k first-ranked.

    It reads ``predict_top_k``, so it scores the ranking, whatever sets the estimator makes of it.
    A model with fewer than k classes is scored on all of them.

    Parameters
    ----------
    k : int
        At least 1.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)``, for ``scoring=``.

    Raises
    ------
    ValueError
        If ``k`` is below 1.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, top_k_scorer
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], [0, 0, 1, 1, 2, 2]
    >>> model = TopKSetClassifier(GaussianNB(), k=1).fit(X, y)
    >>> [top_k_scorer(k)(model, [[0.0], [0.4]], [0, 1]) for k in (1, 2)]
    [0.5, 1.0]
    """
    return TopKScorer(check_integer("k", k))


class SetReport(_ScoresSets):
    """Several scores of the same sets, as a dict."""

    def __init__(self, scorers):
        self.scorers = scorers

    def score_sets(self, y_true, y_set, classes, sample_weight=None):
        """Return the score of each scorer by its name; a metric that takes no weights gets none."""
        return {
            name: scorer.score_sets(
                y_true, y_set, classes, sample_weight if scorer._accept_sample_weight() else None
            )
            for name, scorer in self.scorers.items()
        }

    def _accept_sample_weight(self):
        return any(scorer._accept_sample_weight() for scorer in self.scorers.values())

    def __repr__(self):
        return f"set_report({', '.join(self.scorers)})"


def set_report(*names: str, **scorers: SetScorer) -> SetReport:
    """Make a scorer that returns many metrics of the same sets, from one ``predict_set`` call.

    It always contains coverage, ``neg_mean_set_size``, ``neg_cardinality_aware_loss`` and
    ``singleton``, which :func:`smallest_set_at` and :func:`largest_coverage_at` can choose by.

    Parameters
    ----------
    *names : str
        Further scorers by name, of :func:`get_set_scorer_names`.
    **scorers : SetScorer
        Further scorers, each under a name of your choice.

    Returns
    -------
    callable
        ``report(estimator, X, y, sample_weight=None)`` returns a dict of str to float, higher is
        better; for ``scoring=`` of ``GridSearchCV`` or ``cross_validate``, whose
        results then have the columns ``mean_test_coverage``, ``mean_test_neg_mean_set_size``, ...

    Raises
    ------
    ValueError
        If a name is unknown.
    TypeError
        If a keyword holds no :class:`SetScorer`.

    Notes
    -----
    ``HalvingGridSearchCV`` compares candidates by a single number, named "score":
    ``scoring=set_report(score=get_set_scorer("neg_cardinality_aware_loss")), refit="score"``.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, set_report
    >>> X, y = [[0.0], [1.0], [5.0], [6.0], [9.0], [10.0]], [0, 0, 1, 1, 2, 2]
    >>> scores = set_report()(TopKSetClassifier(GaussianNB(), k=2).fit(X, y), X, y)
    >>> scores["coverage"], scores["neg_mean_set_size"]
    (1.0, -2.0)
    """
    for name, scorer in scorers.items():
        if not isinstance(scorer, SetScorer):
            raise TypeError(f"{name}={scorer!r} is no SetScorer; use make_set_scorer(metric).")
    named = {name: get_set_scorer(name) for name in (*_REPORTED, *names)}
    return SetReport({**named, **scorers})


def _greater_is_better(metric):
    """Read the direction of a metric from its name."""
    name = _name_of(metric)
    if not name.endswith(("_score", "_loss")):
        raise ValueError(
            f"metric={name} does not tell its direction by ending in '_score' or '_loss'; "
            "give greater_is_better=True or False."
        )
    return name.endswith("_score")


def _name_of(function):
    """Return the name of a function, or the repr of another callable."""
    return getattr(function, "__name__", repr(function))
