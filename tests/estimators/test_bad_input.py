"""Bad input is an error that names the argument and the value, before anything is trained."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)
from sklearn_setpred.losses import CompSum, CostSensitiveCompSum, CostSensitiveConstrained

X = np.random.default_rng(0).normal(size=(30, 3))
Y = np.arange(30) % 3


class MustNotBeFitted(ClassifierMixin, BaseEstimator):
    """A base whose fit would come before the error."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("the base was fitted")

    def predict_proba(self, X):
        raise AssertionError("the base was asked")


class WithoutScores(MustNotBeFitted):
    predict_proba = property()


BASE = MustNotBeFitted()
NETWORKS = [NeuralClassifier(), TopKSetClassifier()]
WRAPPERS = [
    TopKSetClassifier(BASE, k=1),
    ThresholdSetClassifier(BASE),
    CardinalityAwareClassifier(BASE),
    CardinalityAwareClassifier([("one", BASE), ("other", BASE)]),
]
ALL = [NeuralClassifier(), *WRAPPERS]


def by_name(estimator):
    """Return an id for a test."""
    return type(estimator).__name__ if isinstance(estimator, BaseEstimator) else None


def assert_refused(estimator, error, message, X=X, y=Y, **fit_params):
    """Check that fit raises the error, and leaves no attribute of a fit."""
    before = dict(vars(estimator))
    with pytest.raises(error, match=message):
        estimator.fit(X, y, **fit_params)
    assert vars(estimator) == before


def changed(array, value):
    """Return a copy of an array whose first cell is another one."""
    array = np.array(array, dtype=float)
    array.flat[0] = value
    return array


def with_gap(gap):
    """Return labels that are texts, with one missing."""
    return np.array([gap, *np.array(["a", "b", "c"])[Y[1:]]], dtype=object)


