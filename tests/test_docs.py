"""Every public name has a complete docstring, and stands on the page of public names."""

import importlib
import inspect
import pkgutil
import runpy
from pathlib import Path

import pytest
from numpydoc.validate import validate

import sklearn_setpred

DOCS = Path(__file__).parents[1] / "docs"
API_PAGE = runpy.run_path(str(DOCS / "make_api_page.py"))

IGNORED = {
    "ES01": "an extended summary: one line may say it all",
    "EX01": "an example: classes and functions have one (test_architecture), methods share it",
    "GL01": "a summary on the line after the quotes: it stands beside them (ruff D212)",
    "RT03": "the description of what is returned: `self`, and arrays whose shape says all",
    "RT04": "a capital letter: descriptions begin with names of types and libraries",
    "SA01": "a See Also section: not every name has a relative",
}


def public_classes_and_functions():
    """Give all public classes and functions by their full name."""
    for module in map(importlib.import_module, API_PAGE["MODULES"]):
        for name in module.__all__:
            if callable(value := getattr(module, name)):
                yield f"{module.__name__}.{name}", value


def own_methods(cls):
    """Give the names of the public methods that our code defines, and not for a base class."""
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


def test_the_page_of_public_names_is_up_to_date():
    assert (DOCS / "api.md").read_text(encoding="utf-8") == API_PAGE["page"]()


def test_the_page_has_every_public_module():
    found = pkgutil.iter_modules(sklearn_setpred.__path__, "sklearn_setpred.")
    public = [m.name for m in found if hasattr(importlib.import_module(m.name), "__all__")]
    # Names of `prediction` are names of the package itself.
    assert {*public} - {"sklearn_setpred.prediction"} <= {*API_PAGE["MODULES"]}
