"""Network classifiers: any loss by name or instance, trained by skorch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from sklearn_setpred.estimators._base import (
    TopKSetsMixin,
    all_or_nothing,
    check_labels,
    check_weights,
)
from sklearn_setpred.estimators._folds import Part, validation_rows
from sklearn_setpred.estimators._parameters import network_options
from sklearn_setpred.sets import label_indices
from sklearn_setpred.utils.types import Floats, Samples, Seed
from sklearn_setpred.utils.validation import check_k, check_number

_MAX_SEED = 2**31 - 1
_READS = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}


class BaseNeuralClassifier(TopKSetsMixin, BaseEstimator):
    """Everything of a network classifier but the choice of its loss.

    A subclass has the parameters of `NeuralClassifier`, less some, and gives its loss through
    ``_make_loss()``.
    """

    def _make_loss(self):
        """Give the loss instance."""
        raise NotImplementedError

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
            Rows for early stopping, instead of a share of the training rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter out of range, NaN or infinite values, a single class, weights that
            are negative or sum to zero.
        FloatingPointError
            If the training loss is no longer finite.
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
        valid = self._validation_part(X_val, y_val, classes)

        from sklearn_setpred.training import fit_network

        train, valid = self._split(Part(X, codes, weight), valid, rng)

        seed = rng.randint(_MAX_SEED)
        network, losses, valid_losses = fit_network(
            train, valid, loss, len(classes), seed=seed, start=start, **options
        )
        self.classes_, self.loss_, self.net_ = classes, loss, network
        self.loss_curve_, self.validation_scores_ = losses, [-value for value in valid_losses]
        self.n_iter_ = len(losses)
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

        from sklearn_setpred.training import train_one_epoch

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
        """Give the loss, its parameters and the estimator's checked against the classes."""
        check_k(self.k, n_classes)
        check_number("validation_fraction", self.validation_fraction, low=0, high=1, is_open=True)
        loss = self._make_loss()
        if loss.target != "label":
            raise ValueError(
                f"loss={loss.name!r} compares scores with costs, not labels; "
                "CardinalityAwareClassifier(surrogate=...) trains with it."
            )
        loss.check(n_classes)
        return loss

    def _split(self, part, valid, rng):
        """Give the rows to train on and, for early stopping, the rows to validate with."""
        if part.weight is not None:
            part = part.take(part.weight > 0).with_weights_of_mean_one()
        if valid is not None or not self.early_stopping:
            return part, valid
        held_out = validation_rows(part.target, self.validation_fraction, rng)
        if not held_out.any():  # every class has a single row
            return part, None
        parts = part.take(~held_out), part.take(held_out)
        return tuple(half.with_weights_of_mean_one() for half in parts)

    def _validation_part(self, X_val, y_val, classes):
        """Give the rows that the user sets aside for early stopping, None if there are none."""
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

    def decision_function(self, X: Samples) -> Floats:
        """Give the scores by which the classes rank, before the softmax.

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
        """Give the probabilities: the inverse link of the loss, applied to the scores.

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
    """Give the codes of labels; raise if one is not among the classes."""
    y = column_or_1d(y)
    codes = label_indices(y, classes)
    if (codes < 0).any():
        unknown = np.unique(y[codes < 0]).tolist()
        raise ValueError(
            f"{name} holds {unknown}, which the network does not know; its classes are "
            f"{classes.tolist()}. Leave these rows out, or fit a new estimator."
        )
    return codes


class NeuralClassifier(BaseNeuralClassifier):
    """Neural network with any of the losses of `sklearn_setpred.losses`.

    The columns of X are standardized inside: for dense columns to mean 0 and standard deviation
    1; the same rule serves CSR without making it dense.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A name in ``sklearn_setpred.losses.LOSSES``, with its default parameters, or an instance.
    module : callable, default=None
        ``module(n_features, n_classes)`` gives a ``torch.nn.Module`` that maps (n, n_features)
        to scores (n, n_classes), for instance the module's class. None means a multilayer
        perceptron.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Widths of the hidden layers; ``()`` gives a linear model.
    activation : {"relu", "tanh", "logistic", "gelu"}, default="relu"
        Activation of the hidden layers.
    learning_rate : float, default=0.002
        Step size of AdamW.
    weight_decay : float, default=0.01
        Decoupled weight decay of AdamW, as a share of the step size.
    batch_size : int, default=128
        Rows per step.
    max_epochs : int, default=200
        Upper limit of the passes over the training rows.
    early_stopping : bool, default=True
        Hold out a share of the rows, stop when their loss no longer falls, and keep the weights
        of the best epoch.
    validation_fraction : float, default=0.1
        The share held out, of each class; a class's only row always trains.
    n_iter_no_change : int, default=10
        Epochs without a better validation loss after which training stops.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with ``sample_weight``.
    k : int, default=None
        Size of the sets of ``predict_set``; None means min(5, n_classes).
    device : str, default="auto"
        "auto" takes CUDA, then MPS, then the CPU.
    callbacks : list of skorch callbacks, default=None
        Passed to skorch.
    verbose : int, default=0
        0 is silent, 1 shows one progress line.
    warm_start : bool, default=False
        Start ``fit`` from the weights of the last one.
    random_state : int, RandomState or None, default=None
        Seeds weights, batches and the held-out rows; global generators are left alone.
    sparse_output : bool, default=False
        Give sets as CSR, never holding a dense array of (n_samples, n_classes).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Mean training loss of each epoch.
    validation_scores_ : list of float
        Minus the mean validation loss of each epoch; empty without early stopping.
    loss_ : Loss
        The loss trained with.
    net_ : Network
        The trained network.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X has string names.

    See Also
    --------
    CardinalityAwareClassifier : Sets whose size depends on the sample.

    Notes
    -----
    Training follows AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization",
    2019), with batches in random order.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_setpred import NeuralClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NeuralClassifier(hidden_layer_sizes=(16,), random_state=0).fit(X, y)
    >>> clf.predict_set(X[:1], k=2)
    array([[ True,  True, False]])
    >>> clf.predict_top_k(X[:1], k=2)
    array([[0, 1]])
    """

    def __init__(
        self,
        loss: str | BaseEstimator = "cross_entropy",
        *,
        module: Callable[[int, int], Any] | None = None,
        hidden_layer_sizes: int | Sequence[int] = (256,),
        activation: str = "relu",
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: Mapping[Any, float] | str | None = None,
        k: int | None = None,
        device: str = "auto",
        callbacks: Sequence[Any] | None = None,
        verbose: int = 0,
        warm_start: bool = False,
        random_state: Seed = None,
        sparse_output: bool = False,
    ) -> None:
        self.loss = loss
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.k = k
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.random_state = random_state
        self.sparse_output = sparse_output

    def _make_loss(self):
        from sklearn_setpred.losses import get_loss

        return get_loss(self.loss)
