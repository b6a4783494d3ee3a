"""Cross-fitting: networks of several folds trained together, and a path of 50 penalties."""

import numpy as np
import speed_bare_loop as bare
from speed_report import Figure, interleaved, median, ratio

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier
from sklearn_setpred._networks.network import MLPBuilder
from sklearn_setpred._networks.parts import Part, make_splits
from sklearn_setpred._networks.training import fit_network, fit_networks
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.losses import get_loss

EPOCHS, FOLDS = 10, 5
PENALTIES = np.geomspace(0.001, 1, 50)


def letter_like(n=bare.SHAPES["letter"].n_samples):
    """Return a problem of letter's size whose classes can be learned."""
    X, y, _ = make_confusable_classes(n, 26, 16, random_state=0)
    return X.astype(np.float32), y


def options():
    """Return the options of the networks: as many epochs for all, of letter's shape."""
    shape = bare.SHAPES["letter"]
    return {
        "hidden_layer_sizes": (shape.hidden,),
        "batch_size": shape.batch_size,
        "max_epochs": EPOCHS,
        "device": "cpu",
        "random_state": 0,
    }


# --------------------------------------------------------------------------- by the classes


def class_figures(X, y, repeats):
    """Return the lines of what a user calls: one fit, and one fit within ``cv`` folds."""
    single = NeuralClassifier(**options(), n_iter_no_change=EPOCHS)
    alone = CardinalityAwareClassifier(cv=FOLDS, **options())
    around = CardinalityAwareClassifier(single, cv=FOLDS, **options())
    functions = {
        "one fit": lambda: single.fit(X, y),
        "alone": lambda: alone.fit(X, y),
        "around": lambda: around.fit(X, y),
        "a path": lambda: path(alone, X, y),
    }
    seconds = interleaved(functions, repeats)
    return [
        median(f"letter's size, {EPOCHS} epochs: one fit", seconds["one fit"]),
        ratio(
            f"our networks alone, cv={FOLDS} / one fit",
            seconds,
            "alone",
            "one fit",
            predicted=2.2,
            target="<= 3.2",
        ),
        ratio(
            f"{FOLDS + 1} fits of a network inside, {2 * FOLDS} networks around it / one fit",
            seconds,
            "around",
            "one fit",
            predicted=10.0,
        ),
        ratio(
            "fit and sets of 2,000 rows at 50 penalties / that fit",
            seconds,
            "a path",
            "alone",
            predicted=1.15,
        ),
    ]


def path(model, X, y, n=2_000):
    """Fit once and give the sets of some rows at 50 penalties."""
    levels = model.fit(X, y).set_levels(X[:n])
    return [levels >= penalty for penalty in PENALTIES]


# ------------------------------------------------------------------------- by the functions


def fold_pairs(X, y):
    """Return the training and the held-out part of each fold."""
    splits = make_splits(FOLDS, X, y, np.random.RandomState(0))
    return [[Part(X[rows], y[rows]) for rows in split] for split in splits]


def network_figures(X, y, repeats):
    """Return the lines of the fold networks alone, and how far both ways differ."""
    pairs = fold_pairs(X, y)
    seeds = list(range(FOLDS))
    shared = {
        "build": MLPBuilder((bare.SHAPES["letter"].hidden,)),
        "device": "cpu",
        "batch_size": bare.SHAPES["letter"].batch_size,
        "max_epochs": EPOCHS,
        "patience": EPOCHS,
        "learning_rate": 2e-3,
        "weight_decay": 0.01,
    }
    args = get_loss("cross_entropy"), 26

    def together():
        return [one for one, *_ in fit_networks(pairs, *args, seeds=seeds, **shared)]

    def apart():
        return [
            fit_network(*pair, *args, seed=seed, **shared)[0]
            for pair, seed in zip(pairs, seeds, strict=True)
        ]

    seconds = interleaved({"together": together, "apart": apart}, repeats)
    return [
        ratio(
            f"{FOLDS} fold networks, together / one by one",
            seconds,
            "together",
            "apart",
            predicted=0.5,
        ),
        *differences(together(), apart(), X),
    ]


def differences(together, apart, X):
    """Return how far the scores of networks trained in the two ways are apart, and their sets."""
    scores = [np.stack([net.scores(X) for net in nets]) for nets in (together, apart)]
    top_3 = [np.sort(np.argsort(-s, axis=-1)[..., :3], axis=-1) for s in scores]
    same = np.mean((top_3[0] == top_3[1]).all(axis=-1))
    return [
        Figure(
            "greatest difference of scores, float32",
            "score",
            np.abs(np.subtract(*scores)).max(),
            1e-3,
        ),
        Figure("share of equal sets of three labels, float32", "share", same, 1.0, ">= 0.999"),
    ]


def figures(repeats=5):
    """Return the lines of this section."""
    X, y = letter_like()
    return class_figures(X, y, repeats) + network_figures(X, y, repeats)
