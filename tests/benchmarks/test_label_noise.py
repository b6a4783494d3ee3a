"""The benchmark of label noise: fair draws, runs that go on, tables as the file has them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_digits

BENCHMARKS = Path(__file__).parents[2] / "examples" / "benchmarks"

pd = pytest.importorskip("pandas")
pytest.importorskip("tqdm")


@pytest.fixture
def tiny(benchmark, monkeypatch):
    """Let the benchmark know two kinds of noise on scikit-learn's digits, and three methods."""
    label_noise = benchmark("label_noise")
    X, y = load_digits(return_X_y=True)
    names = ("cross_entropy", "aldr_kl", "LogisticRegression")
    methods = {name: label_noise.METHODS[name] for name in names}
    monkeypatch.setattr(label_noise, "DATASETS", {"digits": None})
    monkeypatch.setattr(label_noise, "METHODS", methods)
    monkeypatch.setattr(
        label_noise, "rows_of", lambda *_: (X[:300], y[:300], X[300:600], y[300:600])
    )
    noises = ("clean", 0.0), ("uniform", 0.3)
    plan = label_noise.Plan("tiny", ("digits",), ((1, 2), (2, 1)), 300, 2, noises)
    monkeypatch.setattr(label_noise, "FULL", plan)
    return label_noise


# --------------------------------------------------------------------- what is tried


def test_every_loss_has_as_many_draws_and_each_learning_rate_once(benchmark):
    methods = benchmark("label_noise_methods")
    for name in (*methods.BASELINES, "ldr_kl", "aldr_kl"):
        drawn = methods.drawn_configurations(name, 4, np.random.RandomState(0))
        assert [params["learning_rate"] for params in drawn] == list(methods.LEARNING_RATES)
        for params in drawn:
            methods.LOSSES[name](**methods.loss_params(params)).check(10)


def test_both_forms_of_aldr_kl_are_tried_with_the_same_parameters(benchmark):
    label_noise = benchmark("label_noise")
    setting = ("vowel", "uniform", 0.3)
    exact, one_step = (
        label_noise.candidates(setting, name, label_noise.FULL)
        for name in ("aldr_kl", "one_step_aldr_kl")
    )
    assert exact == one_step
    assert exact != label_noise.candidates(("letter", "uniform", 0.3), "aldr_kl", label_noise.FULL)


def test_classifiers_with_defaults_have_one_configuration(benchmark):
    methods = benchmark("label_noise_methods")
    for name in ("LDRClassifier", "mean of gce", "LogisticRegression"):
        assert methods.drawn_configurations(name, 4, np.random.RandomState(0)) == [{}]


def test_the_best_of_a_rung_is_trained_on_the_folds_of_the_next(tiny):
    setting = ("digits", "uniform", 0.3)
    first = tiny.open_rung(setting, "aldr_kl", {}, tiny.FULL)
    assert [task.fold for task in first] == [0, 0]
    done = {task: {"valid_score": score} for task, score in zip(first, ("0.2", "0.4"), strict=True)}
    (second,) = tiny.open_rung(setting, "aldr_kl", done, tiny.FULL)
    assert second == first[1]._replace(fold=1)
    assert (
        tiny.open_rung(setting, "aldr_kl", done | {second: {"valid_score": "0"}}, tiny.FULL) == []
    )


def test_only_the_compared_methods_go_on_to_more_folds(tiny):
    plan = tiny.FULL._replace(compared=("aldr_kl",))
    assert plan.rungs_of("aldr_kl") == plan.rungs
    assert plan.rungs_of("cross_entropy") == plan.rungs[:1]
    n_missing = [tiny.n_missing("digits", name, {}, plan) for name in ("aldr_kl", "cross_entropy")]
    assert n_missing == [2 * 3, 2 * 2]


# ------------------------------------------------------------------------ the methods


def small_fold(methods, as_rows=np.asarray):
    """Return a fold of 60 rows of three classes to train on, some labels of which are wrong."""
    rng = np.random.RandomState(0)
    y = np.arange(120) % 3
    X = as_rows((np.eye(3)[y] + 0.3 * rng.normal(size=(120, 3))).astype(np.float32))
    noisy = np.where(rng.rand(120) < 0.2, rng.randint(3, size=120), y)
    train, valid = slice(None, 60), slice(60, None)
    return methods.Fold(
        *(True, X[train], noisy[train]),
        *(X[valid], noisy[valid], y[valid], X[valid], y[valid]),
    )


