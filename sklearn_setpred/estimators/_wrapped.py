"""Classifiers inside ours: how they are checked, fitted and read."""

import warnings
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from sklearn_setpred.sets import label_indices
from sklearn_setpred.utils.types import Labels


class WrappingMixin(MetaEstimatorMixin):
    """A classifier around another one, ``estimator``; None means our own network.

    X goes to the inner estimator as it is: what X may be is the inner estimator's to say.
    """

    def _inner(self):
        """Give the estimator inside, not yet fitted; raise if its classes cannot be ranked."""
        if self.estimator is None:
            from sklearn_setpred.estimators._neural import NeuralClassifier

            # Deterministic where there is no random_state to ask for something else.
            return NeuralClassifier(random_state=getattr(self, "random_state", 0))
        if not (
            hasattr(self.estimator, "predict_proba") or hasattr(self.estimator, "decision_function")
        ):
            raise ValueError(
                f"estimator={self.estimator!r} has neither predict_proba nor decision_function, "
                "so its classes cannot be ranked; give a classifier with one of them."
            )
        return self.estimator

    def _inner_fit_params(self, inner, sample_weight):
        """Give the keywords that hand the weights to the inner estimator's fit."""
        if sample_weight is None or is_frozen(inner):
            return {}
        if _routing_enabled():
            return process_routing(self, "fit", sample_weight=sample_weight).estimator.fit
        name = weight_keyword(inner)
        if name is None:
            warnings.warn(
                f"{type(inner).__name__} takes no sample_weight; the weights reach only "
                f"{type(self).__name__}'s own part.",
                UserWarning,
                stacklevel=4,
            )
            return {}
        return {name: sample_weight}

    def get_metadata_routing(self) -> Any:
        """Give the routing of metadata: ``fit`` hands ``sample_weight`` to ``estimator.fit``.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self._inner(), method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        else:
            tags.input_tags.sparse = True
        return tags

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X, where the inner estimator knows it."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> Labels:
        """Names of the columns of X, where the inner estimator knows them."""
        return self.estimator_.feature_names_in_


class NetworksAlone(ClassifierMixin, BaseEstimator):
    """A base that finds all classes equally likely, where our networks need no other."""

    def fit(self, X, y, sample_weight=None):
        """Learn the classes and the columns."""
        validate_data(self, X, y, accept_sparse="csr")
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        """Give the same probability to all classes."""
        check_is_fitted(self)
        X, n_classes = validate_data(self, X, reset=False, accept_sparse="csr"), len(self.classes_)
        return np.full((X.shape[0], n_classes), 1.0 / n_classes)


def is_frozen(estimator):
    """Say whether an estimator is trained already and must not be fitted again."""
    return isinstance(estimator, FrozenEstimator)


def known_classes(inner, classes, codes):
    """Give the classes of the model to be and the labels' codes among them.

    They are those of y, or for a frozen estimator all that it knows. Raises ValueError if it
    lacks some of y.
    """
    if not is_frozen(inner):
        return classes, codes
    known = np.asarray(inner.classes_)
    columns = label_indices(classes, known)
    if (columns < 0).any():
        raise ValueError(
            f"estimator={inner!r} does not know the labels {classes[columns < 0].tolist()} of y; "
            "leave their rows out, or train it on rows that hold them."
        )
    return known, columns[codes]


def weight_keyword(estimator):
    """Give the keyword by which ``fit`` takes weights, None if it takes none."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def read_probabilities(fitted, X):
    """Give the probabilities of a fitted classifier, or the softmax of its scores.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), float64
        Columns are ``fitted.classes_``. A binary ``decision_function`` f is read as the scores
        0 and f.
    """
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(X), dtype=np.float64)
    scores = np.asarray(fitted.decision_function(X), dtype=np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros_like(scores), scores])
    if scores.shape[1] != len(fitted.classes_):
        raise ValueError(
            f"decision_function of {type(fitted).__name__} gives {scores.shape[1]} columns for "
            f"{len(fitted.classes_)} classes; for an SVC, decision_function_shape='ovr' is needed."
        )
    return softmax(scores, axis=1)


def check_numbers(X):
    """Give X as a float array or CSR; raise where it holds text, NaN or infinite values."""
    return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X")


def as_numbers(X):
    """Give X as `check_numbers` does, None where it is nothing our networks can read."""
    try:
        return check_numbers(X)
    except (TypeError, ValueError):
        return None
