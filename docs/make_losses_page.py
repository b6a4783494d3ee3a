"""Write docs/losses.md from the registry of losses and the measured costs.

    python docs/make_losses_page.py            writes the page
    python docs/make_losses_page.py --check    fails if the committed page is not up to date

The costs come from docs/losses_cost.csv, which ``examples/benchmarks/losses.py --csv`` writes.
"""

from __future__ import annotations

import csv
import inspect
import sys
from pathlib import Path

from sklearn_setpred.losses import LOSSES, Limit, Loss

DOCS = Path(__file__).parent
PAGE = DOCS / "losses.md"
COSTS = DOCS / "losses_cost.csv"
# Sizes whose ratios are arithmetic and not the overhead of calls.
SIZES = [("256", "10000"), ("4096", "1000"), ("4096", "10000")]

INTRODUCTION = """\
# Losses

<!-- Made by docs/make_losses_page.py from sklearn_setpred.losses.LOSSES; do not edit. -->

Every loss is a small object: `get_loss("ldr_kl")` or `LDRKL(lam=2.0)`, called on scores of shape
(n, K) and a target, gives one value per row. A name means the defaults, an instance means your
parameters.

- **top-1**: the scores of least conditional risk put the most probable class first.
- **all-k**: they put all classes in the order of their probabilities, so top-k sets are best at
  every k.
- **symmetric**: the losses of all labels sum to a constant, which withstands uniform label noise.
  No loss can be top-1 consistent, symmetric and all-k consistent.
- **link**: `probabilities` gives back the class probabilities at the scores of least risk. The
  other losses rank; their probabilities are not calibrated.
- **cost**: forward and backward, as a multiple of cross-entropy on the same scores in one thread of
  a CPU, at {sizes}; top-k losses at k = 5.

The columns hold for the default parameters. For losses whose target is a cost, read "choice" for
class and "ranked by expected cost" for top-1 and all-k.
"""


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
        cost = " / ".join(ratios[loss.name, *size] for size in SIZES)
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


def page() -> str:
    """Return the whole page."""
    losses = list(LOSSES.values())
    sizes = ", ".join(f"{int(b):,} rows of {int(k):,} classes" for b, k in SIZES)
    parts = [INTRODUCTION.format(sizes=sizes), overview(losses), *map(entry, losses)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main() -> int:
    """Write the page, or compare with it."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/losses.md is out of date: run python docs/make_losses_page.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
