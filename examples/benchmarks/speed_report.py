"""What every section of the benchmark of speed needs: clocks, memory, exponents, tables."""

import csv
import ctypes
import gc
import operator
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt}


class Figure(NamedTuple):
    """A line of the tables: what was predicted before the first measurement, what came out."""

    figure: str
    unit: str
    measured: float
    predicted: float = float("nan")
    target: str = ""  # a relation and a number, such as "<= 1.25"
    low: float = float("nan")  # of the repeats
    high: float = float("nan")
    note: str = ""

    @property
    def reached(self):
        """Whether the target is reached, "" where there is none or nothing was measured."""
        if not self.target or np.isnan(self.measured):
            return ""
        relation, number = self.target.split()
        return "yes" if RELATIONS[relation](self.measured, float(number)) else "no"


COLUMNS = ("figure", "unit", "target", "predicted", "measured", "low", "high", "reached", "note")


def skipped(figure, unit, reason, **others):
    """Return the line of a figure that cannot be measured here."""
    return Figure(figure, unit, float("nan"), note=f"not measured: {reason}", **others)


# ---------------------------------------------------------------------------------- clocks


def seconds_of(function, clock=time.process_time):
    """Return the seconds of the processor that a call takes."""
    gc.collect()
    start = clock()
    function()
    return clock() - start


def interleaved(functions, repeats=5, seconds=seconds_of):
    """Time functions in turn, after one round that is not counted.

    Gives an array of seconds for each name. ``seconds(function)`` measures once.
    """
    rounds = [[seconds(function) for function in functions.values()] for _ in range(repeats + 1)]
    return dict(zip(functions, np.transpose(rounds[1:]), strict=True))


def median(figure, values, scale=1.0, unit="s", **others):
    """Return the line of a figure measured several times: median, least and greatest."""
    values = scale * np.asarray(values)
    low, high = values.min(), values.max()
    return Figure(figure, unit, float(np.median(values)), low=low, high=high, **others)


def ratio(figure, seconds, ours, rival, **others):
    """Return the line of a ratio: the median over the rounds, in which the two ran side by side."""
    return median(figure, seconds[ours] / seconds[rival], unit="ratio", **others)


# ---------------------------------------------------------------------------------- memory


class Cost(NamedTuple):
    """What a call took: seconds, and MB at its peak over what was there before."""

    seconds: float
    megabytes: float
    result: object = None


def in_new_process(prepare, use, *args):
    """Return the cost of ``use(prepare(*args))`` without ``prepare``, in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(cost, prepare, use, *args).result()


def cost(prepare, use, *args):
    """Return the cost of ``use`` in this process; the peak is read from Linux."""
    import torch

    torch.set_num_threads(1)
    prepared = prepare(*args)
    gc.collect()
    before = _reset_peak()
    start = time.process_time()
    result = use(prepared)
    return Cost(time.process_time() - start, _status("VmHWM") - before, result)


def _reset_peak():
    """Let the peak of the resident memory start anew, and give the MB resident now.

    Memory that was freed is returned to the system first: later arrays would fill it unseen.
    """
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field):
    """Return a field of the process's status in MB; NaN where there is no such file."""
    path = Path("/proc/self/status")
    if not path.exists():
        return float("nan")
    return int(re.search(rf"{field}:\s+(\d+) kB", path.read_text())[1]) / 1000


# ------------------------------------------------------------------------------- exponents


def exponent(sizes, values):
    """Return the slope b of the least-squares line log value = a + b log size."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


# ---------------------------------------------------------------------------------- tables


def write(path, figures):
    """Write the lines of a section."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[_short(getattr(f, name)) for name in COLUMNS] for f in figures])


def markdown(path):
    """Return the table of a section as Markdown."""
    with path.open(newline="") as file:
        header, *lines = csv.reader(file)
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _short(value):
    """Write numbers with three digits, nothing where there is none."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return "" if np.isnan(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def filled(page, tables):
    """Return a page with the tables between ``<!-- name -->`` and ``<!-- end -->`` replaced."""
    for name, table in tables.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = place.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", page)
    return page


def say(text):
    """Write a line of progress."""
    print(text, file=sys.stderr, flush=True)