CLEANING = ("CleanLearning", "CleanLearning, unweighted")
NAMES = (
    *("cross_entropy", "sce", "gce", "tgce", "weston_watkins", "jensen_shannon", "crammer_singer"),
    *("rll", "nce_rce", "nce_aul", "nce_agce", "mse", "mae", "ldr_kl", "aldr_kl"),
    *("one_step_aldr_kl", "LDRClassifier", "MLPClassifier", "LogisticRegression"),
    *("mean of gce", *CLEANING),
)
# Dear, and like the mean of gce.
OTHERS = {"mean of sce", "mean of jensen_shannon"}


def test_the_names_of_the_methods_are_all_tried_here(benchmark):
    known = set(benchmark("label_noise_methods").METHODS)
    assert known | {*CLEANING} == {*NAMES, *OTHERS}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_every_method_fits_and_is_measured(benchmark, name):
    label_noise, methods = benchmark("label_noise"), benchmark("label_noise_methods")
    if name in CLEANING:
        pytest.importorskip("cleanlab")
    fold = small_fold(methods)
    options = label_noise.NETWORK | {"max_epochs": 3, "random_state": 0}
    params = methods.drawn_configurations(name, 1, np.random.RandomState(0))[0]
    model = methods.METHODS[name](name, params, fold, options)
    figures = label_noise.validation_figures(model, fold) | label_noise.test_figures(model, fold)
    assert np.isfinite(list(figures.values())).all()


@pytest.mark.parametrize("as_rows", [np.asarray, csr_array], ids=["dense", "CSR"])
def test_the_one_step_arm_moves_the_temperature_of_every_row(benchmark, as_rows):
    methods = benchmark("label_noise_methods")
    fold = small_fold(methods, as_rows)
    options = {"hidden_layer_sizes": (8,), "max_epochs": 1, "batch_size": 16, "random_state": 0}
    params = {"learning_rate": 0.01, "lam": 2.0}
    model = methods.fit_one_step("one_step_aldr_kl", params, fold, options)
    temperatures = model.memory.temperatures
    assert temperatures.shape == (60,)
    assert (temperatures < 2.0).all()
    assert len(temperatures.unique()) > 30


