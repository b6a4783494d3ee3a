"""What holds for every public estimator: scikit-learn's checks and the set predictors' own."""

import pytest
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklearn_setpred
from sklearn_setpred import (
    CardinalityAwareClassifier,
    CompSumClassifier,
    CoverageSetClassifier,
    LDRClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)
from sklearn_setpred._cardinality import built_in
from sklearn_setpred.estimator_checks import parametrize_with_set_checks

# Some checks ask for an accuracy of 0.83 after few epochs.
NETWORK = {
    "hidden_layer_sizes": (16,),
    "learning_rate": 0.05,
    "max_epochs": 12,
    "random_state": 0,
}
TINY = {"max_epochs": 1, "cv": 2, "random_state": 0}

ESTIMATORS = [
    NeuralClassifier(**NETWORK),
    CompSumClassifier(**NETWORK),
    LDRClassifier(**(NETWORK | {"learning_rate": 0.01}), cv=2),
    TopKSetClassifier(LogisticRegression()),
    ThresholdSetClassifier(GaussianNB()),
    # The checks come with as few as 10 rows: two of them calibrate a coverage of one half.
    CoverageSetClassifier(LogisticRegression(), target_coverage=0.5, random_state=0),
    CardinalityAwareClassifier(LogisticRegression(), **TINY),
    CardinalityAwareClassifier(LogisticRegression(), refine=False, **TINY),
    CardinalityAwareClassifier(
        LogisticRegression(), surrogate="cost_sensitive_comp_sum", refine=False, **TINY
    ),
]
WITHOUT_ESTIMATOR = [
    TopKSetClassifier(),
    ThresholdSetClassifier(),
    CoverageSetClassifier(target_coverage=0.5, random_state=0),
    CardinalityAwareClassifier(max_epochs=4, cv=2, random_state=0),
]


def reason_of_failure(estimator):
    """Say why weights of rows are no repetition of them; None where they are."""
    # Network classifiers have no `estimator`; where it is None, a network is inside.
    if getattr(estimator, "estimator", None) is None or getattr(estimator, "refine", False):
        return "batches in random order: one row of weight two is another step than two rows"
    return None


ALLOWED = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]


def expected_failures(estimator):
    """Return the checks that may fail, as for scikit-learn's SGDClassifier, with the reason."""
    reason = reason_of_failure(estimator)
    return {} if reason is None else dict.fromkeys(ALLOWED, reason)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Grow few trees: the checks fit the built-in experts hundreds of times."""
    monkeypatch.setattr(built_in, "_TREES", 4)
    monkeypatch.setattr(built_in, "_ITERATIONS", 4)


# GaussianNB divides by zero where the weights leave one class.
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimators_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(WITHOUT_ESTIMATOR, expected_failed_checks=expected_failures)
def test_estimators_around_our_own_network_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@parametrize_with_set_checks(ESTIMATORS)
def test_estimators_keep_the_promises_of_set_predictors(set_check):
    set_check()


@pytest.mark.slow
@parametrize_with_set_checks(WITHOUT_ESTIMATOR)
def test_estimators_around_our_own_network_keep_the_promises_of_set_predictors(set_check):
    set_check()


def test_every_public_estimator_is_checked():
    public = [getattr(sklearn_setpred, name) for name in sklearn_setpred.__all__]
    classifiers = {
        cls for cls in public if isinstance(cls, type) and issubclass(cls, ClassifierMixin)
    }
    assert classifiers == {type(estimator) for estimator in ESTIMATORS}
