"""What a loss is: an estimator with parameters, called on scores and targets."""

import pickle

import numpy as np
import pytest
import torch
from random_scores import NAMES, data, gradient
from sklearn.base import clone

from sklearn_setpred.losses import LOSSES, Loss, get_loss


@pytest.mark.parametrize("name", NAMES)
def test_name_means_defaults_and_instance_means_itself(name):
    loss = get_loss(name)
    assert type(loss) is LOSSES[name]
    assert loss.name == name
    assert get_loss(loss) is loss


def test_wrong_name_gets_the_nearest_known_one():
    with pytest.raises(ValueError, match="loss='ldrkl' is unknown; did you mean 'ldr_kl'"):
        get_loss("ldrkl")


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_plain_estimators(name):
    loss = get_loss(name)
    twin = clone(loss)
    assert twin is not loss
    assert twin.get_params() == loss.get_params()
    assert type(loss)(**loss.get_params()).get_params() == loss.get_params()
    assert repr(loss).startswith(type(loss).__name__ + "(")
    assert set(loss.search_space) <= set(loss.get_params())
    loss.check(n_classes=3)


@pytest.mark.parametrize("name", NAMES)
def test_pickle_gives_the_same_loss_and_holds_no_torch(name):
    loss = get_loss(name)
    scores, target = data(loss, 5, 4)
    stored = pickle.dumps(loss)
    assert b"torch" not in stored
    assert torch.equal(pickle.loads(stored)(scores, target), loss(scores, target))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name, dtype):
    loss = get_loss(name)
    scores, target = data(loss, 6, 5, dtype=torch.float32)
    half = scores.to(dtype)
    value = loss(half, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(half.float(), target))
    assert gradient(loss, half, target).dtype == dtype


@pytest.mark.parametrize("name", NAMES)
def test_autocast_leaves_values_as_they_are(name):
    loss = get_loss(name)
    scores, target = data(loss, 6, 5, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(scores, target), loss(scores.clone(), target))
        value = loss(scores, target)
    torch.testing.assert_close(value, loss(scores, target))


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_give_no_values(name):
    loss = get_loss(name)
    scores, target = data(loss, 0, 4)
    assert loss(scores, target).shape == (0,)


def test_a_loss_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="forward"):
        Loss()(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))


def test_scores_that_are_no_tensor_are_refused():
    with pytest.raises(TypeError, match=r"scores must be a tensor of torch, got ndarray"):
        get_loss("mse")(np.zeros((1, 2)), np.zeros(1, dtype=int))


def test_second_derivatives_are_those_of_the_gradients():
    scores = torch.zeros(1, 2, dtype=torch.float64)
    loss, target = get_loss("mse"), torch.tensor([0])
    hessian = torch.autograd.functional.hessian(lambda s: loss(s, target).sum(), scores)
    # l = 2 (1 - p)^2, p = 1 / (1 + exp(-u)), u = f_0 - f_1: l'' = 4 (p')^2 - 4 (1 - p) p'' = 1/4.
    expected = torch.tensor([[0.25, -0.25], [-0.25, 0.25]], dtype=torch.float64)
    torch.testing.assert_close(hessian[0, :, 0], expected)


def test_a_parameter_of_another_type_is_named_too():
    with pytest.raises(TypeError, match="lam='big' must be a number, got str"):
        get_loss("ldr_kl").set_params(lam="big").check(3)
