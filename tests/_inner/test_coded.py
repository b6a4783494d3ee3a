"""A classifier on codes has labels outside."""

import pickle

import numpy as np
import pytest
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


@pytest.mark.parametrize("labels", ["codes", "texts"])
def test_classes_that_are_no_codes_are_not_counted_from_the_end(labels):
    class Shifted(WantsCodes):
        def _order(self, classes):
            return classes - 1

    y = {"codes": CODES, "texts": np.array(["a", "b", "c"])[CODES]}[labels]
    if labels == "texts":
        with pytest.raises(ValueError, match="Invalid classes") as caught:
            TopKSetClassifier(Shifted(), k=1).fit(X, y)
        assert "[-1, 0, 1] after a fit on the codes 0 ... 2" in caught.value.__notes__[0]
    else:
        with pytest.warns(UserWarning, match=r"columns for the labels \[-1\]|\[2\] of y"):
            TopKSetClassifier(Shifted(), k=1).fit(X, y)
