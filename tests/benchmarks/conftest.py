"""The benchmarks are scripts that import one another; so do their tests."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "examples" / "benchmarks"))


@pytest.fixture
def benchmark():
    """Import a module of the benchmarks by its name."""
    return importlib.import_module
