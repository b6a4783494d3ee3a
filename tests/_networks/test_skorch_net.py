"""Every callback of skorch that docs/howto/callbacks.md lists does what the page says."""

import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    TrainEndCheckpoint,
    Unfreezer,
    WarmRestartLR,
)

from sklearn_setpred import LDRClassifier, NeuralClassifier
from sklearn_setpred._networks.options import training_options
from sklearn_setpred._networks.parts import Part
from sklearn_setpred._networks.training import make_net, new_network
from sklearn_setpred.losses import get_loss

X, y = load_iris(return_X_y=True, as_frame=True)
y = np.array(["setosa", "versicolor", "virginica"])[y]
ROWS = {"dense": X, "CSR": sp.csr_array(X.to_numpy())}
CLASSIFIER = NeuralClassifier(
    hidden_layer_sizes=(8,), max_epochs=3, batch_size=32, validation_fraction=0.2, random_state=0
)
OPTIONS = training_options(CLASSIFIER)
NET = new_network(Part(X.to_numpy(), None), 3, OPTIONS, seed=0), get_loss("cross_entropy")


def fit(*callbacks, rows="dense", **params):
    """Fit a small network with callbacks."""
    classifier = CLASSIFIER.__class__(**CLASSIFIER.get_params() | params)
    return classifier.set_params(callbacks=list(callbacks)).fit(ROWS[rows], y)


def recorded(classifier, name):
    """Return what was recorded under a name, of each epoch."""
    return [epoch[name] for epoch in classifier.history_]


def weights(classifier):
    """Return the weights of the first layer."""
    return next(iter(classifier.net_.weights().values()))


# ------------------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("kind", "scoring", "rows", "use_caching", "on_train"),
    [
        (EpochScoring, "accuracy", "dense", True, False),
        (EpochScoring, "roc_auc_ovr", "CSR", True, True),
        (EpochScoring, "neg_log_loss", "dense", False, True),
        (EpochScoring, accuracy_score, "CSR", False, False),
        (BatchScoring, "accuracy", "dense", True, True),
        (BatchScoring, accuracy_score, "CSR", False, False),
    ],
)
def test_scores_of_epochs_and_batches_are_recorded(kind, scoring, rows, use_caching, on_train):
    how = {"use_caching": use_caching, "on_train": on_train, "lower_is_better": False}
    clf = fit(kind(scoring, name="score", **how), rows=rows, learning_rate=0.05)
    assert len(recorded(clf, "score")) == 3
    assert recorded(clf, "score_best")[0]
    assert recorded(clf, "score")[-1] > (-0.6 if scoring == "neg_log_loss" else 0.7)


def test_a_score_of_the_users_gets_the_net_the_inputs_and_the_codes():
    seen = []

    def score(net, X, y):
        seen.append((np.shape(net.predict_proba(X)), np.shape(net.predict(X)), np.unique(y)))
        return 1.0

    clf = fit(EpochScoring(score, use_caching=False))
    n = len(y) // 5
    assert seen[0][:2] == ((n, 3), (n,))
    np.testing.assert_array_equal(seen[0][2], [0, 1, 2])
    assert recorded(clf, "score") == [1.0] * 3


def test_what_a_callback_records_of_batches_can_be_passed_through():
    class Note(Callback):
        def on_batch_end(self, net, training, **kwargs):
            if not training:
                net.history.record_batch("noted", 2.5)

    assert recorded(fit(Note(), PassthroughScoring("noted")), "noted") == [2.5] * 3


# ------------------------------------------------------------------------------ batches


class Seen(Callback):
    """Notes what comes with the events of a batch."""

    def __init__(self):
        self.begun, self.ended, self.norms, self.batches = [], [], [], []

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.begun.append(training)

    def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
        inputs, target = batch
        self.ended.append((training, inputs.shape, target.shape, y_pred.shape, loss.item()))

    def on_grad_computed(self, net, named_parameters, batch, training, **kwargs):
        self.norms.append(max(p.grad.abs().max().item() for _, p in named_parameters))

    def on_epoch_end(self, net, **kwargs):
        self.batches = [dict(batch) for batch in net.history[-1, "batches"]]


