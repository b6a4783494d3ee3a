"""The curve of decisions, and the point that was tested."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.inspection import DecisionDisplay
from sklearn_setpred.metrics import singleton_accuracy_score, singleton_score


def test_the_marked_point_is_fraction_and_accuracy_of_the_sets_of_one_label(data):
    X, y = data
    model = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.7, target_accuracy=0.6, confidence=0.6, random_state=0
    ).fit(X, y)
    display, sets = DecisionDisplay.from_estimator(model, X, y), model.predict_set(X)
    expected = singleton_score(y, sets), singleton_accuracy_score(y, sets)
    np.testing.assert_allclose(np.ravel(display.point_.get_data()), expected)
    assert display.ax_.lines[-1].get_ydata()[0] == 0.6
    assert display.fraction[-1] == 1
    assert display.accuracy[-1] == pytest.approx(model.score(X, y))


def test_rows_of_one_probability_stand_alone_together_and_weights_are_repetitions():
    y, proba = ["a", "b", "a"], [[0.8, 0.2], [0.8, 0.2], [0.4, 0.6]]
    display = DecisionDisplay.from_predictions(y, proba, sample_weight=[3, 1, 0], tested_level=0.9)
    assert display.fraction.tolist() == [1, 1]
    assert display.accuracy.tolist() == [0.75, 0.75]
    assert display.point_ is None
