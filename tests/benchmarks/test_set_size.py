"""The benchmark of set sizes: a small run works and goes on, its tables say what the file says."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CardinalityAwareClassifier

pd = pytest.importorskip("pandas")


@pytest.fixture
def on_digits(benchmark, monkeypatch):
    """Let the benchmark know scikit-learn's digits alone, with two splits and two bases."""
    problems = benchmark("set_size_problems")
    monkeypatch.setattr(problems, "PLAN", {"digits": (2, ("naive_bayes", "network"), 1)})
    problems.pooled_rows.cache_clear()
    return problems


def lines_of(task, sizes, n_test=1000):
    """Return lines with the given mean sizes by method, at one level."""
    figures = {"coverage": 0.9, "singletons": 0.5, "size_gap": 0.1, "top_1": 0.8}
    return [
        {"data": "letter", "split": task[0], "base": task[1], "method": method, "size": size}
        | {"target_kind": "coverage", "value": 0.9, "n_calibration": 500, "n_test": n_test}
        | figures
        for method, size in sizes.items()
    ]


# ------------------------------------------------------------------------------- splits


def test_parts_of_a_split_share_no_row_and_all_their_classes_are_trained_on(on_digits):
    problem = on_digits.split("digits", 3)
    parts = [problem.train, problem.calibration, problem.test]
    assert [len(y) for _, y in parts] == [898, 449, 450]
    X, _ = on_digits.pooled_rows("digits")
    rows = np.vstack([X for X, _ in parts])
    assert len(np.unique(rows, axis=0)) == len(np.unique(X, axis=0))
    assert all(np.isin(y, problem.classes).all() for _, y in parts)
    assert problem.coverage(problem.label_dist > 0) == 1


def test_labels_are_drawn_from_their_distribution(on_digits):
    label_dist = np.tile([0.0, 0.25, 0.75], (4000, 1))
    shares = (
        np.bincount(on_digits.drawn_labels(label_dist, np.random.default_rng(0)), minlength=3)
        / 4000
    )
    np.testing.assert_allclose(shares, label_dist[0], atol=0.02)


# ------------------------------------------------------------------------- runs and file


def test_a_run_that_was_killed_goes_on_where_it_ended(benchmark, on_digits, tmp_path, monkeypatch):
    set_size, path = benchmark("set_size"), tmp_path / "sizes.csv"
    ran = []

    def run(task):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(task)
        return [task._asdict() | {"method": "ours", "size": 1.5, "task_seconds": 2.0}] * 2

    monkeypatch.setattr(set_size, "run", run)
    tasks = set_size.planned(["digits"], ["naive_bayes", "network"], splits=10)
    assert len(tasks) == 4
    with pytest.raises(KeyboardInterrupt):
        set_size.run_all(tasks, path, np.inf)
    assert set_size.read(path) == dict.fromkeys(tasks[:2], 2.0)
    assert path.read_text().count("split") == 1  # one header

    left = [task for task in tasks if task not in set_size.read(path)]
    assert set_size.expected_seconds(left, set_size.read(path)) == 4.0
    ran.clear()
    assert set_size.run_all(left, path, np.inf)
    assert set(set_size.read(path)) == set(tasks)


def test_no_task_is_started_when_time_is_up(benchmark, on_digits, tmp_path):
    set_size = benchmark("set_size")
    tasks = set_size.planned(["digits"], ["network"], splits=1)
    assert not set_size.run_all(tasks, tmp_path / "sizes.csv", deadline=0.0)


