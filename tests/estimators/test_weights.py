"""Weights of rows reach every part of a fit: the base, its folds, the floor, the calibration."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from tiny import AROUND_ANY, EXPERTS, NETWORKS, SMALL, labelled_rows

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)

X, y = labelled_rows()


class ExactBayes(GaussianNB):
    """A base to which a row of weight zero is nothing at all, and that remembers its rows."""

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        self.seen_, self.weight_ = X[weight > 0], weight[weight > 0]
        return super().fit(self.seen_, np.asarray(y)[weight > 0], self.weight_)


def parts_of(value, name=""):
    """Return all that a fitted estimator holds, the estimators and networks inside unfolded."""
    if isinstance(value, dict):
        pieces = {f"{name}[{key!r}]": piece for key, piece in value.items()}
    elif isinstance(value, (list, tuple)):
        pieces = {f"{name}[{place}]": piece for place, piece in enumerate(value)}
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        pieces = {f"{name}.{key}": piece for key, piece in value.__getstate__().items()}
    else:
        return {name: value}
    return {key: part for at, piece in pieces.items() for key, part in parts_of(piece, at).items()}


def assert_same_fit(fitted, other, but=()):
    """Check that two fitted estimators hold the same, attribute by attribute."""
    found, expected = parts_of(fitted), parts_of(other)
    assert found.keys() == expected.keys()
    for name in found:
        is_time = name.endswith("['dur']")  # the seconds of an epoch
        if not (is_time or name.startswith(tuple(f".{attribute}" for attribute in but))):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


AROUND = [ExactBayes(), FrozenEstimator(GaussianNB().fit(X, y)), None]
FITS = {
    **{
        f"{type(network).__name__}, {params}": clone(network).set_params(**params)
        for network in NETWORKS
        for params in ({}, {"validation_fraction": None}, {"cv": 3}, {"module": "resnet"})
    },
    "top k": TopKSetClassifier(ExactBayes()),
    "threshold": ThresholdSetClassifier(ExactBayes()),
    "threshold, our network": ThresholdSetClassifier(NETWORKS[0]),
    **{
        f"cardinality-aware around {estimator}, {params}": CardinalityAwareClassifier(
            estimator, max_epochs=1, random_state=0, **params
        )
        for estimator in AROUND
        for params in (
            {},
            {"refine": False},
            {"refine": False, "thresholds": [0.5, 0.1]},
            {"refine": False, "surrogate": "cost_sensitive_comp_sum"},
        )
    },
}


@pytest.mark.parametrize("name", FITS)
def test_a_row_of_weight_zero_is_as_good_as_removed(name, rng):
    estimator = clone(FITS[name])
    weight = rng.uniform(0.5, 2.0, len(y)) * (rng.random(len(y)) < 0.7)
    kept = np.flatnonzero(weight)
    of_all = of_kept = {}
    if isinstance(estimator, CardinalityAwareClassifier):
        # Folds that are drawn depend on how many rows there are; these are the same for both.
        fold = rng.integers(3, size=len(y))
        of_all = {"cv": [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(3)]}
        of_kept = {
            "cv": [
                (np.flatnonzero(fold[kept] != i), np.flatnonzero(fold[kept] == i)) for i in range(3)
            ]
        }
    zeroed = clone(estimator).set_params(**of_all).fit(X, y, sample_weight=weight)
    removed = clone(estimator).set_params(**of_kept).fit(X[kept], y[kept], weight[kept])
    assert_same_fit(zeroed, removed, but=["cv"])


def test_a_row_of_weight_zero_teaches_the_classifier_that_is_calibrated_nothing(rng):
    weight = rng.uniform(0.5, 2.0, len(y)) * (rng.random(len(y)) < 0.7)
    coverage = CoverageSetClassifier(ExactBayes(), target_coverage=0.8, random_state=0)
    zeroed = coverage.fit(X, y, sample_weight=weight)
    trained = np.isin(X[:, 0], zeroed.estimator_.seen_[:, 0])
    assert 0 < np.count_nonzero(trained) < np.count_nonzero(weight)
    removed = ExactBayes().fit(X[trained], y[trained], weight[trained])
    assert_same_fit(zeroed.estimator_, removed)


@pytest.mark.parametrize("unit", [1e308, 5e-324])
def test_weights_that_cannot_be_summed_reach_the_classifier_in_another_unit(unit):
    for estimator in AROUND_ANY:
        plain = clone(estimator).fit(X, y)
        weighted = clone(estimator).fit(X, y, sample_weight=np.full(len(y), unit))
        np.testing.assert_allclose(weighted.predict_proba(X), plain.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("estimator", [CardinalityAwareClassifier(**EXPERTS), *AROUND_ANY[-1:]])
def test_weights_that_leave_too_few_rows_are_refused(estimator):
    with pytest.raises(ValueError, match="No row is left to learn the sizes from"):
        clone(estimator).fit(X, y, sample_weight=np.arange(len(y)) == 3)


@pytest.mark.parametrize("params", [{}, {"validation_fraction": None}, {"cv": 2}])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_the_curves_of_training_do_not_depend_on_the_unit_of_the_weights(network, params, rng):
    weight = rng.uniform(0.5, 2.0, len(y))
    one, other = (
        clone(network).set_params(**params).fit(X, y, sample_weight=factor * weight)
        for factor in (1.0, 1000.0)
    )
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-3)


def test_decay_takes_its_part_of_every_weight_beside_the_step_of_the_gradient():
    def weights_after_one_step(**params):
        clf = NeuralClassifier(**SMALL, batch_size=len(y), **params)
        return clf.partial_fit(X, y, classes=np.unique(y)).net_.weights()

    before = weights_after_one_step(learning_rate=1e-30)
    free = weights_after_one_step(learning_rate=0.1, weight_decay=0.0)
    bound = weights_after_one_step(learning_rate=0.1, weight_decay=0.5)
    for name in before:
        decayed = 0.0 if name.endswith("offset") else 0.1 * 0.5 * before[name]
        np.testing.assert_allclose(free[name] - bound[name], decayed, atol=1e-6)
    assert max(np.abs(free[name] - before[name]).max() for name in before) > 0.05
