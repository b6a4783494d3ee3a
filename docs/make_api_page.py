"""Write docs/api.md: every public name with its one-line summary.

python docs/make_api_page.py            writes the page
python docs/make_api_page.py --check    fails if the committed page is not up to date
"""

from __future__ import annotations

import importlib
import inspect
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
    "sklearn_setpred.pipeline",
    "sklearn_setpred.onnx",
    "sklearn_setpred.utils.estimator_checks",
]

INTRODUCTION = """\
# Public names

<!-- Made by docs/make_api_page.py from __all__; do not edit. -->

Each has a docstring with shapes, errors, source and an example that runs: `help(name)`.
"""


def summary(documented: object) -> str:
    """Give the first line of a docstring."""
    return inspect.getdoc(documented).partition("\n")[0]


def signature(name: str, documented: object) -> str:
    """Give the name, and for a function the parameters that it cannot do without."""
    if not inspect.isfunction(documented):
        return name
    parameters = inspect.signature(documented).parameters.values()
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in optional]
    has_more = len(required) < len(parameters)
    return f"{name}({', '.join([*required, '...'] if has_more else required)})"


def section(module: ModuleType) -> str:
    """Give the heading of a module and the table of its names."""
    public = {name: getattr(module, name) for name in sorted(module.__all__, key=str.lower)}
    rows = [
        f"| `{signature(name, value)}` | {summary(value)} |"
        for name, value in public.items()
        if callable(value)
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
    """Give the whole page."""
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
