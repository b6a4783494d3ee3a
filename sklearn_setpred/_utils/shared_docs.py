"""Parameters and attributes that several estimators have, described once.

In the docstring of a class that is decorated by `fill_docstring`, a line of bare names under
Parameters or Attributes, such as ::

    hidden_layer_sizes, activation
    learning_rate

becomes the full entry of each name from the texts below, with the default of that class. An entry
that the class writes out is left as it is.
"""

import inspect
import re

PARAMETERS = """
hidden_layer_sizes : int or tuple of int
    Widths of the hidden layers; ``()`` gives a linear model.
activation : {"relu", "tanh", "logistic", "gelu"}
    Activation of the hidden layers.
learning_rate : float
    Step size of AdamW.
weight_decay : float
    Decoupled weight decay of AdamW, as a fraction of the step size.
batch_size : int
    Rows per step.
max_epochs : int
    Upper limit of the passes over the training rows.
early_stopping : bool
    Hold out a fraction of the rows, stop when their loss no longer falls, and keep the weights of
    the best epoch.
validation_fraction : float
    The fraction of each class held out; the only row of a class always trains.
n_iter_no_change : int
    Number of epochs without a better validation loss after which training stops.
cv : int, splitter, iterable or None
    Train one network per fold, stop each by the rows left out, and average their scores: more
    accurate, above all under label noise, for more time. Pass folds to keep groups of rows
    together. None trains one network, and so do fits without early stopping, with ``X_val``, and
    fits that continue the last one.
n_jobs : int or None
    Number of folds of the classifier that are fitted at once.
class_weight : dict, "balanced" or None
    Weights of the classes, multiplied with ``sample_weight``.
k : int or None
    Size of the sets of ``predict_set``; None means min(5, n_classes).
device : str
    "auto" takes CUDA, then MPS, then the CPU.
callbacks : list of skorch callbacks or None
    Passed to skorch.
verbose : int
    0 is silent, 1 shows one progress line.
warm_start : bool
    Start ``fit`` from the weights of the last fit.
random_state : int, RandomState instance or None
    Seeds weights, batches and the held-out rows; pass an int for the same result at every call.
    Global generators are left alone.
sparse_output : bool
    Return sets as CSR, without ever making a dense array of (n_samples, n_classes).
"""

ATTRIBUTES = """
classes_ : ndarray of shape (n_classes,)
    The labels, sorted.
n_iter_ : int
    Number of epochs run; with ``cv``, by the network that ran longest.
loss_curve_ : list of float
    Mean training loss of each epoch; with ``cv``, over the networks still in training.
validation_scores_ : list of float
    Minus the mean validation loss of each epoch, likewise; empty without early stopping.
loss_ : Loss
    The loss that was minimised.
net_ : Network
    The trained network.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the columns of X, if all are strings.
"""


def fill_docstring(cls):
    """Write out the entries of shared parameters and attributes in the docstring of a class.

    Raises KeyError for a bare name that has no text here. Under ``python -OO``, which removes
    docstrings, the class stays as it is.
    """
    if cls.__doc__ is None:
        return cls
    documentation = inspect.cleandoc(cls.__doc__)
    parameters = inspect.signature(cls).parameters
    for title, texts in (("Parameters", PARAMETERS), ("Attributes", ATTRIBUTES)):
        entries = _entries(texts, parameters)
        documentation = _fill_section(documentation, title, entries)
    cls.__doc__ = documentation
    return cls


def _entries(texts, parameters):
    """Return the entry of each name; a parameter's ends its first line with its default."""
    entries = {}
    for entry in re.split(r"\n(?=\w)", texts.strip()):
        name = entry.partition(" :")[0]
        head, _, description = entry.partition("\n")
        if name in parameters:
            head = f"{head.removesuffix(' or None')}, default={_written(parameters[name].default)}"
        entries[name] = f"{head}\n{description}"
    return entries


def _written(default):
    """Return a default as it is written in a call."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


def _fill_section(documentation, title, entries):
    """Replace the lines of bare names in a section by the entries of the names."""
    section = re.search(rf"(?<=\n){title}\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", documentation, re.S)
    if section is None:
        return documentation
    filled = re.sub(
        r"^\w+(?:, \w+)*,?$",
        lambda line: "\n".join(entries[name] for name in re.findall(r"\w+", line[0])),
        section[1],
        flags=re.MULTILINE,
    )
    return documentation[: section.start(1)] + filled + documentation[section.end(1) :]
