"""The imports of the package go one way, are light, and every public name is documented."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_setpred

PACKAGE = sklearn_setpred.__name__
ROOT = Path(sklearn_setpred.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}
PARTS = {name: path for name, path in MODULES.items() if name != "utils"}

# What each part of the package may import, itself apart; all may import utils.validation, which
# stands for utils.types too.
MAY_IMPORT = {
    "utils.validation": set(),
    "losses": set(),
    "rows": set(),
    "networks": {"losses", "rows"},
    "stacks": {"rows", "networks"},
    "training": {"losses", "rows", "networks", "stacks"},
    "sets": set(),
    "datasets": set(),
    "metrics": {"sets"},
    "prediction": {"sets"},
    "pipeline": {"prediction"},
    "scorers": {"sets", "metrics", "prediction"},
    "inspection": {"sets", "metrics", "prediction"},
    "estimators": {
        "losses",
        "rows",
        "networks",
        "training",
        "sets",
        "metrics",
        "prediction",
        "scorers",
    },
    "onnx": {"losses", "sets", "prediction", "estimators"},
    "utils.estimator_checks": {"prediction", "scorers"},
}
READS_EVERYTHING = {"__main__"}
# Packages that only these parts import when they are imported themselves.
HEAVY = {"torch": {"losses", "rows", "networks", "stacks", "training"}, "skorch": {"training"}}
HEAVY_PARTS = HEAVY["torch"]


def part_of(module):
    """Give the part of the package that a module, named without its package, belongs to."""
    first, second = (*module.split("."), "")[:2]
    if first != "utils":
        return first
    is_shared = second in ("types", "validation")
    return "utils.validation" if is_shared else "utils.estimator_checks"


def imported(node):
    """Give the full names that an import statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def imports(path, *, everywhere):
    """Give the names imported by a file: everywhere in it, or when it is imported itself."""
    nodes, found = [ast.parse(path.read_text())], []
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += imported(node)
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return found


def imported_parts(path, *, everywhere):
    """Give the parts of the package that a file imports."""
    own = [name for name in imports(path, everywhere=everywhere) if name.startswith(f"{PACKAGE}.")]
    return {part_of(name.removeprefix(f"{PACKAGE}.")) for name in own}


@pytest.mark.parametrize("name", PARTS)
def test_imports_go_one_way(name):
    part = part_of(name)
    if part in READS_EVERYTHING:
        return
    assert part in MAY_IMPORT, f"{name} belongs to no part; give it a place in MAY_IMPORT"
    allowed = MAY_IMPORT[part] | {part, "utils.validation"}
    assert imported_parts(PARTS[name], everywhere=True) - allowed == set()


def test_the_allowed_imports_have_no_circle():
    left = {part: set(allowed) for part, allowed in MAY_IMPORT.items()}
    while left:
        free = {part for part, allowed in left.items() if not allowed & set(left)}
        assert free, f"circle among {sorted(left)}"
        left = {part: allowed for part, allowed in left.items() if part not in free}


@pytest.mark.parametrize("name", PARTS)
def test_imports_are_absolute(name):
    nodes = ast.walk(ast.parse(PARTS[name].read_text()))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("name", PARTS)
def test_heavy_packages_are_imported_by_the_parts_that_need_them(name):
    at_import = {full.partition(".")[0] for full in imports(PARTS[name], everywhere=False)}
    for package, parts in HEAVY.items():
        assert package not in at_import or part_of(name) in parts
    if part_of(name) not in HEAVY_PARTS:
        assert not imported_parts(PARTS[name], everywhere=False) & HEAVY_PARTS


LIGHT_MODULES = [
    *("sets", "datasets", "metrics", "prediction", "scorers", "pipeline", "inspection", "onnx"),
    "utils.estimator_checks",
]


@pytest.mark.parametrize(
    "statements",
    [
        "",
        "\n".join(f"import {PACKAGE}.{name}" for name in LIGHT_MODULES),
        "\n".join(f"from {PACKAGE} import {name}" for name in sklearn_setpred.__all__),
    ],
    ids=["package", "light modules", "public names"],
)
def test_imports_leave_torch_and_skorch_alone(statements):
    code = f"import sys, {PACKAGE}\n{statements}\nprint({{'torch', 'skorch'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("set()\n", "")


PUBLIC_MODULES = [PACKAGE, *(f"{PACKAGE}.{name}" for name in MODULES if "._" not in f".{name}")]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_names_are_documented_with_an_example(name):
    module = importlib.import_module(name)
    public = {name: getattr(module, name) for name in getattr(module, "__all__", [])}
    documented = [
        name for name, value in public.items() if "\n>>> " in inspect.cleandoc(value.__doc__ or "")
    ]
    assert documented == [name for name, value in public.items() if callable(value)]


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = sklearn_setpred.Nothing
    assert set(dir(sklearn_setpred)) >= set(sklearn_setpred.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_no_file_outgrows_the_head_of_its_reader(name):
    n_lines = len(MODULES[name].read_text().splitlines())
    assert n_lines <= 450
