"""Speed and memory: training, prediction, many classes, sparse rows, GPU, import.

Every section prints a table of what was predicted before the first measurement and what came
out, and writes it to results/speed_<section>.csv::

    OMP_NUM_THREADS=1 python examples/benchmarks/speed.py
    OMP_NUM_THREADS=1 python examples/benchmarks/speed.py --only training prediction
    OMP_NUM_THREADS=1 python examples/benchmarks/speed.py --docs

Times are those of the processor, on one thread. What is compared runs in turn in one process;
a ratio is the median over five or more rounds, and its least and greatest value stand beside.
The section ``many``, 100,000 classes, takes half an hour and runs only when it is named. The
last form runs nothing and puts the tables of the files into docs/performance.md.
"""

import argparse
import os
from pathlib import Path

import speed_classes
import speed_gpu
import speed_growth
import speed_jobs
import speed_prediction
import speed_report as report
import speed_sparse
import speed_training
import torch

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
SECTIONS = {
    "training": speed_training.figures,
    "prediction": speed_prediction.figures,
    "classes": speed_classes.figures,
    "sparse": speed_sparse.figures,
    "gpu": speed_gpu.figures,
    "import": speed_prediction.import_figures,
    "growth": speed_growth.figures,
    "cells": speed_growth.cell_figures,
    "jobs": speed_jobs.figures,
    "many": speed_classes.many_figures,
}
LONG = {"many"}


def path_of(section):
    """Return the file of a section."""
    return RESULTS / f"speed_{section}.csv"


def main(arguments=None):
    """Run the sections asked for and print their tables, or put the tables into the docs."""
    given = parsed(arguments)
    if given.docs:
        tables = {
            name: report.markdown(path_of(name)) for name in SECTIONS if path_of(name).exists()
        }
        PAGE.write_text(report.filled(PAGE.read_text(), tables))
        return
    if os.environ.get("OMP_NUM_THREADS") != "1":
        report.say("OMP_NUM_THREADS is not 1: numpy and scikit-learn may take more than a thread.")
    torch.set_num_threads(1)
    for name in given.only:
        report.say(f"{name} ...")
        report.write(path_of(name), SECTIONS[name]())
        print(f"\n{name}\n\n{report.markdown(path_of(name))}")


def parsed(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = [name for name in SECTIONS if name not in LONG]
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=usual, help="the sections")
    parser.add_argument("--docs", action="store_true", help="put the tables into the docs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
