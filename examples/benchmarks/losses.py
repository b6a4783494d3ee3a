"""What the losses cost beside cross-entropy.

Forward and backward of each registered loss, in one thread, as a multiple of
``torch.nn.functional.cross_entropy`` in the same run: process time, medians over repetitions in
which all losses take turns, so that a busy machine slows all of them alike. With 128 rows the time
is the overhead of calls, as it is in training.

    python examples/benchmarks/losses.py                  prints the table
    python examples/benchmarks/losses.py --csv FILE       writes it as well
    python examples/benchmarks/losses.py --spread 2       scores of another deviation
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time

import torch
from torch.nn import functional

from sklearn_setpred.losses import LOSSES, get_loss

SIZES = ((128, 26), (128, 150), (256, 1000), (4096, 1000), (256, 20000))
K = 5
# Numbers that all repetitions of one loss may see.
BUDGET = 4e7


def cross_entropy(scores, target):
    """Return the loss all others are compared with."""
    return functional.cross_entropy(scores, target, reduction="none")


def losses():
    """Return what is timed, by name; top-k losses at k = 5, the others at their defaults."""
    timed = {"F.cross_entropy": cross_entropy}
    for name in sorted(LOSSES):
        loss = get_loss(name)
        if "k" in loss.get_params():
            loss.set_params(k=K)
        timed[name] = loss
    return timed


def seconds(loss, scores, target):
    """Return the process time of one forward and backward pass."""
    scores.grad = None
    begin = time.process_time()
    loss(scores, target).mean().backward()
    return time.process_time() - begin


def medians(batch, n_classes, spread):
    """Return the median seconds of each loss at one size."""
    generator = torch.Generator().manual_seed(0)
    scores = spread * torch.randn(batch, n_classes, generator=generator)
    scores.requires_grad_()
    labels = torch.randint(n_classes, (batch,), generator=generator)
    costs = torch.rand(batch, n_classes, generator=generator)
    targets = {"label": labels, "cost": costs}
    timed = losses()
    runs = {name: [] for name in timed}
    for _ in range(int(min(100, max(5, BUDGET / (batch * n_classes))))):
        for name, loss in timed.items():
            target = targets[getattr(loss, "target", "label")]
            seconds(loss, scores, target)  # leaves memory as this loss uses it
            runs[name].append(seconds(loss, scores, target))
    return {name: statistics.median(times) for name, times in runs.items()}


def rows(spread):
    """Return one record for each loss and size."""
    for batch, n_classes in SIZES:
        found = medians(batch, n_classes, spread)
        base = found.pop("F.cross_entropy")
        for name, value in found.items():
            yield {
                "loss": name,
                "batch": batch,
                "n_classes": n_classes,
                "milliseconds": f"{1e3 * value:.3f}",
                "cross_entropy_milliseconds": f"{1e3 * base:.3f}",
                "ratio": f"{value / base:.2f}",
            }


def table(records):
    """Return the ratios as lines of text, one for each loss."""
    ratios = {(r["loss"], r["batch"], r["n_classes"]): r["ratio"] for r in records}
    lines = [" " * 27 + "".join(f"{b} x {k}".rjust(14) for b, k in SIZES)]
    for name in sorted(LOSSES):
        lines.append(name.ljust(27) + "".join(ratios[name, *size].rjust(14) for size in SIZES))
    return lines


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", help="file to write the records to")
    parser.add_argument("--spread", type=float, default=1.0, help="deviation of the scores")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    records = list(rows(arguments.spread))
    print("\n".join(table(records)))
    if arguments.csv:
        with open(arguments.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)


if __name__ == "__main__":
    main()
