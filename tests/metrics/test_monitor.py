"""The coverage of a stream: what is expected of the evidence, alarms, bad input."""

import itertools

import numpy as np
import pytest

from sklearn_setpred.metrics import CoverageMonitor

CLASSES = [0, 1]


def watched(hits, *args, **options):
    """Return a monitor that has seen rows of one label, in the set or not."""
    y_set = np.column_stack([hits, ~np.asarray(hits, dtype=bool)])
    return CoverageMonitor(*args, **options).update(np.zeros(len(hits)), y_set, classes=CLASSES)


@pytest.mark.parametrize("p", [0.8, 0.9, 0.95])
def test_in_the_band_the_evidence_expected_is_at_most_the_number_of_rows(p):
    expected, of_low = 0.0, 0.0
    for hits in itertools.product([True, False], repeat=6):
        weight = p ** sum(hits) * (1 - p) ** (6 - sum(hits))
        expected += weight * watched(hits, 0.8, 0.95).evidence
        of_low += weight * watched(hits, 0.8).evidence
    assert expected <= 6 + 1e-9
    if p == 0.8:
        assert of_low == pytest.approx(6)  # at the end of the band the bet is fair


@pytest.mark.parametrize(("later", "is_left"), [(0.7, True), (0.9, False), (1.0, True)])
def test_a_change_is_told_soon_also_after_many_good_rows(rng, later, is_left):
    hits = np.append(rng.random(3000) < 0.9, rng.random(400) < later)
    monitor = watched(hits, 0.85, 0.95)
    assert (monitor.alarm_row is not None and 3000 < monitor.alarm_row < 3400) is is_left
    assert (monitor.n_rows, monitor.n_hits) == (3400, hits.sum())


def test_rows_may_come_one_by_one(rng):
    hits = rng.random(50) < 0.5
    monitor = CoverageMonitor(0.8, 0.9)
    for hit in hits:
        monitor.update([0], [[hit, not hit]], classes=CLASSES)
    assert monitor.evidence == watched(hits, 0.8, 0.9).evidence


def test_two_rows_by_hand():
    # Of the bets b = f / (1 - .8), a miss gains 1 + .8 b and a hit 1 - .2 b = 1 - f.
    f = np.array([0.02, 0.05, 0.1, 0.2, 0.4])
    miss, hit = 1 + 4 * f, 1 - f
    assert watched([False, True], 0.8).evidence == pytest.approx(np.mean((miss + 1) * hit))


@pytest.mark.parametrize(
    "parameters", [{"low": 0.0}, {"low": 1.0}, {"low": 0.9, "high": 0.8}, {"run_length": 0.5}]
)
def test_parameters_out_of_range_are_refused(parameters):
    with pytest.raises(ValueError, match=f"{list(parameters)[-1]}="):
        CoverageMonitor(**({"low": 0.8} | parameters))
