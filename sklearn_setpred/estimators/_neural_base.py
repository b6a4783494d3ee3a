"""What all network classifiers share: validation, training by skorch, scores."""

from copy import copy
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from sklearn_setpred._networks.cross_fit import (
    fit_pairs,
    has_held_out,
    mean_curve,
)
from sklearn_setpred._networks.options import network_options
from sklearn_setpred._networks.parts import (
    FoldPairs,
    Part,
    splits_of_weighted,
    validation_rows,
    with_positive_weights,
)
from sklearn_setpred._utils.types import Floats, Samples
from sklearn_setpred._utils.validation import check_k, check_labels, check_number, check_weights
from sklearn_setpred.estimators._base import TopKSetsMixin
from sklearn_setpred.estimators._persistence import all_or_nothing
from sklearn_setpred.sets import label_indices

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

    def _alternatives(self, loss, n_classes):
        """Return the losses of which held-out rows choose one."""
        return [loss]

    def _compares_at_best_scale(self, loss):
        """Say whether early stopping looks past the size of the scores."""
        return False

    def _calibrated(self, loss, networks, pairs):
        """Return the loss with its link adjusted to the rows held out; here as it is."""
        return loss

    # ---------------------------------------------------------------- training

    @all_or_nothing
    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Samples = None,
        y_val: ArrayLike | None = None,
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
            Rows for early stopping, instead of a share of the training rows. A pipeline passes
            ``X_val`` through its transformers only under metadata routing and with
            ``transform_input=["X_val"]``.

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
        options = network_options(self)
        start = getattr(self, "net_", None) if self.warm_start else None
        X, y = validate_data(self, X, y, reset=start is None, **_READS)
        classes, codes = check_labels(X, y)
        weight = check_weights(sample_weight, self.class_weight, X, y)
        if start is not None:
            classes, codes = self.classes_, known_codes(y, self.classes_)
        counts = np.bincount(codes, minlength=len(classes))
        loss = self._checked_loss(len(classes)).fit_classes(np.maximum(counts, 1))
        rng = check_random_state(self.random_state)
        given = self._validation_part(X_val, y_val, classes)
        pairs = self._pairs(Part(X, codes, weight), given, start, rng)
        options |= {"seeds": rng.randint(_MAX_SEED, size=len(pairs)).tolist()}
        if start is not None:
            options["start"] = start
        chooses = has_held_out(pairs) and start is None
        losses = self._alternatives(loss, len(classes)) if chooses else [loss]
        return self._train(pairs, classes, losses, options)

    def _pairs(self, part, given, start, rng):
        """Return the rows to train on and those to stop by, of one network or of each fold's."""
        kept = with_positive_weights(part)
        if given is not None or not self.early_stopping:
            return [(kept, given)]
        if self.cv is not None and start is None:
            splits = splits_of_weighted(self.cv, part, rng)
        else:
            held_out = validation_rows(kept.target, self.validation_fraction, rng)
            splits = [(~held_out, held_out)] if held_out.any() else []
        # Without splits, every class has a single row.
        return FoldPairs(kept, splits) if splits else [(kept, None)]

    def _train(self, pairs, classes, losses, options):
        """Train a network for each pair and keep their mean.

        Where one diverges, the error bears an estimator with what was learned.
        """
        options |= {"is_scale_free": self._compares_at_best_scale}
        try:
            loss, trained = fit_pairs(pairs, losses, len(classes), **options)
        except FloatingPointError as error:
            error.estimator = copy(self)._keep(classes, error.loss, error.trained)
            error.add_note("Its attribute `estimator` is fitted up to the last good epoch.")
            raise
        if has_held_out(pairs):
            networks = [network for network, *_ in trained]
            loss = self._calibrated(loss, networks, pairs)
        return self._keep(classes, loss, trained)

    def _keep(self, classes, loss, trained):
        """Set the attributes of a fit."""
        from sklearn_setpred._networks.network import mean_network

        networks, losses, valid_losses = zip(*trained, strict=True)
        self.classes_, self.loss_, self.net_ = classes, loss, mean_network(networks)
        self.loss_curve_ = mean_curve(losses)
        self.validation_scores_ = [-value for value in mean_curve(valid_losses)]
        self.n_iter_ = len(self.loss_curve_)
        return self

    @all_or_nothing
    def partial_fit(
        self,
        X: Samples,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, from where the last call ended.

        The standardization of the columns is that of the first call.

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
        options = network_options(self)
        first = not hasattr(self, "net_")
        X, y = validate_data(self, X, y, reset=first, **_READS)
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
        part = Part(X, codes, weight)
        self.net_, loss = train_one_epoch(
            self.net_, part, self.loss_, len(self.classes_), seed=seed, **options
        )
        self.loss_curve_ = [*self.loss_curve_, loss]
        self.n_iter_ += 1
        return self

    def _start_empty(self, classes):
        """Set the attributes of a fit before its first epoch."""
        if classes is None:
            raise ValueError("classes=None: the first call of partial_fit needs all the classes.")
        self.classes_ = np.unique(classes)
        self.loss_ = self._checked_loss(len(self.classes_))
        self.net_, self.loss_curve_, self.validation_scores_, self.n_iter_ = None, [], [], 0

    def _checked_loss(self, n_classes):
        """Return the loss, its parameters and the estimator's checked against the classes."""
        check_k(self.k, n_classes)
        check_number("validation_fraction", self.validation_fraction, low=0, high=1, is_open=True)
        loss = self._make_loss(n_classes)
        if loss.target != "label":
            raise ValueError(
                f"loss={loss.name!r} compares scores with costs, not labels; "
                "CardinalityAwareClassifier(surrogate=...) trains with it."
            )
        loss.check(n_classes)
        return loss

    def _validation_part(self, X_val, y_val, classes):
        """Return the rows that the user sets aside for early stopping, None if there are none."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("Of X_val and y_val one is None; give both of them, or neither.")
        X_val = validate_data(self, X_val, reset=False, **_READS)
        check_consistent_length(X_val, y_val)
        return Part(X_val, known_codes(y_val, classes, "y_val"))

    # -------------------------------------------------------------- prediction

    def _checked_input(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, **_READS)

    def _of_scores(self, function, X):
        """Apply a function of tensors to the network's scores."""
        import torch

        return function(torch.from_numpy(self.net_.scores(X))).numpy()

    def _scores(self, X):
        return self._of_scores(self.loss_.decision_scores, X)

    def _sets_of_first(self, X, k):
        """Return the sets of the k first-ranked labels, made where the scores are."""
        if self.sparse_output or self.net_.is_on_host:
            return super()._sets_of_first(X, k)
        from sklearn_setpred._networks.network import sets_of_first

        def sets(scores):
            return sets_of_first(self.loss_.decision_scores(scores), k)

        return self._map_batches(X, lambda X: self.net_.map_scores(X, sets))

    def decision_function(self, X: Samples) -> Floats:
        """Return the scores by which the classes rank, to which the inverse link is applied.

        They are those of the network, before a normalisation that belongs to the loss: that and
        the softmax are part of the inverse link.

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
