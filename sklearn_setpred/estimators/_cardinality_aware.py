"""Sets whose size is chosen per sample, around any classifier."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred._cardinality.candidates import check_candidates, sketch_of_labels
from sklearn_setpred._cardinality.out_of_fold import Task, rows_to_learn_from, way_to_learn
from sklearn_setpred._cardinality.selectors import CostRule, RankLaw, cost_loss
from sklearn_setpred._inner import NetworksAlone, as_numbers, check_numbers, known_classes
from sklearn_setpred._networks.options import network_options
from sklearn_setpred._networks.parts import Part
from sklearn_setpred._utils.types import Estimator, Floats, Integers, Samples, Seed, Sets, SizeCost
from sklearn_setpred._utils.validation import check_labels, check_number, check_weights
from sklearn_setpred.estimators._coverage import CoverageSetClassifier
from sklearn_setpred.estimators._persistence import all_or_nothing, forget_fit
from sklearn_setpred.estimators._size_levels import SizeLevelsMixin
from sklearn_setpred.estimators._wrapped import WrappingMixin
from sklearn_setpred.sets import prefix_sets, sparse_class_levels


def _learns_path(self):
    """Say whether one fit serves every penalty."""
    return self.surrogate == "rank"


class CardinalityAwareClassifier(SizeLevelsMixin, WrappingMixin, BaseEstimator):
    """Sets whose size is chosen for each sample, around any classifier.

    The classifier ranks the labels; the set holds the first s of them. The size s minimises

    ``1 - P(rank(y) <= s | x) + size_penalty * cost(s)``

    over the candidate sizes: the expected value of ``1[y not in S] + size_penalty * cost(|S|)``,
    the target of cardinality-aware set prediction [1]_. With the linear cost, a label is worth
    its place if it adds at least ``size_penalty`` to the probability of the set.

    Fitting goes in four steps. (1) Out-of-fold probabilities of the classifier, so that nothing
    below learns from rows that trained it. (2) With ``refine``, networks that correct these
    probabilities, one per fold, pooled with them by likelihood on held-out rows; the ranking
    follows the pool. (3) The size: by default the law of the label's rank, which serves every
    penalty, read off the refined probabilities or, without ``refine``, learned by a network; or
    a surrogate of the paper, which serves one penalty. (4) The classifier, on all rows.

    Parameters
    ----------
    estimator : classifier, default=None
        Any scikit-learn classifier or pipeline with ``predict_proba`` or ``decision_function``.
        ``FrozenEstimator(fitted)`` is used as it is: the rows given to ``fit`` must then be new
        to it. None means our networks alone: one per fold, averaged; with ``refine=False`` it
        means `NeuralClassifier`.
    size_penalty : float, default=0.05
        Weight of the size, in units of coverage per unit of cost.
    size_cost : {"linear", "log"} or callable, default="linear"
        ``cost(s) = s`` or ``log s``; a callable maps sizes (m,) to non-decreasing costs (m,).
    sizes : array-like of int, default=None
        Candidate sizes, increasing. None means 1 ... n_classes; for more than 1024 classes
        1 ... 64, then sizes that grow by a tenth, and n_classes.
    thresholds : array-like of float, default=None
        Instead of sizes, thresholds of the probability, above 0 and up to 1: a row's candidate
        sets are the labels that reach one of them, with the first label.
    target_coverage : float, default=None
        Let a fifth of the rows, set aside first, find the penalty at which the sets hold the
        right label with this probability, as `CoverageSetClassifier` does, with its guarantee;
        ``size_penalty`` is not read then.
    surrogate : "rank", str or Loss, default="rank"
        What the size is chosen by: "rank", or a loss on costs, by name or instance, such as
        ``"cost_sensitive_comp_sum"`` and ``"cost_sensitive_constrained"``.
    refine : bool, default=True
        Correct the classifier's probabilities; False keeps its ranking.
    cv : int, splitter or iterable, default=10
        Folds for out-of-fold probabilities and for the networks. With an int, rare classes are
        spread over as many folds as they have rows. Above 2e8 rows times classes: see Notes.
    n_jobs : int, default=None
        Jobs for the folds of the classifier.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Widths of the hidden layers of our networks.
    learning_rate : float, default=0.002
        Step size of AdamW.
    weight_decay : float, default=0.01
        Decoupled weight decay of AdamW, as a share of the step size.
    batch_size : int, default=128
        Rows per step.
    max_epochs : int, default=200
        Upper limit of the passes over the rows; held-out rows stop each network early.
    device : str, default="auto"
        "auto" takes CUDA, then MPS, then the CPU.
    callbacks : list of skorch callbacks, default=None
        Passed to skorch.
    verbose : int, default=0
        0 is silent, 1 shows a line of progress for networks that train together.
    random_state : int, RandomState or None, default=None
        Seeds folds and networks; global generators are left alone.
    sparse_output : bool, default=False
        Give sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The classifier inside, fitted on all rows; where networks stand alone, one that finds all
        classes equally likely.
    expert_weights_ : dict of float
        How much each expert counts in the pooled probabilities: "base" (the classifier),
        "residual" (networks that correct it) and "plain" (networks on x alone).
    reads_ : {"x and scores", "scores"}
        What our networks read: x too where it is an array, a numeric frame or CSR, finite.
    level_ : float
        The penalty that decides the sets: ``size_penalty``, or the one found for the
        ``target_coverage``; 0 for a surrogate trained for one penalty.
    n_calibration_ : int
        Rows that found it, only with a ``target_coverage``.
    sizes_ : ndarray of shape (m,), int64
        The sizes that sets may have: the candidates, or with ``thresholds`` 1 ... n_classes.
    costs_ : ndarray of shape (m,), float64
        Their costs.
    candidates_ : FixedSizes or SizesByThreshold
        What gives the candidates of a row.
    refiner_ : Refiner or None
        What corrects the probabilities.
    selector_ : RankLaw or CostRule
        What chooses the size.
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

    Where rows times classes exceed 2e8, the out-of-fold probabilities are not held in memory. One
    of ``cv`` parts of the rows, never the last row of a class, is held out, and the classifier
    that is fitted on the others is kept (`NeuralClassifier` with ``estimator=None``). There is no
    refiner: the ranking is the classifier's, and a network learns the law of the rank from the
    first 64 log-probabilities of the held-out rows.

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
    >>> clf = CardinalityAwareClassifier(GaussianNB(), max_epochs=20, random_state=0).fit(X, y)
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
        cv: Any = 10,
        n_jobs: int | None = None,
        hidden_layer_sizes: int | Sequence[int] = (256,),
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 200,
        device: str = "auto",
        callbacks: Sequence[Any] | None = None,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
        self.sparse_output = sparse_output

    # ---------------------------------------------------------------- training

    @property
    def expert_weights_(self) -> dict[str, float]:
        """How much each expert counts in the pooled probabilities, a dict of float."""
        return {"base": 1.0} if self.refiner_ is None else self.refiner_.weights

    @property
    def sizes_(self) -> Integers:
        """The sizes that sets may have, int64."""
        return self.candidates_.sizes

    @property
    def costs_(self) -> Floats:
        """The costs of the sizes, float64."""
        return self.candidates_.costs

    @all_or_nothing
    def fit(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the classifier inside, refine its scores and learn the sizes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Whatever the inner estimator reads. Where it is an array, a frame or CSR of finite
            numbers, our networks read it too.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, for our networks and for the inner estimator if it takes them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter out of range, a single class, weights that are negative or sum to
            zero, an estimator without scores, a frozen one that lacks a class, or if no row is
            left whose label has a rank.
        """
        forget_fit(self)
        if self.target_coverage is not None:
            return self._fit_to_coverage(X, y, sample_weight)
        options = network_options(self)
        X, y, sample_weight = indexable(X, y, sample_weight)
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y))
        candidates = check_candidates(self.sizes, self.thresholds, self.size_cost, len(classes))
        self._check_surrogate(len(candidates))
        weight = check_weights(sample_weight, None, X, y)
        numbers = check_numbers(X) if self.estimator is None else as_numbers(X)
        fit_params = self._inner_fit_params(inner, weight)
        rng = check_random_state(self.random_state)

        learner = way_to_learn(len(codes), len(classes))
        if self.estimator is None and self.refine and learner.can_refine:
            inner = NetworksAlone()
        task = Task(inner, X, y, classes, codes, fit_params)
        way = learner(task, self.cv, rng, self.n_jobs)
        of_tested = None if weight is None else weight[way.tested]
        rows = way.tested[rows_to_learn_from(way.ranked, of_tested)]
        floor = 1.0 / (10 * (len(codes) if weight is None else np.count_nonzero(weight)))
        part = Part(numbers, codes, weight).take(rows).with_weights_of_mean_one()
        base, refiner, batches = way.learn(part, rows, floor, rng, refine=self.refine, **options)
        selector = self._fit_selector(part, refiner, candidates, batches, rng, options)

        self.classes_, self.estimator_, self.floor_ = classes, base, floor
        self.candidates_, self.refiner_, self.selector_ = candidates, refiner, selector
        self.reads_ = "scores" if numbers is None else "x and scores"
        self.level_ = self.size_penalty if _learns_path(self) else 0.0
        return self

    def _fit_to_coverage(self, X, y, sample_weight):
        """Fit on a part of the rows, and find the level on the others."""
        inner = clone(self).set_params(target_coverage=None)
        wish = CoverageSetClassifier(
            inner, target_coverage=self.target_coverage, random_state=self.random_state
        ).fit(X, y, sample_weight)
        fitted = vars(wish.estimator_)
        vars(self).update({name: fitted[name] for name in fitted if name.endswith("_")})
        self.level_, self.n_calibration_ = wish.level_, wish.n_calibration_
        return self

    def _check_surrogate(self, n_sizes):
        """Raise unless the surrogate is "rank" or a loss on costs, its parameters in range."""
        check_number("size_penalty", self.size_penalty, low=0)
        if not _learns_path(self):
            cost_loss(self.surrogate).check(n_sizes)

    def _fit_selector(self, part, refiner, candidates, batches, rng, options):
        """Return what chooses the size, trained unless refined probabilities tell it."""
        if _learns_path(self) and refiner is not None:
            return RankLaw()
        sketch, ranks = sketch_of_labels(candidates, batches, len(part.target))
        seen = part.X, sketch, ranks, part.weight, rng
        if _learns_path(self):
            return RankLaw.fit(*seen, **options)
        loss = cost_loss(self.surrogate)
        return CostRule.fit(*seen, loss=loss, size_penalty=self.size_penalty, **options)

    # -------------------------------------------------------------- prediction

    def _level(self, size_penalty):
        """Return the level that stands for a penalty, that of the fit where it is None."""
        if size_penalty is None:
            return self.level_
        if not _learns_path(self):
            raise ValueError(
                f"size_penalty={size_penalty!r} cannot be changed after fit with "
                f"surrogate={self.surrogate!r}, which is trained for one penalty; fit with "
                "surrogate='rank', which serves them all."
            )
        return check_number("size_penalty", size_penalty, low=0)

    def predict_set(self, X: Samples, *, size_penalty: float | None = None) -> Sets:
        """Predict the set of labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        size_penalty : float, default=None
            Another penalty than the constructor's, without a refit; with ``surrogate="rank"``
            only. With a ``target_coverage``, it gives up the guarantee.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes), bool
            Column j is ``classes_[j]``.
        """
        check_is_fitted(self)
        level = self._level(size_penalty)

        def sets(X):
            log_p = self._scores(X)
            return prefix_sets(log_p, self._sizes_at(X, log_p, level), self.sparse_output)

        return self._map_batches(X, sets)

    def predict_set_size(self, X: Samples, *, size_penalty: float | None = None) -> Integers:
        """Predict how many labels the set holds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        size_penalty : float, default=None
            As in ``predict_set``.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            One of ``sizes_`` for each sample.
        """
        check_is_fitted(self)
        level = self._level(size_penalty)
        return self._map_batches(X, lambda X: self._sizes_at(X, self._scores(X), level))

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
            Give the levels of ``floor`` or more as CSR, for many classes. A class without an
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
            log_p = self._scores(X)
            return sparse_class_levels(log_p, *self._size_levels(X, log_p), floor)

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
