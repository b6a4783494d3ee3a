"""The tools of scikit-learn, each as a call that a user would make around a set predictor.

``TOOLS`` is read by the test that runs them with our estimators, by the page in the docs, and by
the benchmark that runs them with the classifiers of other packages.
"""

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import imblearn.over_sampling
import imblearn.pipeline
import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_html_repr
from tiny import ESTIMATORS, labelled_rows

from sklearn_setpred import cross_val_predict_set

X, y = labelled_rows()
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
MIXED = FRAME.assign(kind=pd.Categorical(np.where(X[:, 0] > 0, "left", "right")))
WEIGHT = np.linspace(0.5, 1.5, len(y))
N_CLASSES = 4


class NotApplicableError(Exception):
    """The tool has no meaning for the estimator."""


@dataclass(frozen=True)
class Subject:
    """A set predictor, and how its users fit it and ask it for sets.

    Parameters
    ----------
    estimator : estimator
        Not fitted.
    parameter, values : str, list
        What a search may vary.
    scoring : callable
        A scorer that reads sets.
    sets : callable
        ``sets(fitted, X)`` gives the sets.
    fit : callable
        ``fit(estimator)`` fits it, or a clone, to X and y, and gives what is fitted.
    around : callable, optional
        ``around(classifier)`` gives the set predictor around another classifier.
    """

    estimator: object
    parameter: str
    values: list
    scoring: Callable
    sets: Callable
    fit: Callable = lambda estimator: clone(estimator).fit(X, y)
    around: Callable | None = None

    @property
    def grid(self):
        """The values to search over."""
        return {self.parameter: self.values}

    def with_inside(self, classifier):
        """Return the set predictor around another classifier."""
        if self.around is None:
            raise NotApplicableError("there is no classifier inside")
        return self.around(classifier)


TOOLS = {}


def tool(name):
    """Put a call under its name into `TOOLS`."""

    def register(call):
        TOOLS[name] = call
        return call

    return register


def does_not_apply(tool, estimator):
    """Say whether a tool has no meaning for an estimator: there is no classifier inside."""
    return tool.endswith(" inside") and not hasattr(ESTIMATORS[estimator], "estimator")


def gives_sets(subject, fitted, X=X):
    """Check that there is one set per row, a column per class."""
    assert np.asarray(subject.sets(fitted, X)).shape == (len(X), N_CLASSES)


def same_sets(subject, fitted, other):
    """Check that two fitted estimators give the same sets."""
    np.testing.assert_array_equal(subject.sets(fitted, X), subject.sets(other, X))


# ------------------------------------------------------------- copies, files, pictures


@tool("clone")
def _clone(subject):
    copied = clone(subject.estimator)
    gives_sets(subject, subject.fit(copied))


@tool("pickle")
def _pickle(subject):
    fitted = subject.fit(subject.estimator)
    same_sets(subject, fitted, pickle.loads(pickle.dumps(fitted)))


@tool("joblib")
def _joblib(subject):
    fitted, file = subject.fit(subject.estimator), io.BytesIO()
    joblib.dump(fitted, file)
    same_sets(subject, fitted, joblib.load(io.BytesIO(file.getvalue())))


@tool("skops.io, trusting the package's own types")
def _skops(subject):
    fitted = subject.fit(subject.estimator)
    data = skops.io.dumps(fitted)
    package = type(fitted).__module__.partition(".")[0]
    trusted = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith(package) for name in trusted), trusted
    same_sets(subject, fitted, skops.io.loads(data, trusted=trusted))


@tool("HTML repr")
def _html(subject):
    html = estimator_html_repr(make_pipeline(StandardScaler(), subject.estimator))
    assert type(subject.estimator).__name__ in html


# ------------------------------------------------------------------- pipelines, frames


@tool("Pipeline")
def _pipeline(subject):
    gives_sets(subject, subject.fit(make_pipeline(StandardScaler(), subject.estimator)))


