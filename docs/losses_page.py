"""The page of losses: a table and an entry for each, from the registry and the measured costs.

docs/conf.py appends them to the page when the site is built. The costs come from
docs/losses_cost.csv, which ``examples/benchmarks/losses.py --csv`` writes; a loss that was not
measured has none.
"""

from __future__ import annotations

import csv
import inspect
from pathlib import Path

from sklearn_setpred.losses import LOSSES, Limit, Loss

COSTS = Path(__file__).with_name("losses_cost.csv")
# The page names them: small ones, where calls take the time, and large ones.
SIZES = [("128", "26"), ("128", "150"), ("256", "1000"), ("4096", "1000")]


def sections(loss: type[Loss]) -> dict[str, str]:
    """Return the sections of a numpydoc docstring by title; the text before them under ''."""
    found, title = {"": []}, ""
    lines = inspect.getdoc(loss).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if following and set(following) == {"-"}:
            title = line
            found[title] = []
        elif not (line and set(line) == {"-"}):
            found[title].append(line)
    return {title: "\n".join(body).strip() for title, body in found.items()}


def opening(text: str) -> tuple[str, str, str]:
    """Return summary, formula and advice from the text before the sections."""
    summary, rest = text.split("\n\n::\n\n")
    lines = rest.split("\n")
    end = next(i for i, line in enumerate(lines) if line and not line.startswith(" "))
    formula = inspect.cleandoc("\n".join(["", *lines[:end]]))
    return summary, formula, "\n".join(lines[end:])


def costs() -> dict[tuple[str, str, str], str]:
    """Return the measured ratios by loss, batch and number of classes."""
    with COSTS.open(newline="") as file:
        return {(r["loss"], r["batch"], r["n_classes"]): r["ratio"] for r in csv.DictReader(file)}


def overview(losses: list[type[Loss]]) -> str:
    """Return the table with one row for each loss."""
    ratios = costs()
    lines = [
        "| loss | target | top-1 | all-k | symmetric | link | cost |",
        "|---|---|---|---|---|---|---|",
    ]
    for loss in losses:
        default = loss()
        facts = (default.top_1, default.all_k, default.symmetric, default.has_link)
        cells = ["yes" if fact else "no" for fact in facts]
        cost = "\u00a0/\u00a0".join(ratios.get((loss.name, *size), "–") for size in SIZES)
        cells = [f"[`{loss.name}`](#{loss.name})", loss.target, *cells, cost]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def limit_line(limit: Limit) -> str:
    """Return one limit in words."""
    using = ", ".join(f"{name}={value:g}" for name, value in limit.using.items())
    factor = "" if limit.factor == 1 else f" times {limit.factor:.4g}"
    return (
        f"- {limit.parameter} → {limit.value:g}: `{limit.becomes}`{using and f' ({using})'}{factor}"
    )


def entry(loss: type[Loss]) -> str:
    """Return what the page says of one loss."""
    found = sections(loss)
    summary, formula, advice = opening(found[""])
    parts = [f"({loss.name})=\n\n## `{loss.name}`: `{loss.__name__}`"]
    parts += [summary, f"```text\n{formula}\n```", advice]
    if "Parameters" in found:
        parts.append(f"**Parameters**\n\n```text\n{found['Parameters']}\n```")
    if loss.limits:
        parts.append("**Limits**\n\n" + "\n".join(map(limit_line, loss.limits)))
    if "Notes" in found:
        parts.append(f"**Notes**\n\n{found['Notes']}")
    if "References" in found:
        parts.append(f"**Source**: {found['References']}")
    return "\n\n".join(parts)


def tables() -> str:
    """Return the table of all losses, and an entry for each, in Markdown."""
    losses = list(LOSSES.values())
    return "\n\n".join(["", overview(losses), *map(entry, losses), ""])
