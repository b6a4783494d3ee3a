"""Sets of a file in memory that does not grow with it."""

import pytest

pytest.importorskip("pyarrow")


def test_every_row_has_a_set_and_a_tenth_calibrate(benchmark, tmp_path, monkeypatch):
    out_of_core = benchmark("out_of_core")
    monkeypatch.setattr(out_of_core, "CHUNK", 500)
    costs = out_of_core.run(5_000, tmp_path)
    size, coverage = costs["sets"].result
    assert 0.86 < coverage < 0.94
    assert 1 < size < 5


def test_batches_are_let_go_of(benchmark, tmp_path):
    """By default, Arrow keeps all that it has read of a file."""
    pa = pytest.importorskip("pyarrow")
    out_of_core = benchmark("out_of_core")
    out_of_core.write_rows(tmp_path / "rows.parquet", 400_000)
    held = [pa.total_allocated_bytes() for _ in out_of_core.batches(tmp_path / "rows.parquet")]
    assert max(held[1:]) < 2 * held[0]
