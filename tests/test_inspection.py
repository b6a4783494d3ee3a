"""Displays draw the numbers of the metrics and give them back."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sklearn.datasets import make_blobs
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred.inspection import (
    ConditionalCoverageDisplay,
    CoverageSizeDisplay,
    SetSizeDisplay,
    TemperatureDisplay,
)
from sklearn_setpred.metrics import (
    class_conditional_coverage,
    coverage_score,
    coverage_size_curve,
    mean_set_size,
    set_size_distribution,
    size_stratified_coverage,
    strata_conditional_coverage,
)

DISPLAYS = [
    CoverageSizeDisplay,
    SetSizeDisplay,
    ConditionalCoverageDisplay,
    TemperatureDisplay,
]


class WarmToySetClassifier(ToySetClassifier):
    """Return each row a temperature, as models of adaptive losses do."""

    def temperature(self, X):
        return 2 - self.predict_proba(X).max(axis=1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = overlapping_blobs()
    names = np.array(["ant", "bee", "cat", "dog"])
    return X, names[y]


@pytest.fixture(scope="module")
def model(data):
    return make_pipeline(StandardScaler(), WarmToySetClassifier()).fit(*data)


@pytest.fixture(scope="module")
def sets(data, model):
    return model[-1].predict_set(model[:-1].transform(data[0]))


def by_curve(frame):
    return frame[frame["part"] == "curve"]


# --- what all displays share --------------------------------------------------------------------


@pytest.mark.parametrize("Display", DISPLAYS)
def test_display_of_a_pipeline_bears_the_name_of_the_set_predictor(Display, data, model):
    display = Display.from_estimator(model, *data)
    assert display.name == "WarmToySetClassifier"
    assert display.figure_ is display.ax_.figure
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend[0].startswith("WarmToySetClassifier")
    assert display.ax_.get_xlabel()
    assert display.ax_.get_ylabel()
    display.figure_.canvas.draw()


@pytest.mark.parametrize("Display", DISPLAYS)
def test_displays_share_axes_and_are_told_apart(Display, data, model):
    first = Display.from_estimator(model, *data, name="first")
    second = Display.from_estimator(model, *data, name="second", ax=first.ax_)
    assert second.ax_ is first.ax_
    handles, labels = first.ax_.get_legend_handles_labels()
    assert {label.split()[0].strip(",") for label in labels} == {"first", "second"}
    assert len({_color(handle) for handle in handles}) == len(handles)


def _color(handle):
    handle = handle.lines[0] if hasattr(handle, "lines") else handle
    return to_hex(
        handle.get_edgecolor() if hasattr(handle, "get_edgecolor") else handle.get_color()
    )


@pytest.mark.parametrize("Display", DISPLAYS)
def test_plot_can_be_repeated_under_another_name_and_color(Display, data, model):
    display = Display.from_estimator(model, *data)
    before = display.frame()
    _, ax = plt.subplots()
    assert display.plot(ax=ax, name="again", color="red") is display
    assert display.ax_ is ax
    handles, labels = ax.get_legend_handles_labels()
    assert labels[0].startswith("again")
    assert _color(handles[0]) == "#ff0000"
    pd.testing.assert_frame_equal(display.frame(), before)


@pytest.mark.parametrize("Display", DISPLAYS)
def test_frames_of_several_displays_stack(Display, data, model):
    frames = [Display.from_estimator(model, *data, name=name).frame() for name in ["a", "b"]]
    stacked = pd.concat(frames)
    assert set(stacked["name"]) == {"a", "b"}
    assert not frames[0].drop(columns="name").isna().any(axis=None)


@pytest.mark.parametrize("Display", DISPLAYS)
def test_without_matplotlib_the_error_says_what_to_install(Display, data, model, monkeypatch):
    display = Display.from_estimator(model, *data)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setattr(WarmToySetClassifier, "predict_proba", lambda *_: pytest.fail("worked"))
    with pytest.raises(
        ImportError, match=rf"{Display.__name__}\.from_estimator.*install matplotlib"
    ):
        Display.from_estimator(model, *data)
    with pytest.raises(ImportError, match=rf"{Display.__name__}\.plot needs matplotlib"):
        display.plot()


@pytest.mark.parametrize("Display", DISPLAYS)
def test_without_pandas_the_display_is_drawn_and_frame_says_what_it_needs(
    Display, data, model, monkeypatch
):
    display = Display.from_estimator(model, *data)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"frame needs pandas: .* install pandas"):
        display.frame()


# --- coverage against size ----------------------------------------------------------------------


def test_curve_and_point_are_those_of_the_metrics(data, model, sets):
    X, y = data
    display = CoverageSizeDisplay.from_estimator(model, X, y)
    levels = model[-1].set_levels(model[:-1].transform(X))
    coverage, mean_size, _ = coverage_size_curve(y, levels)
    np.testing.assert_array_equal(display.line_.get_ydata(), coverage)
    np.testing.assert_array_equal(display.line_.get_xdata(), mean_size)
    np.testing.assert_array_equal(by_curve(display.frame())["coverage"], coverage)
    point = mean_set_size(y, sets), coverage_score(y, sets)
    assert (display.point_.get_xdata()[0], display.point_.get_ydata()[0]) == point
    assert tuple(display.frame().iloc[-1][["part", "mean_size", "coverage"]]) == ("point", *point)


def test_without_levels_there_is_a_marker_that_bears_the_name(data, sets):
    display = CoverageSizeDisplay.from_predictions(data[1], sets, name="sets of one penalty")
    assert display.line_ is None
    assert display.point_.get_label() == "sets of one penalty"
    assert len(display.frame()) == 1


def test_legend_gives_the_mean_size_at_the_target():
    levels = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.5, 0.4, -np.inf]]
    arguments = {"levels": levels, "classes": ["a", "b", "c"], "name": "toy"}
    labels = [
        CoverageSizeDisplay.from_predictions(
            ["a", "b", "c"], target_coverage=target, **arguments
        ).line_.get_label()
        for target in (0.5, 0.995)
    ]
    # At threshold 0.4 the sets are {a}, {a, b}, {a, b}: two of three labels, 5/3 labels a row.
    assert labels == ["toy (1.67 labels at 50 %)", "toy (not reached at 99.5 %)"]


def test_coverage_stays_until_the_next_size_and_the_target_is_marked(data, model):
    display = CoverageSizeDisplay.from_estimator(model, *data, target_coverage=0.9)
    assert display.line_.get_drawstyle() == "steps-post"
    assert [0.9, 0.9] in [list(line.get_ydata()) for line in display.ax_.lines]


def test_neither_sets_nor_levels_is_an_error():
    with pytest.raises(ValueError, match="y_set=None and levels=None"):
        CoverageSizeDisplay.from_predictions(["a", "b"])


def test_folds_give_the_mean_curve_and_a_band():
    X, y = make_blobs(150, n_features=3, centers=3, cluster_std=4, random_state=0)
    model = make_pipeline(StandardScaler(), ToySetClassifier())
    results = cross_validate(model, X, y, cv=3, return_estimator=True, return_indices=True)
    display = CoverageSizeDisplay.from_cv_results(results, X, y)
    at_start = [
        (fold.predict(X[rows]) == y[rows]).mean()
        for fold, rows in zip(results["estimator"], results["indices"]["test"], strict=True)
    ]
    assert display.mean_size[0] == 1
    assert display.coverage[0] == pytest.approx(np.mean(at_start))
    assert display.coverage_std[0] == pytest.approx(np.std(at_start))
    assert (np.diff(display.coverage) >= 0).all()
    np.testing.assert_array_equal(display.frame()["coverage_std"], display.coverage_std)
    assert display.band_ in display.ax_.collections


def test_equal_folds_give_their_own_curve_and_weights_count(data):
    X, y = data
    model = ToySetClassifier().fit(X, y)
    results = {"estimator": [model] * 2, "indices": {"test": [np.arange(len(y))] * 2}}
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    display = CoverageSizeDisplay.from_cv_results(
        results, pd.DataFrame(X), pd.Series(y), sample_weight=weight
    )
    coverage, mean_size, _ = coverage_size_curve(y, model.set_levels(X), sample_weight=weight)
    at = np.searchsorted(mean_size, display.mean_size, side="right") - 1
    np.testing.assert_array_equal(display.coverage, coverage[at])
    np.testing.assert_array_equal(display.coverage_std, 0)


def test_cross_validation_without_its_estimators_is_refused(data):
    with pytest.raises(ValueError, match="return_estimator=True and return_indices=True"):
        CoverageSizeDisplay.from_cv_results({"test_score": [1.0]}, *data)


# --- set sizes ----------------------------------------------------------------------------------


def test_stairs_are_the_distribution_of_the_sizes(data, sets):
    weight = np.random.default_rng(0).uniform(size=len(sets))
    display = SetSizeDisplay.from_predictions(data[1], sets, sample_weight=weight)
    share = set_size_distribution(data[1], sets, sample_weight=weight)
    np.testing.assert_array_equal(display.frame()["share"], share)
    values, edges, _ = display.stairs_.get_data()
    np.testing.assert_array_equal(values, np.trim_zeros(share))
    assert edges[0] == 0.5


def test_empty_sets_are_drawn_at_size_0():
    display = SetSizeDisplay.from_predictions(["a", "b"], [[0, 0], [0, 1]])
    values, edges, _ = display.stairs_.get_data()
    np.testing.assert_array_equal(values, [0.5, 0.5])
    np.testing.assert_array_equal(edges, [-0.5, 0.5, 1.5])
    assert display.stairs_.get_label() == "sets (mean 0.5)"


# --- conditional coverage -----------------------------------------------------------------------


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


def test_of_many_classes_those_of_the_lowest_coverage_are_named():
    y = np.repeat(np.arange(40), 4)
    y_set = np.zeros((160, 40), dtype=bool)
    y_set[np.arange(160), y] = True
    y_set[y == 17] = y_set[[y.searchsorted(5)]] = False  # class 17 is never covered, 5 in 3 of 4
    display = ConditionalCoverageDisplay.from_predictions(y, y_set)
    assert display.worst_.get_text().splitlines()[:3] == ["lowest coverage", "17: 0.00", "5: 0.75"]
    few = ConditionalCoverageDisplay.from_predictions(["a", "b"], [[1, 0], [1, 1]])
    assert few.worst_ is None


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


# --- temperatures -------------------------------------------------------------------------------


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
