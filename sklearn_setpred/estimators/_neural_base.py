"""What all network classifiers share: validation, training by skorch, scores."""

from copy import copy
from dataclasses import replace
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from sklearn_setpred._inner.columns import note_of_texts
from sklearn_setpred._networks.cross_fit import fit_pairs, mean_curve
from sklearn_setpred._networks.options import training_options
from sklearn_setpred._networks.parts import (
    Part,
    TrainingPairs,
    splits_of_weighted,
    validation_rows,
    with_positive_weights,
)
from sklearn_setpred._utils.progress import plan, tells_progress
from sklearn_setpred._utils.types import ArrayLike, Floats, Samples
from sklearn_setpred._utils.validation import check_k, check_labels, check_number, check_weights
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.estimators._base import TopKSetsMixin
from sklearn_setpred.estimators._persistence import all_or_nothing
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._labels import check_label_array

_MAX_SEED = 2**31 - 1
_READS = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}


class BaseNeuralClassifier(TopKSetsMixin, BaseEstimator):
    """Everything of a network classifier but the choice of its loss.

    A subclass has the parameters of `NeuralClassifier`, less some, and gives its loss through
    ``_make_loss(n_classes)``.
    """

    def _make_loss(self, n_classes):
        """Return the loss instance."""
        raise NotImplementedError

    def __getstate__(self):
        state = super().__getstate__()
        if self.warm_start and getattr(self, "net_", None) is not None:
            state["_training_state"] = self.net_.training_state
        return state

    def __setstate__(self, state):
        state = dict(state)
        training_state = state.pop("_training_state", None)
        super().__setstate__(state)
        if training_state is not None:
            self.net_.training_state = training_state

    # ---------------------------------------------------------------- training

    @all_or_nothing
    @tells_progress
    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Samples = None,
        y_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, CSR} of shape (n_samples, n_features)
            Finite numbers; the columns are standardized inside.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a row of weight zero takes no part.
        X_val, y_val : as X and y, default=None
            Rows on which the best epoch is chosen, instead of a fraction of the training rows. A
            pipeline passes ``X_val`` through its transformers only under metadata routing and with
            ``transform_input=["X_val"]``.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that the folds of ``cv`` hold out together.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter out of range, NaN or infinite values, a single class, weights that
            are negative or sum to zero.
        FloatingPointError
            If the loss or a weight is no longer finite. This estimator stays as it was; the
            error's attribute ``estimator`` is another, fitted up to the last good epoch.
        """
        options = training_options(self)
        start = getattr(self, "net_", None) if self.warm_start else None
        X = self._numbers(X, reset=start is None)
        classes, codes = check_labels(X, y)
        weight = check_weights(sample_weight, self.class_weight, X, y)
        if start is not None:
            classes, codes = self.classes_, known_codes(y, self.classes_)
        counts = np.bincount(codes, minlength=len(classes))
        loss = self._checked_loss(len(classes)).fit_classes(np.maximum(counts, 1))
        if start is None:
            warn_of_fresh_weights(loss, len(classes))
        rng = check_random_state(self.random_state)
        given = self._validation_part(X_val, y_val, classes)
        groups = self._checked_groups(groups, X)
        pairs = self._pairs(Part(X=X, target=codes, weight=weight), given, start, rng, groups)
        options = replace(options, scale_free=loss.scale_free)
        seeds = rng.randint(_MAX_SEED, size=len(pairs)).tolist()
        return self._train(pairs, classes, loss, options, seeds, start)

    def _checked_groups(self, groups, X):
        """Return the groups as an array; raise where no folds would read them."""
        if groups is None:
            return None
        if self.cv is None:
            raise ValueError(
                "groups are for the folds of cv, and cv=None; give cv=5, for instance."
            )
        check_consistent_length(X, groups)
        return check_label_array(groups, "groups")

    def _pairs(self, part, given, start, rng, groups=None):
        """Return the training rows and the held-out rows of each network to train."""
        kept = with_positive_weights(part)
        if given is not None:
            return TrainingPairs(kept, given=given)
        if self.cv is not None and start is None:
            return TrainingPairs(kept, splits_of_weighted(self.cv, part, rng, groups))
        if self.validation_fraction is None:
            return TrainingPairs(kept)
        held_out = validation_rows(kept.target, self.validation_fraction, rng)
        # No row can be held out where every class has a single row.
        return TrainingPairs(kept, [(~held_out, held_out)] if held_out.any() else [])

    def _train(self, pairs, classes, loss, options, seeds, start):
        """Train a network for each pair and keep their mean.

        If one diverges, the error has an estimator that is fitted up to the last good epoch.
        """
        from sklearn_setpred._networks.training import TrainingDivergedError

        plan({"epoch": len(pairs) * self.max_epochs})
        trained = []
        try:
            trained.extend(fit_pairs(pairs, loss, len(classes), options, seeds=seeds, start=start))
        except TrainingDivergedError as error:
            error.estimator = copy(self)._keep(classes, loss, [*trained, error.trained])
            error.add_note("Its attribute `estimator` is fitted up to the last good epoch.")
            raise
        return self._keep(classes, loss, trained)

    def _keep(self, classes, loss, trained):
        """Set the attributes of a fit."""
        from sklearn_setpred._networks.network import Network

        self.classes_, self.loss_ = classes, loss
        self.net_ = Network.mean_of([one.network for one in trained])
        self.loss_curve_ = mean_curve([one.losses for one in trained])
        valid_curve = mean_curve([one.valid_losses for one in trained])
        self.validation_scores_ = [-value for value in valid_curve]
        self.n_iter_ = len(self.loss_curve_)
        self.history_ = [
            {"network": number, **epoch}
            for number, one in enumerate(trained, start=1)
            for epoch in one.history
        ]
        return self

    @all_or_nothing
    @tells_progress
    def partial_fit(
        self,
        X: Samples,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, from where the last call ended.

        The standardization of the columns follows the rows of all calls, and what was learned
        stays; a module of your own keeps the standardization of the first call.

        Parameters
        ----------
        X : {array-like, CSR} of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed at the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the first call is not told the classes, a later one is told others, or a label is
            not among them.
        """
        options = training_options(self)
        first = not hasattr(self, "net_")
        X = self._numbers(X, reset=first)
        check_consistent_length(X, y)
        if first:
            self._start_empty(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} is not what the first call was told, "
                f"{self.classes_.tolist()}; fit a new estimator."
            )
        codes = known_codes(y, self.classes_)
        weight = check_weights(sample_weight, self.class_weight, X, y)

        from sklearn_setpred._networks.training import train_one_epoch

        seed = check_random_state(self.random_state).randint(_MAX_SEED)
        part = Part(X=X, target=codes, weight=weight)
        trained = train_one_epoch(
            self.net_, part, self.loss_, len(self.classes_), options, seed=seed
        )
        self.net_, self.loss_curve_ = trained.network, [*self.loss_curve_, *trained.losses]
        self.history_ = [*self.history_, *({"network": 1, **epoch} for epoch in trained.history)]
        self.n_iter_ += 1
        return self

    def _start_empty(self, classes):
        """Set the attributes of a fit before its first epoch."""
        if classes is None:
            raise ValueError("classes=None: the first call of partial_fit needs all the classes.")
        self.classes_ = np.unique(check_label_array(classes, "classes"))
        self.loss_ = self._checked_loss(len(self.classes_))
        warn_of_fresh_weights(self.loss_, len(self.classes_))
        self.net_, self.loss_curve_, self.validation_scores_, self.n_iter_ = None, [], [], 0
        self.history_ = []

    def _checked_loss(self, n_classes):
        """Return the loss, its parameters and the estimator's checked against the classes."""
        check_k(self.k, n_classes)
        if self.validation_fraction is not None:
            fraction = self.validation_fraction
            check_number("validation_fraction", fraction, low=0, high=1, is_open=True)
        loss = self._make_loss(n_classes)
        if loss.target != "label":
            raise ValueError(
                f"loss={loss.name!r} compares scores with costs, not labels; "
                "CardinalityAwareClassifier(surrogate=...) trains with it."
            )
        loss.check(n_classes)
        return loss

    def _validation_part(self, X_val, y_val, classes):
        """Return the rows that the user sets aside to choose the epoch, None if there are none."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("Of X_val and y_val one is None; give both of them, or neither.")
        X_val = self._numbers(X_val)
        check_consistent_length(X_val, y_val)
        return Part(X=X_val, target=known_codes(y_val, classes, "y_val"))

    # -------------------------------------------------------------- prediction

    def _checked_input(self, X):
        check_is_fitted(self)
        return self._numbers(X)

    def _numbers(self, X, reset=False):
        """Return X as an array or CSR of numbers; raise where it holds something else."""
        try:
            return validate_data(self, X, reset=reset, **_READS)
        except ValueError as error:
            if "could not convert" in str(error):
                error.add_note(note_of_texts(X))
            raise

    def _of_scores(self, function, X):
        """Apply a function of tensors to the network's scores."""
        import torch

        return function(torch.from_numpy(self.net_.scores(X))).numpy()

    def _scores(self, X):
        return self._of_scores(self.loss_.decision_scores, X)

    def decision_function(self, X: Samples) -> Floats:
        """Return the scores by which the classes rank, to which the inverse link is applied.

        These are the network's scores. A normalisation that belongs to the loss is part of the
        inverse link, as the softmax is.

        Parameters
        ----------
        X : {array-like, CSR} of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            For two classes, their difference, of shape (n_samples,).
        """
        scores = self._by_batches(X, lambda scores: scores)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Samples) -> Floats:
        """Return the probabilities: the inverse link of the loss, applied to the scores.

        Parameters
        ----------
        X : {array-like, CSR} of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to one and rank the classes as ``decision_function`` does. Where the loss
            has no inverse link, they rank but are not calibrated.
        """
        return self._map_batches(X, lambda X: self._of_scores(self.loss_.probabilities, X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def warn_of_fresh_weights(loss, n_classes):
    """Warn of a loss that hardly moves fresh weights."""
    if loss.needs_warm_start(n_classes):
        warn_user(
            f"loss={loss.name!r} hardly moves fresh weights: rows that they predict badly have no "
            "gradient. Fit with another loss first, such as 'gce', then "
            f"set_params(loss={loss.name!r}, warm_start=True) and fit again."
        )


def known_codes(y, classes, name="y"):
    """Return the codes of labels; raise if one is not among the classes."""
    y = column_or_1d(y)
    codes = label_indices(y, classes)
    if (codes < 0).any():
        unknown = np.unique(y[codes < 0]).tolist()
        raise ValueError(
            f"{name} holds {unknown}, which the network does not know; its classes are "
            f"{classes.tolist()}. Leave these rows out, or fit a new estimator."
        )
    return codes
