"""Callbacks of skorch that hand the history to other packages, each where it is installed."""

import pytest
from sklearn.datasets import load_iris
from skorch.callbacks import MlflowLogger, SacredLogger, TensorBoard, WandbLogger

from sklearn_setpred import NeuralClassifier

# What the other packages warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


def fit(callback):
    """Fit a small network; return its training losses."""
    how = {"hidden_layer_sizes": (4,), "max_epochs": 3, "random_state": 0}
    return (
        NeuralClassifier(**how, callbacks=[callback]).fit(*load_iris(return_X_y=True)).loss_curve_
    )


def test_tensorboard_has_the_losses(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        losses = fit(TensorBoard(writer))
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in events.Scalars("Loss/train_loss")] == pytest.approx(losses)
    assert "Loss/valid_loss" in events.Tags()["scalars"]


def test_mlflow_has_the_losses(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        losses = fit(MlflowLogger())
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    assert metrics["train_loss"] == pytest.approx(losses[-1])
    assert "valid_loss" in metrics


def test_sacred_has_the_losses():
    sacred = pytest.importorskip("sacred")
    found = {}

    class Observer(sacred.observers.RunObserver):
        def log_metrics(self, metrics_by_name, info):
            found.update({name: metric["values"] for name, metric in metrics_by_name.items()})

    experiment = sacred.Experiment("iris", interactive=True, save_git_info=False)
    experiment.observers.append(Observer())

    @experiment.main
    def run():
        found["told"] = fit(SacredLogger(experiment))

    experiment.run()
    assert found["train_loss"] == pytest.approx(found["told"])


@pytest.mark.slow
def test_wandb_has_the_losses(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=str(tmp_path)) as run:
        losses = fit(WandbLogger(run))
        assert run.summary["train_loss"] == pytest.approx(losses[-1])
