"""The page of scikit-learn's tools: what the tests run with our estimators, and with others.

docs/conf.py appends the tables to the page when the site is built. What other packages do comes
from docs/sklearn_tools_peers.csv, which ``examples/benchmarks/sklearn_tools.py --csv`` writes.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from tiny import ESTIMATORS  # noqa: E402
from tools import TOOLS, does_not_apply  # noqa: E402

PEERS = DOCS / "sklearn_tools_peers.csv"

COMPARISON = """\
## The same calls with other packages

{versions}. Run again with `python examples/benchmarks/sklearn_tools.py`. Both predictors are meant
to stand outermost, with a pipeline inside, and are calibrated by a call of their own after `fit`,
which the tools of scikit-learn do not make.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ours() -> str:
    """Return the table of our estimators."""
    rows = [
        [
            tool.replace("(", "(\u200b"),
            *("–" if does_not_apply(tool, name) else "works" for name in ESTIMATORS),
        ]
        for tool in TOOLS
    ]
    # A line may break where a space of no width is.
    names = (
        re.sub(r"\B(?=[A-Z][a-z])", "\u200b", name[: -len("Classifier")]) for name in ESTIMATORS
    )
    return table(["tool", *names], rows)


def as_code(outcome: str) -> str:
    """Return an outcome, an error as code: its underscores are no Markdown."""
    return outcome if outcome == "works" else f"`{outcome}`"


def theirs() -> str:
    """Return the table of the other packages."""
    with PEERS.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    versions = {row["package"]: row["version"] for row in found}
    outcomes = {(row["tool"], row["package"]): row["outcome"] for row in found}
    rows = [
        [tool, *(as_code(outcomes[tool, package]) for package in versions)]
        for tool in TOOLS
        if (tool, next(iter(versions))) in outcomes
    ]
    said = ", ".join(f"{package} {version}" for package, version in versions.items())
    return COMPARISON.format(versions=said) + "\n" + table(["tool", *versions], rows)


def tables() -> str:
    """Return both tables, in Markdown."""
    return "\n".join(["", ours(), "", theirs(), ""])
