"""The network classifier with any loss, by name or instance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from sklearn_setpred._utils.shared_docs import fill_docstring
from sklearn_setpred._utils.types import Seed
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier


@fill_docstring
class NeuralClassifier(BaseNeuralClassifier):
    """Neural network with any of the losses of `sklearn_setpred.losses`.

    The columns of X are standardized inside; outliers of dense columns are clipped smoothly, and
    CSR is not made dense, but for ``module="periodic"`` and modules of the user's.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A name in ``sklearn_setpred.losses.LOSSES``, with its default parameters, or an instance.
    module, hidden_layer_sizes, dropout, learning_rate, weight_decay, batch_size,
    max_epochs, validation_fraction, cv, class_weight, k, device, callbacks, verbose,
    warm_start, random_state, sparse_output

    Attributes
    ----------
    classes_, n_iter_, loss_curve_, validation_scores_, history_, loss_, net_, n_features_in_,
    feature_names_in_

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
        self.loss = loss
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
        from sklearn_setpred.losses import get_loss

        return get_loss(self.loss)
