"""Network classifier trained with a comp-sum loss."""

from collections.abc import Mapping, Sequence
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
    hidden_layer_sizes, activation : default=(256,), "relu"
        The network, as in `NeuralClassifier`.
    learning_rate, weight_decay, batch_size, max_epochs : default=0.002, 0.01, 128, 200
        Its training, as in `NeuralClassifier`.
    early_stopping, validation_fraction, n_iter_no_change, cv : default=True, 0.1, 10, None
        When training ends, and whether a network is trained for each fold, as in
        `NeuralClassifier`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with ``sample_weight``.
    k : int, default=None
        Size of the sets of ``predict_set``; None means min(5, n_classes).
    device, callbacks, verbose, warm_start, random_state : default="auto", None, 0, False, None
        As in `NeuralClassifier`.
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
        self.tau = tau
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
        from sklearn_setpred.losses import CompSum

        return CompSum(tau=self.tau)
