"""Network classifier trained with a label-distributionally robust loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.utils.metaestimators import available_if

from sklearn_setpred._networks.cross_fit import held_out_scores
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

    ``max_p sum_k p_k (f_k - f_y + margin 1[k != y]) - lam KL(p, 1 / K)``

    with the scores f of the K classes. ``"ldr_kl"`` has one temperature for all rows,
    ``"aldr_kl"`` one for each row, high where its scores are undecided, low where they are certain.

    The columns of X are standardized inside, CSR without making it dense.

    Parameters
    ----------
    loss : {"aldr_kl", "ldr_kl"}, default="aldr_kl"
        The loss: temperature by row, or the same for all.
    lam : float, default=None
        Temperature, positive; for "aldr_kl" the highest one. None means 3 with "l1", K / 3 with
        "softplus" for K classes, 1 without normalisation.
    alpha : float, default=2.0
        How little the temperatures of "aldr_kl" adapt, above 1: they lie in
        ``[lam * (1 - 1 / alpha), lam]``. "ldr_kl" does not read it.
    margin : float, default=0.0
        What another class's score must lag behind that of the label, at least 0.
    normalize : {"auto", None, "l1", "softplus"}, default="auto"
        What the loss makes of the scores of a row first: nothing, or division by their mean
        absolute value, or the same after softplus. Either bounds the loss, which is what
        withstands wrong labels: "l1" is better where few labels are wrong, "softplus" where many
        are or columns are many. "auto" trains a network with each, on the first fold, and goes on
        with the one that is more accurate on the rows left out; without such rows it means
        "softplus".
    module, hidden_layer_sizes, dropout, learning_rate, weight_decay, batch_size,
    max_epochs, validation_fraction, cv, class_weight, k, device, callbacks, verbose,
    warm_start, random_state, sparse_output

    Attributes
    ----------
    classes_, n_iter_, loss_curve_, validation_scores_, history_
    loss_ : Loss
        The loss trained with; its ``power`` is what probabilities are raised to.
    net_, n_features_in_, feature_names_in_

    See Also
    --------
    CompSumClassifier : The family from cross-entropy to the mean absolute error.
    NeuralClassifier : Any loss.

    Notes
    -----
    With ``cv=5`` five networks are trained, each on four fifths of the rows, and the mean of their
    scores is what ranks; ``cv=None`` trains one, in less time. Where rows belong together (of one
    patient, one speaker), give folds by group: ``cv=list(GroupKFold(5).split(X, y, groups))``.

    Probabilities invert the link of the loss, and are those of the labels as given, wrong ones
    included. They are then raised to the power that gives the held-out rows the least log-loss
    [2]_, and renormalised: under ``normalize`` the link alone lets none exceed
    ``exp(K / lam) / (exp(K / lam) + K - 1)``, for scores of mean 1. Without held-out rows, and
    after ``partial_fit`` alone, the power is 1.

    Where labels are right, ``normalize=None`` is close to cross-entropy. With "l1" the order of
    classes that are all ruled out is arbitrary.

    References
    ----------
    .. [1] D. Zhu, Y. Ying, T. Yang, "Label distributionally robust losses for multi-class
       classification: consistency, robustness and adaptivity", ICML 2023.
    .. [2] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017.

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
        lam: float | None = None,
        alpha: float = 2.0,
        margin: float = 0.0,
        normalize: str | None = "auto",
        module: str | Callable[[int, int], Any] = "mlp",
        hidden_layer_sizes: int | Sequence[int] | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
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
        self.margin = margin
        self.normalize = normalize
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
        from sklearn_setpred.losses._scores import NORMALIZATIONS

        check_option("normalize", self.normalize, ["auto", *NORMALIZATIONS])
        loss = get_loss(check_option("loss", self.loss, LDR_LOSSES))
        own = set(self.get_params())
        loss.set_params(**{name: getattr(self, name) for name in loss.get_params() if name in own})
        return self._with_normalization(loss, self.normalize, n_classes)

    def _with_normalization(self, loss, name, n_classes):
        """Return the loss after a normalisation, with the temperature that suits it."""
        if name == "auto":
            name = "softplus"
        lam = {None: 1.0, "l1": 3.0, "softplus": n_classes / 3}[name]
        return clone(loss).set_params(normalize=name, lam=lam if self.lam is None else self.lam)

    def _calibrated(self, loss, networks, pairs):
        """Return the loss with the power of its probabilities that suits the held-out rows."""
        import torch

        scores, target, weight = held_out_scores(networks, pairs)
        weight = None if weight is None else torch.from_numpy(weight)
        return loss.calibrated(torch.from_numpy(scores), torch.from_numpy(target), weight)

    @available_if(_adapts)
    def temperature(self, X: Samples) -> Floats:
        """Return the temperature of each row; only with ``loss="aldr_kl"``.

        ``t = lam (1 - KL(p, 1 / K) / (alpha log K))``, ``p = softmax(f / t)``, without margin: it
        depends on the scores alone and tells how undecided they are, not whether a label is
        wrong.

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
