"""Draw the pictures of README.md, docs/index.md and docs/benchmarks.md from the files of results.

    python docs/make_pictures.py        draws all

A picture argues for one sentence, which is its title. Text is large enough for a screen of 390
pixels: the figures are 5 inches wide, and a page shows them at 36rem or less.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "examples" / "benchmarks" / "results"
IMAGES = DOCS / "images"
OURS, THEIRS = "#0072B2", "#D55E00"
RIVALS = ["LAC", "LAC (MAPIE)", "APS (MAPIE)", "RAPS (MAPIE)", "hinge (crepes)", "margin (crepes)"]
# Missing by more than this many standard errors is no chance: then a method has no size.
CHANCE = 4.0


def mean_sizes(base: str, coverage: float) -> pd.DataFrame:
    """Return each method's mean set size by data set, NaN where its coverage fell short."""
    lines = pd.read_csv(RESULTS / "set_size.csv")
    lines = lines[
        (lines["target_kind"] == "coverage")
        & (lines["value"] == coverage)
        & (lines["base"] == base)
    ]
    # Calibration and test rows both move the coverage of one split.
    variance = coverage * (1 - coverage) * (1 / lines["n_calibration"] + 1 / lines["n_test"])
    lines = lines.assign(short=(coverage - lines["coverage"]) / np.sqrt(variance))
    means = lines.groupby(["data", "method"]).agg(
        size=("size", "mean"), short=("short", "mean"), splits=("short", "size")
    )
    means.loc[means["short"] * np.sqrt(means["splits"]) > CHANCE, "size"] = np.nan
    return means["size"].unstack()


def set_sizes() -> plt.Figure:
    """Draw the mean set sizes of the best rival and of ours around logistic regression."""
    sizes = mean_sizes("logistic", 0.95)
    sizes["best"] = sizes[RIVALS].min(axis=1)
    sizes = sizes[sizes["best"] >= 1.05].sort_values("best")
    fig, ax = plt.subplots(figsize=(5.0, 4.4), layout="constrained")
    places = np.arange(len(sizes))
    ax.hlines(places, sizes["ours"], sizes["best"], color="0.75", linewidth=3, zorder=1)
    ax.plot(sizes["best"], places, "s", color=THEIRS, ms=7, label="best of LAC, APS, RAPS, margin")
    ax.plot(sizes["ours"], places, "o", color=OURS, ms=8, label="CardinalityAwareClassifier")
    ax.set_yticks(places, [name.partition("_")[0] for name in sizes.index])
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
    ax.minorticks_off()
    ax.set_xlabel("Mean number of labels in a set (fewer is better)")
    ax.legend(loc="lower right", fontsize=9)
    return finish(fig, ax, "Same coverage (95 %), fewer labels")


def ratios() -> plt.Figure:
    """Draw our size as a multiple of the best rival's, for every base, data set and level."""
    bases = {
        "naive_bayes": "naive Bayes",
        "forest": "random forest",
        "logistic": "logistic regression",
        "boosting": "boosted trees",
        "network": "built-in network",
    }
    fig, ax = plt.subplots(figsize=(5.0, 3.4), layout="constrained")
    for place, base in enumerate(bases):
        found = []
        for coverage in (0.90, 0.95):
            sizes = mean_sizes(base, coverage)
            best = sizes[[name for name in RIVALS if name in sizes]].min(axis=1)
            found.append((sizes["ours"] / best)[best >= 1.05])
        ratio = pd.concat(found).dropna()
        spread = place + np.linspace(-0.22, 0.22, len(ratio))
        ax.plot(ratio, spread, "o", color=OURS, ms=4, alpha=0.45, markeredgewidth=0)
        middle = np.exp(np.log(ratio).mean())
        ax.plot(middle, place, "D", color="black", ms=7)
        ax.annotate(
            f"{middle:.2f}", (middle, place), (0, 8), textcoords="offset points", ha="center"
        )
    ax.axvline(1, color="0.4", linestyle=":")
    ax.set_yticks(range(len(bases)), bases.values())
    ax.set_ylim(-0.6, len(bases) - 0.3)
    ax.set_xlabel("Our set size / that of the best of six rivals")
    return finish(fig, ax, "Left of the line, our sets are smaller")


def finish(fig: plt.Figure, ax: plt.Axes, title: str) -> plt.Figure:
    """Give a figure its sentence and a light grid."""
    ax.set_title(title, fontsize=12, fontweight="bold")
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return fig


PICTURES = {"fewer_labels": set_sizes, "ratios": ratios}


def main() -> None:
    """Draw all pictures."""
    plt.rcParams.update({"font.size": 10, "savefig.dpi": 220})
    for name, draw in PICTURES.items():
        draw().savefig(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
