"""Temperatures of rows."""

import numpy as np
import pytest

from sklearn_setpred.inspection import TemperatureDisplay


def test_histograms_of_right_and_wrong_rows_are_in_shares_of_their_group(data, model):
    X, y = data
    display = TemperatureDisplay.from_estimator(model, X, y, bins=5)
    temperature = model[-1].temperature(model[:-1].transform(X))
    right = model.predict(X) == y
    for group, rows in [("right", right), ("wrong", ~right)]:
        counts, _ = np.histogram(temperature[rows], np.histogram_bin_edges(temperature, 5))
        values, _, _ = display.stairs_[group].get_data()
        np.testing.assert_allclose(values, counts / rows.sum())
    shares = display.frame().groupby("rows")["share"].sum()
    np.testing.assert_allclose(shares, 1)


def test_without_labels_there_is_one_histogram(data, model):
    display = TemperatureDisplay.from_estimator(model, data[0])
    assert list(display.stairs_) == ["all rows"]


def test_a_group_without_rows_is_not_drawn():
    display = TemperatureDisplay.from_predictions([1.0, 2.0], y_true=[0, 1], y_pred=[0, 1])
    assert list(display.stairs_) == ["right"]


def test_weights_count_rows_of_temperatures():
    display = TemperatureDisplay.from_predictions([1.0, 2.0], bins=2, sample_weight=[3.0, 1.0])
    np.testing.assert_array_equal(display.shares["all rows"], [0.75, 0.25])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": ["a", "b"]}, "give both or none"),
        ({"y_true": ["a"], "y_pred": ["a"]}, "there are 2 temperatures"),
    ],
)
def test_labels_that_do_not_fit_the_temperatures_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TemperatureDisplay.from_predictions([1.0, 2.0], **arguments)