@pytest.mark.slow
def test_a_small_run_measures_all_methods_and_the_next_call_runs_nothing(
    benchmark, on_digits, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("mapie")
    pytest.importorskip("crepes")
    monkeypatch.setattr(on_digits, "levels", lambda name: (0.9, 0.97))
    set_size, path = benchmark("set_size"), tmp_path / "sizes.csv"
    arguments = ["--data", "digits", "--bases", "naive_bayes", "--splits", "1"]
    set_size.main([*arguments, "--file", str(path)])
    assert "| letter" not in capsys.readouterr().out

    lines, tables = pd.read_csv(path), benchmark("set_size_tables")
    assert {*tables.SHOWN, *tables.TUNED} - {tables.ON_NETWORK} <= set(lines["method"])
    assert {"singleton", "ours, singleton", "RANK"} <= set(lines["method"])
    asked = lines[lines["target_kind"] == "coverage"].pivot(
        index="value", columns="method", values=["size", "coverage"]
    )
    assert not asked.isna().any().any()
    # Two implementations of one rule.
    for figure in ("size", "coverage"):
        assert (asked[figure, "LAC"] == asked[figure, "LAC (MAPIE)"]).all()
    assert (asked["size"] >= 1).all().all()
    assert (asked["coverage"].sub(asked.index, axis=0) > -0.06).all().all()

    before = path.read_text()
    set_size.main([*arguments, "--file", str(path)])
    assert path.read_text() == before


# ------------------------------------------------------------------------------- tables


def test_cases_are_held_against_the_better_lac_and_averaged_only_if_counted(benchmark):
    tables = benchmark("set_size_tables")
    others = {name: 3.0 for name in tables.RIVALS if name != "LAC"}
    ours = {"ours": 1.8}
    lines = pd.DataFrame(
        lines_of((0, "forest"), {"LAC": 4.0, **others, **ours})
        + lines_of((0, "network"), {"LAC": 2.0, **others, **ours})
        + lines_of((0, "logistic"), {"LAC": 1.04, **others, **ours})
    )
    cells = tables.compared(tables.sizes_by_split(lines)).droplevel(["data", "value"])
    assert cells["counted"].to_dict() == {"forest": True, "logistic": False, "network": True}
    assert cells.loc["forest", "better"] == 2.0  # of the network
    assert cells.loc["forest", "smallest_rival"] == 3.0
    np.testing.assert_allclose(cells.loc["forest", "ratio"], 0.9)
    rivals = tables.against_rivals(cells[cells["counted"]])
    np.testing.assert_allclose(rivals["ratio"], [0.6, 0.9])
    assert rivals["reached"].tolist() == [True, True]


def test_a_split_whose_network_is_not_run_yet_is_left_out(benchmark):
    tables = benchmark("set_size_tables")
    done = lines_of((0, "forest"), {"LAC": 4.0}) + lines_of((0, "network"), {"LAC": 2.0})
    begun = lines_of((1, "forest"), {"LAC": 3.0})
    sizes = tables.sizes_by_split(pd.DataFrame(done + begun))
    assert sizes.index.get_level_values("split").tolist() == [0, 0]
    assert tables.sizes_by_split(pd.DataFrame(begun))["LAC"].tolist() == [3.0]


def test_sets_that_do_not_cover_what_they_promise_have_no_size(benchmark):
    tables = benchmark("set_size_tables")
    lines = pd.DataFrame(lines_of((0, "network"), {"LAC": 2.0, "ours": 1.5}))
    lines.loc[lines["method"] == "LAC", "coverage"] = 0.8
    sizes = tables.sizes_by_split(lines).iloc[0]
    assert np.isnan(sizes["LAC"])
    assert sizes["ours"] == 1.5


def test_holm_adjusts_as_by_hand(benchmark):
    p = pd.Series([0.02, 0.01, np.nan, 0.03])
    np.testing.assert_allclose(benchmark("set_size_tables").holm(p), [0.04, 0.03, np.nan, 0.04])


def test_paired_tests_see_a_difference_that_all_splits_share(benchmark):
    tables = benchmark("set_size_tables")
    rival = np.array([1.0, 2.0, 4.0, 8.0])
    cell = {"better_method": "LAC"}
    for factor, above_1, above_limit in (
        (1.1, True, True),
        (1.015, True, False),
        (0.9, False, False),
    ):
        ours = rival * factor * np.array([1.001, 0.999, 1.0, 1.002])
        p = tables.paired_tests(pd.DataFrame({"LAC": rival, "ours": ours}), cell)
        assert [value < 0.01 for value in p] == [above_1, above_limit]


def test_coverage_bands_hold_their_part_of_the_beta_binomial_distribution(benchmark):
    tables = benchmark("set_size_tables")
    lines = pd.DataFrame(lines_of((0, "forest"), {"ours": 1.5}, n_test=2000))
    (low,), (high,) = tables.band(lines, 0.1)
    rng = np.random.default_rng(0)
    # 500 calibration rows at 0.9: the 50th smallest level, coverage distributed as Beta(451, 50).
    covered = rng.binomial(2000, rng.beta(451, 50, size=20_000))
    assert abs(np.mean(covered < low) - 0.05) < 0.01
    assert abs(np.mean(covered > high) - 0.05) < 0.01


# ---------------------------------------------------------------------- known posterior


@pytest.mark.slow
def test_no_method_beats_the_bayes_rule_and_coverage_follows_its_distribution(
    benchmark, monkeypatch
):
    known = benchmark("known_posterior")
    methods = {name: known.METHODS[name] for name in ("rank", "comp-sum, tau=1")}
    monkeypatch.setattr(known, "METHODS", methods)
    lines = pd.DataFrame(known.losses(1000, seed=0))
    assert (lines["loss"] >= lines["bayes"]).all()
    table = known.coverage_table(pd.DataFrame(known.coverages(None, repetitions=60)))
    assert table.loc["none", "below_5%"] < 0.15
    assert abs(table.loc["none", "coverage"] - 0.9) < 0.01


# -------------------------------------------------------------------------------- speed


def test_the_exponent_of_a_power_is_its_power(benchmark):
    sizes = np.array([1, 2, 4, 8])
    assert benchmark("speed_report").exponent(sizes, 3.0 * sizes**1.5) == pytest.approx(1.5)


def test_a_figure_is_reached_as_its_relation_says(benchmark):
    figure = benchmark("speed_report").Figure
    assert figure("a ratio", "ratio", 1.0, target="<= 1").reached == "yes"
    assert figure("a ratio", "ratio", 1.1, target="<= 1").reached == "no"
    assert figure("a ratio", "ratio", 4.5, target=">= 4").reached == "yes"
    assert figure("a ratio", "ratio", 1.0).reached == ""
    assert (
        benchmark("speed_report").skipped("a ratio", "ratio", "no GPU", target="< 1").reached == ""
    )


def test_functions_are_timed_in_turn_after_a_round_that_does_not_count(benchmark):
    report, calls = benchmark("speed_report"), []
    functions = {name: lambda name=name: calls.append(name) or len(calls) for name in "ab"}
    seconds = report.interleaved(functions, 2, lambda function: function())
    assert calls == list("ababab")
    assert {name: values.tolist() for name, values in seconds.items()} == {"a": [3, 5], "b": [4, 6]}
    line = report.ratio("b / a", seconds, "b", "a")
    assert line.measured == pytest.approx((4 / 3 + 6 / 5) / 2)
    assert (line.low, line.high) == pytest.approx((6 / 5, 4 / 3))


def test_tables_of_speed_go_to_their_places_in_the_page(benchmark, tmp_path):
    report, path = benchmark("speed_report"), tmp_path / "speed_x.csv"
    figure = report.Figure("epoch", "ms", 51.234, 50.0, "<= 60", note="by hand")
    report.write(path, [figure, report.skipped("step", "us", "no GPU")])
    table = report.markdown(path).splitlines()
    assert table[2] == "| epoch | ms | <= 60 | 50 | 51.2 |  |  | yes | by hand |"
    assert table[3] == "| step | us |  |  |  |  |  |  | not measured: no GPU |"
    page = "before\n<!-- x -->\nold\n<!-- end -->\nafter <!-- y -->\n<!-- end -->"
    filled = report.filled(page, {"x": "new"})
    assert filled == page.replace("old", "\nnew\n")
    assert report.filled(filled, {"x": "new"}) == filled


def test_memory_is_counted_from_where_the_data_lie(benchmark):
    report = benchmark("speed_report")
    if np.isnan(report._status("VmRSS")):
        pytest.skip("no /proc/self/status")
    found = report.cost(np.ones, lambda data: data.repeat(2)[-1], 4_000_000)
    assert 60 < found.megabytes < 100
    assert found.result == 1


def test_growth_gives_an_exponent_for_each_quantity(benchmark):
    growth = benchmark("speed_growth")
    cost = benchmark("speed_report").Cost
    sizes = [1, 2, 4]
    costs = [cost(0.0, 10.0 * s, {"fit": 0.1 * s**2, "predict_set": 0.5}) for s in sizes]
    lines = growth.growth_lines("n", sizes, costs, (1.0, 1.0, 1.0))
    assert [line.measured for line in lines] == pytest.approx([2, 0, 1], abs=1e-9)
    assert [line.reached for line in lines] == ["no", "yes", "yes"]


def test_growth_in_the_cells_has_exponents_and_the_bytes_of_a_cell(benchmark, monkeypatch):
    growth, cost = benchmark("speed_growth"), benchmark("speed_report").Cost
    asked = []

    def measured(prepare, use, n, *others):
        asked.append((prepare, use, n, *others))
        return cost(0.0, n / 1000, {"fit": float(n), "predict_set": 1.0})

    monkeypatch.setattr(growth, "in_new_process", measured)
    monkeypatch.setattr(growth, "CELLS", {growth.network: (1_000, 10_000)})
    lines = growth.cell_figures()
    assert asked == [(growth.problem, growth.network, n, 16, 100, 2) for n in (10, 100)]
    assert [line.measured for line in lines] == pytest.approx([1, 0, 1, 10])
    assert "10,000 cells" in lines[-1].figure


@pytest.mark.slow
def test_growth_is_measured_of_fits_and_predictions(benchmark):
    growth = benchmark("speed_growth")
    data = growth.problem(300, 4, 4, 2)
    assert growth.network(data).keys() == {"fit", "predict_set"}
    assert growth.folds(data).keys() == {"fit with folds", "predict_set after folds"}


def test_the_gpu_section_runs_on_a_cpu_and_says_where_there_is_no_gpu(benchmark, monkeypatch):
    gpu = benchmark("speed_gpu")
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    assert all("no CUDA device" in line.note for line in gpu.figures())
    assert gpu.synchronisations("cpu", gpu.TINY.shape) == 0
    assert len(gpu.epoch_figures("cpu", gpu.TINY)) == 4
    assert len(gpu.step_figures("cpu", gpu.TINY)) == 2
    assert gpu.sets_figure("cpu", gpu.TINY).measured > 0


def test_waits_of_an_epoch_are_counted_up_to_its_last_batch(benchmark, monkeypatch):
    gpu = benchmark("speed_gpu")
    asked = []
    monkeypatch.setattr(gpu, "_warn_of_waits", asked.append)
    messages = []
    waits = gpu.Waits(messages)
    for text in ("called a synchronizing CUDA operation", "another warning"):
        messages.append(warnings.WarningMessage(UserWarning(text), UserWarning, "", 0))
        waits.on_batch_end(None)
    messages.append(messages[0])  # the loss of the epoch is read
    waits.on_epoch_end(None)
    assert (waits.count, asked) == (1, [True, True, False])


def test_rivals_of_speed_train_and_predict_what_ours_do(benchmark):
    training = benchmark("speed_training")
    shape = training.bare.Shape(100, 4, 3, 8, 32)
    for make in (training.ours, training.hand_written, training.skorch_default):
        make(shape)(2)
    classes = benchmark("speed_classes")
    problem = classes.calibration(300, 6)
    coverage, size = classes.ours(problem)
    assert classes.ours_dense(problem) == (coverage, size)
    assert 0.8 < coverage <= 1
    assert 1 <= size <= 6


def test_the_oracle_of_many_classes_is_the_nearest_centre(benchmark):
    classes = benchmark("speed_classes")
    problem = classes.many_classes(50, 8, n_new=200)
    assert np.bincount(problem.y).tolist() == [3] * 50
    assert (problem.oracle == problem.y_new).mean() > 0.9
    centers = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    X = np.array([[1.0, 0.2], [2.9, -1.0], [1.4, 1.6]])
    np.testing.assert_array_equal(classes.nearest(centers, X, n_rows=2), [0, 1, 2])


def test_two_jobs_give_the_sets_of_one_and_are_timed(benchmark, monkeypatch):
    jobs = benchmark("speed_jobs")
    small = {"estimator": GaussianNB(), "refine": False}
    monkeypatch.setattr(
        jobs, "CardinalityAwareClassifier", partial(CardinalityAwareClassifier, **small)
    )
    lines = jobs.lines_of(200, 4, 3, repeats=1)
    assert [line.unit for line in lines] == ["ratio", "s", "s"]
    assert min(line.measured for line in lines) > 0
