"""The imports of the package go one way, are light, and every public name is documented."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
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

# What each part of the package may import, itself apart. Folders and files with a leading
# underscore are private; all may import _utils.
MAY_IMPORT = {
    "_utils": set(),
    "losses": set(),
    "sets": set(),
    "datasets": set(),
    "files": set(),
    "_inner": {"sets"},
    "_networks": {"losses", "sets"},
    "_cardinality": {"losses", "sets", "_inner", "_networks"},
    "metrics": {"sets"},
    "prediction": {"sets"},
    "scorers": {"sets", "metrics", "prediction"},
    "inspection": {"sets", "metrics", "prediction"},
    "estimators": {"losses", "sets", "prediction", "_inner", "_networks", "_cardinality"},
    "onnx": {"losses", "sets", "prediction", "estimators", "_networks", "_cardinality", "_inner"},
    "estimator_checks": {"prediction", "scorers"},
}
# The only places that import these packages when they are imported themselves.
HEAVY = {
    "torch": ("losses", "_networks.modules", "_networks.network", "_networks.rows", "onnx"),
    "skorch": ("_networks.training", "_networks.skorch_net"),
}
HEAVY["torch"] += HEAVY["skorch"]


def part_of(module):
    """Return the part of the package that a module, named without its package, belongs to."""
    return module.partition(".")[0]


def is_in(module, places):
    """Say whether a module is one of some modules, or inside one of some folders."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def imported(node):
    """Return the full names that an import statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def imports(path, *, everywhere):
    """Return the names imported by a file: everywhere in it, or when it is imported itself."""
    nodes, found = [ast.parse(path.read_text())], []
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += imported(node)
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return found


def imported_modules(path, *, everywhere):
    """Return the names inside the package that a file imports, without the package's."""
    own = f"{PACKAGE}."
    found = imports(path, everywhere=everywhere)
    return {name.removeprefix(own) for name in found if name.startswith(own)}


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    part = part_of(name)
    assert part in MAY_IMPORT, f"{name} belongs to no part; give it a place in MAY_IMPORT"
    parts = {part_of(module) for module in imported_modules(MODULES[name], everywhere=True)}
    assert parts - (MAY_IMPORT[part] | {part, "_utils"}) == set()


def test_the_allowed_imports_have_no_circle():
    left = {part: set(allowed) for part, allowed in MAY_IMPORT.items()}
    while left:
        free = {part for part, allowed in left.items() if not allowed & set(left)}
        assert free, f"circle among {sorted(left)}"
        left = {part: allowed for part, allowed in left.items() if part not in free}


def test_the_map_for_contributors_names_every_part():
    text = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [part for part in MAY_IMPORT if not re.search(rf"`{part}(/|\.py)`", text)] == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_absolute(name):
    nodes = ast.walk(ast.parse(MODULES[name].read_text()))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("name", MODULES)
def test_heavy_packages_are_imported_by_the_parts_that_need_them(name):
    at_import = {full.partition(".")[0] for full in imports(MODULES[name], everywhere=False)}
    for package, places in HEAVY.items():
        assert package not in at_import or is_in(name, places)
    if not is_in(name, HEAVY["torch"]):
        own = imported_modules(MODULES[name], everywhere=False)
        assert not [module for module in own if is_in(module, HEAVY["torch"])]


LIGHT_MODULES = [
    *("sets", "datasets", "metrics", "prediction", "scorers", "inspection", "onnx"),
    *("estimator_checks", "files"),
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


def code_lines(path):
    """Return the number of lines that are neither blank, comment nor docstring."""
    text, documentation = path.read_text(), set()
    for node in ast.walk(ast.parse(text)):
        is_documented = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
        if is_documented and ast.get_docstring(node):
            documentation |= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    lines = enumerate(text.splitlines(), start=1)
    code = [n for n, line in lines if line.strip() and not line.lstrip().startswith("#")]
    return len({*code} - documentation)


# Modules without a file of tests at their path, and where their tests are.
TESTED_ELSEWHERE = {
    "_utils.types": "names of types alone: tests/test_typing.py",
    "losses._active_passive": "formulas alone: tests/losses/test_registry.py",
    "losses._margin": "formulas alone: tests/losses/test_registry.py",
    "losses._spherical": "formulas alone: tests/losses/test_registry.py",
    "metrics._checks": "the arguments of every metric: tests/metrics/test_metrics.py",
}


def path_of_tests(name):
    """Return the path at which a reader looks for the tests of a module."""
    *folders, file = name.split(".")
    return Path(__file__).parent.joinpath(*folders, f"test_{file.removeprefix('_')}.py")


@pytest.mark.parametrize("name", MODULES)
def test_the_tests_of_a_module_are_at_its_path(name):
    if MODULES[name].name == "__init__.py":
        return
    assert path_of_tests(name).exists() != (name in TESTED_ELSEWHERE), TESTED_ELSEWHERE.get(name)


def test_no_reason_is_given_for_a_module_that_is_gone():
    assert TESTED_ELSEWHERE.keys() <= MODULES.keys()
    named = [reason.rpartition(": ")[2] for reason in TESTED_ELSEWHERE.values()]
    assert [path for path in named if not (ROOT.parent / path).exists()] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_file_outgrows_the_head_of_its_reader(name):
    assert code_lines(MODULES[name]) <= 250


def test_the_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    lower = dict(bound.split(">=") for bound in project["dependencies"])
    pinned = re.findall(r"^([\w-]+)==(\S+)$", (ROOT.parent / "oldest.txt").read_text(), re.M)
    tested = {name: version for name, version in pinned if name in lower}
    tested["torch"] = re.search(r"TORCH=([\d.]+\d)", (ROOT.parent / "Makefile").read_text())[1]
    assert {name: f"{version}.0" for name, version in lower.items()} == tested