def test_one_step_after_another_leads_to_the_exact_temperature(benchmark):
    one_step, losses = benchmark("one_step_aldr"), benchmark("sklearn_setpred.losses")
    scores = torch.randn(7, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target, exact = torch.arange(7) % 5, losses.ALDRKL(lam=2.0)
    memory = one_step.Memory(10, 2.0)
    loss = one_step.OneStepALDRKL(lam=2.0, memory=memory)
    memory.rows = torch.tensor([9, 0, 2, 3, 5, 7, 8])
    for _ in range(30):
        values = loss(scores, target)
    torch.testing.assert_close(values, exact(scores, target), atol=1e-3, rtol=0)
    found = memory.temperatures[memory.rows]
    torch.testing.assert_close(found, exact.temperatures(scores.detach()), atol=1e-3, rtol=0)
    assert (memory.temperatures[[1, 4, 6]] == 2.0).all()


# ---------------------------------------------------------------------- runs and file


class Stub:
    """Runs tasks in no time, and is killed at the one that ``n_before_kill`` others precede."""

    def __init__(self, n_before_kill=np.inf):
        self.ran, self.n_before_kill = [], n_before_kill

    def __call__(self, task, plan):
        if len(self.ran) == self.n_before_kill:
            raise KeyboardInterrupt
        self.ran.append(task)
        return task._asdict() | {"seconds": 1.0, "valid_score": 0.5}


def test_a_run_that_was_killed_goes_on_where_it_ended(tiny, tmp_path, monkeypatch, capsys):
    path, killed, later = tmp_path / "noise.csv", Stub(n_before_kill=3), Stub()
    monkeypatch.setattr(tiny, "probe", lambda *_: 3600.0)
    monkeypatch.setattr(tiny, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        tiny.run_missing(tiny.FULL, path, 1, np.inf)
    assert capsys.readouterr().out.startswith("0 models are in noise.csv; the others take about")
    assert list(tiny.read(path)) == killed.ran

    monkeypatch.setattr(tiny, "run", later)
    assert tiny.run_missing(tiny.FULL, path, 1, np.inf)
    assert "3 models are in noise.csv" in capsys.readouterr().out
    assert not set(killed.ran) & set(later.ran)
    # In two settings, 2 + 1 models for each loss, and 2 of the classifier with its defaults.
    assert len(tiny.read(path)) == len(killed.ran) + len(later.ran) == 2 * (3 + 3 + 2)
    assert path.read_text().count("valid_score") == 1  # one header
    assert tiny.run_missing(tiny.FULL, path, 1, np.inf)
    assert len(tiny.read(path)) == 16


def test_no_more_models_are_trained_when_time_is_up(tiny, tmp_path, monkeypatch):
    path, stub = tmp_path / "noise.csv", Stub()
    monkeypatch.setattr(tiny, "probe", lambda *_: 3600.0)
    monkeypatch.setattr(tiny, "run", stub)
    assert not tiny.run_missing(tiny.FULL, path, 1, seconds=0.0)
    assert list(tiny.read(path)) == stub.ran[:1]


def test_the_estimate_counts_every_model_that_is_missing(tiny, monkeypatch):
    monkeypatch.setattr(tiny, "probe", lambda *_: 3600.0)
    monkeypatch.setattr(
        tiny, "RELATIVE_COST", {"cross_entropy": 1, "aldr_kl": 4, "LogisticRegression": 10}
    )
    assert tiny.hours_left({}, tiny.FULL) == 2 * (3 + 3 * 4 + 2 * 10)
    task = tiny.Task("digits", "clean", 0.0, "aldr_kl", "{}", 0)
    known = {task: {"seconds": "1800"}}
    assert tiny.hours_left(known, tiny.FULL) == 2 * (3 + 2 * 10) + 5 * 0.5


@pytest.mark.slow
def test_the_script_runs_with_several_processes(tmp_path):
    """A process of its own, as functions of the main module cannot be found from another."""
    y = np.arange(110) % 11
    parts = {"X_train": np.eye(11)[y], "y_train": y, "X_test": np.eye(11)[y], "y_test": y}
    parts["label_names"] = np.arange(11).astype(str)
    np.savez(tmp_path / "vowel.npz", **parts)
    path = tmp_path / "noise.csv"
    command = [sys.executable, str(BENCHMARKS / "label_noise.py"), "--data", "vowel"]
    command += ["--jobs", "2", "--minutes", "0", "--file", str(path)]
    env = os.environ | {"SETPRED_DATA": str(tmp_path)}
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "the same call goes on from here" in run.stdout, run.stderr
    assert len(pd.read_csv(path)) == 1


@pytest.mark.slow
def test_a_small_run_writes_finite_figures(tiny, tmp_path):
    path = tmp_path / "noise.csv"
    assert tiny.run_missing(tiny.FULL, path, 1, np.inf)
    lines = pd.read_csv(path)
    figures = lines[["top_1", "top_5", "ece", "brier", "log_loss", "valid_score", "seconds"]]
    assert np.isfinite(figures).all().all()
    assert (lines["top_1"] <= lines["top_5"]).all()
    noisy = lines[lines["noise"] != "clean"].set_index("method")
    assert noisy["auroc_p_y"].between(0, 1).all()
    assert noisy.loc["aldr_kl", "auroc_temperature"].between(0, 1).all()
    assert noisy.loc["LogisticRegression", "auroc_loss"].isna().all()


# ------------------------------------------------------------------------------- tables


def lines_of(accuracies, fold=0, noise="uniform", level=0.3):
    """Return a line for each method with its accuracy, the same for every k."""
    setting = {"dataset": "d", "noise": noise, "level": level, "fold": fold}
    return [
        {**setting, "method": method, "config": "{}", "valid_score": value}
        | {f"top_{k}": value for k in range(1, 6)}
        for method, value in accuracies.items()
    ]


def test_the_nemenyi_difference_is_that_of_demsars_example(benchmark):
    # Demsar (2006), section 3.2.2: four methods on 14 data sets, 2.569 sqrt(20 / 84) = 1.25.
    tables = benchmark("label_noise_tables")
    assert round(tables.nemenyi_difference(14, 4), 2) == 1.25


def test_the_configuration_is_chosen_on_validation_rows_among_the_longest_trained(benchmark):
    frame = pd.DataFrame(
        [
            dict(lines_of({"sce": score}, fold)[0], config=config, top_1=test)
            for config, fold, score, test in [
                ("a", 0, 0.9, 0.1),
                ("b", 0, 0.5, 0.2),
                ("b", 1, 0.5, 0.3),
                ("c", 0, 0.4, 0.8),
                ("c", 1, 0.5, 0.9),
            ]
        ]
    )
    assert benchmark("label_noise_tables").chosen(frame)["config"].tolist() == ["b", "b"]


def test_unfinished_data_sets_are_left_out(benchmark):
    both = {"sce": 0.8, "mae": 0.7}
    clean = {"noise": "clean", "level": 0.0}
    whole = lines_of(both, 0) + lines_of(both, 1) + lines_of(both, 0, **clean)
    whole += lines_of(both, 1, **clean)
    frames = {
        "whole": whole,
        "a fold is missing": whole[:-1],
        "a setting is missing": whole[:4],
        "a method is missing": [line for line in whole if line["method"] == "sce"],
    }
    frame = pd.DataFrame(
        [line | {"dataset": name} for name, lines in frames.items() for line in lines]
    )
    finished = benchmark("label_noise_tables").finished(frame)
    assert finished["dataset"].unique().tolist() == ["whole"]


def test_ranks_are_those_of_the_folds_that_all_methods_have(benchmark):
    tables = benchmark("label_noise_tables")
    both, one = lines_of({"gce": 0.8, "mae": 0.7}, 0), lines_of({"gce": 0.1}, 1)
    frame = pd.DataFrame(both + one)
    assert len(tables.finished(frame)) == 3
    assert tables.in_shared_folds(frame)["top_1"].tolist() == [0.8, 0.7]


def test_ranks_leave_out_what_cannot_be_told_apart(benchmark):
    tables = benchmark("label_noise_tables")
    first = {"aldr_kl": 0.9, "ldr_kl": 0.5, "sce": 0.8, "gce": 0.7}
    last = {"aldr_kl": 0.1, "ldr_kl": 0.5, "sce": 0.8, "gce": 0.7}
    frame = pd.DataFrame(
        lines_of(first)
        + lines_of(last, noise="class_dependent", level=0.5)
        + lines_of(last, noise="clean", level=0.0)
    )
    ranks = tables.compared_ranks(frame)
    assert ranks.loc["aldr_kl"].tolist() == [1.0, 2.5, 2.5, 2.5, 2.5]
    # The best baseline has rank 2 at k = 1, and 1.5 elsewhere.
    assert ranks.loc["aldr_kl minus the best baseline"].tolist() == [-1.0, 1.0, 1.0, 1.0, 1.0]
    assert ranks.loc["aldr_kl minus GCE"].tolist() == [-2.0, 0.0, 0.0, 0.0, 0.0]
    every = tables.average_ranks(tables.settings_means(frame)).loc["aldr_kl"]
    np.testing.assert_allclose(every, [2.5, 3.0, 3.0, 3.0, 3.0])


def test_defaults_are_compared_fold_by_fold(benchmark):
    tables = benchmark("label_noise_tables")
    frame = pd.DataFrame(
        [
            line
            for fold, gain in enumerate((0.1, 0.3))
            for line in lines_of(
                {"LDRClassifier": 0.5 + gain, "MLPClassifier": 0.5, "LogisticRegression": 0.9}, fold
            )
        ]
    )
    gain = tables.gains_over(frame, "MLPClassifier").iloc[0]
    np.testing.assert_allclose(gain, [0.2, 0.1])  # standard error sqrt(.02 / 2)
    table = tables.defaults_compared(frame)
    np.testing.assert_allclose(table["noisy, mean"], [0.2, -0.2])
    np.testing.assert_allclose(table["worst ratio"], [2.0, -2.0])


def test_a_setting_is_behind_gce_by_more_than_two_standard_errors(benchmark):
    tables = benchmark("label_noise_tables")
    frame = pd.DataFrame(
        [
            line
            for fold, gain in enumerate((-0.3, -0.2, -0.1))  # -.2 with the standard error .058
            for line in lines_of({"gce": 0.5, "aldr_kl": 0.5 + gain, "ldr_kl": 0.7 + gain}, fold)
        ]
    )
    assert (tables.behind_gce(frame).loc["aldr_kl"] == "1 of 1").all()
    assert (tables.behind_gce(frame).loc["ldr_kl"] == "0 of 1").all()
