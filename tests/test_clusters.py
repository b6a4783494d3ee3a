"""Several processes at work: sets by blocks, candidates that survive a worker, one network."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import ParameterGrid, cross_validate
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import (
    CoverageSetClassifier,
    ThresholdSetClassifier,
    predict_set,
    predict_top_k,
    set_levels,
    set_report,
)
from sklearn_setpred.sets import sets_to_frame

# Other packages warn about one another.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

ROOT = Path(__file__).parents[1]
X, Y = load_iris(return_X_y=True)


def fitted(rows=X, **params):
    return CoverageSetClassifier(GaussianNB(), random_state=0, **params).fit(rows, Y)


def dense(sets):
    return sets.toarray() if sparse.issparse(sets) else sets


@pytest.mark.parametrize("sparse_output", [False, True])
def test_blocks_of_dask_have_the_sets_of_all_rows(sparse_output):
    da = pytest.importorskip("dask.array")
    model = fitted(sparse_output=sparse_output)
    blocks = da.from_array(X, chunks=(40, -1))
    for of in (
        lambda rows: predict_set(model, rows),
        lambda rows: predict_top_k(model, rows, 2),
        lambda rows: set_levels(model, rows),
    ):
        meta = of(X[:0])
        lazy = blocks.map_blocks(of, meta=meta, chunks=(blocks.chunks[0], meta.shape[1:]))
        found, expected = lazy.compute(), of(X)
        assert (lazy.shape, lazy.dtype, type(found)) == (found.shape, found.dtype, type(expected))
        np.testing.assert_array_equal(*map(dense, (found, expected)))


@pytest.mark.parametrize("columns", ["classes", "lists"])
def test_parts_of_a_frame_have_the_sets_of_all_rows_and_may_be_empty(columns):
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = fitted(frame)

    def sets(part):
        return sets_to_frame(predict_set(model, part), model.classes_, like=part, columns=columns)

    parts = dd.from_pandas(frame, npartitions=4)
    pd.testing.assert_frame_equal(parts.map_partitions(sets).compute(), sets(frame))
    none = parts[parts["a"] > 100].map_partitions(sets).compute()
    pd.testing.assert_series_equal(none.dtypes, sets(frame).dtypes)
    one = parts.partitions[0].loc[:0].map_partitions(sets).compute()
    pd.testing.assert_frame_equal(one, sets(frame.iloc[:1]))


def test_the_wrapper_of_dask_ml_predicts_labels_and_probabilities_without_meta():
    wrappers, da = pytest.importorskip("dask_ml.wrappers"), pytest.importorskip("dask.array")
    model = fitted()
    parallel, blocks = wrappers.ParallelPostFit(model), da.from_array(X, chunks=(40, -1))
    np.testing.assert_array_equal(parallel.predict(blocks).compute(), model.predict(X))
    np.testing.assert_array_equal(parallel.predict_proba(blocks).compute(), model.predict_proba(X))


class DiesOnce(GaussianNB):
    """Kills its process in the first fit with some smoothing."""

    def __init__(self, mark=None, var_smoothing=1e-9):
        super().__init__(var_smoothing=var_smoothing)
        self.mark = mark

    def fit(self, X, y):
        if self.var_smoothing == 0.1 and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


def score(params, X, y, model):
    """Return the scores of a candidate, as docs/howto/more_than_one_machine.md does."""
    return cross_validate(model.set_params(**params), X, y, scoring=set_report(), cv=3)


def test_one_task_for_each_candidate_survives_a_killed_worker(tmp_path):
    distributed, cloudpickle = map(pytest.importorskip, ["distributed", "cloudpickle"])
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    model = ThresholdSetClassifier(DiesOnce(str(tmp_path / "died")))
    grid = [*ParameterGrid({"threshold": [0.01, 0.1], "estimator__var_smoothing": [1e-3, 0.1]})]
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(**cluster, silence_logs=50) as client:
        rows = client.scatter([X, Y], broadcast=True)
        futures = client.map(score, grid, X=rows[0], y=rows[1], model=model, retries=3)
        found = client.gather(futures)
    assert (tmp_path / "died").exists()
    name = "test_neg_mean_set_size"
    for params, scores in zip(grid, found, strict=True):
        np.testing.assert_array_equal(scores[name], score(params, X, Y, clone(model))[name])


def test_one_network_is_trained_by_two_processes():
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = str(ROOT / "examples" / "data_parallel.py")
    run = subprocess.run([sys.executable, *command, script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    before, after = map(
        float, run.stdout.split("\n")[0].removeprefix("accuracy: ").split(", then ")
    )
    assert after > 0.95 > before
    assert "equal weights in 2 of 2 processes" in run.stdout
