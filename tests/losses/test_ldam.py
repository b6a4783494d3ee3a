"""The margin loss of class counts."""

import torch

from sklearn_setpred.losses import LDAM


def test_ldam_counts_the_classes_once():
    loss = LDAM(margin=1.0)
    fitted = loss.fit_classes([160, 10])
    assert loss.class_counts is None
    assert fitted.class_counts == (160, 10)
    assert fitted.fit_classes([1, 1]) is fitted
    torch.testing.assert_close(fitted.margins(torch.zeros(1, 2)), torch.tensor([0.5, 1.0]))
