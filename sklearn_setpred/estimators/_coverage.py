"""Sets with a guarantee: a level calibrated on rows that no part of the model has seen."""

import math
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, column_or_1d, indexable
from sklearn.utils.validation import (
    _check_method_params,
    check_consistent_length,
    check_is_fitted,
)

from sklearn_setpred._inner import (
    fit_classifier,
    is_frozen,
    known_classes,
    learned_classes,
    name_of,
    read_classes,
    read_probabilities,
)
from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples, Seed, Sets
from sklearn_setpred._utils.validation import (
    check_labels,
    check_number,
    check_option,
    check_weights,
    label_array,
)
from sklearn_setpred.estimators._base import SetPredictorMixin
from sklearn_setpred.estimators._calibration import (
    class_levels_at,
    coverage_level,
    levels_of_strata,
    row_weights,
    rows_needed,
    size_level,
    strata_levels,
)
from sklearn_setpred.estimators._persistence import all_or_nothing, forget_fit
from sklearn_setpred.estimators._set_aside import (
    check_new_labels,
    choose_rows,
    row_groups,
    set_aside,
)
from sklearn_setpred.estimators._wrapped import WrappingMixin, with_splits_within
from sklearn_setpred.prediction import call_through, find_inside
from sklearn_setpred.sets import label_indices, threshold_sets
from sklearn_setpred.sets._batches import in_batches, stack

_DEFAULT_COVERAGE = 0.95


