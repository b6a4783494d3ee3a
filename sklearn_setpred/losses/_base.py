"""What a loss is: one small object with its hyper-parameters as fields."""

from __future__ import annotations

__all__ = ["LOSSES", "Limit", "Loss", "get_loss"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_setpred._utils.validation import check_option
from sklearn_setpred.losses._scores import at_least_float32, full_precision

LOSSES: dict[str, type[Loss]] = {}


@dataclass(frozen=True)
class Limit:
    """The loss that another one becomes when one of its parameters tends to a value.

    Parameters
    ----------
    parameter : str
        The parameter that moves.
    value : float
        What it tends to; ``math.inf`` is allowed.
    becomes : str
        Name of the limiting loss in ``LOSSES``.
    using : dict
        Parameters of the limiting loss that differ from its defaults.
    factor : float
        The gradient tends to ``factor`` times the gradient of the limiting loss.

    Examples
    --------
    >>> from sklearn_setpred.losses import GCE
    >>> GCE.limits[0].parameter, GCE.limits[0].value, GCE.limits[0].becomes
    ('q', 0.0, 'cross_entropy')
    """

    parameter: str
    value: float
    becomes: str
    using: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0


class Loss(BaseEstimator):
    """Base class of all losses.

    A loss is a dataclass; its fields are its hyper-parameters, each with a default.
    Calling it returns one value per row; means and weights are the caller's.
    A subclass defines ``forward``, the loss of each row. It is registered under a name when it is
    defined as ``class MyLoss(Loss, name="my_loss")``.

    Attributes
    ----------
    name : str
        The name in ``LOSSES``.
    target : {"label", "cost"}
        What the second argument is: integer labels of shape (n,), or costs in [0, 1]
        of shape (n, K).
    has_link : bool
        Whether ``probabilities`` inverts the link: at the scores of least conditional risk it
        returns the class probabilities.
    top_1, all_k : bool
        Whether ranking by ``probabilities`` at the scores of least conditional risk puts the most
        probable class first; whether it puts all classes in the order of their probabilities.
    symmetric : bool
        Whether the losses of all labels sum to the same value for all scores: the minimiser
        then withstands uniform label noise.
    scale_free : bool
        Whether epochs are compared by validation losses at the best temperature.
    weightless_cost : {0.0, 1.0}
        Cost at which a choice drops out of the loss; only for ``target="cost"``.
    limits : sequence of Limit
        The losses that it becomes at the borders of its parameters.
    search_space : mapping
        Values worth trying for each parameter.

    Examples
    --------
    A loss that asks the label's score to reach a bar, not registered:

    >>> from dataclasses import dataclass
    >>> import torch
    >>> from sklearn_setpred.losses import Loss
    >>> @dataclass(eq=False, repr=False)
    ... class Bar(Loss):
    ...     height: float = 1.0
    ...
    ...     def forward(self, scores, target):
    ...         label = scores.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    ...         return torch.relu(self.height - label)
    >>> Bar(height=3.0)(torch.tensor([[1.0, 5.0]]), torch.tensor([0]))
    tensor([2.])
    """

    name: ClassVar[str]
    target: ClassVar[str] = "label"
    has_link = False
    top_1 = False
    all_k = False
    symmetric = False
    scale_free = False
    weightless_cost: ClassVar[float] = 0.0
    limits: ClassVar[Sequence[Limit]] = ()
    search_space: ClassVar[Mapping[str, Sequence]] = MappingProxyType({})

    def __init_subclass__(cls, name: str | None = None, **kwargs):
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.name = name
            LOSSES[name] = cls

    def __call__(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Scores before softmax; half precision is computed in float32.
        target : Tensor of shape (n,) or (n, K)
            Integer labels, or costs if ``self.target == "cost"``.

        Returns
        -------
        Tensor of shape (n,)

        Raises
        ------
        TypeError
            If the scores are no tensor.
        """
        if not isinstance(scores, Tensor):
            raise TypeError(
                f"scores must be a tensor of torch, got {type(scores).__name__}; "
                "torch.as_tensor(scores) makes one."
            )
        with full_precision(scores):
            return self.forward(at_least_float32(scores), target)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Map scores to the probabilities by which this loss ranks the classes.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Scores before softmax.

        Returns
        -------
        Tensor of shape (n, K)
            The inverse link of the loss where it has one (see ``has_link``), softmax otherwise.
        """
        with full_precision(scores):
            return self.inverse_link(at_least_float32(scores))

    def decision_scores(self, scores: Tensor) -> Tensor:
        """Return the scores by which the classes rank; here ``scores`` themselves.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Scores before softmax.

        Returns
        -------
        Tensor of shape (n, K)
        """
        return scores

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row; a subclass defines it.

        Parameters
        ----------
        scores, target : Tensor
            As when the loss is called.

        Returns
        -------
        Tensor of shape (n,)
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(scores, target).")

    def inverse_link(self, scores: Tensor) -> Tensor:
        """Return the inverse link; a subclass redefines it unless it is softmax.

        Parameters
        ----------
        scores : Tensor of shape (n, K)
            Scores before softmax.

        Returns
        -------
        Tensor of shape (n, K)
        """
        return torch.softmax(scores, dim=-1)

    def link(self, costs: Tensor) -> Tensor:
        """Return the scores of least conditional risk at expected costs; zeros if unknown.

        Only for ``target="cost"``; training is initialised with these scores.

        Parameters
        ----------
        costs : Tensor of shape (n, K)
            Expected cost of each choice, in [0, 1].

        Returns
        -------
        Tensor of shape (n, K)
        """
        return torch.zeros_like(costs)

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a hyper-parameter is out of range, before any training.

        Parameters
        ----------
        n_classes : int
            Number of classes K.
        """

    def fit_classes(self, counts: Sequence[int]) -> Loss:
        """Return the loss configured for the training rows; here itself.

        Parameters
        ----------
        counts : sequence of int
            Number of training rows of each class.

        Returns
        -------
        Loss
        """
        return self

    def needs_warm_start(self, n_classes: int) -> bool:
        """Say whether fresh weights, whose probabilities are all alike, hardly move.

        Parameters
        ----------
        n_classes : int
            Number of classes K.

        Returns
        -------
        bool
        """
        return False

    def infimum(self, n_classes: int) -> float:
        """Return the greatest lower bound; a certain, right prediction comes close to it.

        Parameters
        ----------
        n_classes : int
            Number of classes K.

        Returns
        -------
        float
        """
        return 0.0


def get_loss(loss: str | Loss) -> Loss:
    """Return the loss instance for a registered name (with defaults) or for an instance.

    Parameters
    ----------
    loss : str or Loss
        A name in ``LOSSES``, or a loss, which is returned as it is.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If the name is unknown; the message names the nearest known one. Or if ``loss`` is
        something else, such as a loss of torch.

    Examples
    --------
    >>> from sklearn_setpred.losses import get_loss
    >>> get_loss("gce")
    GCE()
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise ValueError(f"loss={loss!r} is a class; give an instance, loss={loss.__name__}().")
    if not isinstance(loss, str):
        raise ValueError(
            f"loss={loss!r} is neither a name nor a Loss; give a name such as "
            "'cross_entropy', or a subclass of sklearn_setpred.losses.Loss around the function."
        )
    check_option("loss", loss, sorted(LOSSES))
    return LOSSES[loss]()
