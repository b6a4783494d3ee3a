"""Any classifier is fitted: on labels of any type, on codes where it refuses them."""

import pickle
from itertools import product

import numpy as np
import pytest
from around import AROUND, CODES, X, around, each_wrapper
from foreign import (
    AnyOrder,
    Bayes,
    MergesNumbers,
    ReturnsNothing,
    WantsCodes,
    WritesTexts,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import (
    TopKSetClassifier,
)
from sklearn_setpred._inner.fitting import fit_classifier

LABELS = {
    "codes": np.arange(3),
    "texts": np.array(["a", "b", "c"]),
    "objects": np.array(["a", "b", "c"], dtype=object),
    "numbers in texts": np.array(["10", "5", "9"]),
    "signed": np.array([-1, 0, 1]),
    "from one": np.array([1.0, 2.0, 3.0]),
    "large": np.arange(3) + 2**60,
    "large unsigned": np.arange(3, dtype=np.uint64) + 2**63,
    "merging": np.arange(3) + 2**24,
    "texts of NumPy's type": np.array(["a", "b", "c"]).astype(np.dtypes.StringDType()),
    "numbers as objects": np.array([2, 5, 9], dtype=object),
    "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="M8[D]"),
}


@pytest.mark.parametrize(
    "inner",
    [Bayes(), AnyOrder(), WantsCodes(), ReturnsNothing(), MergesNumbers(), WritesTexts()],
    ids=lambda inner: type(inner).__name__,
)
@pytest.mark.parametrize(
    ("wrapper", "labels"),
    [*product(["top-k", "coverage"], LABELS), *product(AROUND, ["texts", "large", "from one"])],
)
def test_every_classifier_learns_labels_of_every_type(wrapper, labels, inner):
    y = LABELS[labels][CODES]
    model = around(wrapper, inner).fit(X, y)
    np.testing.assert_array_equal(model.classes_, LABELS[labels])
    assert (model.predict(X) == y).mean() > 0.9
    assert model.score(X, y) > 0.9
    p = model.predict_proba(X)
    assert (model.classes_[p.argmax(axis=1)] == y).mean() > 0.9
    assert pickle.loads(pickle.dumps(model)).predict(X).tolist() == model.predict(X).tolist()


@each_wrapper
def test_a_pipeline_and_a_search_around_a_classifier_that_wants_codes(wrapper):
    y = np.array(["a", "b", "c"])[CODES]
    for inner in (
        make_pipeline(StandardScaler(), WantsCodes()),
        GridSearchCV(WantsCodes(), {}, cv=2),
    ):
        model = around(wrapper, inner).fit(X, y)
        assert (model.predict(X) == y).mean() > 0.9


def test_labels_reach_a_classifier_that_reads_them():
    y = np.array(["a", "b", "c"])[CODES]
    fitted = fit_classifier(LogisticRegression(max_iter=500), X, y)
    assert isinstance(fitted, LogisticRegression)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    inner = LogisticRegression(class_weight={"a": 5.0, "b": 1.0, "c": 1.0}, max_iter=500)
    model = TopKSetClassifier(inner, k=1).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), inner.fit(X, y).predict_proba(X))


def test_numbers_that_name_labels_in_a_parameter_are_never_taken_for_codes():
    y = CODES + 1
    inner = LogisticRegression(class_weight={0: 1.0, 1: 1.0, 2: 1.0})
    with pytest.raises(ValueError, match=r"The classes, .*3.*, are not in class_weight"):
        TopKSetClassifier(inner, k=1).fit(X, y)


def test_what_a_classifier_refuses_for_another_reason_is_told_in_its_own_words():
    with pytest.raises(ValueError, match="Input X contains NaN") as caught:
        TopKSetClassifier(LogisticRegression(), k=1).fit(
            np.where(X > 5, np.nan, X), np.array(["a", "b", "c"])[CODES]
        )
    assert "With codes 0, 1, ... as labels" in caught.value.__notes__[0]


def test_a_fit_that_diverges_is_not_tried_again():
    class Diverges(Bayes):
        n_fits = 0

        def fit(self, X, y):
            type(self).n_fits += 1
            raise FloatingPointError("diverged")

    with pytest.raises(FloatingPointError):
        TopKSetClassifier(Diverges(), k=1).fit(X, np.array(["a", "b", "c"])[CODES])
    assert Diverges.n_fits == 1
