"""The code of the README and of the pages in docs runs as it stands, and prints what it says.

A block of code is run after those above it. ``<!-- test: slow -->`` above a block leaves it, and
what follows it on the page, to the slow tests; ``<!-- test: needs mapie -->`` does so too, and
skips where that package is not installed.
"""

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"(?:<!-- test: (?P<mark>[\w ]+) -->\n)?```python\n(?P<code>.*?)```\n"
    r"(?:\n```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)
ANNOUNCED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)


class Block(NamedTuple):
    """Code of a page, how it is tested, and what the page shows as its output."""

    mark: str | None
    code: str
    output: str | None


def blocks_of(page):
    """Return the Python blocks of a page from top to bottom."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(match["mark"], match["code"], match["output"]) for match in found]


PAGES = {
    str(page.relative_to(ROOT)): blocks_of(page)
    for page in [*ROOT.glob("README.md"), *sorted(ROOT.glob("docs/**/*.md"))]
    if "_build" not in page.parts
}


def fast_part(page):
    """Return the blocks before the first one that has a mark."""
    return list(takewhile(lambda block: block.mark is None, PAGES[page]))


def run(blocks, capsys):
    """Run blocks, check what they print, and return the names they leave."""
    names = {}
    for block in blocks:
        exec(block.code, names)
        printed = capsys.readouterr().out
        for line in ANNOUNCED.findall(block.code):
            assert line in printed.splitlines()
        if block.output is not None:
            assert printed == block.output
    return names


@pytest.mark.skipif("README.md" not in PAGES, reason="not run from a source tree")
def test_the_code_of_the_readme_shows_a_set_of_several_labels(capsys):
    names = run(PAGES["README.md"], capsys)
    assert names["y_set"].dtype == bool
    assert names["y_set"].shape == (len(names["X_new"]), 10)
    assert names["y_set"][:4].sum(axis=1).max() > 1


@pytest.mark.filterwarnings("ignore:.*have fewer calibration rows")  # the page says so
@pytest.mark.parametrize("page", [page for page in PAGES if fast_part(page)])
def test_the_code_of_a_page_runs_and_prints_what_it_says(page, capsys):
    run(fast_part(page), capsys)


def packages_of(page):
    """Return the packages that a page says it needs."""
    marks = [block.mark or "" for block in PAGES[page]]
    return [package for mark in marks if mark.startswith("needs ") for package in mark.split()[1:]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if len(fast_part(p)) < len(PAGES[p]) and not packages_of(p)]
)
def test_all_code_of_a_page_runs_and_prints_what_it_says(page, capsys):
    run(PAGES[page], capsys)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of other packages, about others still
@pytest.mark.parametrize("page", [page for page in PAGES if packages_of(page)])
def test_code_around_other_packages_runs_where_they_are_installed(page, capsys):
    for package in packages_of(page):
        pytest.importorskip(package)
    run(PAGES[page], capsys)