@tool("Pipeline in a Pipeline")
def _nested(subject):
    inner = make_pipeline(PCA(2), subject.estimator)
    gives_sets(subject, subject.fit(make_pipeline(StandardScaler(), inner)))


@tool("Pipeline inside")
def _pipeline_inside(subject):
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    gives_sets(subject, subject.fit(subject.with_inside(inside)))


@tool("ColumnTransformer of a frame with categories")
def _columns(subject):
    columns = make_column_transformer(
        (OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b", "c"])
    )
    fitted = make_pipeline(columns, subject.estimator).fit(MIXED, y)
    gives_sets(subject, fitted, MIXED)


@tool("FeatureUnion")
def _union(subject):
    union = FeatureUnion([("scaled", StandardScaler()), ("pca", PCA(2))])
    gives_sets(subject, subject.fit(make_pipeline(union, subject.estimator)))


@tool('set_config(transform_output="pandas")')
def _pandas_output(subject):
    with config_context(transform_output="pandas"):
        fitted = make_pipeline(StandardScaler(), subject.estimator).fit(FRAME, y)
        gives_sets(subject, fitted, FRAME)
    assert fitted[-1].feature_names_in_.tolist() == ["a", "b", "c"]


@tool("Pipeline of imbalanced-learn")
def _imbalanced(subject):
    sampler = imblearn.over_sampling.RandomOverSampler(random_state=0)
    pipeline = imblearn.pipeline.make_pipeline(StandardScaler(), sampler, subject.estimator)
    gives_sets(subject, pipeline.fit(X, y))


# --------------------------------------------------------- searches, cross-validation


@tool("GridSearchCV")
def _grid(subject):
    search = GridSearchCV(
        subject.estimator, subject.grid, scoring=subject.scoring, cv=2, error_score="raise"
    )
    gives_sets(subject, search.fit(X, y))


@tool("GridSearchCV around a Pipeline, n_jobs=2")
def _parallel(subject):
    pipeline = make_pipeline(StandardScaler(), subject.estimator)
    grid = {f"{pipeline.steps[-1][0]}__{subject.parameter}": subject.values}
    search = GridSearchCV(
        pipeline, grid, scoring=subject.scoring, cv=2, n_jobs=2, error_score="raise"
    )
    gives_sets(subject, search.fit(X, y))


@tool("RandomizedSearchCV")
def _randomized(subject):
    search = RandomizedSearchCV(
        subject.estimator,
        subject.grid,
        n_iter=2,
        scoring=subject.scoring,
        cv=2,
        random_state=0,
        error_score="raise",
    )
    gives_sets(subject, search.fit(X, y))


@tool("HalvingGridSearchCV")
def _halving(subject):
    search = HalvingGridSearchCV(
        subject.estimator,
        subject.grid,
        scoring=subject.scoring,
        cv=2,
        factor=2,
        min_resources=60,
        random_state=0,
        error_score="raise",
    )
    gives_sets(subject, search.fit(X, y))


@tool("cross_validate")
def _cross_validate(subject):
    scores = cross_validate(
        subject.estimator, X, y, cv=2, scoring=subject.scoring, error_score="raise"
    )
    assert np.isfinite(scores["test_score"]).all()


@tool("cross_val_predict")
def _cross_val_predict(subject):
    p = cross_val_predict(subject.estimator, X, y, cv=2, method="predict_proba")
    assert p.shape == (len(y), N_CLASSES)
    assert set(cross_val_predict(subject.estimator, X, y, cv=2)) <= set(y)


@tool("cross_val_predict_set")
def _cross_val_predict_set(subject):
    assert cross_val_predict_set(subject.estimator, X, y, cv=2).shape == (len(y), N_CLASSES)


@tool("learning_curve")
def _learning_curve(subject):
    _, _, scores = learning_curve(
        subject.estimator,
        X,
        y,
        train_sizes=[0.7, 1.0],
        cv=2,
        shuffle=True,
        random_state=0,
        scoring=subject.scoring,
        error_score="raise",
    )
    assert np.isfinite(scores).all()


@tool("validation_curve")
def _validation_curve(subject):
    _, scores = validation_curve(
        subject.estimator,
        X,
        y,
        param_name=subject.parameter,
        param_range=subject.values,
        cv=2,
        scoring=subject.scoring,
        error_score="raise",
    )
    assert np.isfinite(scores).all()


@tool("permutation_importance")
def _permutation_importance(subject):
    fitted = subject.fit(subject.estimator)
    found = permutation_importance(fitted, X, y, scoring=subject.scoring, n_repeats=1)
    assert found.importances.shape == (3, 1)


@tool("SequentialFeatureSelector")
def _selector(subject):
    selector = SequentialFeatureSelector(
        subject.estimator, n_features_to_select=1, scoring=subject.scoring, cv=2
    )
    assert selector.fit(X, y).transform(X).shape == (len(y), 1)


@tool("sample weights by metadata routing")
def _routing(subject):
    estimator = clone(subject.estimator)
    with config_context(enable_metadata_routing=True):
        for asking in (estimator, getattr(estimator, "estimator", None)):
            if asking is not None:
                asking.set_fit_request(sample_weight=True)
        scoring = clone(subject.scoring).set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, subject.grid, scoring=scoring, cv=2, error_score="raise")
        gives_sets(subject, search.fit(X, y, sample_weight=WEIGHT))


