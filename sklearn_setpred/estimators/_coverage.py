"""Sets with a guarantee: a level calibrated on rows that no part of the model has seen."""

from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_method_params, check_is_fitted

from sklearn_setpred._inner.fitting import fit_classifier, is_frozen, with_splits_within
from sklearn_setpred._inner.reading import (
    known_classes,
    learned_classes,
    name_of,
    read_classes,
    try_to_read,
)
from sklearn_setpred._networks.parts import make_splits
from sklearn_setpred._utils import progress
from sklearn_setpred._utils.progress import tells_progress
from sklearn_setpred._utils.splits import name_of_cv
from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples, Seed, Sets
from sklearn_setpred._utils.validation import check_integer, check_labels, check_weights
from sklearn_setpred.estimators._calibration import LabelLevels, levels_of_strata
from sklearn_setpred.estimators._in_parts import InPartsMixin
from sklearn_setpred.estimators._levels import first_labels
from sklearn_setpred.estimators._persistence import all_or_nothing, forget_fit
from sklearn_setpred.estimators._set_aside import (
    CalibrationRows,
    choose_rows,
    row_groups,
    set_aside,
)
from sklearn_setpred.sets import label_indices, threshold_sets


def _has_accuracy(self):
    """Say whether some labels are to stand alone."""
    return self.target_accuracy is not None


