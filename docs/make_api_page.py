"""Write docs/api.md: every public name with its one-line summary.

python docs/make_api_page.py            writes the page
python docs/make_api_page.py --check    fails if the committed page is not up to date

docs/conf.py takes from here the names that get a page of their own on the site.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).with_name("api.md")
MODULES = [
    "sklearn_setpred",
    "sklearn_setpred.metrics",
    "sklearn_setpred.scorers",
    "sklearn_setpred.inspection",
    "sklearn_setpred.losses",
    "sklearn_setpred.sets",
    "sklearn_setpred.datasets",
    "sklearn_setpred.files",
    "sklearn_setpred.pipeline",
    "sklearn_setpred.onnx",
    "sklearn_setpred.estimator_checks",
]

# The page of one name on the site: its docstring, and the examples of the gallery that use it.
PAGE_OF_NAME = """\
{name}
{rule}

.. currentmodule:: {module}

.. auto{kind}:: {name}

.. minigallery:: {module}.{name}
   :add-heading: Examples that use it
"""

INTRODUCTION = """\
# Public names

<!-- Made by docs/make_api_page.py from __all__; do not edit. -->

Each has a docstring with shapes, errors, source and an example that runs: `help(name)`.
"""


def public_names(module: ModuleType) -> dict[str, object]:
    """Return the public objects of a module by their names, in alphabetical order."""
    names = sorted(module.__all__, key=str.lower)
    return {name: getattr(module, name) for name in names if name != "__version__"}


def pages_of_names() -> dict[str, str]:
    """Return the page of every class and function by its full name; if it has two, the first."""
    full_names = {}
    for module in map(importlib.import_module, MODULES):
        for name, value in public_names(module).items():
            if callable(value):
                full_names.setdefault(value, (module.__name__, name))
    return {
        f"{module}.{name}": page_of_name(module, name, value)
        for value, (module, name) in full_names.items()
    }


def page_of_name(module: str, name: str, value: object) -> str:
    """Return the page of a class or a function, in reStructuredText."""
    kind = "class" if inspect.isclass(value) else "function"
    return PAGE_OF_NAME.format(module=module, name=name, kind=kind, rule="=" * len(name))


def summary(documented: object) -> str:
    """Return the first line of a docstring, with links as code."""
    first_line = inspect.getdoc(documented).partition("\n")[0]
    return re.sub(r":\w+:`~?(.*?)`", r"`\1`", first_line)


def description(value: object) -> str:
    """Return what the table says: the summary of a class or function, the keys of a mapping."""
    if callable(value):
        return summary(value)
    return f"Mapping with the keys {', '.join(f'`{key}`' for key in value)}."


def signature(name: str, documented: object) -> str:
    """Return the name, and for a function the parameters that it cannot do without."""
    if not inspect.isfunction(documented):
        return name
    parameters = inspect.signature(documented).parameters.values()
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in optional]
    has_more = len(required) < len(parameters)
    return f"{name}({', '.join([*required, '...'] if has_more else required)})"


def section(module: ModuleType) -> str:
    """Return the heading of a module and the table of its names."""
    rows = [
        f"| `{signature(name, value)}` | {description(value)} |"
        for name, value in public_names(module).items()
    ]
    head = [
        f"## `{module.__name__}`",
        "",
        summary(module),
        "",
        "| name | what it is |",
        "|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *map(section, map(importlib.import_module, MODULES))])


def main() -> int:
    """Write the page, or compare with it."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/api.md is out of date: run python docs/make_api_page.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
