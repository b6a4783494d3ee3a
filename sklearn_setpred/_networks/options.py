"""How networks are built and trained: the parameters of estimators, checked before any training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_setpred._utils.validation import check_integer, check_number, check_option


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is built and trained.

    Parameters
    ----------
    build : KindBuilder or ModuleBuilder
        Makes the module.
    learning_rate : float
        The largest step size of AdamW.
    weight_decay : float
        Decoupled weight decay of AdamW, as a fraction of the step size.
    batch_size : int or None
    max_epochs : int
    device : str
    callbacks : sequence of skorch callbacks or None
    verbose : int
    scale_free : bool
        Whether validation losses are read at the best temperature.
    """

    build: Any
    learning_rate: float
    weight_decay: float = 0.01
    batch_size: int | None = None
    max_epochs: int = 30
    device: str = "auto"
    callbacks: Sequence[Any] | None = None
    verbose: int = 0
    scale_free: bool = False

    def rows_per_step(self, n_rows):
        """Return the batch size; None means 128, or fewer, so that an epoch has ten steps."""
        if self.batch_size is not None:
            return self.batch_size
        return min(128, max(8, n_rows // 10))


def _check_callbacks(name, value):
    """Raise unless ``value`` is None or a list of callbacks."""
    if value is not None and not isinstance(value, Iterable):
        raise TypeError(f"{name}={value!r} must be a list of callbacks; write {name}=[...].")


_CHECKS = {
    "learning_rate": lambda name, value: (
        value is None or check_number(name, value, low=0, is_open=True)
    ),
    "weight_decay": lambda name, value: check_number(name, value, low=0),
    "batch_size": lambda name, value: value is None or check_integer(name, value),
    "max_epochs": check_integer,
    "callbacks": _check_callbacks,
}


def training_options(estimator):
    """Return the `TrainingOptions` that an estimator's parameters ask for; raise if one is bad.

    Parameters that an estimator does not have keep the defaults.
    """
    from sklearn_setpred._networks.network import choose_device

    given = estimator.get_params(deep=False)
    for name in given.keys() & _CHECKS.keys():
        _CHECKS[name](name, given[name])
    choose_device(given["device"])
    build = builder(**{name: given[name] for name in _ARCHITECTURE if name in given})
    options = {name: given[name] for name in TrainingOptions.__dataclass_fields__ if name in given}
    if options.get("learning_rate") is None:
        options["learning_rate"] = build.learning_rate
    return TrainingOptions(build=build, **options)


_ARCHITECTURE = ("module", "hidden_layer_sizes", "dropout")


def builder(module="mlp", hidden_layer_sizes=None, dropout=None):
    """Return what builds the module: a kind of network by name, or a callable of the user's.

    None for a width or for the dropout means the kind's own.
    """
    from sklearn_setpred._networks.modules import KINDS, KindBuilder, ModuleBuilder

    if hasattr(module, "parameters") and not isinstance(module, type):
        raise ValueError(
            f"module={module!r} is built already, and every fit begins with fresh weights; give "
            "its class, or a function (n_features, n_classes) that returns a new one."
        )
    if callable(module):
        for name, value in {"hidden_layer_sizes": hidden_layer_sizes, "dropout": dropout}.items():
            if value is not None:
                raise ValueError(
                    f"{name}={value!r} is for the built-in kinds of network; module={module!r} "
                    "builds its own layers."
                )
        return ModuleBuilder(module)
    kind = KINDS[check_option("module", module, KINDS)]
    widths = kind.hidden_layer_sizes
    if hidden_layer_sizes is not None:
        widths = check_widths(hidden_layer_sizes, least=kind.fewest_layers)
    if dropout is None:
        return KindBuilder(module, widths, kind.dropout)
    if check_number("dropout", dropout, low=0, high=1) == 1:
        raise ValueError(f"dropout={dropout!r} leaves no inputs; give a number below 1.")
    return KindBuilder(module, widths, float(dropout))


def check_widths(hidden_layer_sizes, least=0):
    """Return the widths of the hidden layers as a tuple; an integer means one layer."""
    widths = np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=object)).tolist()
    for width in widths:
        check_integer("hidden_layer_sizes", width)
    if len(widths) < least:
        raise ValueError(
            f"hidden_layer_sizes={hidden_layer_sizes!r} has no layer; this kind of network needs "
            f"at least {least}."
        )
    return tuple(int(width) for width in widths)
