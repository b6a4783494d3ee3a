"""Measure what each choice costs, and write it into docs/choosing.md.

    OMP_NUM_THREADS=1 python docs/measure_prices.py           measures, minutes, and writes
    python docs/measure_prices.py --write                     writes from docs/prices.csv alone

Every choice is fitted in a process of its own on 10,000 generated rows and predicts the sets of
10,000 others. Seconds are processor time, on one thread; memory is the peak of the process, less
what it took before the fit. A row alone is the median of a hundred, and a file is a pickle.
"""

from __future__ import annotations

import argparse
import csv
import pickle
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CompSumClassifier,
    CoverageSetClassifier,
    LDRClassifier,
    NeuralClassifier,
    TopKSetClassifier,
)
from sklearn_setpred.datasets import make_confusable_classes

DOCS = Path(__file__).parent
PRICES, PAGE = DOCS / "prices.csv", DOCS / "choosing.md"
N_ROWS, N_CLASSES, N_FEATURES = 10_000, 26, 16
FIGURES = ["choice", "fit", "predict", "megabytes", "row", "file"]

LINEAR, FOREST = LogisticRegression(), RandomForestClassifier(random_state=0)
CHOICES = {
    "TopKSetClassifier(LogisticRegression())": TopKSetClassifier(LINEAR),
    "CoverageSetClassifier(LogisticRegression())": CoverageSetClassifier(LINEAR),
    "CoverageSetClassifier(RandomForestClassifier())": CoverageSetClassifier(FOREST),
    "CardinalityAwareClassifier(LogisticRegression())": CardinalityAwareClassifier(LINEAR),
    "CardinalityAwareClassifier(RandomForestClassifier())": CardinalityAwareClassifier(FOREST),
    "CardinalityAwareClassifier()": CardinalityAwareClassifier(),
    "NeuralClassifier()": NeuralClassifier(),
    "NeuralClassifier(cv=5)": NeuralClassifier(cv=5),
    "CompSumClassifier(tau=1.5)": CompSumClassifier(tau=1.5),
    "LDRClassifier()": LDRClassifier(),
}


def megabytes() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(choice: str) -> list[str]:
    """Return the figures of one choice, as in the table."""
    X, y, _ = make_confusable_classes(2 * N_ROWS, N_CLASSES, N_FEATURES, random_state=0)
    model = CHOICES[choice]
    if "random_state" in model.get_params(deep=False):
        model.set_params(random_state=0)
    # Libraries are loaded, and a first fit is made, before anything is counted.
    NeuralClassifier(max_epochs=1, random_state=0).fit(X[:500], y[:500])
    before, start = megabytes(), time.process_time()
    model.fit(X[:N_ROWS], y[:N_ROWS])
    fitted = time.process_time()
    model.predict_set(X[N_ROWS:])
    predicted = time.process_time()
    memory = megabytes() - before
    row = 1000 * statistics.median(seconds_of_row(model, X[[i]]) for i in range(100))
    file = len(pickle.dumps(model)) / 1e6
    seconds = two_digits(fitted - start), two_digits(predicted - fitted)
    return [choice, *seconds, f"{memory:.0f}", two_digits(row), two_digits(file)]


def two_digits(number: float) -> str:
    """Return a number by its first two digits, without an exponent."""
    return f"{float(f'{number:.2g}'):g}"


def seconds_of_row(model, row) -> float:
    """Return the seconds that the set of one row takes."""
    start = time.process_time()
    model.predict_set(row)
    return time.process_time() - start


def measure_all() -> list[list[str]]:
    """Return the line of every choice, each from a process of its own."""
    lines = []
    for choice in CHOICES:
        command = [sys.executable, __file__, "--one", choice]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines.append(done.stdout.strip().split("\t"))
        print(*lines[-1], sep="  ", flush=True)
    return lines


def table() -> str:
    """Return the prices as Markdown."""
    with PRICES.open(newline="", encoding="utf-8") as file:
        lines = [
            f"| `{choice}` | {' | '.join(figures)} |" for choice, *figures in csv.reader(file)
        ][1:]
    head = ["| choice | fit (s) | sets (s) | memory (MB) | a row (ms) | file (MB) |"]
    head.append("| --- " * 6 + "|")
    return "\n".join([*head, *lines])


def write_page() -> None:
    """Put the table between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    marked = f"<!-- prices -->\n\n{table()}\n\n<!-- end -->"
    text = re.sub(r"<!-- prices -->.*?<!-- end -->", lambda _: marked, text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--one", choices=CHOICES, help="print the line of one choice")
    parser.add_argument("--write", action="store_true", help="measure nothing")
    given = parser.parse_args()
    if given.one:
        print(*measure(given.one), sep="\t")
        return
    if not given.write:
        with PRICES.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([FIGURES, *measure_all()])
    write_page()


if __name__ == "__main__":
    main()
