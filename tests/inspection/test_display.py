"""What all displays share."""

import sys

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.colors import to_hex

from sklearn_setpred.inspection import (
    ConditionalCoverageDisplay,
    CoverageSizeDisplay,
    DecisionDisplay,
    SetSizeDisplay,
    TemperatureDisplay,
)

DISPLAYS = [
    CoverageSizeDisplay,
    SetSizeDisplay,
    ConditionalCoverageDisplay,
    DecisionDisplay,
    TemperatureDisplay,
]


@pytest.mark.parametrize("Display", DISPLAYS)
def test_display_of_a_pipeline_has_the_name_of_the_set_predictor(Display, data, model):
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
    monkeypatch.setattr(type(model[-1]), "predict_proba", lambda *_: pytest.fail("worked"))
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


@pytest.mark.parametrize("Display", DISPLAYS)
@pytest.mark.parametrize("make", [pd.Index, pd.DataFrame, pa.array])
def test_the_container_of_the_labels_does_not_matter(Display, data, model, make):
    X, y = data
    drawn = [Display.from_estimator(model, X, labels).frame() for labels in (y, make(y))]
    pd.testing.assert_frame_equal(*drawn)
