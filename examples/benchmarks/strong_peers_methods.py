"""The classifiers of the benchmark of strong peers, with the settings that their sources advise.

A method is a function of a seed that returns a classifier, not yet fitted, on one thread. Packages
are imported where they are used: one that is missing leaves the other methods be. Labels are codes
0 ... n_classes - 1, the only ones that XGBoost takes.
"""

from functools import partial

import numpy as np
from set_size_answers import log_floored
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import CardinalityAwareClassifier

# For standardized columns; .01 there is about C = 4 for rows of 384 columns and unit norm.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
N_TREES = 300


# -------------------------------------------------------------------------- scikit-learn


def forest(seed):
    """Return a random forest: more trees than the default, "the larger the better" (user guide)."""
    return RandomForestClassifier(N_TREES, random_state=seed)


def extra_trees(seed):
    """Return extremely randomized trees, as many as the forest has."""
    return ExtraTreesClassifier(N_TREES, random_state=seed)


def logistic(seed):
    """Return logistic regression on standardized columns, C chosen by the held-out likelihood."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    grid = {"logisticregression__C": list(STRENGTHS)}
    folds = KFold(5, shuffle=True, random_state=seed)
    return GridSearchCV(pipeline, grid, scoring=log_likelihood, cv=folds)


def log_likelihood(fitted, X, y):
    """Return the mean log-probability of the labels; a class that was not trained on has p = 0."""
    p = np.zeros((len(y), 1 + max(y.max(), fitted.classes_.max())))
    p[:, fitted.classes_] = fitted.predict_proba(X)
    return log_floored(p[np.arange(len(y)), y]).mean()


def hist_boosting(seed):
    """Return scikit-learn's boosted trees: half the step size, half the columns at each split."""
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_features=0.5, random_state=seed
    )


# ----------------------------------------------------------------------- other packages


def lightgbm(seed):
    """Return LightGBM with small steps, many rounds, parts of rows and columns.

    That is what its page "Parameters Tuning" advises for accuracy and against over-fitting.
    """
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=300,
        learning_rate=0.03,
        subsample=0.75,
        subsample_freq=1,
        colsample_bytree=0.8,
        random_state=seed,
        n_jobs=1,
        verbose=-1,
    )


def xgboost(seed):
    """Return XGBoost with the depth and the parts of rows and columns of its tuned defaults.

    See Holzmüller, Grinsztajn, Steinwart, "Better by default" (NeurIPS 2024). Smaller steps and
    fewer rounds stand in for their early stopping, which rare classes do not allow.
    """
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=300,
        learning_rate=0.05,
        max_depth=6,
        subsample=0.65,
        colsample_bylevel=0.9,
        random_state=seed,
        n_jobs=1,
    )


def catboost(seed):
    """Return CatBoost with 500 rounds; it derives the step size from them (its documentation)."""
    from catboost import CatBoostClassifier

    return CatBoostClassifier(
        iterations=500, random_seed=seed, thread_count=1, verbose=0, allow_writing_files=False
    )


def realmlp(seed, n_cv=1):
    """Return RealMLP, tuned defaults; ``pytabkit`` advises these two arguments for log-loss."""
    from pytabkit import RealMLP_TD_Classifier

    return RealMLP_TD_Classifier(
        n_cv=n_cv, val_metric_name="cross_entropy", use_ls=False, **on_one_cpu(seed)
    )


def tabm(seed):
    """Return TabM as `pytabkit` has it from the example of its authors, stopped on log-loss."""
    from pytabkit import TabM_D_Classifier

    return TabM_D_Classifier(val_metric_name="cross_entropy", **on_one_cpu(seed))


def on_one_cpu(seed):
    """Return the arguments that all classifiers of ``pytabkit`` share."""
    return {"random_state": seed, "device": "cpu", "n_threads": 1}


PEERS = {
    "forest": forest,
    "extra_trees": extra_trees,
    "logistic": logistic,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "hist_boosting": hist_boosting,
    "catboost": catboost,
    "realmlp": realmlp,
    "realmlp_bagged": partial(realmlp, n_cv=5),
    "tabm": tabm,
}


# --------------------------------------------------------------------------------- ours


def ours(seed):
    """Return our classifier without an argument."""
    return CardinalityAwareClassifier(random_state=seed)


def around(peer, seed):
    """Return our classifier around a peer."""
    return CardinalityAwareClassifier(PEERS[peer](seed), random_state=seed)


AROUND = {f"ours_{peer}": partial(around, peer) for peer in PEERS}
METHODS = {"ours": ours, **PEERS, **AROUND}
