"""What holds on a CUDA device; skipped where there is none."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from tiny import AROUND_ANY, ESTIMATORS, NETWORKS, labelled_rows

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier, TopKSetClassifier

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

SMALL = {"hidden_layer_sizes": (16,), "max_epochs": 3, "random_state": 0}
SMALL |= {"validation_fraction": None}
KINDS = {
    kind: NeuralClassifier(module=kind, dropout=0.0, **SMALL)
    for kind in ("mlp", "resnet", "periodic")
}


def on_device(estimator, device):
    """Return a clone whose networks are trained on a device, the estimator inside too."""
    estimator = clone(estimator)
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "device"]
    return estimator.set_params(**dict.fromkeys(names, device))


def fitted_on_both(estimator, X, y):
    """Return the estimator fitted on the CPU and on the GPU."""
    return [on_device(estimator, device).fit(X, y) for device in ("cpu", "cuda")]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_fits_on_the_gpu_as_on_the_cpu(name):
    X, y = labelled_rows()
    cpu, gpu = fitted_on_both(ESTIMATORS[name], X, y)
    if hasattr(cpu, "predict_proba"):
        np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)
    same = (gpu.predict_set(X) == cpu.predict_set(X)).all(axis=1)
    assert same.mean() >= 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_trains_as_on_the_cpu(kind):
    X, y = labelled_rows()
    cpu, gpu = fitted_on_both(KINDS[kind], X, y)
    np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)


def test_dropout_is_seeded_on_the_gpu():
    X, y = labelled_rows()
    before = torch.cuda.get_rng_state()
    fits = [NeuralClassifier(**SMALL, dropout=0.5, device="cuda").fit(X, y) for _ in range(2)]
    np.testing.assert_allclose(*(fit.predict_proba(X) for fit in fits), atol=1e-6)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_experts_are_trained_on_the_gpu():
    X, y = labelled_rows()
    model = CardinalityAwareClassifier(cv=2, max_epochs=1, device="cuda", random_state=0)
    model.fit(X, y)
    networks = [one for one in model.ensemble_.experts if one.name in KINDS]
    assert {network.models[0].device.type for network in networks if network.models} <= {"cuda"}
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("wrapper", AROUND_ANY, ids=lambda model: type(model).__name__)
def test_wrappers_hold_a_network_on_the_gpu(wrapper):
    X, y = labelled_rows()
    model = clone(wrapper).set_params(estimator=NeuralClassifier(**SMALL, device="cuda"))
    sets = model.fit(X, y).predict_set(X)
    assert sets.shape == (len(y), 4)
    assert sets.any(axis=1).all()


def test_the_device_at_hand_is_taken_by_default():
    X, y = labelled_rows()
    model = NeuralClassifier(**SMALL).fit(X, y)
    assert model.net_.device.type == "cuda"
    assert {p.device.type for p in model.net_.module.parameters()} == {"cuda"}


def test_sets_of_a_wide_network_are_equal(rng):
    X, y = rng.standard_normal((600, 20)), np.arange(600) % 30
    cpu, gpu = fitted_on_both(NeuralClassifier(**SMALL), X, y)
    same = (gpu.predict_set(X, k=5) == cpu.predict_set(X, k=5)).all(axis=1)
    assert same.mean() >= 0.99


def test_csr_rows_train_as_on_the_cpu(rng):
    X = sparse.random_array((300, 50), density=0.1, rng=rng, format="csr")
    y = np.arange(300) % 3
    cpu, gpu = fitted_on_both(NeuralClassifier(**SMALL), X, y)
    np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)


def test_partial_fit_goes_on_as_on_the_cpu():
    X, y = labelled_rows()
    models = [on_device(NeuralClassifier(**SMALL), device) for device in ("cpu", "cuda")]
    for model in models:
        for _ in range(3):
            model.partial_fit(X, y, classes=np.unique(y))
    cpu, gpu = models
    np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)


def test_the_epochs_are_those_of_the_cpu():
    X, y = labelled_rows()
    cpu, gpu = fitted_on_both(clone(NETWORKS[0]).set_params(max_epochs=10), X, y)
    np.testing.assert_allclose(gpu.loss_curve_, cpu.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(gpu.validation_scores_, cpu.validation_scores_, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("kind", KINDS)
def test_no_step_of_an_epoch_waits_for_the_gpu(rng, kind):
    from sklearn_setpred._networks.modules import KindBuilder
    from sklearn_setpred._networks.options import TrainingOptions
    from sklearn_setpred._networks.parts import Part
    from sklearn_setpred._networks.training import make_net, new_network
    from sklearn_setpred.losses import get_loss

    part = Part(rng.standard_normal((500, 8)).astype(np.float32), np.arange(500) % 4)
    build = KindBuilder(kind, (16,), 0.1)
    options = TrainingOptions(build, learning_rate=2e-3, batch_size=50, device="cuda")
    network = new_network(part, 4, options, seed=0)
    loss, how = get_loss("cross_entropy"), {"seed": 0, "n_rows": 100, "in_one_cycle": True}
    net = make_net(network, loss, options, **how)
    net.notify("on_train_begin", X=None, y=None)
    batches = iter(net.get_iterator(network.rows(**part._asdict()), training=True))
    with build.drawing(network.module, 0, network.device):
        net.train_step(next(batches))  # the order of the rows is sent over first
        torch.cuda.set_sync_debug_mode("error")
        try:
            for batch in batches:
                net.train_step(batch)
                net.notify("on_batch_end", batch=batch, training=True)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(
    "model",
    [
        NeuralClassifier(**SMALL, device="cuda"),
        TopKSetClassifier(NeuralClassifier(**SMALL, device="cuda"), k=2),
        CardinalityAwareClassifier(
            NeuralClassifier(**SMALL, device="cuda"), cv=2, max_epochs=2, device="cuda"
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_pickle_from_the_gpu_predicts_where_there_is_none(model, tmp_path):
    X, y = labelled_rows()
    model = clone(model).fit(X, y)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "X.npy", X)
    code = (
        "import pickle, sys, numpy as np, pathlib\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "model = pickle.loads((folder / 'model.pkl').read_bytes())\n"
        "np.save(folder / 'p.npy', model.predict_proba(np.load(folder / 'X.npy')))\n"
    )
    without_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    # The device asked for is not there, and the CPU takes its place.
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=without_gpu)
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), model.predict_proba(X), atol=1e-4)
