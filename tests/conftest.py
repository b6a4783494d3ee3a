import importlib
import os
import sys
from pathlib import Path

# Read when numpy and torch are first imported: tests share two cores, one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# `from toy import ...` must also work in the worker processes of n_jobs=2, which inherit the path.
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of the benchmarks, which find one another as scripts do."""
    folder = Path(__file__).parents[1] / "examples" / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module