class CoverageSetClassifier(InPartsMixin, BaseEstimator):
    """Prediction sets with a target coverage or a target mean size, around any classifier.

    This is split conformal prediction [1]_. A fraction of the rows is set aside before anything is
    fitted. Every label has a level at which it drops out of the set: ``set_levels`` of the inner
    estimator where there is one, its probabilities otherwise (the rule of [2]_). With the levels
    of the true labels of the n calibration rows, sorted, and alpha = 1 - target_coverage, the sets
    are

    ``S(x) = {y : level_y(x) >= t}``, t the ``floor(alpha (n + 1))``-th smallest,

    and the first-ranked label. For exchangeable rows they contain the true label with a
    probability of at least 1 - alpha. With ``target_size``, t is the smallest level with
    ``(n mean |S| + n_classes) / (n + 1) <= target_size``, which bounds the expected size
    (conformal risk control [3]_).

    Parameters
    ----------
    estimator : classifier, default=None
        Any scikit-learn classifier or pipeline, or a set predictor of this package.
        ``FrozenEstimator(fitted)`` is used as it is: all rows given to ``fit``, or in parts to
        ``partial_fit``, then calibrate, and must be new to it. None means `NeuralClassifier`.
    target_coverage : float, default=None
        Fraction of the sets that contain the true label, between 0 and 1. None, without a
        ``target_size``, means 0.95.
    target_size : float, default=None
        Mean number of labels in a set, between 1 and the number of classes.
    target_accuracy : float, default=None
        Let the first label stand alone where it is shown to be right with this probability. All
        other sets hold two labels or more, and the ``target_coverage`` is theirs alone.
    confidence : float, default=0.9
        How sure ``target_accuracy`` is to be: the fraction of calibrations that keep it.
    conditional : {None, "class", "strata"}, default=None
        Let the coverage hold for each class, or for each stratum of rows, and not only on
        average. Needs ``target_coverage``.
    prevalence_power : float, default=0.0
        Divide probabilities by this power, 0 to 1, of the prevalence of their label [4]_: rare
        labels enter sets earlier, and the mean over classes of the coverage rises. The levels are
        then made from ``predict_proba``, also where the estimator has ``set_levels``.
    label_noise : float, array-like or "estimate", default=None
        How wrong the labels of the calibration rows are: the probability that a label was
        redrawn uniformly, or a matrix (n_classes, n_classes) with ``P(given label i | true
        label j)`` in row i and column j, in the order of ``classes_``. The coverage is then that
        of the true labels [5]_. "estimate" reads a rate off the surest calibration rows; see Notes.
    calibration_size : float or int, default=0.2
        Rows to set aside, as a fraction or a number; with groups, at least so many.
    cv : int, splitter or iterable, default=None
        Cross-conformal calibration instead: the estimator is fitted once without each fold, all
        rows train and all calibrate. The guarantee falls to ``1 - 2 alpha`` [6]_, though the
        coverage is near ``1 - alpha`` as a rule, and varies less.
    verbose : int, default=0
        0 is silent, 1 tells the steps of the fit; the classifier inside has its own ``verbose``.
    random_state : int, RandomState or None, default=None
        Chooses the rows to set aside, or the folds.
    sparse_output : bool, default=False
        Return sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of y, sorted; with groups, the labels that trained the estimator inside.
    estimator_ : classifier
        The fitted classifier inside, without ``cv``.
    folds_ : list of CoverageSetClassifier
        With ``cv``, one for each fold, calibrated on it.
    level_ : float, ndarray of shape (n_classes,) or dict
        The level found: one for all, one for each class, or one for each stratum.
    calibration_ : LabelLevels, NoisyLevels or SizeLevels
        What the calibration rows tell of levels, without ``cv``: ``calibration_.at(target)`` is
        the level for another target.
    accuracy_level_ : float
        With a ``target_accuracy``, the probability from which the first label stands alone; inf
        where none does.
    label_factors_ : ndarray of shape (n_classes,)
        With a ``prevalence_power``, the factors by which the probabilities are multiplied.
    label_noise_ : float
        With ``label_noise="estimate"``, the rate found; 0 where it may be overlap of classes.
    least_coverage_ : float
        With a ``target_coverage`` and without ``label_noise``, the coverage of the smallest sets
        on the calibration rows: the accuracy, where sets start with the first label alone. Without
        ``cv``, lower targets have the same sets.
    n_calibration_ : int
        Number of calibration rows.
    history_ : list of dict
        ``n_calibration`` and ``level`` after each call of ``fit`` and ``partial_fit``, without
        ``cv``.
    pooled_classes_ : ndarray
        With ``conditional="class"``, the classes with fewer than ``ceil(1 / alpha) - 1``
        calibration rows. They have one level together; with ``label_noise`` or ``cv`` they are in
        every set. A warning tells of them.
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
    Beta(n + 1 - l, l), l = floor(alpha (n + 1)) [7]_. It is higher where levels tie and where the
    first-ranked label alone covers more. With ``conditional="class"`` or a ``prevalence_power`` a
    set may leave out a label and contain one of lower rank. Sample weights go to the inner
    estimator only.

    If all rows of a class are set aside, one of them trains nevertheless, so that the classifier
    knows the label. In the calibration these rows count as misses, as new rows of labels without
    a training row will be; a warning tells how many they are, and `fit` raises where they alone
    are too many for the target.

    With ``groups``, new rows are expected to come from new groups: whole groups are set aside, each
    counts as one row in the formulas above, and the coverage is the mean over groups.

    *One label alone.* From the surest rows on, the level falls row by row as long as the binomial
    tail shows the accuracy of the rows above it (learn then test [8]_). The confidence holds if
    rows of higher probability are right at least as often.

    *Label noise.* With W the inverse of the matrix of noise, ``sum_{k in S} W[k, given label]``
    is on average whether S holds the true label. The level is the largest at and below which the
    misses counted so stay within the target, with one more row of the worst kind. Noise is taken
    to depend on the true label only. A rate that is too high makes the coverage too low, one
    that is too low makes the sets too large. "estimate" takes the lower of two rates: given labels
    that are not the first, among the surest tenth, and given labels in the last half of the
    ranking, among the surer half. Where neither shows a floor, as for a classifier that is certain
    of no row, noise cannot be told from overlap: a warning says so, and the rate is 0.

    References
    ----------
    .. [1] Papadopoulos, Proedrou, Vovk, Gammerman. "Inductive confidence machines for
       regression", ECML 2002.
    .. [2] Sadinle, Lei, Wasserman. "Least ambiguous set-valued classifiers with bounded error
       levels", Journal of the American Statistical Association, 2019.
    .. [3] Angelopoulos, Bates, Fisch, Lei, Schuster. "Conformal risk control", ICLR 2024.
    .. [4] Ding, Fermanian, Salmon. "Conformal prediction for long-tailed classification",
       ICLR 2026.
    .. [5] Sesia, Wang, Tong. "Adaptive conformal classification with noisy labels", 2023;
       Penso, Goldberger, Fetaya. "Conformal prediction of classifiers with many classes based on
       noisy labels", COPA 2025; for one more row, Angelopoulos. "Conformal risk control for
       non-monotonic losses", 2026.
    .. [6] Barber, Candès, Ramdas, Tibshirani. "Predictive inference with the jackknife+", Annals
       of Statistics, 2021; Romano, Sesia, Candès. "Classification with valid and adaptive
       coverage", NeurIPS 2020.
    .. [7] Vovk. "Conditional validity of inductive conformal predictors", ACML 2012.
    .. [8] Angelopoulos, Bates, Candès, Jordan, Lei. "Learn then test: calibrating predictive
       algorithms to achieve risk control", 2021.

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
        target_accuracy: float | None = None,
        confidence: float = 0.9,
        conditional: str | None = None,
        prevalence_power: float = 0.0,
        label_noise: float | str | ArrayLike | None = None,
        calibration_size: float = 0.2,
        cv: Any = None,
        verbose: int = 0,
        random_state: Seed = None,
        sparse_output: bool = False,
    ) -> None:
        self.estimator = estimator
        self.target_coverage = target_coverage
        self.target_size = target_size
        self.target_accuracy = target_accuracy
        self.confidence = confidence
        self.conditional = conditional
        self.prevalence_power = prevalence_power
        self.label_noise = label_noise
        self.calibration_size = calibration_size
        self.cv = cv
        self.verbose = verbose
        self.random_state = random_state
        self.sparse_output = sparse_output

    @all_or_nothing
    @tells_progress
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
            Rows in any form that the inner estimator reads.
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
            For parameters that clash or are out of range, or a target that the calibration rows
            at hand cannot reach.
        """
        self._check_targets()
        forget_fit(self)
        (X,) = indexable(X)
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y))
        self._check_for_rows(inner, classes, groups)
        check_weights(sample_weight, None, X, y)
        strata = self._checked_strata(strata, X)
        fit_params = self._inner_fit_params(inner, sample_weight, groups, **fit_params)
        y, numbers = classes[codes], row_groups(groups, X)
        if self.cv is not None:
            splits = self._splits(X, codes, None if groups is None else numbers)
            progress.plan(dict.fromkeys(["fit", "calibration"], len(splits)))
            return self._fit_folds(splits, inner, X, y, strata, numbers, fit_params)
        return self._fit_once(len(classes), inner, X, y, strata, numbers, fit_params)

    # ------------------------------------------------------------------- fits

    def _fit_once(self, n_classes, inner, X, y, strata, groups, fit_params):
        """Fit on all rows but the ones set aside, which calibrate; a frozen classifier on none."""
        chosen = np.ones(len(y), dtype=bool)
        if not is_frozen(inner):
            chosen = choose_rows(self.calibration_size, groups, self.random_state)
        train, held_out = set_aside(y, strata, groups, chosen)
        self._check_reachable(held_out, n_classes)
        progress.plan({"fit": 1, "calibration": 1})
        self._fit_split(train, held_out, inner, X, y, fit_params)
        self._find_level(self.target_size or self._coverage)
        return self

    def _fit_on(self, train, inner, X, y, fit_params):
        """Return the inner estimator, fitted on the training rows."""
        if is_frozen(inner):
            return inner
        inner = with_splits_within(inner, train, len(y))
        params = _check_method_params(X, fit_params, train)
        return fit_classifier(inner, _safe_indexing(X, train), y[train], params)

    def _fit_split(self, train, held_out, inner, X, y, fit_params):
        """Fit on the training rows and calibrate on the others."""
        self.estimator_ = self._fit_on(train, inner, X, y, fit_params)
        progress.step("fit", f"{name_of(inner)} is fitted")
        trained = np.sort(read_classes(inner)) if is_frozen(inner) else np.unique(y[train])
        self.classes_ = learned_classes(self.estimator_, trained)
        try_to_read(self.estimator_, _safe_indexing(X, held_out.rows), self.classes_)
        codes = label_indices(held_out.labels, self.classes_)
        kept = (codes >= 0) | held_out.is_new  # others have the sign for "no label"
        held_out, codes = held_out.take(kept), codes[kept]
        self.n_calibration_ = len(codes)
        if self.prevalence_power:
            counted = (
                codes[codes >= 0] if is_frozen(inner) else label_indices(y[train], self.classes_)
            )
            self.label_factors_ = self._label_factors(counted)
        if self.target_accuracy is not None:
            held_out, codes = self._decide(X, held_out, codes)
        self.calibration_ = self._calibrated(X, held_out, codes)
        progress.step("calibration", f"level from {len(codes)} rows")

    def _splits(self, X, codes, groups):
        """Return the splits of ``cv``; rows are drawn without regard to their class."""
        cv, rng = self.cv, check_random_state(self.random_state)
        if isinstance(cv, (int, np.integer)):
            check_integer("cv", cv, low=2)
            kind = KFold if groups is None else GroupKFold
            cv = kind(cv, shuffle=True, random_state=rng)
        splits = make_splits(cv, X, codes, rng, groups)
        if len(np.unique(np.concatenate([test for _, test in splits]))) < len(codes):
            raise ValueError(
                f"{name_of_cv(self.cv)} must test every row once; use KFold or its relatives."
            )
        return splits

    def _fit_folds(self, splits, inner, X, y, strata, groups, fit_params):
        """Fit and calibrate once for each fold."""
        parts = [
            set_aside(y, strata, groups, np.isin(np.arange(len(y)), test), train)
            for train, test in splits
        ]
        rows = [
            np.concatenate(values) for values in zip(*(held[:4] for _, held in parts), strict=True)
        ]
        self._check_reachable(CalibrationRows(*rows, None), len(np.unique(y)))
        bare = copy(self).set_params(cv=None)  # an iterator cannot be cloned
        self.folds_ = [clone(bare) for _ in parts]
        for fold, (train, held_out) in zip(self.folds_, parts, strict=True):
            fold._fit_split(train, held_out, inner, X, y, fit_params)
        self.classes_ = self.folds_[0].classes_
        if any(not np.array_equal(fold.classes_, self.classes_) for fold in self.folds_):
            raise ValueError("Some fold trains on other labels than another; merge rare labels.")
        self.n_calibration_ = sum(fold.n_calibration_ for fold in self.folds_)
        self._find_level(self._coverage)
        return self

    # -------------------------------------------------------------- prediction

    def predict_set(
        self,
        X: Samples,
        *,
        strata: ArrayLike | None = None,
        target_coverage: float | None = None,
        target_size: float | None = None,
    ) -> Sets:
        """Predict the set of labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        strata : array-like of shape (n_samples,), default=None
            The stratum of each row, for ``conditional="strata"``.
        target_coverage : float, default=None
            Another coverage than the constructor's, without a new fit and with the same
            guarantee, from the calibration rows' levels.
        target_size : float, default=None
            Likewise, after a fit with a ``target_size``: another one up to that.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.

        Raises
        ------
        ValueError
            For a stratum that no calibration row belongs to, or for a target that the calibration
            rows cannot reach.
        """
        check_is_fitted(self)
        strata = self._checked_strata(strata, X)
        level = self._asked_level(target_coverage=target_coverage, target_size=target_size)

        def sets(X, level=level):
            return threshold_sets(self._levels(X), level, sparse_output=self.sparse_output)

        if strata is None:
            return self._map_batches(X, sets)
        return self._map_batches(X, sets, levels_of_strata(strata, level)[:, None])

    @available_if(_has_accuracy)
    def predict_decision(self, X: Samples) -> np.ma.MaskedArray:
        """Predict the label of the rows that one label may answer alone.

        Available with a ``target_accuracy``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        numpy.ma.MaskedArray of shape (n_samples,)
            The first-ranked labels, masked where the set has more of them and someone has to
            choose: ``decision.mask`` says where.
        """
        first, probability = self._by_batches(X, first_labels).T
        labels = self.classes_[first.astype(np.intp)]
        return np.ma.masked_array(labels, probability < self.accuracy_level_)

    def p_values(self, X: Samples, *, strata: ArrayLike | None = None) -> Floats:
        """Return the conformal p-value of each label.

        ``p_y(x) = (1 + #{i : level_i <= level_y(x)}) / (n + 1)`` for n calibration rows with the
        levels of their labels; with ``conditional``, for the rows of the class or stratum. The true
        label has a p-value of at most a with a probability of at most a.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        strata : array-like of shape (n_samples,), default=None
            The stratum of each row, for ``conditional="strata"``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``p_values(X) > 1 - c`` is ``predict_set(X, target_coverage=c)``, unless rare classes
            have a level together.

        Raises
        ------
        ValueError
            After a fit with a ``target_size``, a ``target_accuracy`` or ``label_noise``.
        """
        check_is_fitted(self)
        strata = self._checked_strata(strata, X)
        is_plain = isinstance(getattr(self, "calibration_", None), LabelLevels)
        if hasattr(self, "accuracy_level_") or not (is_plain or hasattr(self, "folds_")):
            raise ValueError(
                "p_values needs a fit with a target_coverage, without a target_accuracy and "
                "label_noise; set_levels works after every fit."
            )
        if strata is None:
            return self._map_batches(X, self._p_values)
        levels_of_strata(strata, dict.fromkeys(self.level_, 0.0))
        return self._map_batches(X, self._p_values, strata)

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