def test_a_callback_of_the_users_sees_inputs_labels_scores_losses_and_gradients():
    seen = Seen()
    clf = fit(seen, max_epochs=1)
    assert seen.begun == [True] * 4 + [False]  # 120 rows by 32, then 30 held out
    assert seen.ended[0][:4] == (True, (32, 4), (32,), (32, 3))
    assert len(seen.norms) == 4
    assert [batch.get("train_batch_size") for batch in seen.batches] == [32, 32, 32, 24, None]
    losses = [batch["train_loss"] for batch in seen.batches[:4]]
    of_epoch = np.average(losses, weights=[32, 32, 32, 24])
    np.testing.assert_allclose(of_epoch, clf.loss_curve_[0], rtol=1e-5)  # float32


def test_without_callbacks_no_batches_are_recorded():
    assert not make_net(*NET, OPTIONS, seed=0, n_rows=9).records_batches
    heard = replace(OPTIONS, callbacks=[EpochTimer()])
    assert make_net(*NET, heard, seed=0, n_rows=9).records_batches


def test_gradients_are_clipped():
    seen = Seen()
    fit(GradientNormClipping(1e-6), seen, max_epochs=1)
    assert max(seen.norms) <= 1e-6


# --------------------------------------------------------------------------- step sizes


@pytest.mark.parametrize(("step_every", "n_steps"), [("epoch", 3), ("batch", 12)])
def test_a_schedule_of_the_users_takes_the_place_of_the_cycle(step_every, n_steps):
    seen = []

    class Sizes(Callback):
        def on_train_end(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    schedule = LRScheduler(policy="StepLR", step_size=1, gamma=0.5, step_every=step_every)
    fit(schedule, Sizes(), learning_rate=0.01)
    assert seen == [pytest.approx(0.01 * 0.5**n_steps)]


def test_warm_restarts_set_the_step_size_of_each_epoch():
    seen = []

    class Sizes(Callback):
        def on_epoch_begin(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    restarts = {"min_lr": 0.0, "max_lr": 0.02, "base_period": 2, "period_mult": 1}
    fit(LRScheduler(policy=WarmRestartLR, **restarts), Sizes(), max_epochs=4)
    # Half a cosine, down in two epochs, then again from the top.
    assert seen == pytest.approx([0.02, 0.01, 0.0, 0.02], abs=1e-6)


def test_a_callback_may_replace_the_optimizer():
    class Sgd(Callback):
        def on_train_begin(self, net, **kwargs):
            net.optimizer_ = torch.optim.SGD(net.module_.parameters(), lr=0.0)

    start = weights(fit(Sgd(), LRScheduler(policy="StepLR", step_size=1), max_epochs=1))
    np.testing.assert_array_equal(weights(fit(Sgd(), LRScheduler("StepLR", step_size=1))), start)


def test_training_ends_early():
    assert fit(EarlyStopping(patience=1, threshold=1.0), max_epochs=9).n_iter_ == 2


# -------------------------------------------------------------------------------- files


def test_the_best_epoch_is_kept_in_files_and_loaded_at_the_next_fit(tmp_path):
    checkpoint = Checkpoint(dirname=str(tmp_path))
    first = fit(checkpoint)
    assert recorded(first, "event_cp") == recorded(first, "valid_loss_best")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"params.pt", "optimizer.pt", "criterion.pt", "history.json"}
    best = torch.load(tmp_path / "params.pt", weights_only=True)
    np.testing.assert_allclose(next(iter(best.values())), weights(first))

    begun = []

    class Begin(Callback):
        def on_epoch_begin(self, net, **kwargs):
            begun.append(next(net.module_.parameters()).detach().clone().numpy())

    again = fit(LoadInitState(checkpoint), Begin(), max_epochs=1, random_state=1)
    np.testing.assert_allclose(begun[0], weights(first))
    assert recorded(again, "epoch") == [1, 2, 3, 4]


def test_the_last_epoch_is_kept_in_files(tmp_path):
    clf = fit(TrainEndCheckpoint(dirname=str(tmp_path)), validation_fraction=None)
    last = torch.load(tmp_path / "train_end_params.pt", weights_only=True)
    np.testing.assert_allclose(next(iter(last.values())), weights(clf))


# --------------------------------------------------------------------------- parameters


def test_parameters_are_frozen_thawed_and_set():
    start = []

    class Start(Callback):
        def on_train_begin(self, net, **kwargs):
            start.append(next(net.module_.parameters()).detach().clone().numpy())

    first = weights(fit(max_epochs=1))
    name = next(iter(fit(max_epochs=1).net_.weights()))
    frozen = fit(Start(), Freezer(name))
    np.testing.assert_array_equal(weights(frozen), start[0])
    assert not np.array_equal(weights(fit(Freezer(name), Unfreezer(name, at=2))), start[0])
    constant = partial(torch.nn.init.constant_, val=0.5)
    tiny = {"learning_rate": 1e-9, "weight_decay": 0.0, "max_epochs": 1}
    for callback in (Initializer(name, fn=constant), ParamMapper(name, fn=constant)):
        np.testing.assert_allclose(weights(fit(callback, **tiny)), np.full(first.shape, 0.5))


def test_the_shape_of_the_input_is_not_a_callbacks_to_set():
    with pytest.raises(ValueError, match="module=f, where f\\(n_features, n_classes\\)"):
        fit(InputShapeSetter())


class Linear(torch.nn.Linear):
    """A linear module with a parameter of its own."""

    def __init__(self, n_features, n_classes, bias=True):
        super().__init__(n_features, n_classes, bias=bias)


def test_a_partial_module_has_parameters_of_its_own():
    clf = fit(hidden_layer_sizes=None, module=partial(Linear, bias=False))
    assert list(clf.net_.weights()) == ["offset", "module.weight"]


def test_a_loss_of_torch_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"CrossEntropyLoss\(\) is neither .* 'cross_entropy'"):
        fit(loss=torch.nn.CrossEntropyLoss())


