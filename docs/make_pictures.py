"""Draw the pictures of README.md, docs/index.md and the benchmarks from the files of results.

    python docs/make_pictures.py        draws all

A picture argues for one sentence, which is its title. Cases and ratios are those of the tables on
the pages of the benchmarks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from picture_style import STYLE, WIDTH, metadata

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "examples" / "benchmarks"
RESULTS = BENCHMARKS / "results"
IMAGES = DOCS / "images"
sys.path.insert(0, str(BENCHMARKS))

import set_size_tables  # noqa: E402
import strong_peers_tables as peers  # noqa: E402

OURS, THEIRS = "#0072B2", "#D55E00"
# The palette of Okabe and Ito, which most colour-blind readers can tell apart, and shapes.
COLOURS = [OURS, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "black"]
SHAPES = "osD^vX"
BASES = {
    "naive_bayes": "naive Bayes",
    "forest": "random forest",
    "logistic": "logistic regression",
    "boosting": "boosted trees",
    "network": "built-in network",
    "head": "head of the network",
}


def cases() -> pd.DataFrame:
    """Return the cases of the benchmark of set sizes in which there is something to win."""
    lines = pd.read_csv(RESULTS / "set_size.csv")
    found = set_size_tables.compared(set_size_tables.sizes_by_split(lines))
    return found[found["counted"]].reset_index().replace({"base": BASES})


def fewer_labels() -> plt.Figure:
    """Draw the mean set sizes of the best rival and of ours around logistic regression."""
    found = cases().query("base == 'logistic regression' and value == 0.95")
    found = found.sort_values("smallest_rival")
    fig, ax = plt.subplots(figsize=(WIDTH, 5.6), layout="constrained")
    places, theirs, ours = np.arange(len(found)), found["smallest_rival"], found["ours"]
    ax.hlines(places, ours, theirs, color="0.75", linewidth=3, zorder=1)
    ax.plot(theirs, places, "s", color=THEIRS, ms=8, label="best of LAC, APS, RAPS, margin")
    ax.plot(ours, places, "o", color=OURS, ms=9, label="CardinalityAwareClassifier")
    ax.set_yticks(places, map(short, found["data"]))
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
    ax.minorticks_off()
    ax.set_xlabel("Mean number of labels in a set (fewer is better)")
    ax.legend(loc="lower right")
    return finish(fig, ax, "Same coverage (95 %), fewer labels")


def ratios() -> plt.Figure:
    """Draw our size as a multiple of the best rival's in every case, by what is inside."""
    found = cases()
    names = [name for name in BASES.values() if name != BASES["head"]]
    fig, ax = plt.subplots(figsize=(WIDTH, 4.4), layout="constrained")
    for place, name in enumerate(names):
        part = found[found["base"] == name]
        ratio = part["ours"] / part["smallest_rival"]
        spread = place + np.linspace(-0.22, 0.22, len(ratio))
        ax.plot(ratio, spread, "o", color=OURS, ms=5, alpha=0.45, markeredgewidth=0)
        middle = set_size_tables.geometric_mean(ratio)
        ax.plot(middle, place, "D", color="black", ms=8)
        ax.annotate(
            f"{middle:.2f}", (middle, place), (0, 9), textcoords="offset points", ha="center"
        )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.6, len(names) - 0.3)
    ax.axvline(1, color="0.4", linestyle=":")
    ax.set_xlabel("Our set size / that of the best rival")
    return finish(fig, ax, "Left of the line, our sets are smaller")


def set_size() -> plt.Figure:
    """Draw our size as a multiple of that of the better LAC, by data set and what is inside."""
    fig, ax = by_data(cases(), "base")
    ax.set_xlabel("Our set size / that of the better LAC")
    return finish(fig, ax, "Left of the line, our sets are smaller")


def strong_peers() -> plt.Figure:
    """Draw our size as a multiple of that of the best peer, by data set and level."""
    lines = peers.read(RESULTS / "strong_peers.csv", Path("none"))
    found = peers.against_best(peers.sizes_by_split(lines), peers.OURS, peers.PEERS)
    found = found[found["counted"]].reset_index()
    fig, ax = by_data(found.assign(value=[f"{value:.0%}" for value in found["value"]]), "value")
    ax.set_xlabel("Our set size / that of the best of eight, in hindsight")
    return finish(fig, ax, "Left of the line, our sets are smaller")


def by_data(found: pd.DataFrame, by: str) -> tuple[plt.Figure, plt.Axes]:
    """Draw the ratio of each case, a row per data set; what ``by`` names has shapes of its own."""
    names = found.groupby("data")["ratio"].median().sort_values(ascending=False).index
    groups = found[by].unique()
    fig, ax = plt.subplots(figsize=(WIDTH, 0.45 * len(names) + 2), layout="constrained")
    for number, group in enumerate(sorted(groups)):
        part = found[found[by] == group]
        rows = part["data"].map(names.get_loc) + 0.1 * (number - (len(groups) - 1) / 2)
        marker = {"color": COLOURS[number], "marker": SHAPES[number], "ms": 7, "alpha": 0.8}
        ax.plot(part["ratio"], rows, linestyle="", label=group, **marker)
    ax.axvline(1, color="0.4", linestyle=":")
    ax.set_yticks(range(len(names)), map(short, names))
    fig.legend(loc="outside lower center", ncols=min(3, len(groups)), columnspacing=1.0)
    return fig, ax


def short(name: str) -> str:
    """Return what a data set is called in a picture."""
    return name.partition("_")[0]


def finish(fig: plt.Figure, ax: plt.Axes, title: str) -> plt.Figure:
    """Give a figure its sentence and a light grid."""
    ax.set_title(title, fontweight="bold")
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return fig


def main() -> None:
    """Draw all pictures."""
    for draw in (fewer_labels, ratios, set_size, strong_peers):
        with plt.rc_context(STYLE | {"savefig.dpi": 170}):
            figure = draw()
            figure.savefig(IMAGES / f"{draw.__name__}.png", metadata=metadata(figure))
            plt.close(figure)


if __name__ == "__main__":
    main()
