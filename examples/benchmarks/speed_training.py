"""One epoch of training: ours beside a hand-written loop, skorch's own and scikit-learn's."""

import warnings
from itertools import islice

import speed_bare_loop as bare
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from speed_report import interleaved, median, ratio, seconds_of
from torch import nn, optim

from sklearn_setpred import NeuralClassifier

# A fit of one epoch and one of this many more: the difference holds no preparation.
EPOCHS = 10


def ours(shape):
    """Return a function that fits `NeuralClassifier` for a number of epochs."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))

    def fit(epochs):
        model = NeuralClassifier(
            hidden_layer_sizes=(shape.hidden,),
            batch_size=shape.batch_size,
            max_epochs=epochs,
            validation_fraction=None,
            device="cpu",
            random_state=0,
        )
        model.fit(X, y)

    return fit


def hand_written(shape):
    """Return a function that runs the loop of `speed_bare_loop` for a number of epochs."""
    X, y = bare.rows(shape)

    def fit(epochs):
        training = bare.epochs(bare.network(shape), X, y, shape.batch_size)
        for _ in islice(training, epochs):
            pass

    return fit


def skorch_default(shape):
    """Return a function that fits skorch's classifier as it comes, with the same optimizer."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))

    def fit(epochs):
        net = NeuralNetClassifier(
            bare.network(shape),
            criterion=nn.CrossEntropyLoss,
            optimizer=optim.AdamW,
            optimizer__fused=True,
            optimizer__weight_decay=0.01,
            lr=2e-3,
            batch_size=shape.batch_size,
            max_epochs=epochs,
            train_split=None,
            verbose=0,
        )
        net.fit(X, y)

    return fit


def scikit_learn(shape):
    """Return a function that fits `MLPClassifier` of the same shape and batch size."""
    X, y = (tensor.numpy() for tensor in bare.rows(shape))

    def fit(epochs):
        model = MLPClassifier(
            hidden_layer_sizes=(shape.hidden,),
            batch_size=shape.batch_size,
            learning_rate_init=2e-3,
            max_iter=epochs,
            n_iter_no_change=epochs,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged
            model.fit(X, y)

    return fit


def epoch_seconds(fit, epochs=EPOCHS):
    """Return the seconds of an epoch without those of preparation."""
    first = seconds_of(lambda: fit(1))
    return (seconds_of(lambda: fit(1 + epochs)) - first) / epochs


RIVALS = {
    "letter": {"hand-written": hand_written, "skorch": skorch_default},
    "clinc150": {"hand-written": hand_written, "scikit-learn": scikit_learn},
}
# Predicted ratio of a rival's epoch to ours, or of ours to the hand-written loop's.
PREDICTED = {
    ("letter", "hand-written"): (1.15, "<= 1.25"),
    ("letter", "skorch"): (5.0, ">= 4"),
    ("clinc150", "hand-written"): (1.05, "<= 1.1"),
    ("clinc150", "scikit-learn"): (1.3, ">= 1"),
}


def figures(repeats=7):
    """Return the lines of this section."""
    lines = []
    for name, rivals in RIVALS.items():
        makers = {"ours": ours, **rivals}
        fits = {label: make(bare.SHAPES[name]) for label, make in makers.items()}
        seconds = interleaved(fits, repeats, epoch_seconds)
        lines += [median(f"{name}: epoch, {key}", seconds[key], 1e3, "ms") for key in seconds]
        lines += [compared(name, rival, seconds) for rival in rivals]
    return lines


def compared(name, rival, seconds):
    """Return the line that holds ours against a rival."""
    predicted, target = PREDICTED[name, rival]
    pair = ("ours", rival) if rival == "hand-written" else (rival, "ours")
    title = f"{name}: epoch, {pair[0]} / {pair[1]}"
    return ratio(title, seconds, *pair, predicted=predicted, target=target)
