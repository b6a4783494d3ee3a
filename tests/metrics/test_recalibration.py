"""Recalibration gains what wrong calibration costs, and nothing where it is right."""

import numpy as np
import pytest

from sklearn_setpred.metrics import recalibration_gain


@pytest.fixture(scope="module")
def calibrated():
    """Distributions of 5 labels, and labels drawn from them."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(5, 0.4), 8000)
    y = np.minimum((np.cumsum(p, axis=1) < rng.random((8000, 1))).sum(axis=1), 4)
    return p, y


def losses(p, y):
    """Return the log-loss and the Brier score."""
    rows = np.arange(len(y))
    p_y = p[rows, y]
    return {
        "log": -np.log(p_y).mean(),
        "brier": ((p**2).sum(axis=1) - 2 * p_y + 1).mean(),
    }


def wrong_ways():
    """Return what may be wrong with probabilities, before they are made to sum to one."""
    return {
        "too sure": lambda p: p**3,
        "not sure enough": np.sqrt,
        "other prevalences": lambda p: p * [1, 2, 3, 4, 5],
    }


@pytest.mark.parametrize("loss", ["log", "brier"])
def test_calibrated_probabilities_gain_nothing(calibrated, loss):
    p, y = calibrated
    assert abs(recalibration_gain(y, p, loss=loss, random_state=0)) < 0.002


@pytest.mark.parametrize("loss", ["log", "brier"])
@pytest.mark.parametrize("way", wrong_ways())
def test_the_gain_is_what_wrong_probabilities_lose_beside_the_right_ones(calibrated, way, loss):
    p, y = calibrated
    wrong = wrong_ways()[way](p)
    wrong /= wrong.sum(axis=1, keepdims=True)
    lost = losses(wrong, y)[loss] - losses(p, y)[loss]
    assert lost > 0.01
    assert recalibration_gain(y, wrong, loss=loss, random_state=0) == pytest.approx(lost, abs=0.003)


def test_noise_is_not_learned(calibrated):
    p, y = calibrated
    gains = [
        recalibration_gain(y[rows], p[rows], classes=range(5), random_state=0)
        for rows in np.split(np.arange(2000), 50)
    ]
    assert np.mean(gains) < 0.005
    assert np.mean(gains) > -0.1


def test_what_is_said_to_be_impossible_and_happens_costs_as_much_as_in_scikit_learn():
    p = np.repeat([[1.0, 0.0], [0.0, 1.0]], 50, axis=0)
    y = np.repeat([0, 1], 50)
    y[:8] = 1
    gain = recalibration_gain(y, p, random_state=0)
    assert 2 < gain < -8 * np.log(np.finfo(float).eps) / 100


def test_weights_choose_the_rows_that_count_in_any_unit(calibrated):
    p, y = calibrated
    wrong = p**3 / (p**3).sum(axis=1, keepdims=True)
    both, labels = np.vstack([p[:4000], wrong[4000:]]), y
    for scale in (1.0, 1e-120):
        weight = scale * (np.arange(8000) < 4000)
        found = recalibration_gain(labels, both, sample_weight=weight, random_state=0)
        assert abs(found) < 0.003
    assert recalibration_gain(labels, both, sample_weight=weight[::-1], random_state=0) > 0.2


def test_labels_have_columns_by_classes(calibrated):
    p, y = calibrated
    names = np.array(list("edcba"))
    found = recalibration_gain(names[y], p**2 / 5, classes=names, random_state=0)
    assert found == pytest.approx(recalibration_gain(y, p**2 / 5, random_state=0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": "hinge"}, "loss='hinge' is unknown"),
        ({"cv": 1}, r"cv=1 is not in \[2, 4\]"),
        ({"cv": 5}, r"cv=5 is not in \[2, 4\]"),
        ({"proba": 2 * np.eye(2)[[0, 1, 0, 1]]}, "must lie between 0 and 1"),
        ({"y_true": [0, 1, 0, 2], "classes": [0, 1]}, "1 labels of y_true are not among"),
    ],
)
def test_bad_input_is_refused(changed, message):
    given = {"y_true": [0, 1, 0, 1], "proba": np.full((4, 2), 0.5)} | changed
    with pytest.raises(ValueError, match=message):
        recalibration_gain(**given)
