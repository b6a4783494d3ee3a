"""The benchmark of strong peers: every method runs, nothing is dropped, tables as by hand."""

import time

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier

pd = pytest.importorskip("pandas")
pytest.importorskip("tqdm")

FAST = {
    "forest": "sklearn",
    "extra_trees": "sklearn",
    "logistic": "sklearn",
    "hist_boosting": "sklearn",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
}
SLOW = dict.fromkeys(("realmlp", "realmlp_bagged", "tabm"), "pytabkit")
AROUND = {f"ours_{peer}": package for peer, package in FAST.items()}


@pytest.fixture
def strong_peers(benchmark, monkeypatch):
    """Let the benchmark know scikit-learn's digits 1, 3 and 8 alone, and small forests."""
    X, y = load_digits(return_X_y=True)
    chosen = np.flatnonzero(np.isin(y, [1, 3, 8]))[:300]
    rows = X[chosen], np.eye(10)[y[chosen]]
    monkeypatch.setattr(benchmark("set_size_problems"), "pooled_rows", lambda name: rows)
    monkeypatch.setattr(benchmark("strong_peers_methods"), "N_TREES", 20)
    return benchmark("strong_peers")


def has_sets(strong_peers, method, package):
    """Check that a method gives sets that cover, and figures without a gap."""
    pytest.importorskip(package)
    lines = strong_peers.lines_of(strong_peers.Task("digits", 0, method), limit=100)
    assert [line["value"] for line in lines] == list(strong_peers.LEVELS)
    assert set(lines[0]) == set(strong_peers.COLUMNS)
    for line in lines:
        assert line["coverage"] > line["value"] - 0.12
        assert 1 <= line["size"] < 2
        assert 0 < line["log_loss"] < np.log(3)
        assert line["fit_cpu"] > 0


# ------------------------------------------------------------------------------ methods


def test_every_peer_is_tried_here(benchmark):
    methods = benchmark("strong_peers_methods")
    assert {*FAST, *SLOW} == {*methods.PEERS}


@pytest.mark.parametrize("method", FAST)
def test_trees_and_logistic_regression_have_sets(strong_peers, method):
    has_sets(strong_peers, method, FAST[method])


@pytest.mark.slow
@pytest.mark.parametrize("method", SLOW)
def test_networks_of_others_have_sets(strong_peers, method):
    has_sets(strong_peers, method, SLOW[method])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ours", *AROUND])
def test_ours_has_sets_alone_and_around_peers(strong_peers, method):
    has_sets(strong_peers, method, AROUND.get(method, "sklearn"))


def test_labels_are_codes_without_a_gap(strong_peers, benchmark):
    problem = benchmark("set_size_problems").split("digits", 0)
    assert problem.classes.tolist() == [1, 3, 8]
    encoded = strong_peers.encoded(problem)
    assert encoded.classes.tolist() == [0, 1, 2]
    for (X, y), (X_same, codes) in zip(problem[:3], encoded[:3], strict=True):
        assert X_same is X
        np.testing.assert_array_equal(problem.classes[codes], y)


def test_a_class_that_a_fold_lacks_has_the_floor_as_probability(benchmark):
    methods = benchmark("strong_peers_methods")
    prior = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), [0, 0, 0, 2])
    found = methods.log_likelihood(prior, np.zeros((3, 1)), np.array([0, 2, 5]))
    assert found == pytest.approx(np.log([0.75, 0.25, 1e-10]).mean())


# ------------------------------------------------------------------------ runs and file


class Spins(DummyClassifier):
    """A classifier whose fit does not end."""

    def fit(self, X, y):
        while True:
            time.process_time()


class Raises(DummyClassifier):
    """A classifier whose fit raises an error."""

    def fit(self, X, y):
        raise ValueError("too few\nrows")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fits_that_are_too_long_or_raise_are_named_and_the_rest_goes_on(
    strong_peers, monkeypatch, tmp_path
):
    methods = {
        "spins": lambda seed: Spins(),
        "raises": lambda seed: Raises(),
        "forest": lambda seed: RandomForestClassifier(10, random_state=seed),
    }
    monkeypatch.setattr(strong_peers, "METHODS", methods)
    path = tmp_path / "peers.csv"
    tasks = strong_peers.planned(["digits"], list(methods), 1, path)
    strong_peers.run_all(tasks[:2], path, jobs=2, limit=0.2)
    assert strong_peers.planned(["digits"], list(methods), 1, path) == tasks[2:]

    left = strong_peers.planned(["digits"], list(methods), 2, path)
    monkeypatch.setitem(methods, "spins", None)  # is not tried on the second split
    strong_peers.run_all(left, path, jobs=1, limit=30)
    status = pd.read_csv(path).groupby(["method", "split"])["status"].agg(set)
    assert status.to_dict() == {
        (method, split): {what}
        for method, what in (
            ("forest", "done"),
            ("raises", "ValueError: too few rows"),
            ("spins", "too long"),
        )
        for split in (0, 1)
    }
    assert strong_peers.planned(["digits"], list(methods), 2, path) == []


