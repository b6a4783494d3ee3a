"""Coverage of classes, sizes and strata."""

import numpy as np
import pytest

from sklearn_setpred.inspection import ConditionalCoverageDisplay
from sklearn_setpred.metrics import (
    class_conditional_coverage,
    size_stratified_coverage,
    strata_conditional_coverage,
)


def test_coverages_of_classes_are_those_of_the_metric(data, sets):
    display = ConditionalCoverageDisplay.from_predictions(data[1], sets)
    coverage = class_conditional_coverage(data[1], sets)
    np.testing.assert_allclose(display.frame()["coverage"], coverage)
    np.testing.assert_allclose(display.errorbar_.lines[0].get_xdata(), coverage)
    ticks = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert ticks == ["ant", "bee", "cat", "dog"]


def test_coverages_of_sizes_are_those_of_the_metric(data, sets):
    frame = ConditionalCoverageDisplay.from_predictions(data[1], sets, by="size").frame()
    coverage = size_stratified_coverage(data[1], sets)
    np.testing.assert_allclose(frame["coverage"], coverage[frame["group"]])
    assert frame["n_rows"].sum() == len(sets)


def test_coverages_of_strata_are_those_of_the_metric(data, sets):
    strata = np.where(data[0][:, 0] > 0, "right", "left")
    display = ConditionalCoverageDisplay.from_predictions(
        data[1], sets, by="strata", strata=strata, target_coverage=0.9
    )
    coverage = strata_conditional_coverage(data[1], sets, strata)
    assert dict(zip(display.groups, display.coverage, strict=True)) == coverage


def test_displays_on_the_same_axes_do_not_hide_each_other_and_the_target_is_marked(data, sets):
    first = ConditionalCoverageDisplay.from_predictions(data[1], sets)
    second = ConditionalCoverageDisplay.from_predictions(
        data[1], sets, ax=first.ax_, target_coverage=0.9
    )
    places = [display.errorbar_.lines[0].get_ydata() for display in (first, second)]
    np.testing.assert_array_equal(places[0], [0, 1, 2, 3])
    assert (places[0] != places[1]).all()
    assert [0.9, 0.9] in [list(line.get_xdata()) for line in first.ax_.lines]


def test_interval_is_wilsons():
    """Newcombe (1998), table I: 81 of 263 have the interval .2553 to .3662."""
    y_set = np.zeros((263, 2), dtype=bool)
    y_set[:81, 0] = True
    display = ConditionalCoverageDisplay.from_predictions(["a"] * 263, y_set, classes=["a", "b"])
    row = display.frame().iloc[0]
    assert (round(row["low"], 4), round(row["high"], 4)) == (0.2553, 0.3662)


def test_equal_weights_leave_the_number_of_rows_and_a_class_without_weight_has_none(data, sets):
    y = data[1]
    frames = [
        ConditionalCoverageDisplay.from_predictions(y, sets, sample_weight=weight).frame()
        for weight in (None, np.full(len(y), 7.0), np.where(y == "ant", 0, 1.0))
    ]
    np.testing.assert_allclose(frames[1]["n_rows"], frames[0]["n_rows"])
    assert frames[2][["coverage", "n_rows", "low"]].isna().all(axis=1).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_many_classes_are_drawn_in_the_order_of_their_coverage(rng):
    y = np.repeat(np.arange(40), 10)
    display = ConditionalCoverageDisplay.from_predictions(y, rng.random((400, 40)) < 0.5)
    drawn = display.errorbar_.lines[0].get_xdata()
    assert (np.diff(drawn) >= 0).all()
    np.testing.assert_array_equal(drawn, np.sort(display.coverage))
    assert "order of coverage" in display.ax_.get_ylabel()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "classes"}, "by='classes' is unknown; did you mean 'class'"),
        ({"by": "strata"}, "needs the stratum of each row"),
        ({"strata": [1, 2]}, "strata are given, but by='class' does not read them"),
    ],
)
def test_bad_groups_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConditionalCoverageDisplay.from_predictions(["a", "b"], [[1, 0], [1, 1]], **arguments)


def test_of_many_classes_those_of_the_lowest_coverage_are_named():
    y = np.repeat(np.arange(40), 4)
    y_set = np.zeros((160, 40), dtype=bool)
    y_set[np.arange(160), y] = True
    y_set[y == 17] = y_set[[y.searchsorted(5)]] = False  # class 17 is never covered, 5 in 3 of 4
    display = ConditionalCoverageDisplay.from_predictions(y, y_set)
    assert display.worst_.get_text().splitlines()[:3] == ["lowest coverage", "17: 0.00", "5: 0.75"]
    few = ConditionalCoverageDisplay.from_predictions(["a", "b"], [[1, 0], [1, 1]])
    assert few.worst_ is None
