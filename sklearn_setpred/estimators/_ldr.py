"""Network classifier trained with a label-distributionally robust loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.utils.metaestimators import available_if

from sklearn_setpred._utils.shared_docs import fill_docstring
from sklearn_setpred._utils.types import Floats, Samples, Seed
from sklearn_setpred._utils.validation import check_option
from sklearn_setpred.estimators._neural_base import BaseNeuralClassifier

LDR_LOSSES = ("aldr_kl", "ldr_kl")


def _adapts(self):
    """Say whether each row has a temperature of its own."""
    return self.loss == "aldr_kl"


@fill_docstring
class LDRClassifier(BaseNeuralClassifier):
    """Neural network for top-k prediction that withstands wrong labels.

    Trained with a label-distributionally robust loss [1]_: the worst case over distributions p
    of the label, held near the uniform one by the temperature ``lam``,

    ``l = max_p sum_k p_k (f_k - f_y) - lam KL(p, 1 / K)``

    with the scores f of the K classes. ``"ldr_kl"`` has one temperature for all rows,
    ``"aldr_kl"`` one for each row, high where its scores are undecided, low where they are certain.
    A comp-sum transform [2]_ with ``q > 0`` bounds the loss, so that the network lets go of a row
    whose label is improbable:

    ``lam (1 - exp(-q L)) / q``, with L = (l - inf l) / lam

    The columns of X are standardized inside, CSR without making it dense.

    Parameters
    ----------
    loss : {"aldr_kl", "ldr_kl"}, default="aldr_kl"
        The loss: temperature by row, or the same for all.
    lam : float, default=1.0
        Temperature, positive; for "aldr_kl" the highest one.
    alpha : float, default=3.0
        How little the temperatures of "aldr_kl" adapt, above 1: they lie in
        ``[lam * (1 - 1 / alpha), lam]``. "ldr_kl" does not read it.
    q : float, default=0.7
        Robustness, from 0, every row counts, to 1. "ldr_kl" is cross-entropy at 0 and generalised
        cross-entropy above.
    module, hidden_layer_sizes, dropout, learning_rate, batch_size, max_epochs,
    validation_fraction, cv, class_weight, k, device, callbacks, verbose, warm_start,
    random_state, sparse_output

    Attributes
    ----------
    classes_, n_iter_, loss_curve_, validation_scores_, history_
    loss_ : Loss
        The loss trained with.
    net_, n_features_in_, feature_names_in_

    See Also
    --------
    CompSumClassifier : The family from cross-entropy to the mean absolute error.
    NeuralClassifier : Any loss, these with a margin or normalised scores too.

    Notes
    -----
    With ``cv=5`` five networks are trained, each on four fifths of the rows, and the mean of their
    scores is what ranks; ``cv=None`` trains one, in less time. Where rows belong together (of one
    patient, one speaker), say so: ``fit(X, y, groups=patients)``.

    Probabilities invert the link of the loss, and describe the labels as given, wrong ones
    included.

    References
    ----------
    .. [1] D. Zhu, Y. Ying, T. Yang, "Label distributionally robust losses for multi-class
       classification: consistency, robustness and adaptivity", ICML 2023.
    .. [2] A. Mao, M. Mohri, Y. Zhong, "Cross-entropy loss functions: theoretical analysis and
       applications", ICML 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_setpred import LDRClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LDRClassifier(hidden_layer_sizes=(16,), random_state=0).fit(X, y)
    >>> clf.predict_top_k(X[[0, 50]], k=2)
    array([[0, 1],
           [1, 2]])
    >>> certain, undecided = clf.temperature(X[[0, 70]])
    >>> bool(certain < undecided)
    True
    """

    def __init__(
        self,
        loss: str = "aldr_kl",
        *,
        lam: float = 1.0,
        alpha: float = 3.0,
        q: float = 0.7,
        module: str | Callable[[int, int], Any] = "mlp",
        hidden_layer_sizes: int | Sequence[int] | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        max_epochs: int = 30,
        validation_fraction: float | None = 0.1,
        cv: Any = 5,
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
        self.lam = lam
        self.alpha = alpha
        self.q = q
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.learning_rate = learning_rate
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

        loss = get_loss(check_option("loss", self.loss, LDR_LOSSES))
        own = loss.get_params().keys() & self.get_params(deep=False).keys()
        return loss.set_params(**{name: getattr(self, name) for name in own})

    @available_if(_adapts)
    def temperature(self, X: Samples) -> Floats:
        """Return the temperature of each row; only with ``loss="aldr_kl"``.

        ``t = lam (1 - KL(p, 1 / K) / (alpha log K))``, ``p = softmax(f / t)``: it depends on the
        scores alone and tells how undecided they are, not whether a label is wrong.

        Parameters
        ----------
        X : {array-like, CSR} of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Between ``lam * (1 - 1 / alpha)``, a certain prediction, and ``lam``, equal scores.
        """
        return self._map_batches(X, lambda X: self._of_scores(self.loss_.temperatures, X))
