"""What the label-noise benchmark trains: a function for each method, and what to tune it over.

A method is a function of its name, a configuration, the rows of a fold and options of the
network; it returns a fitted classifier.
"""

from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from one_step_aldr import OneStepClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import LDRClassifier, NeuralClassifier
from sklearn_setpred.losses import LOSSES

LEARNING_RATES = (1.5e-3, 5e-3, 1.5e-2, 5e-2)
UNWEIGHTED = "CleanLearning, unweighted"


class Fold(NamedTuple):
    """Rows to train on, rows to validate with, both with noisy labels, and rows to test on."""

    of_one_scale: bool
    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    y_val_clean: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def fit_loss(name, params, fold, options):
    """Train with a loss of the registry; the noisy validation rows choose the epoch."""
    model = NeuralClassifier(LOSSES[name](**loss_params(params)), **options)
    return fit_with_validation(model, params, fold)


def fit_tgce(name, params, fold, options):
    """Truncate after a start without truncation, as most rows begin below the threshold."""
    model = fit_loss("gce", params, fold, options | {"warm_start": True})
    return model.set_params(loss=LOSSES[name](**loss_params(params))).fit(
        fold.X, fold.y, X_val=fold.X_val, y_val=fold.y_val
    )


def fit_one_step(name, params, fold, options):
    """Train with ALDR-KL, its temperatures moved by one step for each visit of a row."""
    rate = params["learning_rate"]
    model = OneStepClassifier(loss_params(params), learning_rate=rate, **options)
    return model.fit(fold.X, fold.y, fold.X_val, fold.y_val)


def fit_with_validation(model, params, fold):
    """Fit with the learning rate of a configuration; the validation rows choose the epoch."""
    model.set_params(learning_rate=params["learning_rate"])
    return model.fit(fold.X, fold.y, X_val=fold.X_val, y_val=fold.y_val)


def loss_params(params):
    """Return the parameters of the loss in a configuration."""
    return {name: value for name, value in params.items() if name != "learning_rate"}


def fit_ldr_classifier(name, params, fold, options):
    """Fit LDRClassifier as it comes."""
    return LDRClassifier(random_state=options["random_state"]).fit(fold.X, fold.y)


def fit_mean(name, params, fold, options):
    """Fit the mean of the networks of five folds, all but the loss as in LDRClassifier."""
    loss = name.removeprefix("mean of ")
    return NeuralClassifier(loss, cv=5, random_state=options["random_state"]).fit(fold.X, fold.y)


def fit_clean_learning(name, params, fold, options):
    """Fit a network of cross-entropy on the rows that cleanlab does not take for mislabelled.

    As it comes, cleanlab weighs the rows of a class by one over the estimated share of right labels
    in it, up to 1,000; "unweighted" leaves that out.
    """
    from cleanlab.classification import CleanLearning

    network = NeuralClassifier(random_state=options["random_state"])
    weights = {"sample_weight": None} if name == UNWEIGHTED else {}
    cleaning = CleanLearning(network, seed=options["random_state"])
    return cleaning.fit(fold.X, fold.y, clf_final_kwargs=weights)


def fit_mlp_classifier(name, params, fold, options):
    """Fit scikit-learn's MLPClassifier as it comes, behind a scaler where one is needed."""
    return scaled(MLPClassifier(random_state=options["random_state"]), fold)


def fit_logistic_regression(name, params, fold, options):
    """Fit scikit-learn's LogisticRegression as it comes, behind a scaler where one is needed."""
    return scaled(LogisticRegression(), fold)


def scaled(classifier, fold):
    """Fit a classifier behind a scaler, or without one if the features have one scale."""
    scaler = [] if fold.of_one_scale else [StandardScaler()]
    return make_pipeline(*scaler, classifier).fit(fold.X, fold.y)


BASELINES = (
    *("cross_entropy", "sce", "gce", "tgce", "weston_watkins", "jensen_shannon"),
    *("crammer_singer", "rll", "nce_rce", "nce_aul", "nce_agce", "mse", "mae"),
)
METHODS = {
    **dict.fromkeys((*BASELINES, "ldr_kl", "aldr_kl"), fit_loss),
    "tgce": fit_tgce,
    "one_step_aldr_kl": fit_one_step,
    "LDRClassifier": fit_ldr_classifier,
    **dict.fromkeys(("mean of gce", "mean of sce", "mean of jensen_shannon"), fit_mean),
    "MLPClassifier": fit_mlp_classifier,
    "LogisticRegression": fit_logistic_regression,
}
if find_spec("cleanlab"):
    METHODS |= dict.fromkeys(("CleanLearning", UNWEIGHTED), fit_clean_learning)


def drawn_configurations(method, n_draws, rng):
    """Return what is tried: the learning rates in turn, each with parameters drawn for it.

    A method that runs with its defaults has one configuration, without parameters.
    """
    loss = LOSSES.get(method.removeprefix("one_step_"))
    if loss is None:
        return [{}]
    grid = list(ParameterGrid(dict(loss().search_space)))
    order = np.resize(rng.permutation(len(grid)), n_draws)
    rates = np.resize(LEARNING_RATES, n_draws)
    return [{"learning_rate": float(rate)} | grid[i] for rate, i in zip(rates, order, strict=True)]
