"""Fits in threads: each the same as alone, and torch's global generator is left as it was."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone
from tiny import AROUND_ANY, EXPERTS, NETWORKS, labelled_rows

from sklearn_setpred import CardinalityAwareClassifier, predict_set

X, y = labelled_rows()
SIZES = {"hidden_layer_sizes": (300, 300), "max_epochs": 2, "random_state": 0}
TRAINED = [
    *(clone(network).set_params(**SIZES, dropout=0.2) for network in NETWORKS),
    *(clone(NETWORKS[0]).set_params(module=kind, **SIZES) for kind in ("resnet", "periodic")),
    CardinalityAwareClassifier(**EXPERTS),
]


def fingerprint(estimator):
    """Fit a copy of an estimator and return its probabilities and sets, as bytes."""
    fitted = clone(estimator).fit(X, y)
    return fitted.predict_proba(X).tobytes() + np.asarray(predict_set(fitted, X)).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [*AROUND_ANY, *TRAINED],
    ids=lambda estimator: type(estimator).__name__,
)
def test_fits_in_eight_threads_are_those_of_one(estimator):
    alone = fingerprint(estimator)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(fingerprint, [estimator] * 32))
    assert found == {alone}


@pytest.mark.slow
def test_fits_in_threads_leave_the_global_generator_as_it_was():
    before = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fingerprint, TRAINED[:1] * 24))
    np.testing.assert_array_equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_draws_of_another_thread_are_those_of_a_thread_alone():
    torch.manual_seed(0)
    alone = [torch.rand(1).item() for _ in range(300)]
    torch.manual_seed(0)
    with ThreadPoolExecutor(4) as pool:
        fits = [pool.submit(fingerprint, TRAINED[0]) for _ in range(8)]
        drawn = [torch.rand(1).item() for _ in range(300)]
        for fit in fits:
            fit.result()
    assert drawn == alone


FORK = """
import os, warnings
import numpy as np, torch
from sklearn_setpred import NeuralClassifier

warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, on forks with threads
torch.set_num_threads(2)
X = np.random.default_rng(0).normal(size=(12_000, 50))
y = (X[:, 0] > 0).astype(int)
network = NeuralClassifier(hidden_layer_sizes=(512, 512), max_epochs=1, random_state=0)
network.fit(X[:1000], y[:1000]).predict_proba(X)
child = os.fork()
if child == 0:
    network.predict_proba(X)
    os._exit(torch.get_num_threads() - 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_forked_process_predicts_though_torch_had_two_threads():
    environment = os.environ | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120, env=environment)
