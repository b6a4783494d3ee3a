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
module : {"mlp", "resnet", "periodic"} or callable
    The kind of network: a multilayer perceptron; a residual network with layer normalisation
    and dropout; the residual network on periodic embeddings of the columns, which suits tables.
    A callable ``module(n_features, n_classes)`` returns a ``torch.nn.Module`` that maps
    (n, n_features) to scores (n, n_classes), for instance the module's class.
hidden_layer_sizes : int or tuple of int or None
    Widths of the hidden layers, for residual networks of their blocks; None means (256,) or
    (160, 160). ``()`` makes "mlp" a linear model.
dropout : float or None
    Fraction of the hidden features that a step of training leaves out, below 1; None means 0
    for "mlp" and 0.15 for residual networks.
learning_rate : float or None
    The largest step size of AdamW: it rises to this value and falls to zero over the epochs.
    None means 0.01, for residual networks 0.005.
weight_decay : float
    Decoupled weight decay of AdamW, as a fraction of the step size.
batch_size : int or None
    Rows per step; None means 128, or a tenth of the rows where these are fewer, at least 8.
max_epochs : int
    Passes over the training rows.
validation_fraction : float or None
    Fraction of each class's rows to hold out; the epoch with the lowest loss on them is kept. A
    class's only row always trains. None trains on all rows and keeps the last epoch.
cv : int, splitter, iterable or None
    Train one network per fold, keep its best epoch on the held-out fold, and average the
    scores. Slower; more accurate, especially with noisy labels. None trains one network, and
    so do fits with ``X_val`` and fits that go on from the last one.
class_weight : dict, "balanced" or None
    Weights of the classes, multiplied with ``sample_weight``.
k : int or None
    Size of the sets of ``predict_set``; None means min(5, n_classes).
device : str
    "auto" takes CUDA, then MPS, then the CPU.
callbacks : list of skorch callbacks or None
    Passed to skorch.
verbose : int
    0 is silent, 1 tells epochs and the time left, 2 tells every epoch.
warm_start : bool
    Start ``fit`` from the weights of the last fit. Files keep the state of the optimizer after
    ``partial_fit``, three times the weights in all, so that it goes on as it would without them.
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
    Number of epochs run.
loss_curve_ : list of float
    Mean training loss of each epoch; with ``cv``, over the networks.
validation_scores_ : list of float
    Minus the mean validation loss of each epoch, likewise; empty without held-out rows.
history_ : list of dict
    Records of each epoch of each network, by skorch and by ``callbacks``: numbers and texts by
    name, ready for a data frame.
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
    cls.__doc__ = documentation + "\n"
    return cls


def _entries(texts, parameters):
    """Return the entry of each name; a parameter's ends its first line with its default."""
    entries = {}
    for entry in re.split(r"\n(?=\w)", texts.strip()):
        name = entry.partition(" :")[0]
        head, _, description = entry.partition("\n")
        if name in parameters:
            default = parameters[name].default
            kinds = head.removesuffix(" or None") if default is None else head
            head = f"{kinds}, default={_written(default)}"
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
