"""Sets whose size is chosen per sample, around any classifier."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred._cardinality.built_in import NAMES, built_in_experts, network_expert
from sklearn_setpred._cardinality.candidates import check_candidates, sketch_of_labels
from sklearn_setpred._cardinality.experts import TrainingRows, user_expert
from sklearn_setpred._cardinality.learning import learn
from sklearn_setpred._cardinality.selectors import (
    CostRule,
    RankDistribution,
    cost_loss,
    size_levels,
    sizes_at,
)
from sklearn_setpred._inner.columns import Columns
from sklearn_setpred._inner.reading import known_classes, learned_classes, try_to_read
from sklearn_setpred._networks.options import training_options
from sklearn_setpred._utils.progress import tells_progress
from sklearn_setpred._utils.types import (
    ArrayLike,
    Estimator,
    Floats,
    Integers,
    Samples,
    Seed,
    Sets,
    SizeCost,
)
from sklearn_setpred._utils.validation import check_labels, check_number, check_weights
from sklearn_setpred.estimators._base import SetPredictorMixin
from sklearn_setpred.estimators._coverage import CoverageSetClassifier
from sklearn_setpred.estimators._levels import level_of_coverage
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier
from sklearn_setpred.estimators._persistence import all_or_nothing, forget_fit
from sklearn_setpred.estimators._wrapped import WrappingSeveralMixin
from sklearn_setpred.sets import (
    class_levels,
    class_ranks,
    label_ranks,
    prefix_sets,
    sparse_class_levels,
)
from sklearn_setpred.sets._labels import check_label_array


def _learns_path(self):
    """Say whether one fit serves every penalty."""
    return self.surrogate == "rank"


class CardinalityAwareClassifier(SetPredictorMixin, WrappingSeveralMixin):
    """Sets whose size is chosen for each sample, around any classifier.

    The classifier ranks the labels; the set holds the first s of them. The size s minimises

    ``1 - P(rank(y) <= s | x) + size_penalty * cost(s)``

    over the candidate sizes: the expected value of ``1[y not in S] + size_penalty * cost(|S|)``,
    the target of cardinality-aware set prediction [1]_. With the linear cost, a label is worth
    its place if it adds at least ``size_penalty`` to the probability of the set.

    Fitting goes in three steps. (1) Experts give probabilities of rows that did not train them:
    the classifier, and with ``refine`` the built-in ones that suit the rows, forests, boosted
    trees, linear models, neighbours and several kinds of network. A race on one fold keeps the
    experts that raise the likelihood of held-out labels. (2) Their probabilities are pooled by
    that likelihood; the ranking follows the pool. (3) The size: by default from the probability
    that the true label is among the first s, so that one fit serves every penalty; or by a
    surrogate of the paper, which serves one penalty.

    Parameters
    ----------
    estimator : classifier or list of (str, classifier), default=None
        Any scikit-learn classifier or pipeline with ``predict_proba`` or ``decision_function``;
        several with names, as in :class:`sklearn.ensemble.VotingClassifier`, are experts of one
        pool. ``FrozenEstimator(fitted)`` is used as it is: the rows given to ``fit`` must then be
        new to it. None means the built-in experts alone. A network classifier of this package has
        no built-in experts beside it.
    size_penalty : float, default=0.05
        Weight of the size, in units of coverage per unit of cost.
    size_cost : {"linear", "log", "singleton"} or callable, default="linear"
        ``cost(s) = s``, ``log s``, or ``s + 1[s > 1]``, with which fewer sets have more than one
        label; a callable maps sizes (m,) to non-decreasing costs (m,).
    sizes : array-like of int, default=None
        Candidate sizes, increasing. None means 1 ... n_classes; for more than 1024 classes
        1 ... 64, then sizes that grow by a tenth, and n_classes.
    thresholds : array-like of float, default=None
        Instead of sizes, thresholds of the probability, above 0 and up to 1: a row's candidate
        sets are the labels that reach one of them, with the first label.
    target_coverage : float, default=None
        Let a fifth of the rows, set aside first, find the penalty at which the sets hold the
        true label with this probability, as `CoverageSetClassifier` does, with its guarantee;
        ``size_penalty`` is not read then.
    surrogate : "rank", str or Loss, default="rank"
        How the size is chosen: "rank", or by a loss on costs, by name or instance, such as
        ``"cost_sensitive_comp_sum"`` and ``"cost_sensitive_constrained"``.
    refine : bool, default=True
        Pool the classifier with the built-in experts; False keeps its ranking. Without an
        ``estimator``, False means a network alone.
    cv : int, splitter or iterable, default=5
        Folds for probabilities of held-out rows. With an int, rows are split twice into so many
        folds, and rare classes are spread over as many folds as they have rows. Above 2e8 rows
        times classes: see Notes.
    n_jobs : int, default=None
        Jobs for the fits of all experts, each on the training rows of one split. The result is
        the same for any number, up to the threads that each job has.
    max_epochs : int, default=15
        Passes over the rows in training a built-in network.
    device : str, default="auto"
        "auto" takes CUDA, then MPS, then the CPU.
    verbose : int, default=0
        0 is silent, 1 tells the steps of the fit and the time left, 2 tells every step.
    random_state : int, RandomState or None, default=None
        Seeds folds and experts; global generators are left alone.
    sparse_output : bool, default=False
        Return sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The classifier inside, fitted on all rows; only with a single ``estimator``.
    estimators_ : list of classifier
        The classifiers inside, fitted on all rows; only with a list of them.
    expert_weights_ : dict of float
        How much each expert counts in the pooled probabilities: "base" for a single
        ``estimator``, the names of several, and the built-in experts that won the race:
        "extra_trees", "random_forest", "boosting", "logistic", "neighbours", and the networks
        "mlp", "resnet" and "periodic".
    reads_ : {"X and scores", "scores"}
        What the built-in experts and the choice of the size can read: X too if it has columns of
        numbers or categories, gaps included; otherwise the classifier's probabilities alone, and
        the gain is much smaller.
    level_ : float
        The penalty that decides the sets: ``size_penalty``, or the one found for the
        ``target_coverage``; 0 for a surrogate trained for one penalty.
    n_calibration_ : int
        Number of calibration rows that this penalty was found on; only with a
        ``target_coverage``.
    calibration_ : LabelLevels
        The levels of the labels of these rows, from which the penalty for any other coverage
        follows; likewise.
    sizes_ : ndarray of shape (m,), int64
        The sizes that sets may have: the candidates, or with ``thresholds`` 1 ... n_classes.
    costs_ : ndarray of shape (m,), float64
        Their costs.
    candidates_ : FixedSizes or SizesByThreshold
        The family of candidate sets.
    ensemble_ : Ensemble
        The experts and their pool.
    selector_ : RankDistribution or CostRule
        The rule that chooses the size.
    n_features_in_ : int
        Number of columns of X, where the inner estimator knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where the inner estimator knows them.

    See Also
    --------
    ThresholdSetClassifier : Sets of the labels above a probability.
    TopKSetClassifier : Sets of one size.

    Notes
    -----
    A row whose class is absent from the models that left it out has no rank, and takes no part
    in steps 2 and 3; a warning tells if these are more than a tenth of the weight.

    Where rows times classes exceed 2e8, models are fitted on fewer splits, down to one, and each
    built-in classifier learns from a sample of the rows. Of the held-out rows, as many are read
    as 1.6 GB hold by all experts. A warning tells the numbers. Above 10,000 classes the built-in
    experts are networks alone. Built-in trees learn from at most 4e6 rows times classes, drawn at
    random, and are left out above 1,414 classes: their time grows with the classes.

    References
    ----------
    .. [1] Cortes, Mao, Mohri, Mohri, Zhong. "Cardinality-aware set prediction and top-k
       classification", NeurIPS 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import CardinalityAwareClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CardinalityAwareClassifier(GaussianNB(), random_state=0).fit(X, y)
    >>> clf.predict_set(X[[0, 70]])
    array([[ True, False, False],
           [False,  True,  True]])
    >>> clf.predict_set(X[[0, 70]], size_penalty=0.9)
    array([[ True, False, False],
           [False, False,  True]])
    """

    def __init__(
        self,
        estimator: Estimator = None,
        *,
        size_penalty: float = 0.05,
        size_cost: SizeCost = "linear",
        sizes: ArrayLike | None = None,
        thresholds: ArrayLike | None = None,
        target_coverage: float | None = None,
        surrogate: str | BaseEstimator = "rank",
        refine: bool = True,
        cv: Any = 5,
        n_jobs: int | None = None,
        max_epochs: int = 15,
        device: str = "auto",
        verbose: int = 0,
        random_state: Seed = None,
        sparse_output: bool = False,
    ) -> None:
        self.estimator = estimator
        self.size_penalty = size_penalty
        self.size_cost = size_cost
        self.sizes = sizes
        self.thresholds = thresholds
        self.target_coverage = target_coverage
        self.surrogate = surrogate
        self.refine = refine
        self.cv = cv
        self.n_jobs = n_jobs
        self.max_epochs = max_epochs
        self.device = device
        self.verbose = verbose
        self.random_state = random_state
        self.sparse_output = sparse_output

    _reads_tables = True

    # ---------------------------------------------------------------- training

    @property
    def expert_weights_(self) -> dict[str, float]:
        """How much each expert counts in the pooled probabilities, a dict of float."""
        return self.ensemble_.weights

    @property
    def sizes_(self) -> Integers:
        """The sizes that sets may have, int64."""
        return self.candidates_.sizes

    @property
    def costs_(self) -> Floats:
        """The costs of the sizes, float64."""
        return self.candidates_.costs

    @all_or_nothing
    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Fit the classifier inside and the other experts, pool them and learn the sizes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows in any form that the inner estimator reads. The built-in experts read the
            columns of numbers and categories of an array, a frame or CSR.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, for the built-in experts and for the inner estimator if it takes
            them.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that are held out together, such as the rows of one patient.
        **fit_params : dict
            Other keywords of the inner estimator's ``fit``, for one estimator; keywords of several
            are told apart by metadata routing. Values with one entry per row are restricted to
            the training rows of each fold.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter out of range, a single class, weights that are negative or sum to
            zero, an estimator without scores, a frozen one that lacks a class, one that takes the
            label -1 for no label, or if no row is left whose label has a rank.
        """
        forget_fit(self)
        self._check_fit_params(fit_params)
        fit = self._fit_experts if self.target_coverage is None else self._fit_to_coverage
        return fit(X, y, sample_weight, groups, fit_params)

    @tells_progress
    def _fit_experts(self, X, y, sample_weight, groups, fit_params):
        """Fit on all rows."""
        options = replace(training_options(self), scale_free=True)
        named = self._named_classifiers(taken=NAMES)
        rows, columns = self._training_rows(X, y, sample_weight, groups, named)
        n_classes = len(rows.classes)
        candidates = check_candidates(self.sizes, self.thresholds, self.size_cost, n_classes)
        check_number("size_penalty", self.size_penalty, low=0)
        if not _learns_path(self):
            cost_loss(self.surrogate).check(len(candidates))
        rng = check_random_state(self.random_state)
        experts = self._experts(named, rows, options, sample_weight, fit_params)
        how = {"n_jobs": self.n_jobs, "refine": self.refine, "always": list(named)}
        learned = learn(experts, rows, self.cv, rng, **how)
        selector = self._fit_selector(rows, learned, candidates, rng, options)

        self.classes_, self.columns_, self.ensemble_ = rows.classes, columns, learned.ensemble
        self.candidates_, self.selector_ = candidates, selector
        self.reads_ = "scores" if rows.numbers is None else "X and scores"
        self.level_ = self.size_penalty if _learns_path(self) else 0.0
        self._set_fitted_classifiers(named, rows)
        return self

    def _training_rows(self, X, y, sample_weight, groups, named):
        """Return the `TrainingRows`, checked, and the `Columns` that make numbers of X."""
        X, y, groups = indexable(X, y, groups)
        groups = None if groups is None else check_label_array(groups, "groups")
        classes, codes = check_labels(X, y)
        for classifier in named.values():
            classes, codes = known_classes(classifier, classes, codes)
        weight = check_weights(sample_weight, None, X, y)
        read = X if weight is None or weight.all() else _safe_indexing(X, np.flatnonzero(weight))
        columns = Columns(alone=self.estimator is None).fit(read)
        numbers = columns(X)
        rows = TrainingRows(X if named else numbers, numbers, codes, classes, weight, groups)
        return rows, columns

    def _experts(self, named, rows, options, sample_weight, fit_params):
        """Return the experts, not yet fitted."""
        may_bag = isinstance(self.cv, (int, np.integer)) and rows.groups is None
        experts = []
        for name, one in named.items():
            keywords = self._inner_fit_params(one, sample_weight, rows.groups, **fit_params)
            experts.append(user_expert(name, one, rows, keywords, may_bag=may_bag))
        if not self.refine or isinstance(self.estimator, BaseNeuralClassifier):
            return experts or [network_expert("mlp", rows, options)]
        return experts + built_in_experts(rows, options)

    def _set_fitted_classifiers(self, named, rows):
        """Set the fitted attributes for the user's classifiers; tell which classes they lack."""
        fitted = {one.name: one.models[0] for one in self.ensemble_.experts if one.name in named}
        for classifier in fitted.values():
            try_to_read(classifier, rows.X, learned_classes(classifier, rows.classes))
        if isinstance(self.estimator, list):
            self.estimators_ = [fitted[name] for name in named]
        elif named:
            (self.estimator_,) = fitted.values()

    def _fit_to_coverage(self, X, y, sample_weight, groups, fit_params):
        """Fit on a part of the rows, and find the level on the others."""
        inner = clone(self).set_params(target_coverage=None)
        calibrated = CoverageSetClassifier(
            inner, target_coverage=self.target_coverage, random_state=self.random_state
        ).fit(X, y, sample_weight, groups=groups, **fit_params)
        fitted = vars(calibrated.estimator_)
        vars(self).update({name: fitted[name] for name in fitted if name.endswith("_")})
        self.level_, self.n_calibration_ = calibrated.level_, calibrated.n_calibration_
        self.calibration_ = calibrated.calibration_
        return self

    def _fit_selector(self, rows, learned, candidates, rng, options):
        """Return the rule that chooses the size; pooled probabilities need no training."""
        if _learns_path(self) and learned.ensemble.pool is not None:
            return RankDistribution()
        part = rows.part(learned.rows)
        sketch, ranks = sketch_of_labels(candidates, learned.batches, len(part.target))
        seen = part.X, sketch, ranks, part.weight, rng, options
        if _learns_path(self):
            return RankDistribution.fit(*seen)
        return CostRule.fit(*seen, loss=cost_loss(self.surrogate), size_penalty=self.size_penalty)

    # -------------------------------------------------------------- prediction

    def _checked_input(self, X):
        check_is_fitted(self)
        if get_tags(self).input_tags.allow_nan:  # otherwise the classifier inside refuses gaps
            self.columns_.warn_of_gaps(X, self)
        return X

    def _scores(self, X):
        """Return the final log-probabilities, (n, n_classes)."""
        return self._read(X)[1]

    def _read(self, X):
        """Return X as numbers, and the final log-probabilities, (n, n_classes)."""
        numbers = self.columns_(X, self)
        return numbers, self.ensemble_.log_probabilities(X, numbers)

    def _size_levels(self, numbers, log_p):
        """Return the candidate sizes of each row and their levels, both (n, m)."""
        return size_levels(self.candidates_, self.selector_, numbers, log_p)

    def _sized(self, X, level):
        """Return the final log-probabilities and the size chosen for each row at a level."""
        numbers, log_p = self._read(X)
        return log_p, sizes_at(*self._size_levels(numbers, log_p), level, len(self.classes_))

    def _path_levels(self, X):
        """Return the levels of the classes; for a rule for one penalty, of its tilted family.

        The tilt ``argmax_s u(s) - t cost(s)`` is nested in t, and t = 0 is the rule itself.
        """
        return self._levels_at(X, class_ranks)

    def _path_levels_of(self, X, codes):
        """Return the path level of one class for each row, (n,); -inf for the code -1."""
        return self._levels_at(X, lambda log_p, y: label_ranks(log_p, y)[:, None], codes)[:, 0]

    def _levels_at(self, X, ranks, *codes):
        """Return the levels at the ranks that ``ranks`` gives for log-probabilities."""

        def levels(X, *codes):
            numbers, log_p = self._read(X)
            return class_levels(ranks(log_p, *codes), *self._size_levels(numbers, log_p))

        return self._map_batches(X, levels, *codes)

    def _level(self, size_penalty, target_coverage):
        """Return the level that stands for a penalty or a coverage, else that of the fit."""
        check_is_fitted(self)
        if target_coverage is not None:
            return level_of_coverage(self, target_coverage, size_penalty)
        if size_penalty is None:
            return self.level_
        if not _learns_path(self):
            raise ValueError(
                f"size_penalty={size_penalty!r} cannot be changed after fit with "
                f"surrogate={self.surrogate!r}, which is trained for one penalty; fit with "
                "surrogate='rank', which serves them all."
            )
        return check_number("size_penalty", size_penalty, low=0)

    def predict_set(
        self,
        X: Samples,
        *,
        size_penalty: float | None = None,
        target_coverage: float | None = None,
    ) -> Sets:
        """Predict the set of labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        size_penalty : float, default=None
            Another penalty than the constructor's, without a refit; with ``surrogate="rank"``
            only. With a ``target_coverage``, it gives up the guarantee.
        target_coverage : float, default=None
            After a fit with a ``target_coverage``, another one, with the same guarantee.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.

        Raises
        ------
        ValueError
            For a penalty or a coverage that this fit has no level for.
        """
        level = self._level(size_penalty, target_coverage)

        def sets(X):
            return prefix_sets(*self._sized(X, level), self.sparse_output)

        return self._map_batches(X, sets)

    def predict_set_size(
        self,
        X: Samples,
        *,
        size_penalty: float | None = None,
        target_coverage: float | None = None,
    ) -> Integers:
        """Predict how many labels the set holds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        size_penalty, target_coverage : float, default=None
            As in ``predict_set``.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            One of ``sizes_`` for each sample.
        """
        level = self._level(size_penalty, target_coverage)
        return self._map_batches(X, lambda X: self._sized(X, level)[1])

    @available_if(_learns_path)
    def set_levels(
        self, X: Samples, *, sparse_output: bool = False, floor: float = 1e-3
    ) -> Floats | csr_array:
        """Return the penalty at which each class drops out of the set.

        Available with ``surrogate="rank"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        sparse_output : bool, default=False
            Return the levels of ``floor`` or more as CSR, for many classes. A class without an
            entry has a lower level.
        floor : float, default=0.001
            The smallest level that CSR holds, above 0. With the linear cost no more than
            1 / floor labels of a row have one, beside the smallest candidate.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), float64
            ``set_levels(X) >= p`` is ``predict_set(X, size_penalty=p)``, of CSR for p from
            ``floor`` on: inf for the classes of the smallest candidate set, -inf for those
            beyond the largest.

        Raises
        ------
        MemoryError
            For a dense array above 8 GiB, after the first batch of rows.
        """
        if not sparse_output:
            return self._path_levels(X)
        check_number("floor", floor, low=0, is_open=True)

        def levels(X):
            numbers, log_p = self._read(X)
            return sparse_class_levels(log_p, *self._size_levels(numbers, log_p), floor)

        return self._map_batches(X, levels)

    def predict_proba(self, X: Samples) -> Floats:
        """Return the probabilities behind the ranking, refined if ``refine``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to one.

        Raises
        ------
        MemoryError
            For an array above 8 GiB, after the first batch of rows.
        """
        return self._by_batches(X, lambda log_p: softmax(log_p, axis=1))
