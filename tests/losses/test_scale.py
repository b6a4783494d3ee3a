"""Powers of probabilities, by which trained networks are calibrated."""

import numpy as np
import pytest
import torch

from sklearn_setpred.losses import ALDRKL, LDRKL
from sklearn_setpred.losses._scale import best_power, to_power


def test_powers_are_those_of_the_formula():
    # .8^2 : .2^2 = 16 : 1; the power 0 forgets everything.
    p = torch.tensor([[0.8, 0.2], [0.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(to_power(p, 2.0)[0], torch.tensor([16 / 17, 1 / 17]).double())
    torch.testing.assert_close(to_power(p, 0.0), torch.full((2, 2), 0.5).double())
    torch.testing.assert_close(to_power(p, 1.0), p)


def test_the_best_power_gives_the_shares_of_the_labels():
    # With p = (.8, .2) in every row, 16 labels of 17 in the first class ask for p^2.
    p = torch.tensor([[0.8, 0.2]], dtype=torch.float64)
    target = torch.tensor([0] * 16 + [1])
    assert best_power(p.expand(17, 2), target) == pytest.approx(2, rel=1e-4)
    weight = torch.tensor([16.0, 1.0], dtype=torch.float64)
    assert best_power(p.expand(2, 2), target[[0, 16]], weight) == pytest.approx(2, rel=1e-4)


@pytest.mark.parametrize("loss", [LDRKL(lam=3.0, normalize="l1"), ALDRKL(margin=0.1)])
def test_a_calibrated_loss_has_the_least_log_loss_of_all_powers(loss):
    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.normal(size=(50, 4), scale=3.0))
    target = torch.from_numpy(rng.integers(0, 4, size=50)) % 2
    calibrated = loss.calibrated(scores, target)

    def log_loss(p):
        return -p.gather(1, target[:, None]).log().mean().item()

    p = loss.probabilities(scores)
    losses = [log_loss(to_power(p, power)) for power in np.geomspace(0.05, 7.3, 300)]
    assert log_loss(calibrated.probabilities(scores)) <= min(losses) + 1e-9
    # What is trained with, and the ranking, stay as they are.
    assert calibrated.get_params() == loss.get_params()
    torch.testing.assert_close(calibrated(scores, target), loss(scores, target))
    torch.testing.assert_close(calibrated.probabilities(scores).argsort(dim=1), p.argsort(dim=1))
    assert loss.power == 1.0
