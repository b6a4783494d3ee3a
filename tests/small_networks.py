"""A small network classifier, and the attributes of its fit."""

import inspect

from sklearn_setpred import NeuralClassifier


def network(**params):
    """Return a small classifier that trains for 15 epochs without held-out rows."""
    small = {"hidden_layer_sizes": (8,), "learning_rate": 0.02, "max_epochs": 15}
    return NeuralClassifier(**(small | {"validation_fraction": None, "random_state": 0} | params))


KINDS = ["mlp", "resnet", "periodic"]


def fitted_attributes(clf):
    """Return the names of the attributes that a fit sets."""
    return [name for name in vars(clf) if name.endswith("_")]


def network_parameters(cls):
    """Return the parameters of a class from ``module`` on, with their defaults."""
    parameters = list(inspect.signature(cls).parameters.values())
    first = [parameter.name for parameter in parameters].index("module")
    return {parameter.name: parameter.default for parameter in parameters[first:]}
