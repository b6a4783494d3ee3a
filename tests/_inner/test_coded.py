"""A classifier on codes has labels outside."""

import pickle

import numpy as np
from around import CODES, X
from foreign import (
    WantsCodes,
)

from sklearn_setpred import (
    TopKSetClassifier,
)
from sklearn_setpred._inner.coded import CodedClassifier


def test_a_classifier_on_codes_shows_labels_and_all_that_is_inside():
    y = np.array(["a", "b", "c"])[CODES]
    model = TopKSetClassifier(WantsCodes(), k=1).fit(X, y)
    coded = model.estimator_
    assert isinstance(coded, CodedClassifier)
    assert coded.classes_.tolist() == ["a", "b", "c"]
    assert (coded.predict(X) == y).mean() > 0.9
    assert coded.n_eval_ == 0
    assert not hasattr(coded, "feature_importances_")
    assert not hasattr(CodedClassifier(WantsCodes()), "predict_proba")
    again = pickle.loads(pickle.dumps(coded))
    np.testing.assert_array_equal(again.predict_proba(X), coded.predict_proba(X))
