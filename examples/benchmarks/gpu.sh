#!/usr/bin/env bash
# Run the tests of the GPU, its speed and a training comparison; log and CSV files go to OUT.
#
#     make gpu                 installs the package first
#     make gpu DEVICE=cpu      tiny sizes, in seconds; tests that need a GPU are skipped
#     PYTHON=python3 examples/benchmarks/gpu.sh     with what is installed already
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHON=${PYTHON:-.venv/bin/python} DEVICE=${DEVICE:-cuda} OUT=${OUT:-results/gpu}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
mkdir -p "$OUT"

run() {
  "$PYTHON" -m pytest -q -m gpu -rs tests/test_gpu.py
  local tests=$?
  "$PYTHON" examples/benchmarks/speed_gpu.py --device "$DEVICE" --out "$OUT" && return "$tests"
}

run 2>&1 | tee "$OUT/log.txt"
