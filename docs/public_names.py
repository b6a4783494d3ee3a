"""The public names: tables of them for the page ``api``, and a page for each.

docs/conf.py asks for both when the site is built, from the ``__all__`` of the modules: a new name
needs no line here.
"""

import importlib
import inspect

MODULES = [
    "sklearn_setpred",
    "sklearn_setpred.metrics",
    "sklearn_setpred.scorers",
    "sklearn_setpred.inspection",
    "sklearn_setpred.losses",
    "sklearn_setpred.sets",
    "sklearn_setpred.datasets",
    "sklearn_setpred.onnx",
    "sklearn_setpred.estimator_checks",
]

TABLE = """
## `{module}`

{summary}

```{{eval-rst}}
.. autosummary::
   :nosignatures:

{names}
```

{mappings}
"""

# The docstring, and the examples of the gallery that use the name.
PAGE = """\
{name}
{rule}

.. currentmodule:: {module}

.. auto{kind}:: {name}

.. minigallery:: {module}.{name}
   :add-heading: Examples that use it
"""


def public_names(module):
    """Return the public objects of a module by their names, in alphabetical order."""
    module = importlib.import_module(module)
    names = sorted(module.__all__, key=str.lower)
    return {name: getattr(module, name) for name in names if name != "__version__"}


def full_names():
    """Return the full name of every class and function; if it has two, the first."""
    found = {}
    for module in MODULES:
        for name, value in public_names(module).items():
            if callable(value):
                found.setdefault(value, f"{module}.{name}")
    return found


def pages():
    """Return the page of every class and function by its full name, in reStructuredText."""
    found = {}
    for value, full_name in full_names().items():
        module, _, name = full_name.rpartition(".")
        kind = "class" if inspect.isclass(value) else "function"
        found[full_name] = PAGE.format(module=module, name=name, kind=kind, rule="=" * len(name))
    return found


def tables():
    """Return the tables of the names of all modules, in Markdown."""
    return "".join(map(table, MODULES))


def table(module):
    """Return the heading of a module, the table of its names, and its mappings."""
    own, pages = public_names(module), full_names()
    documented = [f"   ~{pages[value]}" for value in own.values() if callable(value)]
    mappings = [
        f"- `{name}`: a mapping with the keys {', '.join(f'`{key}`' for key in value)}."
        for name, value in own.items()
        if not callable(value)
    ]
    summary = inspect.getdoc(importlib.import_module(module)).partition("\n")[0]
    return TABLE.format(
        module=module, summary=summary, names="\n".join(documented), mappings="\n".join(mappings)
    )
