"""Sets whose size is chosen per sample, around any classifier."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_setpred.estimators._base import (
    SetPredictorMixin,
    all_or_nothing,
    check_labels,
    check_weights,
)
from sklearn_setpred.estimators._coverage import CoverageSetClassifier
from sklearn_setpred.estimators._folds import (
    Part,
    make_splits,
    out_of_fold_probabilities,
    rows_to_learn_from,
    splits_within,
)
from sklearn_setpred.estimators._parameters import network_options
from sklearn_setpred.estimators._refine import fit_refiner, floored_log
from sklearn_setpred.estimators._selectors import CostRule, RankLaw, cost_loss
from sklearn_setpred.estimators._wrapped import (
    WrappingMixin,
    as_numbers,
    check_numbers,
    is_frozen,
    known_classes,
    read_probabilities,
)
from sklearn_setpred.sets import (
    check_sizes,
    class_levels,
    class_ranks,
    concave_hull_levels,
    prefix_sets,
    size_costs,
)
from sklearn_setpred.utils.types import Estimator, Floats, Integers, Samples, Seed, Sets, SizeCost
from sklearn_setpred.utils.validation import check_number


def _learns_path(self):
    """Say whether one fit serves every penalty."""
    return self.surrogate == "rank"


class CardinalityAwareClassifier(SetPredictorMixin, WrappingMixin, BaseEstimator):
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
        to it. None means `NeuralClassifier`.
    size_penalty : float, default=0.05
        Weight of the size, in units of coverage per unit of cost.
    size_cost : {"linear", "log"} or callable, default="linear"
        ``cost(s) = s`` or ``log s``; a callable maps sizes (m,) to non-decreasing costs (m,).
    sizes : array-like of int, default=None
        Candidate sizes, increasing; None means 1 ... n_classes.
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
        spread over as many folds as they have rows.
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
        0 is silent, 1 shows a progress line for each network.
    random_state : int, RandomState or None, default=None
        Seeds folds and networks; global generators are left alone.
    sparse_output : bool, default=False
        Give sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    estimator_ : classifier
        The classifier inside, fitted on all rows.
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
        The candidate sizes.
    costs_ : ndarray of shape (m,), float64
        Their costs.
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
        if self.target_coverage is not None:
            return self._fit_to_coverage(X, y, sample_weight)
        options = network_options(self)
        X, y, sample_weight = indexable(X, y, sample_weight)
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y))
        sizes = check_sizes(self.sizes, len(classes))
        costs = size_costs(sizes, self.size_cost)
        self._check_surrogate(len(sizes))
        weight = check_weights(sample_weight, None, X, y)
        fit_params = self._inner_fit_params(inner, weight)
        rng = check_random_state(self.random_state)
        splits = make_splits(self.cv, X, codes, rng)

        p_base, known = self._held_out_probabilities(inner, X, y, classes, splits, fit_params)
        rows = rows_to_learn_from(known[np.arange(len(codes)), codes], weight)
        floor = 1.0 / (10 * len(rows))
        numbers = as_numbers(X)
        part = Part(numbers, codes, weight, floored_log(p_base, floor)).take(rows)
        part = part.with_weights_of_mean_one()
        refiner, part = self._refine(part, splits_within(rows, splits, len(codes)), rng, options)
        selector = self._fit_selector(part, sizes, costs, rng, options)
        fitted = inner if is_frozen(inner) else clone(inner).fit(X, y, **fit_params)

        self.classes_, self.estimator_, self.floor_ = classes, fitted, floor
        self.sizes_, self.costs_ = sizes, costs
        self.reads_ = "scores" if numbers is None else "x and scores"
        self.refiner_, self.selector_ = refiner, selector
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

    def _held_out_probabilities(self, inner, X, y, classes, splits, fit_params):
        """Give the probabilities of rows by models fitted without them, and what these know."""
        if is_frozen(inner):
            p_base = read_probabilities(inner, X)
            return p_base, np.ones(p_base.shape, dtype=bool)
        return out_of_fold_probabilities(inner, X, y, classes, splits, fit_params, self.n_jobs)

    def _refine(self, part, splits, rng, options):
        """Give the refiner, None if there is none, and the part with the final scores."""
        if not self.refine:
            return None, part
        refiner, log_p = fit_refiner(part, splits, rng, **options)
        return refiner, part._replace(prior=log_p)

    def _fit_selector(self, part, sizes, costs, rng, options):
        """Give what chooses the size, trained unless refined probabilities tell it."""
        if _learns_path(self):
            return RankLaw(sizes) if self.refine else RankLaw.fit(part, sizes, rng, **options)
        loss = cost_loss(self.surrogate)
        return CostRule.fit(part, sizes, costs, self.size_penalty, loss, rng, **options)

    # -------------------------------------------------------------- prediction

    def _numbers(self, X):
        """Give X as our networks read it, None where they read the scores alone."""
        return check_numbers(X) if self.reads_ == "x and scores" else None

    def _scores(self, X):
        """Give the final log-probabilities, (n, n_classes)."""
        log_p = floored_log(read_probabilities(self.estimator_, X), self.floor_)
        if self.refiner_ is None:
            return log_p
        return self.refiner_.log_probabilities(self._numbers(X), log_p)

    def _size_levels(self, X, log_p):
        """Give the level of each candidate size, (n, m)."""
        numbers = None if self.selector_.network is None else self._numbers(X)
        return concave_hull_levels(self.costs_, self.selector_.values(numbers, log_p))

    def _level(self, size_penalty):
        """Give the level that stands for a penalty, that of the fit where it is None."""
        if size_penalty is None:
            return self.level_
        if not _learns_path(self):
            raise ValueError(
                f"size_penalty={size_penalty!r} cannot be changed after fit with "
                f"surrogate={self.surrogate!r}, which is trained for one penalty; fit with "
                "surrogate='rank', which serves them all."
            )
        return check_number("size_penalty", size_penalty, low=0)

    def _sizes_at(self, X, log_p, level):
        """Give the size chosen for each row at a level, (n,); at -inf, all labels."""
        if level == -np.inf:
            return np.full(len(log_p), len(self.classes_))
        chosen = (self._size_levels(X, log_p) >= level).sum(axis=1) - 1
        return self.sizes_[chosen]

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
    def set_levels(self, X: Samples) -> Floats:
        """Give the penalty at which each class drops out of the set.

        Available with ``surrogate="rank"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``set_levels(X) >= p`` is ``predict_set(X, size_penalty=p)``: inf for the classes of
            the smallest candidate set, -inf for those beyond the largest.
        """
        return self._path_levels(X)

    def _path_levels(self, X):
        """Give the levels of the classes; of a rule for one penalty, those of its tilt.

        The tilt ``argmax_s u(s) - t cost(s)`` is nested in t, and t = 0 is the rule itself.
        """

        def levels(X):
            log_p = self._scores(X)
            return class_levels(class_ranks(log_p), self.sizes_, self._size_levels(X, log_p))

        return self._map_batches(X, levels)

    def predict_proba(self, X: Samples) -> Floats:
        """Give the probabilities behind the ranking, refined if ``refine``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to one.
        """
        return self._by_batches(X, lambda log_p: softmax(log_p, axis=1))
