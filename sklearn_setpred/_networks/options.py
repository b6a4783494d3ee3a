"""Checks of the parameters that several estimators share, before any training."""

import numpy as np

from sklearn_setpred._utils.validation import check_integer, check_number, check_option

_NETWORK_NUMBERS = {
    "learning_rate": {"low": 0, "is_open": True},
    "weight_decay": {"low": 0},
}
_NETWORK_INTEGERS = ("batch_size", "max_epochs", "n_iter_no_change")


def network_options(estimator):
    """Return the options of `training.fit_network` that an estimator's parameters ask for.

    Parameters that an estimator does not have keep the engine's defaults.
    """
    from sklearn_setpred._networks.network import (
        ACTIVATIONS,
        MLPBuilder,
        ModuleBuilder,
        choose_device,
    )

    given = estimator.get_params(deep=False)
    for name in _NETWORK_NUMBERS.keys() & given.keys():
        check_number(name, given[name], **_NETWORK_NUMBERS[name])
    for name in given.keys() & _NETWORK_INTEGERS:
        check_integer(name, given[name])
    widths = check_widths(given["hidden_layer_sizes"])
    activation = check_option("activation", given.get("activation", "relu"), ACTIVATIONS)
    choose_device(given["device"])
    module = given.get("module")
    options = {
        name: given[name]
        for name in ("learning_rate", "weight_decay", "batch_size", "max_epochs")
        if name in given
    }
    return options | {
        "build": MLPBuilder(widths, activation) if module is None else ModuleBuilder(module),
        "patience": given.get("n_iter_no_change", 10),
        "device": given["device"],
        "callbacks": given["callbacks"],
        "verbose": given["verbose"],
    }


def check_widths(hidden_layer_sizes):
    """Return the widths of the hidden layers as a tuple; an integer means one layer."""
    widths = np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=object)).tolist()
    for width in widths:
        check_integer("hidden_layer_sizes", width)
    return tuple(int(width) for width in widths)
