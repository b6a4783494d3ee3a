"""Write docs/sklearn_tools.md from the tools that the tests run.

    python docs/make_tools_page.py            writes the page
    python docs/make_tools_page.py --check    fails if the committed page is not up to date

What other packages do comes from docs/sklearn_tools_peers.csv, which
``examples/benchmarks/sklearn_tools.py --csv`` writes.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from tiny import ESTIMATORS  # noqa: E402
from tools import TOOLS, does_not_apply  # noqa: E402

PAGE = DOCS / "sklearn_tools.md"
PEERS = DOCS / "sklearn_tools_peers.csv"

INTRODUCTION = """\
# Tools of scikit-learn

<!-- Made by docs/make_tools_page.py from tests/tools.py; do not edit. -->

Every cell is a test that runs: the call stands in `tests/tools.py`, under the name in the first
column, and `tests/test_sklearn_tools.py` runs it with each estimator. Where a set predictor stays
at the end (pipelines, searches, frozen estimators), `predict_set(fitted, X)` gives its sets.
`CalibratedClassifierCV`, `VotingClassifier`, `StackingClassifier`, `BaggingClassifier`,
`OneVsRestClassifier` and `TunedThresholdClassifierCV` make a classifier of their own out of ours:
they work as with any classifier, and `ThresholdSetClassifier` or `CoverageSetClassifier` around
them gives sets again. A dash means that the tool does not apply: network classifiers have no
classifier inside.
"""
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
        [tool, *("–" if does_not_apply(tool, name) else "works" for name in ESTIMATORS)]
        for tool in TOOLS
    ]
    return table(["tool", *(f"`{name}`" for name in ESTIMATORS)], rows)


def theirs() -> str:
    """Return the table of the other packages."""
    with PEERS.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    versions = {row["package"]: row["version"] for row in found}
    outcomes = {(row["tool"], row["package"]): row["outcome"] for row in found}
    rows = [
        [tool, *(outcomes[tool, package] for package in versions)]
        for tool in TOOLS
        if (tool, next(iter(versions))) in outcomes
    ]
    said = ", ".join(f"{package} {version}" for package, version in versions.items())
    return COMPARISON.format(versions=said) + "\n" + table(["tool", *versions], rows)


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, ours(), "", theirs(), ""])


def main() -> int:
    """Write the page, or compare with it."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/sklearn_tools.md is out of date: run python docs/make_tools_page.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