# ------------------------------------------------------------------------------------ X and y


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("estimator", NETWORKS, ids=by_name)
def test_missing_and_infinite_values_are_refused_by_our_networks(
    estimator, value, message, container
):
    assert_refused(estimator, ValueError, f"X contains {message}", X=container(changed(X, value)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_and_infinite_values_are_refused_where_x_was_read(value):
    clf = NeuralClassifier(max_epochs=1, hidden_layer_sizes=(4,)).fit(X, Y)
    for method in (clf.predict_set, clf.predict_proba, clf.predict, clf.decision_function):
        with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
            method(changed(X, value))


Y_TABLE = [
    ("none", None, "y=None|y is None"),
    ("one class", np.zeros(30), "y holds 1 class"),
    ("another length", Y[:20], r"inconsistent numbers of samples: \[30, 20\]"),
    ("continuous", np.linspace(0, 1, 30), "Unknown label type: continuous"),
    ("NaN", changed(Y, np.nan), "y contains NaN"),
    ("infinite", changed(Y, np.inf), "y contains infinity"),
    ("text with NaN", with_gap(np.nan), "y contains NaN or None in 1 of 30 rows; leave"),
    ("text with None", with_gap(None), "y contains NaN or None in 1 of 30 rows; leave"),
    ("text with NA", with_gap(pd.NA), "y contains NaN or None in 1 of 30 rows; leave"),
    ("two columns", np.column_stack([Y, Y]), r"shape \(30, 2\)"),
]


@pytest.mark.parametrize(
    ("y", "message"), [row[1:] for row in Y_TABLE], ids=[r[0] for r in Y_TABLE]
)
@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_bad_labels_are_refused(estimator, y, message):
    assert_refused(estimator, ValueError, message, y=y)


ODD = {
    "Decimal": [Decimal(int(code)) for code in Y],
    "Timestamp": pd.Series(pd.to_datetime(Y, unit="D").tz_localize("UTC")),
    "int": [["a", 1, 2][code % 3] for code in Y],
    "bytes": np.array([b"a", b"b"], dtype=object)[Y % 2],
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_labels_of_other_types_are_refused_by_the_name_of_the_type(estimator, kind):
    message = f"y must hold numbers only or strings only.*'{kind}'.* Make strings or numbers"
    assert_refused(estimator, TypeError, message, y=ODD[kind])


@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_a_gap_in_a_list_of_strings_is_no_label(estimator):
    y = [np.nan, *np.array(["a", "b", "c"])[Y % 3][1:]]
    assert_refused(estimator, ValueError, "NaN or None in 1 of 30 rows", y=y)


@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_no_rows_are_refused(estimator):
    assert_refused(estimator, ValueError, r"0 sample|0 class", X=X[:0], y=Y[:0])


WEIGHTS = [
    ("negative", np.where(np.arange(30) == 4, -1.0, 1.0), "[Nn]egative values.*sample_weight"),
    ("all zero", np.zeros(30), "[Ss]ample.weight.*zero"),
    ("too few", np.ones(29), r"sample_weight|inconsistent numbers of samples: \[30, 30, 29\]"),
    ("one number", 2.0, "sample_weight=2.0 is one number"),
    ("NaN", changed(np.ones(30), np.nan), "sample_weight contains NaN"),
    ("infinite", changed(np.ones(30), np.inf), "sample_weight contains infinity"),
]


@pytest.mark.parametrize(
    ("weight", "message"), [row[1:] for row in WEIGHTS], ids=[row[0] for row in WEIGHTS]
)
@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_bad_weights_are_refused(estimator, weight, message):
    assert_refused(estimator, ValueError, message, sample_weight=weight)


def test_columns_of_texts_are_named_with_the_way_out():
    frame = pd.DataFrame({"age": X[:, 0], "city": ["Rome", "Oslo"] * 15})
    with pytest.raises(ValueError, match="could not convert string to float") as caught:
        CoverageSetClassifier(calibration_size=0.7).fit(frame, Y)
    (note,) = caught.value.__notes__
    assert note.startswith("The columns ['city'] hold texts or categories; encode them before")


def test_bad_validation_rows_are_refused():
    clf = NeuralClassifier()
    assert_refused(clf, ValueError, "X contains NaN", X_val=changed(X, np.nan), y_val=Y)
    assert_refused(clf, ValueError, r"\[30, 20\]", X_val=X, y_val=Y[:20])
    assert_refused(clf, ValueError, r"y_val holds \[7\]", X_val=X, y_val=np.full(30, 7))
    assert_refused(clf, ValueError, "X has 2 features", X_val=X[:, :2], y_val=Y)
    assert_refused(clf, ValueError, "y_val", X_val=X)
    assert_refused(clf, ValueError, "X_val", y_val=Y)


# --------------------------------------------------------------------------------- parameters

NEURAL, RESNET = NeuralClassifier(), NeuralClassifier(module="resnet")
AWARE = CardinalityAwareClassifier(BASE)
# estimator, parameter, value, error, how the message goes on after "parameter=value"
PARAMETERS = [
    (NEURAL, "loss", "cros_entropy", ValueError, ".*did you mean 'cross_entropy'"),
    (NEURAL, "loss", "cost_sensitive_comp_sum", ValueError, ".*CardinalityAwareClassifier"),
    (NEURAL, "loss", "focal_loss", ValueError, " is unknown; Known"),
    (NEURAL, "loss", CompSum, ValueError, r".*give an instance, loss=CompSum\(\)"),
    (NEURAL, "callbacks", 3, TypeError, r".*write callbacks=\[\.\.\.\]"),
    (NEURAL, "module", torch.nn.Linear(3, 3), ValueError, ".*built already.*its class"),
    (NEURAL, "module", "resnett", ValueError, ".*did you mean 'resnet'"),
    (NEURAL, "module", None, ValueError, r".*\['mlp', 'resnet', 'periodic'\]"),
    (NEURAL, "dropout", 1.0, ValueError, ".*leaves no inputs"),
    (NEURAL, "dropout", 1.5, ValueError, r".*\[0, 1\]"),
    (NEURAL, "dropout", -0.1, ValueError, r".*\[0, 1\]"),
    (NEURAL, "dropout", "much", TypeError, ".*a number"),
    (NEURAL, "k", 0, ValueError, ""),
    (NEURAL, "k", 4, ValueError, ".*number of classes, 3"),
    (NEURAL, "k", 1.5, TypeError, ""),
    (NEURAL, "validation_fraction", 0.0, ValueError, r".*\(0, 1\)"),
    (NEURAL, "validation_fraction", 1.0, ValueError, r".*\(0, 1\)"),
    (NEURAL, "hidden_layer_sizes", -8, ValueError, ""),
    (NEURAL, "hidden_layer_sizes", "8", TypeError, ""),
    (NEURAL, "learning_rate", 0.0, ValueError, ""),
    (NEURAL, "learning_rate", np.inf, ValueError, ""),
    (NEURAL, "learning_rate", "fast", TypeError, ""),
    (NEURAL, "weight_decay", -1.0, ValueError, ""),
    (NEURAL, "batch_size", 0, ValueError, ""),
    (NEURAL, "batch_size", 2.0, TypeError, ""),
    (RESNET, "hidden_layer_sizes", (), ValueError, ".*no layer.*at least 1"),
    (TopKSetClassifier(BASE), "k", 4, ValueError, ".*number of classes, 3"),
    (TopKSetClassifier(BASE), "k", 0, ValueError, ""),
    (TopKSetClassifier(BASE), "estimator", WithoutScores(), ValueError, ".*neither predict_proba"),
    (ThresholdSetClassifier(BASE), "threshold", 1.5, ValueError, r".*\[0, 1\]"),
    (ThresholdSetClassifier(BASE), "threshold", -0.1, ValueError, ""),
    (ThresholdSetClassifier(BASE), "threshold", "high", TypeError, ".*a number"),
    (ThresholdSetClassifier(BASE), "estimator", WithoutScores(), ValueError, ".*neither"),
    (AWARE, "estimator", WithoutScores(), ValueError, ".*neither predict_proba nor decision"),
    (AWARE, "estimator", [], ValueError, ".*None for the built-in experts"),
    (AWARE, "estimator", [BASE], ValueError, ".*no .name, classifier. pairs"),
    (AWARE, "sizes", [], ValueError, ".*one or more sizes"),
    (AWARE, "sizes", [0, 1], ValueError, ".*between 1 and the 3 classes"),
    (AWARE, "sizes", [-1, 1], ValueError, ".*between 1 and the 3 classes"),
    (AWARE, "sizes", [2, 1], ValueError, ".*increasing"),
    (AWARE, "sizes", [1, 1], ValueError, ".*increasing"),
    (AWARE, "sizes", [1, 4], ValueError, ".*between 1 and the 3 classes"),
    (AWARE, "sizes", [1.5], ValueError, ".*integers"),
    (AWARE, "size_penalty", -0.1, ValueError, ""),
    (AWARE, "size_penalty", np.nan, ValueError, ""),
    (AWARE, "size_penalty", "a lot", TypeError, ".*a number"),
    (AWARE, "size_cost", "linaer", ValueError, ".*did you mean 'linear'"),
    (AWARE, "surrogate", "rang", ValueError, ".*did you mean 'rank'"),
    (AWARE, "surrogate", "cross_entropy", ValueError, ""),
    (AWARE, "surrogate", CompSum(), ValueError, ".*cost_sensitive_comp_sum"),
    (AWARE, "cv", 1, ValueError, ""),
]
NETWORK_PARAMETERS = [
    ("device", "cudda", ValueError, ".*did you mean 'cuda'"),
    ("max_epochs", 0, ValueError, ""),
    ("max_epochs", 1.5, TypeError, ""),
]
PARAMETERS += [(estimator, *row) for estimator in (NEURAL, AWARE) for row in NETWORK_PARAMETERS]


@pytest.mark.parametrize(
    ("estimator", "name", "value", "error", "rest"),
    PARAMETERS,
    ids=[f"{by_name(row[0])}-{row[1]}={row[2]!r}" for row in PARAMETERS],
)
def test_parameters_out_of_range_are_refused(estimator, name, value, error, rest):
    estimator = type(estimator)(**(estimator.get_params(deep=False) | {name: value}))
    assert_refused(estimator, error, re.escape(f"{name}={value!r}") + rest)


def test_a_callable_cost_that_falls_is_refused():
    aware = CardinalityAwareClassifier(BASE, size_cost=np.negative)
    assert_refused(aware, ValueError, "size_cost=.*non-negative and non-decreasing")


@pytest.mark.parametrize(("widths", "error"), [((8, 0), ValueError), ((8.5,), TypeError)])
def test_of_a_list_of_widths_the_wrong_one_is_told(widths, error):
    estimator = NeuralClassifier(hidden_layer_sizes=widths)
    assert_refused(estimator, error, f"hidden_layer_sizes={widths[-1]}")


@pytest.mark.parametrize(("name", "value"), [("hidden_layer_sizes", (8,)), ("dropout", 0.1)])
def test_what_a_users_module_cannot_read_is_refused(name, value):
    estimator = NeuralClassifier(module=MustNotBeFitted, **{name: value})
    assert_refused(estimator, ValueError, f"{name}=.*builds its own layers")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "not unique"),
        (["a", "b__c"], "must not contain __"),
        (["a", "cv"], "conflict with constructor arguments"),
        (["a", "extra_trees"], r"\['extra_trees'\] as built-in experts"),
        (["base", "mlp", "resnet"], r"\['mlp', 'resnet'\] as built-in experts"),
        ([1, "b"], r"holds no \(name, classifier\) pairs"),
    ],
)
def test_names_of_several_classifiers_are_checked(names, message):
    estimator = CardinalityAwareClassifier([(name, BASE) for name in names])
    assert_refused(estimator, ValueError, message)


