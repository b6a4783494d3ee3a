"""Every estimator takes frames of any library as it takes arrays."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from tiny import ESTIMATORS, labelled_rows

from sklearn_setpred import predict_set

X, y = labelled_rows()
COLUMNS = ["a", "b", "c"]
FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=COLUMNS),
    "pandas on pyarrow": lambda X: pd.DataFrame(X, columns=COLUMNS).astype("float64[pyarrow]"),
    "polars": lambda X: pl.DataFrame(X, schema=COLUMNS),
}
LABELS = {
    "pandas": pd.Series,
    "pandas on pyarrow": pd.Series,
    "polars": lambda y: pl.Series(list(y)),
}


@pytest.fixture(scope="module", params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def fitted(request):
    """Return an estimator and its sets when fitted to arrays."""
    estimator = request.param
    return estimator, predict_set(clone(estimator).fit(X, y), X)


@pytest.mark.parametrize("library", FRAMES)
def test_a_frame_gives_the_sets_of_its_array(fitted, library):
    estimator, expected = fitted
    frame = FRAMES[library](X)
    from_frame = clone(estimator).fit(frame, LABELS[library](y))
    np.testing.assert_array_equal(predict_set(from_frame, frame), expected)
    np.testing.assert_array_equal(from_frame.feature_names_in_, COLUMNS)


@pytest.mark.parametrize("library", FRAMES)
def test_columns_in_another_order_are_refused(fitted, library):
    estimator, _ = fitted
    frame = FRAMES[library](X)
    model = clone(estimator).fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_set(frame[COLUMNS[::-1]])
