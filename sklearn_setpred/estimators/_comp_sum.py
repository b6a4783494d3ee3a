"""Network classifier trained with a comp-sum loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn_setpred._utils.types import Seed
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier


class CompSumClassifier(BaseNeuralClassifier):
    """Neural network trained with the comp-sum loss of order tau.

    ``(p_y^(tau - 1) - 1) / (1 - tau)``, and ``-log p_y`` at tau = 1, with p the softmax of the
    scores [1]_. The greater tau, the less a badly predicted row counts: 1 is cross-entropy,
    orders between 1 and 2 (generalised cross-entropy) withstand wrong labels, 2 is the mean
    absolute error, which ranks nothing beyond the first class.

    The columns of X are standardized inside, CSR without making it dense.

    Parameters
    ----------
    tau : float, default=1.0
        Order, at least 0.
    module : {"mlp", "resnet", "periodic"} or callable, default="mlp"
        The kind of network: a multilayer perceptron; a residual network with layer normalisation
        and dropout; the residual network on periodic embeddings of the columns, which suits tables.
        A callable ``module(n_features, n_classes)`` returns a ``torch.nn.Module`` that maps
        (n, n_features) to scores (n, n_classes), for instance the module's class.
    hidden_layer_sizes : int or tuple of int, default=None
        Widths of the hidden layers, for residual networks of their blocks; None means (256,) or
        (160, 160). ``()`` makes "mlp" a linear model.
    dropout : float, default=None
        Fraction of the hidden features that a step of training leaves out, below 1; None means 0
        for "mlp" and 0.15 for residual networks.
    learning_rate : float, default=None
        The largest step size of AdamW: it rises to this value and falls to zero over the epochs.
        None means 0.01, for residual networks 0.005.
    weight_decay : float, default=0.01
        Decoupled weight decay of AdamW, as a fraction of the step size.
    batch_size : int, default=128
        Rows per step.
    max_epochs : int, default=30
        Passes over the training rows.
    validation_fraction : float or None, default=0.1
        Fraction of each class's rows to hold out; the epoch with the lowest loss on them is kept. A
        class's only row always trains. None trains on all rows and keeps the last epoch.
    cv : int, splitter, iterable or None, default=None
        Train one network per fold, keep its best epoch on the held-out fold, and average the
        scores. Slower; more accurate, especially with noisy labels. None trains one network, and
        so do fits with ``X_val`` and fits that go on from the last one.
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
        Minus the mean validation loss of each epoch; empty without held-out rows.
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
    LDRClassifier : Losses that withstand wrong labels and rank all classes.
    NeuralClassifier : Any loss.

    Notes
    -----
    Probabilities are ``p^(2 - tau)`` renormalised, the inverse link of the loss. From tau = 2 on
    there is none: they rank but are not calibrated.

    References
    ----------
    .. [1] A. Mao, M. Mohri, Y. Zhong, "Cross-entropy loss functions: theoretical analysis and
       applications", ICML 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_setpred import CompSumClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CompSumClassifier(tau=1.5, hidden_layer_sizes=(16,), random_state=0).fit(X, y)
    >>> clf.predict_set(X[:1], k=2)
    array([[ True,  True, False]])
    """

    def __init__(
        self,
        tau: float = 1.0,
        *,
        module: str | Callable[[int, int], Any] = "mlp",
        hidden_layer_sizes: int | Sequence[int] | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
        batch_size: int = 128,
        max_epochs: int = 30,
        validation_fraction: float | None = 0.1,
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
        self.tau = tau
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
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
        from sklearn_setpred.losses import CompSum

        return CompSum(tau=self.tau)