@pytest.mark.parametrize("cls", [TopKSetClassifier, CoverageSetClassifier])
def test_a_class_in_place_of_a_classifier_is_told(cls):
    message = r"estimator=GaussianNB is a class; give a classifier, such as GaussianNB\(\)"
    assert_refused(cls(GaussianNB), ValueError, message)


@pytest.mark.parametrize("dtype", ["datetime64[D]", str])
def test_columns_of_which_the_built_in_experts_read_none_are_refused(dtype):
    X = np.arange(60).reshape(30, 2).astype(dtype)
    with pytest.warns(UserWarning, match="do not read the columns"):
        assert_refused(CardinalityAwareClassifier(), ValueError, "read no column of X", X=X)


@pytest.mark.parametrize("estimator", NETWORKS, ids=by_name)
def test_numbers_whose_squares_overflow_are_refused(estimator):
    # Half of the rows, so that some of them train whichever rows are held out.
    huge = np.where(np.arange(30)[:, None] % 2 == 1, 1e300, X)
    assert_refused(estimator, ValueError, "X holds numbers in the columns .* overflow", X=huge)


def test_of_several_classifiers_the_one_without_scores_is_told():
    estimator = CardinalityAwareClassifier([("a", BASE), ("b", WithoutScores())])
    assert_refused(estimator, ValueError, r"estimator 'b': WithoutScores\(\) has neither")


