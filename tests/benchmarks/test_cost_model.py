"""The cost model: sums of terms, their constants, and what follows from them."""

import numpy as np
import pytest


@pytest.fixture
def model(benchmark):
    return benchmark("cost_model")


def known(model, seconds_per_row=1e-4, bytes_per_cell=50.0):
    """Return constants by which rows and cells alone count."""
    found = {}
    for name, step in model.STEPS.items():
        size = model.Size(1, 1, 1)
        found[name, "seconds"] = np.eye(len(step.seconds(size)))[1] * seconds_per_row
        found[name, "bytes"] = np.eye(len(step.bytes(size)))[-1] * bytes_per_cell
    return found


def test_constants_are_found_from_what_they_predict(model):
    step = model.STEPS[f"{model.NETWORK}: fit"]
    truth = np.array([0.5, 1e-4, 1e-6, 2e-6])
    terms = np.array([step.seconds(size) for size in step.sizes])
    np.testing.assert_allclose(model.constants_of(terms, terms @ truth), truth, rtol=1e-6)


def test_the_work_of_a_pool_grows_slower_above_its_limit(model):
    rows = [model.per_row_and_split(model.Size(n, 10, 20))[1] for n in (1e7, 4e7, 1e10)]
    assert rows == pytest.approx([1e7, 2e7, 1e9])


@pytest.mark.parametrize(
    ("size", "fit", "sets"),
    [
        ((1e4, 10, 10), "CardinalityAwareClassifier() on one machine", "one process; dense"),
        ((1e8, 10, 10), "NeuralClassifier() on one machine", "one process; dense"),
        ((1e9, 10, 10), "partial_fit by chunks, 8 times over the rows", "4 processes"),
        ((1e11, 10, 10), "partial_fit by chunks of 8.6e+09 rows", "348 processes, by Dask or Ray"),
        ((1e6, 1e5, 1e8), "no network of 256 units has room", "sparse_output=True"),
    ],
)
def test_advice_goes_from_one_machine_to_many(model, size, fit, sets):
    said = model.advice(model.Size(*size), known(model), gigabytes=16, hours=8)
    assert fit in said[0]
    assert sets in said[1]


@pytest.mark.slow
def test_a_small_measurement_becomes_constants_predictions_and_a_check(
    model, tmp_path, monkeypatch, capsys
):
    name = f"{model.NETWORK}: fit"
    few = model.sizes((200, 4, 3), (400, 4, 3))
    steps = {name: model.STEPS[name]._replace(sizes=few, large=[])}
    found = known(model) | model.measured_constants(steps)
    monkeypatch.setattr(model, "CONSTANTS", tmp_path / "constants.csv")
    model.write_constants(model.CONSTANTS, found)
    monkeypatch.setattr(model, "CHECKS", tmp_path / "checks.csv")
    monkeypatch.setattr(model, "CHECKED", {model.NETWORK: few[0]})
    monkeypatch.setattr(model, "PAGE", tmp_path / "page.md")
    model.PAGE.write_text("<!-- cost model -->\n<!-- end -->")
    model.main(["200", "4", "3", "--check", "--docs"])
    assert "fit: CardinalityAwareClassifier() on one machine" in capsys.readouterr().out
    assert f"| {name} | 200 | 4 | 3 |" in model.PAGE.read_text()