# ------------------------------------------------------------------------------- tables


def lines_of(data, split, sizes, status="done"):
    """Return lines at one level, with the given sizes by method."""
    figures = {"coverage": 0.9, "log_loss": 0.5, "n_calibration": 500, "n_test": 1000}
    shared = {"data": data, "split": split, "value": 0.9, "predict_cpu": 0.1, "status": status}
    return [
        shared | figures | {"method": method, "size": size, "fit_cpu": size}
        for method, size in sizes.items()
    ]


@pytest.fixture
def lines():
    """Return a counted case, one where a label suffices, and a peer that took too long."""
    return pd.DataFrame(
        [
            *lines_of("letter", 0, {"ours": 1.8, "forest": 2.0, "catboost": 3.0}),
            *lines_of("letter", 1, {"ours": 2.2, "forest": 2.0, "catboost": 1.9}),
            *lines_of("segment", 0, {"ours": 1.5, "forest": 1.04, "catboost": 2.0}),
            *lines_of("segment", 0, {"tabm": np.nan}, status="too long"),
        ]
    )


def test_ours_is_held_against_the_best_peer_in_hindsight(benchmark, lines):
    tables = benchmark("strong_peers_tables")
    cells = tables.against_best(tables.sizes_by_split(lines), "ours", tables.PEERS)
    letter, segment = (cells.loc[name].iloc[0] for name in ("letter", "segment"))
    assert [letter["best_peer"], segment["best_peer"]] == ["forest", "forest"]
    assert [letter["counted"], segment["counted"]] == [True, False]
    assert letter["ratio"] == pytest.approx(np.sqrt(0.9 * 1.1))
    spread = abs(np.log(1.1) - np.log(0.9)) / 2
    assert letter["standard_error"] == pytest.approx(letter["ratio"] * spread)
    assert segment["ratio"] == pytest.approx(1.5 / 1.04)
    kinds = tables.by_kind(cells)
    assert kinds["cases"].to_dict() == {"all": 1, "tables": 1}
    assert kinds.loc["tables", "ratio"] == letter["ratio"]


def test_ours_around_a_peer_is_held_against_that_peer(benchmark, lines):
    tables = benchmark("strong_peers_tables")
    lines = lines.replace({"method": {"ours": "ours_catboost"}})
    table = tables.around_peers(lines, tables.sizes_by_split(lines)).loc["catboost"]
    assert table["cases"] == 2
    assert table["ratio"] == pytest.approx((0.6 * 2.2 / 1.9) ** 0.25 * 0.75**0.5)
    assert [table["above_1_by_two_se"], table["above_1.05_by_two_se"]] == [0, 0]
    assert table["fit_ratio"] == pytest.approx((2.0 / 2.45 * 0.75) ** 0.5)


def test_seconds_are_ratios_to_catboost(benchmark, lines):
    table = benchmark("strong_peers_tables").seconds(lines)
    assert table.loc["catboost", "fit_ratio"] == 1
    assert table.loc["ours", "fit"] == pytest.approx(np.sqrt(2.0 * 1.5))
    assert table.loc["ours", "fit_ratio"] == pytest.approx(np.sqrt(2.0 / 2.45 * 1.5 / 2.0))
    assert table.loc["ours", "longest_fit"] == 2.0


def test_the_page_shows_losses_and_what_did_not_end(benchmark, lines, tmp_path, monkeypatch):
    strong_peers = benchmark("strong_peers")
    monkeypatch.setattr(strong_peers, "DOCS", tmp_path)
    path, earlier = tmp_path / "peers.csv", tmp_path / "earlier.csv"
    lines[lines["method"] != "ours"].to_csv(path, index=False)
    lines[lines["method"] == "ours"].to_csv(earlier, index=False)
    strong_peers.main(["--tables", "--docs", "--file", str(path), "--frozen", str(earlier)])
    page = (tmp_path / "strong_peers.md").read_text()
    losses = page.split("### ours, earlier: all losses")[1].split("###")[0]
    assert "| segment | 0.900 | forest | 1.040 | 1.500 | 1.442 |  | 1 | no |" in losses
    assert "letter" not in losses
    assert "| segment | tabm | too long | 1 |" in page