def test_several_classifiers_that_cannot_be_pooled_are_refused():
    estimator = CardinalityAwareClassifier([("a", BASE), ("b", BASE)], refine=False)
    assert_refused(estimator, ValueError, "holds 2 classifiers.*refine=True")


def test_a_loss_out_of_range_is_refused():
    assert_refused(NeuralClassifier(CompSum(tau=-1.0)), ValueError, "tau=-1.0")


def test_a_surrogate_out_of_range_is_refused():
    for surrogate, message in (
        (CostSensitiveCompSum(tau=-1.0), "tau=-1.0"),
        (CostSensitiveConstrained(phi="hinj"), "phi='hinj'.*did you mean 'hinge'"),
    ):
        aware = CardinalityAwareClassifier(BASE, surrogate=surrogate)
        assert_refused(aware, ValueError, message)


# ------------------------------------------------------------------------- calls after a fit


@pytest.mark.parametrize("estimator", ALL, ids=by_name)
def test_predictions_before_fit_are_refused(estimator):
    for method in ("predict_set", "predict", "predict_top_k", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(estimator, method)(X)


@pytest.mark.parametrize("size_penalty", [-0.1, np.nan, np.inf])
def test_a_penalty_out_of_range_is_refused_when_called(size_penalty):
    clf = CardinalityAwareClassifier(GaussianNB(), max_epochs=1, cv=2, refine=False).fit(X, Y)
    for method in (clf.predict_set, clf.predict_set_size):
        with pytest.raises(ValueError, match=f"size_penalty={size_penalty}"):
            method(X, size_penalty=size_penalty)