# ------------------------------------------------------ classifiers around classifiers


@tool("CalibratedClassifierCV around")
def _calibrated_around(subject):
    fitted = CalibratedClassifierCV(subject.estimator, cv=2).fit(X, y)
    assert fitted.predict_proba(X).shape == (len(y), N_CLASSES)


@tool("CalibratedClassifierCV inside")
def _calibrated_inside(subject):
    inside = CalibratedClassifierCV(LogisticRegression(), cv=2)
    gives_sets(subject, subject.fit(subject.with_inside(inside)))


@tool("FrozenEstimator around")
def _frozen_around(subject):
    fitted = subject.fit(subject.estimator)
    frozen = FrozenEstimator(fitted)
    same_sets(subject, fitted, clone(frozen).fit(X, y))


@tool("FrozenEstimator inside")
def _frozen_inside(subject):
    inside = LogisticRegression().fit(X, y)
    fitted = subject.fit(subject.with_inside(FrozenEstimator(inside)))
    gives_sets(subject, fitted)


@tool("VotingClassifier")
def _voting(subject):
    members = [("sets", subject.estimator), ("plain", LogisticRegression())]
    fitted = VotingClassifier(members, voting="soft").fit(X, y)
    assert fitted.predict_proba(X).shape == (len(y), N_CLASSES)


@tool("StackingClassifier")
def _stacking(subject):
    members = [("sets", subject.estimator), ("plain", LogisticRegression())]
    fitted = StackingClassifier(members, cv=2).fit(X, y)
    assert fitted.predict_proba(X).shape == (len(y), N_CLASSES)


@tool("BaggingClassifier")
def _bagging(subject):
    fitted = BaggingClassifier(subject.estimator, n_estimators=2, random_state=0).fit(X, y)
    assert fitted.predict_proba(X).shape == (len(y), N_CLASSES)


@tool("OneVsRestClassifier")
def _one_vs_rest(subject):
    fitted = OneVsRestClassifier(subject.estimator).fit(X, y)
    assert fitted.predict_proba(X).shape == (len(y), N_CLASSES)


@tool("TunedThresholdClassifierCV, two classes")
def _tuned_threshold(subject):
    fitted = TunedThresholdClassifierCV(subject.estimator, cv=2).fit(X, y > "1")
    assert fitted.predict(X).shape == (len(y),)
