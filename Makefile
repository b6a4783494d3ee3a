# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-oldest doctest lint types docs gpu clean

# One thread: the networks are small, and threads that wait for each other are slower.
export OMP_NUM_THREADS ?= 1

demo: .venv/installed
	MPLBACKEND=agg $(BIN)/python examples/demo.py

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" -q -n auto --maxprocesses 4

# A part of the tests with the oldest versions that pyproject.toml allows, on Python 3.11. Of torch it
# takes the newest that is tested; TORCH=2.4.0 takes the oldest, which brings its CUDA of 5 GB.
TORCH ?= $(shell sed -n 's/^torch==//p' constraints.txt)
test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -m "not slow" -q -p no:cacheprovider \
		tests/test_files.py tests/test_properties.py tests/scorers tests/sets tests/metrics \
		tests/_cardinality tests/_networks tests/estimators/test_weights.py

doctest: .venv/installed
	$(BIN)/python -m pytest -q --doctest-modules sklearn_setpred

# On a machine with an NVIDIA GPU, within minutes; DEVICE=cpu tries the same in tiny sizes.
gpu: .venv/installed
	PYTHON=$(BIN)/python examples/benchmarks/gpu.sh

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

.venv-oldest/installed: oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -q --no-deps --no-compile -r oldest.txt
	.venv-oldest/bin/python -m pip install -q --no-compile torch==$(TORCH)
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist *.egg-info docs/_build docs/auto_examples docs/generated
