"""Every public name has a complete docstring and a page; the pages hang together."""

import importlib
import inspect
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from docutils.utils.math.latex2mathml import tex2mathml
from numpydoc.validate import validate

import sklearn_setpred
from sklearn_setpred.losses import LOSSES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.glob("**/*.md") if "_build" not in p.parts)]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
NAMES = runpy.run_path(str(DOCS / "public_names.py"))

IGNORED = {
    "ES01": "an extended summary: one line may say it all",
    "EX01": "an example: classes and functions have one (test_architecture), methods share it",
    "GL01": "a summary on the line after the quotes: it stands beside them (ruff D212)",
    "RT03": "the description of what is returned: `self`, and arrays whose shape says all",
    "RT04": "a capital letter: descriptions begin with names of types and libraries",
    "SA01": "a See Also section: not every name has a relative",
}


def public_classes_and_functions():
    """Return all public classes and functions by their full name."""
    for module in map(importlib.import_module, NAMES["MODULES"]):
        for name in module.__all__:
            if callable(value := getattr(module, name)):
                yield f"{module.__name__}.{name}", value


def own_methods(cls):
    """Return the names of the public methods that our code defines, and not for a base class."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        is_new = not any(hasattr(base, name) for base in cls.__bases__ if is_public(base))
        if not name.startswith("_") and method.__module__.startswith("sklearn_setpred") and is_new:
            yield name


def is_public(cls):
    """Say whether a class is public, so that its docstrings hold for those derived from it."""
    return cls in PUBLIC.values() or any(map(is_public, cls.__bases__))


PUBLIC = dict(public_classes_and_functions())
METHODS = [
    f"{full_name}.{method}"
    for full_name, value in PUBLIC.items()
    if inspect.isclass(value)
    for method in own_methods(value)
]


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_docstrings_are_complete(name):
    found = validate(name)["errors"]
    assert [f"{code}: {message}" for code, message in found if code not in IGNORED] == []


def test_the_page_of_public_names_has_every_public_module():
    found = pkgutil.iter_modules(sklearn_setpred.__path__, "sklearn_setpred.")
    found = [m.name for m in found if "._" not in m.name]
    public = [name for name in found if hasattr(importlib.import_module(name), "__all__")]
    # Names of `prediction` and `files` are names of the package itself.
    own = {"sklearn_setpred.prediction", "sklearn_setpred.files"}
    assert {*public} - own <= {*NAMES["MODULES"]}


def test_every_public_object_has_one_page_on_the_site():
    pages = NAMES["pages"]()
    assert {PUBLIC[full_name] for full_name in pages} == {*PUBLIC.values()}
    assert len({PUBLIC[full_name] for full_name in pages}) == len(pages)
    # The HTML repr of estimators links to pages by these names.
    estimators = {cls.__name__ for cls in PUBLIC.values() if hasattr(cls, "predict_set")}
    assert {f"sklearn_setpred.{name}" for name in estimators} <= {*pages}


def test_the_tables_name_every_public_object():
    tables = NAMES["tables"]()
    names = {name for module in NAMES["MODULES"] for name in NAMES["public_names"](module)}
    assert {name for name in names if not re.search(rf"[.`]{name}\b", tables)} == set()


def test_the_page_of_losses_has_an_entry_with_formula_and_advice_for_every_loss():
    page = runpy.run_path(str(DOCS / "losses_page.py"))["tables"]()
    for name, loss in LOSSES.items():
        entry = page.split(f"## `{name}`: `{loss.__name__}`")[1].split("\n## ")[0]
        assert "```text" in entry
        assert "Use it" in entry


def test_every_page_stands_once_in_the_contents_of_the_site_or_outside():
    site = runpy.run_path(str(DOCS / "conf.py"))
    listed = [
        page for lists in site["CONTENTS"].values() for pages in lists.values() for page in pages
    ]
    listed = [re.sub(r".*<(.*)>", r"\1", page) for page in listed] + site["OUTSIDE"]
    written = {str(path.relative_to(DOCS).with_suffix("")) for path in PAGES[1:]}
    assert written - {"index"} == {page for page in listed if (DOCS / f"{page}.md").exists()}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_fits_the_column_and_formulas_are_drawn(page):
    text = page.read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    assert [line for line in code.splitlines() if len(line) > 88] == []
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    for formula in re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", prose, re.DOTALL):
        tex2mathml("".join(formula))  # raises for what it does not know


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_examples_run(script, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    # matplotlib says that it shows nothing without a screen.
    ignored = "ignore:FigureCanvasAgg is non-interactive:UserWarning"
    command = [sys.executable, "-W", "error", "-W", ignored, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_tests_that_keep_our_promises_exist():
    page = (DOCS / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", page)
    assert len(named) > 30
    for path, name in named:
        assert f"\ndef {name}(" in (DOCS.parent / path).read_text(encoding="utf-8"), name


def table_of(page, heading, column):
    """Return a column of the first table below a heading, by the first column."""
    text = (ROOT / page).read_text(encoding="utf-8").split(heading, 1)[1]
    rows = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {row[0]: row[head.index(column)] for row in rows}


def test_the_tables_of_the_readme_are_those_of_the_benchmarks():
    around, data = "| around |", "| data |"
    bases = ["logistic", "naive_bayes", "forest", "boosting", "network"]
    kinds = ["tables", "embeddings", "wide"]
    for first, page, names, columns in (
        (around, "docs/set_size.md", bases, {"cases": "cases", "our size": "ratio"}),
        (data, "docs/strong_peers.md", kinds, {"our size": "ratio", "worst case": "worst"}),
    ):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        before = text.split(first)[0]
        for ours, theirs in columns.items():
            said = table_of("README.md", before, ours).values()
            measured = table_of(page, "\n### ", theirs)
            found = [float(measured[name]) for name in names]
            assert [float(value) for value in said] == pytest.approx(found, abs=0.005001)


@pytest.mark.slow
def test_all_pictures_of_the_pages_are_drawn_from_the_results(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.syspath_prepend(str(DOCS))
    pictures = importlib.import_module("make_pictures")
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    pictures.main()
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in (DOCS / "images").iterdir()}
