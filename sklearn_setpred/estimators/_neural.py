"""The network classifier with any loss, by name or instance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from sklearn_setpred._utils.types import Seed
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier


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
    cv : int, splitter, iterable or None, default=None
        Train a network on each of the folds' training rows, stop it by the rows left out, and take
        the mean of their scores: more accurate, under label noise above all, for more time. Folds
        that are given suit rows in groups. None trains one network, and so do fits without
        early stopping, with ``X_val``, and those that go on from the last one.
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
        Epochs run; with ``cv``, by the network that ran longest.
    loss_curve_ : list of float
        Mean training loss of each epoch; with ``cv``, over the networks still in training.
    validation_scores_ : list of float
        Minus the mean validation loss of each epoch, likewise; empty without early stopping.
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
        cv: Any = None,
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
        self.cv = cv
        self.class_weight = class_weight
        self.k = k
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.random_state = random_state
        self.sparse_output = sparse_output

    def _make_loss(self, n_classes):
        from sklearn_setpred.losses import get_loss

        return get_loss(self.loss)
