"""Network classifier trained with a comp-sum loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn_setpred._utils.shared_docs import fill_docstring
from sklearn_setpred._utils.types import Seed
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier


@fill_docstring
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
    module, hidden_layer_sizes, dropout, learning_rate, weight_decay, batch_size,
    max_epochs, validation_fraction, cv, class_weight, k, device, callbacks, verbose,
    warm_start, random_state, sparse_output

    Attributes
    ----------
    classes_, n_iter_, loss_curve_, validation_scores_, history_, loss_, net_, n_features_in_,
    feature_names_in_

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
        batch_size: int | None = None,
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
