# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test doctest lint types docs clean

# One thread: our networks are small, and threads that wait for each other are slower.
export OMP_NUM_THREADS ?= 1

demo: .venv/installed
	MPLBACKEND=agg $(BIN)/python examples/demo.py

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" -q -n auto --maxprocesses 4

doctest: .venv/installed
	$(BIN)/python -m pytest -q --doctest-modules sklearn_setpred

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[typing]"
	$(BIN)/mypy

# The site, in docs/_build/html; a warning is an error.
docs: .venv/installed
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[docs]"
	$(BIN)/python -m sphinx -q -W --keep-going docs docs/_build/html

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info docs/_build docs/auto_examples docs/generated
