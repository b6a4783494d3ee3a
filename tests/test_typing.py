"""Public functions are typed, and type checkers see the same names as users."""

import ast
import inspect
from pathlib import Path

import pytest
from test_docs import PUBLIC, own_methods

import sklearn_setpred

STUB = Path(sklearn_setpred.__file__).with_suffix(".pyi")


def functions():
    """Return the public functions, and the public methods and constructors of public classes."""
    for name, value in PUBLIC.items():
        if inspect.isclass(value):
            constructor = ["__init__"] if "__init__" in vars(value) else []
            for method in [*own_methods(value), *constructor]:
                yield f"{name}.{method}", getattr(value, method)
        else:
            yield name, value


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_typed(name):
    signature = inspect.signature(FUNCTIONS[name])
    untyped = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
    ]
    returns = [] if signature.return_annotation is not signature.empty else ["return"]
    assert untyped + returns == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_types_are_short_where_they_are_printed(name):
    for parameter in inspect.signature(FUNCTIONS[name]).parameters.values():
        assert len(inspect.formatannotation(parameter.annotation)) <= 150


def test_the_stub_has_the_names_that_are_imported_on_first_use():
    statements = ast.parse(STUB.read_text(encoding="utf-8")).body
    imported = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in statements
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    expected = {
        name: f"sklearn_setpred.{module}.{name}"
        for name, module in sklearn_setpred._EXPORTS.items()
    }
    modules = {name: f"sklearn_setpred.{name}" for name in sklearn_setpred._SUBMODULES}
    assert imported == expected | modules