# ------------------------------------------------------------------------------- output


def test_a_log_is_printed_with_verbose_or_to_a_sink_of_its_own(capsys):
    lines = []
    fit(PrintLog(sink=lines.append))
    assert "valid_loss" in lines[0]
    fit(PrintLog())
    assert capsys.readouterr().out == ""
    fit(PrintLog(), verbose=1)
    assert "valid_loss" in capsys.readouterr().out


def test_a_bar_shows_the_batches_of_an_epoch(capsys):
    bar = ProgressBar(detect_notebook=False)
    fit(bar)
    assert bar.pbar_.n == 5
    assert "0/5" in capsys.readouterr().err


# ------------------------------------------------------------------------------ history


def test_the_history_has_numbers_of_each_epoch_of_each_network():
    clf = fit(EpochTimer(), cv=2)
    assert recorded(clf, "network") == [1, 1, 1, 2, 2, 2]
    assert recorded(clf, "epoch") == [1, 2, 3] * 2
    losses = np.reshape(recorded(clf, "valid_loss"), (2, 3))
    np.testing.assert_allclose(losses.mean(axis=0), -np.array(clf.validation_scores_))
    best = [row == min(losses[0, : i + 1]) for i, row in enumerate(losses[0])]
    assert recorded(clf, "valid_loss_best")[:3] == best
    assert all(math.isfinite(seconds) for seconds in recorded(clf, "dur"))


def test_the_history_goes_on_with_partial_fit():
    clf = LDRClassifier(random_state=0)
    for _ in range(2):
        clf.partial_fit(X, y, classes=np.unique(y))
    assert recorded(clf, "epoch") == [1, 2]


def test_the_page_lists_every_callback_of_skorch():
    page = (Path(__file__).parents[2] / "docs/howto/callbacks.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(\w+)", page))
    assert set(skorch_callbacks.__all__) - {"Callback"} <= listed