class CoverageSetClassifier(SetPredictorMixin, WrappingMixin, BaseEstimator):
    """Prediction sets with a target coverage or a target mean size, around any classifier.

    This is split conformal prediction [1]_. A fraction of the rows is set aside before anything is
    fitted. Every label has a level at which it drops out of the set: ``set_levels`` of the inner
    estimator where there is one, its probabilities otherwise (the rule of [2]_). With the levels
    of the true labels of the n calibration rows, sorted, and alpha = 1 - target_coverage, the sets
    are

    ``S(x) = {y : level_y(x) >= t}``, t the ``floor(alpha (n + 1))``-th smallest,

    and the first-ranked label. For exchangeable rows they contain the true label with a
    probability of at least 1 - alpha. With ``target_size``, t is the smallest level with
    ``(n mean |S| + n_classes) / (n + 1) <= target_size``, which bounds the expected size.

    Parameters
    ----------
    estimator : classifier, default=None
        Any scikit-learn classifier or pipeline, or a set predictor of this package.
        ``FrozenEstimator(fitted)`` is used as it is: all rows given to ``fit`` then calibrate,
        and must be new to it. None means `NeuralClassifier`.
    target_coverage : float, default=None
        Fraction of the sets that contain the true label, between 0 and 1. None, without a
        ``target_size``, means 0.95.
    target_size : float, default=None
        Mean number of labels in a set, between 1 and the number of classes.
    conditional : {None, "class", "strata"}, default=None
        Let the coverage hold for each class, or for each stratum of rows, and not only on
        average. Needs ``target_coverage``.
    calibration_size : float or int, default=0.2
        Rows to set aside, as a fraction or a number; with groups, at least so many.
    random_state : int, RandomState or None, default=None
        Chooses the rows to set aside.
    sparse_output : bool, default=False
        Return sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of y, sorted; with groups, those of the rows that trained the estimator inside.
    estimator_ : classifier
        The fitted classifier inside.
    level_ : float, ndarray of shape (n_classes,) or dict
        The level found: one for all, one for each class, or one for each stratum.
    n_calibration_ : int
        Number of calibration rows.
    pooled_classes_ : ndarray
        With ``conditional="class"``, the classes with fewer than ``ceil(1 / alpha) - 1``
        calibration rows, which share one level.
    n_features_in_ : int
        Number of columns of X, where the inner estimator knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where the inner estimator knows them.

    See Also
    --------
    CardinalityAwareClassifier : Levels that make smaller sets at the same coverage.

    Notes
    -----
    The guarantee is an average over calibration sets: with n rows, the coverage is distributed as
    Beta(n + 1 - l, l), l = floor(alpha (n + 1)). It is higher where levels tie and where the
    first-ranked label alone covers more. With ``conditional="class"`` a set may leave out a label
    and contain one of lower rank. Sample weights go to the inner estimator only.

    If all rows of a class are set aside, one of them trains nevertheless, so that the classifier
    knows the label. In the calibration these rows count as misses, as new rows of labels without
    a training row will be; a warning tells how many they are, and `fit` raises where they alone
    are too many for the target.

    With ``groups``, new rows are expected to come from new groups: whole groups are set aside, each
    counts as one row in the formulas above, and the coverage is the mean over groups.

    References
    ----------
    .. [1] Papadopoulos, Proedrou, Vovk, Gammerman. "Inductive confidence machines for
       regression", ECML 2002.
    .. [2] Sadinle, Lei, Wasserman. "Least ambiguous set-valued classifiers with bounded error
       levels", Journal of the American Statistical Association, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import CoverageSetClassifier
    >>> from sklearn_setpred.metrics import coverage_score
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_new, y, y_new = train_test_split(X, y, random_state=0)
    >>> clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.9, random_state=1).fit(X, y)
    >>> print(round(coverage_score(y_new, clf.predict_set(X_new)), 2))
    0.92
    """

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        target_coverage: float | None = None,
        target_size: float | None = None,
        conditional: str | None = None,
        calibration_size: float = 0.2,
        random_state: Seed = None,
        sparse_output: bool = False,
    ) -> None:
        self.estimator = estimator
        self.target_coverage = target_coverage
        self.target_size = target_size
        self.conditional = conditional
        self.calibration_size = calibration_size
        self.random_state = random_state
        self.sparse_output = sparse_output

    @all_or_nothing
    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        strata: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Set rows aside, fit the classifier inside on the others and find the level.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Whatever the inner estimator reads.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Handed to the inner estimator, if it takes weights.
        strata : array-like of shape (n_samples,), default=None
            The stratum of each row, of any type, for ``conditional="strata"``.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, of any type. Rows of a group are set aside together; groups
            are also handed to the inner estimator, if it takes them.
        **fit_params : dict
            Other keywords of the inner estimator's ``fit``. Values with one entry per row are
            restricted to the training rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For two targets at once, a parameter out of range, or a target that the calibration
            rows at hand cannot reach.
        """
        self._check_targets()
        forget_fit(self)
        (X,) = indexable(X)
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y))
        check_weights(sample_weight, None, X, y)
        strata = self._checked_strata(strata, X)
        fit_params = self._inner_fit_params(inner, sample_weight, groups, **fit_params)
        y, groups = classes[codes], row_groups(groups, X)
        chosen = np.ones(len(y), dtype=bool)
        if not is_frozen(inner):
            chosen = choose_rows(self.calibration_size, groups, self.random_state)
        train, held_out = set_aside(y, strata, groups, chosen)
        self._check_reachable(held_out, len(classes))
        if self.target_size is None:
            check_new_labels(held_out, self._alpha, self.conditional)

        self.estimator_ = self._fit_on(train, inner, X, y, fit_params)
        trained = classes if is_frozen(inner) else np.unique(y[train])
        self.classes_ = learned_classes(self.estimator_, trained)
        codes = label_indices(held_out.labels, self.classes_)
        kept = (codes >= 0) | held_out.is_new  # others have the sign for "no label"
        held_out, codes = held_out.take(kept), codes[kept]
        self._check_reachable(held_out, len(self.classes_))
        self.n_calibration_ = len(codes)
        self.level_ = self._find_level(X, held_out, codes)
        return self

    # ----------------------------------------------------------------- targets

    @property
    def _alpha(self):
        """The fraction of misses allowed."""
        coverage = _DEFAULT_COVERAGE if self.target_coverage is None else self.target_coverage
        return 1.0 - coverage

    def _check_targets(self):
        """Raise for two targets at once, or for one that no calibration rows can meet."""
        if self.target_coverage is not None and self.target_size is not None:
            raise ValueError(
                f"target_coverage={self.target_coverage!r} and target_size={self.target_size!r} "
                "are two targets at once; set one of them to None."
            )
        if self.target_coverage is not None:
            check_number("target_coverage", self.target_coverage, low=0, high=1, is_open=True)
        if self.conditional is not None:
            check_option("conditional", self.conditional, ["class", "strata"])
            if self.target_size is not None:
                raise ValueError(
                    f"conditional={self.conditional!r} needs a target_coverage; "
                    f"target_size={self.target_size!r} holds on average only."
                )

    def _check_reachable(self, held_out, n_classes):
        """Raise if there are too few calibration rows, or groups of them, to meet the target."""
        n = held_out.n_groups
        units = "rows" if n == len(held_out.rows) else "groups"
        if self.target_size is None:
            needed = rows_needed(self._alpha)
            if n < needed:
                raise ValueError(
                    f"target_coverage={1 - self._alpha:g} needs at least {needed} calibration "
                    f"{units}, got {n}; raise calibration_size or lower the target."
                )
            return
        check_number("target_size", self.target_size, low=1, high=n_classes)
        # Sets of the first label alone meet a target of one label without any calibration.
        if self.target_size > 1 and (n + n_classes) / (n + 1) > self.target_size:
            needed = math.ceil((n_classes - self.target_size) / (self.target_size - 1))
            raise ValueError(
                f"target_size={self.target_size!r} needs at least {needed} calibration {units} for "
                f"{n_classes} classes, got {n}; raise calibration_size or the target."
            )

    def _checked_strata(self, strata, X):
        """Return the strata as an array, None where they are not asked for."""
        if self.conditional != "strata":
            if strata is not None:
                raise ValueError("strata are given, but conditional is not 'strata'.")
            return None
        if strata is None:
            raise ValueError("strata=None: conditional='strata' needs the stratum of each row.")
        strata = column_or_1d(label_array(strata))
        check_consistent_length(X, strata)
        return strata

    # ------------------------------------------------------------- calibration

    def _fit_on(self, train, inner, X, y, fit_params):
        """Return the inner estimator, fitted on the training rows."""
        if is_frozen(inner):
            return inner
        inner = with_splits_within(inner, train, len(y))
        params = _check_method_params(X, fit_params, train)
        return fit_classifier(inner, _safe_indexing(X, train), y[train], params)

    def _find_level(self, X, held_out, codes):
        """Return the level that meets the target on the calibration rows."""
        n_classes, groups = len(self.classes_), held_out.groups
        batches = (
            (_safe_indexing(X, rows), *rest)
            for rows, *rest in in_batches(n_classes, held_out.rows, codes, row_weights(groups))
        )
        if self.target_size is not None:
            levels = ((self._levels(X), weight) for X, _, weight in batches)
            return size_level(levels, held_out.n_groups, n_classes, self.target_size)
        of_label = stack((self._label_levels(X, codes) for X, codes, _ in batches), len(codes))
        of_label = np.where(held_out.is_new, -np.inf, of_label)
        if self.conditional == "class":
            level, pooled = class_levels_at(of_label, codes, n_classes, self._alpha, groups)
            self.pooled_classes_ = self.classes_[pooled]
            return level
        if self.conditional == "strata":
            return strata_levels(of_label, held_out.strata, self._alpha, groups)
        return coverage_level(of_label, self._alpha, groups)

    # -------------------------------------------------------------- prediction

    def _scores(self, X):
        return read_probabilities(self.estimator_, X, self.classes_)

    def _inner_levels(self, X):
        """Return the levels that the inner estimator gives, None if it gives none."""
        method = level_method(self.estimator_)
        if method is None:
            return None
        levels = call_through(self.estimator_, method, X)
        if np.isnan(levels).any():
            raise ValueError(f"{method} of {name_of(self.estimator_)} gives NaN.")
        known = read_classes(self.estimator_)
        if np.array_equal(known, self.classes_):
            return levels
        columns = label_indices(self.classes_, known)
        return np.where(columns >= 0, levels[:, columns], -np.inf)

    def _levels(self, X):
        """Return the levels of the inner estimator, inf for the first-ranked class."""
        levels = self._inner_levels(X)
        # Sets are prefixes of the ranking: an infinite level is that of the first class already.
        if levels is not None and np.isposinf(levels).any(axis=1).all():
            return levels
        scores = self._scores(X)
        levels = scores.copy() if levels is None else levels.copy()
        np.put_along_axis(levels, scores.argmax(axis=1)[:, None], np.inf, axis=1)
        return levels

    def _label_levels(self, X, codes):
        """Return the level of each row's label; -inf for the code -1."""
        if level_method(self.estimator_) == "_path_levels":
            return call_through(self.estimator_, "_path_levels_of", X, codes=codes)
        return np.where(codes < 0, -np.inf, self._levels(X)[np.arange(len(codes)), codes])

    def predict_set(self, X: Samples, *, strata: ArrayLike | None = None) -> Sets:
        """Predict the set of labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        strata : array-like of shape (n_samples,), default=None
            The stratum of each row, for ``conditional="strata"``.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.

        Raises
        ------
        ValueError
            For a stratum that no calibration row belongs to.
        """
        check_is_fitted(self)
        strata = self._checked_strata(strata, X)

        def sets(X, level=self.level_):
            return threshold_sets(self._levels(X), level, sparse_output=self.sparse_output)

        if strata is None:
            return self._map_batches(X, sets)
        return self._map_batches(X, sets, levels_of_strata(strata, self.level_)[:, None])

    def set_levels(self, X: Samples) -> Floats:
        """Return the level at which each class drops out of the set.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``set_levels(X) >= level_`` is ``predict_set(X)``; inf for the first-ranked class.
        """
        return self._map_batches(X, self._levels)

    def predict_proba(self, X: Samples) -> Floats:
        """Return the probabilities of the classifier inside.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
        """
        return self._by_batches(X, lambda scores: scores)


def level_method(estimator: Any) -> str | None:
    """Return the name of the method with the levels of an estimator, None if there is none.

    Rules trained for one penalty keep theirs private: the sets of two of them are not nested.
    """
    for name in ("_path_levels", "set_levels"):
        try:
            find_inside(estimator, name)
        except AttributeError:
            continue
        return name
    return None
