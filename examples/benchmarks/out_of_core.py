"""Calibration from a Parquet file, and its sets into another, in memory that does not grow.

    OMP_NUM_THREADS=1 python examples/benchmarks/out_of_core.py --rows 10_000_000

Rows are generated in chunks. Counted is the peak of the resident memory over what was there before
each step, and the seconds of the processor.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from speed_report import cost, say

from sklearn_setpred import CoverageSetClassifier, predict_set
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.sets import sets_to_arrow

N_CLASSES, N_COLUMNS, CHUNK = 20, 16, 50_000


def write_rows(path, n_rows):
    """Write rows of a known problem and their labels, chunk by chunk; return some for training."""
    X, y, _, problem = make_confusable_classes(
        5_000, N_CLASSES, N_COLUMNS, return_problem=True, random_state=0
    )
    names = [f"c{i}" for i in range(N_COLUMNS)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.int8())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_rows, CHUNK):
            rows, labels = problem.sample(min(CHUNK, n_rows - start), random_state=start + 1)
            columns = dict(zip(names, rows.astype(np.float32).T, strict=True))
            writer.write(pa.table({**columns, "y": labels.astype(np.int8)}, schema=schema))
    return X, y


def batches(path):
    """Yield the rows of a file and their labels."""
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(CHUNK):
        *columns, labels = (column.to_numpy() for column in batch.columns)
        yield np.column_stack(columns), labels


def calibrate(model, path, n_rows):
    """Calibrate with the first rows of a file."""
    for rows, labels in batches(path):
        model.partial_fit(rows, labels)
        if model.n_calibration_ >= n_rows:
            return


def write_sets(model, path, sets_path):
    """Write the labels of the sets of all rows; return their mean size and coverage."""
    n_labels = n_hits = n_rows = 0
    schema = pa.schema({"labels": pa.list_(pa.int64())})
    with pq.ParquetWriter(sets_path, schema) as writer:
        for rows, labels in batches(path):
            y_set = predict_set(model, rows)
            writer.write(pa.table({"labels": sets_to_arrow(y_set, model.classes_)}))
            n_rows, n_labels = n_rows + len(labels), n_labels + y_set.sum()
            n_hits += y_set[np.arange(len(labels)), labels].sum()
    return n_labels / n_rows, n_hits / n_rows


def run(n_rows, folder):
    """Return the costs of calibration with a tenth of the rows, and of the sets of all."""
    path, sets_path = folder / "rows.parquet", folder / "sets.parquet"
    base = GaussianNB().fit(*write_rows(path, n_rows))
    model = CoverageSetClassifier(FrozenEstimator(base), target_coverage=0.9)
    costs = {
        "calibration": cost(lambda: None, lambda _: calibrate(model, path, n_rows // 10)),
        "sets": cost(lambda: None, lambda _: write_sets(model, path, sets_path)),
    }
    if pq.read_metadata(sets_path).num_rows != n_rows:
        raise RuntimeError("Some rows have no set.")
    return costs


def main(arguments=None):
    """Run and tell what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for name, found in run(given.rows, Path(folder)).items():
            result = (
                "" if found.result is None else "size {:.2f}, coverage {:.4f}".format(*found.result)
            )
            say(f"{name}: {found.seconds:.0f} s, {found.megabytes:.0f} MB {result}")


if __name__ == "__main__":
    main()
