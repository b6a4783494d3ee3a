"""What all displays have: axes, styles that tell displays apart, numbers as a frame."""

import importlib
from typing import Any

from sklearn_setpred.prediction import find_inside

# The colours of Okabe and Ito, "Color Universal Design" (2008), darker ones first; line styles
# and markers tell displays apart in print.
_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
_LINESTYLES = ["-", "--", "-.", ":"]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


class Display:
    """Base class: a display holds numbers, ``plot`` draws them, ``frame`` returns them."""

    name: str | None

    def _columns(self) -> dict[str, Any]:
        """Return the numbers drawn, by the column of the frame."""
        raise NotImplementedError

    def frame(self) -> Any:
        """Return the numbers drawn.

        Returns
        -------
        pandas.DataFrame
            One row per point, bar or group; frames of several displays can be stacked.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", f"{type(self).__name__}.frame", "pandas")
        return pandas.DataFrame({"name": self.name, **self._columns()})

    def _label(self, name):
        """Return the name for the legend, never empty: displays on the axes are counted by it."""
        return name or self.name or "sets"

    @classmethod
    def _predictor(cls, estimator, method, name):
        """Return the estimator inside that has a method, and the name for the legend."""
        require_matplotlib(f"{cls.__name__}.from_estimator")
        predictor, _ = find_inside(estimator, method)
        return predictor, type(predictor).__name__ if name is None else name

    def _start(self, ax, height=4.8):
        """Take the axes, or make some of ``height`` inches."""
        plt = require_matplotlib(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
            ax.grid(color="0.92")
            ax.set_axisbelow(True)
        self.ax_, self.figure_ = ax, ax.figure
        return ax


def require_matplotlib(caller):
    """Return matplotlib.pyplot, or raise with the way to have it."""
    return import_optional("matplotlib.pyplot", caller, "matplotlib")


def import_optional(module, caller, requirement):
    """Import a module that only some users need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{caller} needs {package}: python -m pip install {requirement}"
        ) from error


def next_style(ax, kwargs):
    """Return colour, line style and marker of the next display on these axes.

    Displays already there are counted by their entries in the legend; ``kwargs``, the
    caller's properties of the line, have the last word.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    count = len(ax.get_legend_handles_labels()[1])
    style = {
        "color": _COLORS[count % len(_COLORS)],
        "linestyle": _LINESTYLES[count % len(_LINESTYLES)],
        "marker": _MARKERS[count % len(_MARKERS)],
    }
    return style | normalize_kwargs(kwargs, Line2D)


def draw_histogram(ax, heights, edges, label, kwargs):
    """Draw a histogram, filled lightly; return its outline."""
    style = {"linewidth": 1.8} | next_style(ax, kwargs)
    del style["marker"]
    ax.stairs(heights, edges, fill=True, alpha=0.15, color=style["color"])
    return ax.stairs(heights, edges, label=label, **style)


def mark_target(draw_line, target_coverage):
    """Draw the target, if there is one, by ``ax.axhline`` or ``ax.axvline``."""
    if target_coverage is not None:
        draw_line(target_coverage, color="0.4", linewidth=1.2, linestyle=":", zorder=1.5)


def percent(fraction):
    """Write a fraction as 95 % or 99.5 %."""
    return f"{100 * fraction:.4g} %"
