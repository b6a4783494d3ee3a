"""The benchmark of promises: each arm runs, and the page says what the file says."""

import pytest

pd = pytest.importorskip("pandas")

ARMS = {
    "label_noise": {"as if clean", "corrected", "estimate"},
    "alone": {"tested", "probability above", "oracle"},
    "long_tail": {"power 0", "power 0.5", "power 1"},
    "few_rows": {"split", "cv=5", "cv=10"},
}


def test_every_arm_runs_and_stands_on_the_page(benchmark, tmp_path, monkeypatch):
    promises = benchmark("promises")
    monkeypatch.setattr(promises, "N_TRAIN", 600)
    monkeypatch.setattr(promises, "TAILS", {"few classes": (8, 1.0)})
    csv, page = tmp_path / "promises.csv", tmp_path / "promises.md"
    options = ["--repetitions", "1", "--test", "50", "--csv", str(csv), "--docs", str(page)]
    promises.main(options)
    table = pd.read_csv(csv)
    for promise, arms in ARMS.items():
        lines = table[table["promise"] == promise]
        assert set(lines["arm"]) == arms
        assert (lines["repetitions"] == 1).all()
    first = table.iloc[0]
    cells = f"| {first['problem']} | {first['arm']} | {first['coverage']:.3f} |"
    assert cells in page.read_text(encoding="utf-8")
    promises.main([*options, "--only", "few_rows"])
    assert len(pd.read_csv(csv)) == len(table)
