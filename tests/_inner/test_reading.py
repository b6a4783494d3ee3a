"""Any classifier is read: its classes in their order, its probabilities if they are some."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from around import CODES, X, around, each_but_ours, each_wrapper
from foreign import (
    Bayes,
    DropsFirstClass,
    Gives,
    HasForeignClass,
    OrdersNumbers,
)
from scipy.sparse import csr_array
from sklearn.frozen import FrozenEstimator
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from tiny import SMALL

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    TopKSetClassifier,
)
from sklearn_setpred._inner.fitting import fit_classifier
from sklearn_setpred._inner.reading import learned_classes, read_probabilities


@each_wrapper
def test_columns_follow_the_classes_of_the_classifier_and_not_their_sorted_order(wrapper):
    y = np.array(["5", "10", "9"])[CODES]
    model = around(wrapper, OrdersNumbers()).fit(X, y)
    assert model.estimator_.classes_.tolist() == ["5", "9", "10"]
    assert model.classes_.tolist() == ["10", "5", "9"]
    assert (model.predict(X) == y).mean() > 0.9
    frozen = around(wrapper, FrozenEstimator(OrdersNumbers().fit(X, y))).fit(X, y)
    assert frozen.classes_.tolist() == ["10", "5", "9"]
    assert (frozen.predict(X) == y).mean() > 0.9


@each_but_ours
def test_a_class_that_the_classifier_loses_keeps_its_column(wrapper):
    y = np.array(["a", "b", "c"])[CODES]
    with pytest.warns(UserWarning, match=r"DropsFirstClass does not know the labels \['a'\] of y"):
        model = around(wrapper, DropsFirstClass()).fit(X, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert read_probabilities(model.estimator_, X, model.classes_)[:, 0].max() == 0
    assert model.predict_set(X).shape == (150, 3)
    assert (model.predict(X) == y).mean() > 0.55


def test_coverage_holds_although_the_classifier_loses_a_class():
    y = np.array(["a", "b", "c"])[CODES]
    with pytest.warns(UserWarning, match="does not know"):
        model = CoverageSetClassifier(DropsFirstClass(), target_coverage=0.8, random_state=0).fit(
            X, y
        )
    assert model.predict_set(X)[np.arange(150), CODES].mean() >= 0.8


@each_but_ours
def test_columns_of_foreign_classes_are_left_out_and_told(wrapper):
    y = np.array(["a", "b", "c"])[CODES]
    with pytest.warns(UserWarning, match=r"columns for the labels \['unknown'\]"):
        model = around(wrapper, HasForeignClass()).fit(X, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(model.predict_proba(X), model.estimator_._probabilities(X))


@each_but_ours
def test_rows_without_a_label_train_the_classifier_and_nothing_else(wrapper):
    y = np.where(np.arange(150) % 3 == 0, -1, CODES)
    inner = SelfTrainingClassifier(DecisionTreeClassifier(random_state=0))
    with pytest.warns(UserWarning, match="takes the label -1 for no label"):
        model = around(wrapper, inner).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.estimator_.termination_condition_ is not None
    assert (model.predict(X) == CODES).mean() > 0.9
    if wrapper == "coverage":
        chosen = np.random.RandomState(0).permutation(150)[:30]
        assert model.n_calibration_ == np.count_nonzero(y[chosen] >= 0)


def test_cardinality_aware_refuses_a_classifier_to_which_some_rows_have_no_label():
    y = np.where(np.arange(150) % 3 == 0, -1, CODES)
    inner = SelfTrainingClassifier(DecisionTreeClassifier(random_state=0))
    with pytest.raises(ValueError, match=r"SelfTrainingClassifier takes .* FrozenEstimator"):
        CardinalityAwareClassifier(inner, cv=2, refine=False, random_state=0).fit(X, y)


def test_cardinality_aware_tells_which_labels_its_classifier_has_lost():
    with pytest.warns(UserWarning, match=r"does not know the labels \[0\]"):
        CardinalityAwareClassifier(DropsFirstClass(), cv=2, refine=False, random_state=0).fit(
            X, CODES
        )


def test_minus_one_is_a_class_where_the_classifier_knows_it():
    model = CoverageSetClassifier(Bayes(), target_coverage=0.8, random_state=0).fit(X, CODES - 1)
    assert model.classes_.tolist() == [-1, 0, 1]
    assert model.n_calibration_ == 30


def with_nan(p):
    return np.where(np.arange(p.shape[1]) == 1, np.nan, p)


BAD = [
    ("NaN", with_nan, r"NaN in \d+ of \d+ rows"),
    ("infinite", lambda p: p / 0.0, "NaN|infinite values"),
    ("raw scores", lambda p: np.log(p + 1e-9) + 5, "values between .* expected probabilities"),
    ("log-probabilities", lambda p: np.log(p + 1e-9), "values between .* expected probabilities"),
    ("percentages", lambda p: 100 * p, "values between .* expected probabilities"),
    ("sums of two", lambda p: (p + 1) / 2.0, "rows that sum to values between 2 and 2; expected 1"),
    ("sums of zero", np.zeros_like, "rows that sum to values between 0 and 0; expected 1"),
    ("one column", lambda p: p[:, 1], r"the shape \(\d+,\) for 3 classes; expected \(\d+, 3\)"),
    ("too few columns", lambda p: p[:, :2], r"2 columns for 3 classes; expected \(\d+, 3\)"),
    ("too few rows", lambda p: p[:-1], r"the shape \(\d+, 3\) for 3 classes; expected \(\d+, 3\)"),
    ("three dimensions", lambda p: p[:, :, None], r"the shape \(\d+, 3, 1\)"),
    ("a list of arrays", lambda p: [p, p[:, :1]], "no array of numbers"),
    ("texts", lambda p: p.astype(str).astype(object) + "%", "no array of numbers"),
    ("complex", lambda p: p + 0.1j, "no array of numbers: complex"),
    ("masked cells", lambda p: np.ma.masked_greater(p, 0.5), "NaN in"),
    ("with a gradient", lambda p: torch.tensor(p, requires_grad=True), "no array of numbers"),
]


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in BAD], ids=[r[0] for r in BAD])
@each_wrapper
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_is_no_probability_is_refused_when_fitted_and_when_asked(wrapper, change, message):
    with pytest.raises(ValueError, match=f"predict_proba of Gives gives .*{message}"):
        around(wrapper, Gives(change)).fit(X, CODES)
    model = around(wrapper, Gives(np.asarray)).fit(X, CODES)
    model.estimator_.change = change
    for method in (model.predict_set, model.predict_proba, model.predict, model.predict_top_k):
        with pytest.raises(ValueError, match=f"predict_proba of Gives gives .*{message}"):
            method(X)


def test_scores_that_are_not_finite_are_refused():
    class Scores(Bayes):
        predict_proba = property()

        def decision_function(self, X):
            return with_nan(self._probabilities(X))

    with pytest.raises(ValueError, match="decision_function of Scores gives NaN in 16 of 16 rows"):
        TopKSetClassifier(Scores(), k=1).fit(X, CODES)


def test_a_name_is_that_of_the_classifier_inside_a_frozen_one():
    frozen = FrozenEstimator(Gives(with_nan).fit(X, CODES))
    with pytest.raises(ValueError, match="predict_proba of Gives gives NaN"):
        TopKSetClassifier(frozen, k=1).fit(X, CODES)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_rounding_is_no_error(dtype):
    model = TopKSetClassifier(Gives(lambda p: p.astype(dtype)), k=1).fit(X, CODES)
    assert model.predict_proba(X).dtype == np.float64
    slightly = Gives(lambda p: p + np.array([1e-9, -1e-9, 0])).fit(X, CODES)
    p = read_probabilities(slightly, X)
    assert 0 <= p.min() <= p.max() <= 1


def test_rows_that_sum_to_one_roughly_are_rescaled_and_told():
    rough = Gives(lambda p: np.round(p * 0.98, 2)).fit(X, CODES)
    with pytest.warns(UserWarning, match="predict_proba of Gives .* rescaled to sum to 1"):
        p = read_probabilities(rough, X)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_the_few_rows_of_two_classes_that_naive_bayes_cannot_tell_apart_are_rescaled():
    ties = np.eye(3)[[0, 0]] + np.eye(3)[[1, 2]]
    changed = Gives(lambda p: np.vstack([ties, p[2:]])).fit(X, CODES)
    with pytest.warns(UserWarning, match=r"between 1 and 2; 2 of 150 rows are rescaled"):
        p = read_probabilities(changed, X)
    np.testing.assert_array_equal(p[:2], ties / 2)
    with pytest.warns(UserWarning, match=r"2 of 3 rows are rescaled"):  # alone as in a batch
        np.testing.assert_array_equal(read_probabilities(changed, X[:3]), p[:3])


def test_frames_whose_columns_are_named_by_the_classes_are_read_by_name():
    y = np.array(["a", "b", "c"])[CODES]
    for make in (pd.DataFrame, pl.DataFrame):
        named = Gives(lambda p, make=make: make(dict(zip("cab", p[:, [2, 0, 1]].T, strict=True))))
        model = TopKSetClassifier(named, k=1).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), model.estimator_._probabilities(X))
    # Numbers of columns are no names: they stand for places, whatever the labels are.
    unnamed = Gives(lambda p: pd.DataFrame(p))
    p = TopKSetClassifier(unnamed, k=1).fit(X, CODES).estimator_
    p.classes_ = np.array([2, 0, 1])
    np.testing.assert_array_equal(read_probabilities(p, X), p._probabilities(X))


def test_sparse_probabilities_are_read():
    model = TopKSetClassifier(Gives(csr_array), k=1).fit(X, CODES)
    np.testing.assert_array_equal(model.predict_proba(X), model.estimator_._probabilities(X))


@each_wrapper
def test_columns_that_the_classifier_does_not_predict_by_are_told(wrapper):
    # For three classes there are three pairs: the shape does not tell that columns are pairs.
    pairs = SVC(decision_function_shape="ovo")
    with pytest.warns(UserWarning, match="predict of SVC gives another label than the highest of "):
        around(wrapper, pairs).fit(X, CODES)


@each_wrapper
def test_a_classifier_that_cannot_predict_labels_may_be_inside(wrapper):
    class Ranks(Bayes):
        def predict(self, X):
            raise NotImplementedError

    assert (around(wrapper, Ranks()).fit(X, CODES).predict(X) == CODES).mean() > 0.9


def test_frames_of_probabilities_are_read():
    model = TopKSetClassifier(Gives(pd.DataFrame), k=1).fit(X, CODES)
    np.testing.assert_array_equal(model.predict_proba(X), Bayes().fit(X, CODES).predict_proba(X))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, "Odd has no classes_ after its fit"),
        ([0, 1, 1], r"classes_ of Odd names a label twice: \[0, 1, 1\]"),
        ([[0], [1], [2]], "gives"),
        (["a", "b", "c"], "classes_ of Odd are no labels of y"),
        ([0, "b", None], "classes_ of Odd must hold numbers only or strings only"),
    ],
)
def test_classes_that_name_no_columns_are_refused(classes, message):
    class Odd(Bayes):
        def fit(self, X, y):
            self._fit(X, y)
            self.classes_ = classes

        def predict_proba(self, X):
            return self._probabilities(X)[:, :2]

    with pytest.raises(ValueError, match=message):
        TopKSetClassifier(Odd(), k=1).fit(X, CODES)


def test_rows_of_which_only_a_foreign_class_is_known_are_uniform():
    fitted = Gives(lambda p: np.tile([0.0, 0.0, 1.0], (len(p), 1))).fit(X, CODES)
    p = read_probabilities(fitted, X, np.array([0, 1]))
    np.testing.assert_array_equal(p, 0.5)


def test_probabilities_whose_columns_are_in_place_are_not_changed():
    fitted = Bayes().fit(X, CODES)
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(read_probabilities(fitted, X, fitted.classes_), expected)


def test_a_network_inside_is_read_like_any_other():
    inner = NeuralClassifier(**SMALL)
    fitted = fit_classifier(inner, X, CODES)
    assert learned_classes(fitted, np.arange(3)).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(read_probabilities(fitted, X), fitted.predict_proba(X))
