"""Kinds of network: their formulas, their first weights, dropout."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_setpred._networks.modules import (
    KINDS,
    Dropout,
    KindBuilder,
    Mean,
    MeanBuilder,
    ModuleBuilder,
    draw,
)

# A builder of each kind, with layers of different widths.
BUILDS = {
    "mlp": KindBuilder("mlp", (7, 5), 0.3),
    "resnet": KindBuilder("resnet", (6, 5), 0.3),
    "periodic": KindBuilder("periodic", (6, 5), 0.3),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def made(build, n_features=4, n_outputs=3, seed=0):
    """Return a module in float64."""
    return build(n_features, n_outputs, torch.zeros(n_features), generator(seed)).double().eval()


def with_moved_weights(module):
    """Move every weight, so that biases are not zero and norms are not the identity."""
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator(1))
    return module


# ---------------------------------------------------------------------- formulas, in numpy


def relu(z):
    return np.maximum(z, 0.0)


def linear(w, name, z):
    return z @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def layer_norm(w, name, z):
    centered = z - z.mean(axis=1, keepdims=True)
    spread = np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5)
    return centered / spread * w[f"{name}.weight"] + w[f"{name}.bias"]


def mlp(w, z):
    z = z @ w["first.weight"] + w["first.bias"]
    return linear(w, "rest.5", relu(linear(w, "rest.2", relu(z))))


def blocks(w, z):
    for block in ("blocks.0", "blocks.1"):
        hidden = relu(linear(w, f"{block}.inner", layer_norm(w, f"{block}.norm", z)))
        z = z + linear(w, f"{block}.outer", hidden)
    return linear(w, "last", relu(layer_norm(w, "norm", z)))


def resnet(w, z):
    return blocks(w, z @ w["first.weight"] + w["first.bias"])


def periodic(w, z):
    columns = [z]
    for j in range(z.shape[1]):
        waves = np.cos(2 * np.pi * (z[:, [j]] * w["first.0.w"][j] + w["first.0.b"][j]))
        columns.append(waves @ w["first.0.v"][j])
    return blocks(w, linear(w, "first.1", np.hstack(columns)))


@pytest.mark.parametrize(
    ("kind", "formula"), [("mlp", mlp), ("resnet", resnet), ("periodic", periodic)]
)
def test_a_kind_of_network_follows_its_formula(rng, kind, formula):
    module, z = with_moved_weights(made(BUILDS[kind])), rng.normal(size=(3, 4))
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    with torch.no_grad():
        scores = module(torch.from_numpy(z)).numpy()
    assert scores.shape == (3, 3)
    np.testing.assert_allclose(scores, formula(weights, z), rtol=1e-10)


def test_without_hidden_layers_an_mlp_is_linear(rng):
    module, z = made(KindBuilder("mlp", ())), rng.normal(size=(3, 4))
    assert module.last is module.first
    weight, bias = (p.detach().numpy() for p in module.parameters())
    np.testing.assert_allclose(module(torch.from_numpy(z)).detach(), z @ weight + bias, rtol=1e-12)


def test_csr_rows_enter_less_the_offset(rng):
    offset = rng.normal(size=4)
    module = KindBuilder("mlp", ())(4, 3, torch.from_numpy(offset), generator()).double()
    module.first.offset.copy_(torch.from_numpy(offset))  # float32 rounded it
    z = rng.normal(size=(2, 4))
    z[0, 1] = 0.0
    pieces = [torch.tensor([0, 3, 7]), torch.tensor([0, 2, 3, 0, 1, 2, 3])]
    values = torch.from_numpy(z[z != 0])
    np.testing.assert_allclose(
        module(*pieces, values).detach(), module(torch.from_numpy(z - offset)).detach(), rtol=1e-9
    )


def test_a_mean_is_that_of_the_scores(rng):
    members, z = [made(BUILDS["mlp"], seed=seed) for seed in (0, 1, 2)], rng.normal(size=(3, 4))
    z = torch.from_numpy(z)
    with torch.no_grad():
        expected = np.mean([member(z).numpy() for member in members], axis=0)
        np.testing.assert_allclose(Mean(members)(z), expected, rtol=1e-12)
    blank = MeanBuilder(BUILDS["mlp"], 3).blank(4, 3)
    assert {name: w.shape for name, w in blank.state_dict().items()} == {
        name: w.shape for name, w in Mean(members).state_dict().items()
    }


# ------------------------------------------------------------------------- first weights


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_drawn_and_the_offset_filled(kind):
    module = BUILDS[kind].blank(4, 3).to_empty(device="cpu")
    for tensor in module.state_dict().values():
        tensor.fill_(np.nan)
    draw(module, torch.full((4,), 2.0), generator())
    assert all(tensor.isfinite().all() for tensor in module.state_dict().values())
    if KINDS[kind].reads_csr:
        assert module.first.offset.tolist() == [2.0] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_module_has_no_memory_and_float32_weights(kind):
    tensors = BUILDS[kind].blank(4, 3).state_dict().values()
    assert {(tensor.device.type, tensor.dtype) for tensor in tensors} == {("meta", torch.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_follow_the_seed(rng, kind):
    z = torch.from_numpy(rng.normal(size=(5, 4)))
    first, again, other = (made(BUILDS[kind], seed=seed)(z).detach().numpy() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
def test_building_leaves_the_generator_of_torch_alone(kind):
    before = torch.get_rng_state()
    made(BUILDS[kind])
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_layers_are_uniform_within_the_root_of_their_inputs():
    module = KindBuilder("mlp", (400,))(100, 50, torch.zeros(100), generator())
    for layer, n_inputs in ((module.first, 100), (module.last, 400)):
        bound = 1 / np.sqrt(n_inputs)
        assert layer.weight.abs().max() <= bound
        np.testing.assert_allclose(layer.weight.std().item(), bound / np.sqrt(3), rtol=0.02)


def test_first_frequencies_are_low_and_phases_uniform():
    embedding = KindBuilder("periodic", (4,))(500, 3, torch.zeros(500), generator()).first[0]
    np.testing.assert_allclose(embedding.w.std().item(), 0.2, rtol=0.03)
    np.testing.assert_allclose(embedding.v.std().item(), 0.25, rtol=0.03)
    assert 0 <= embedding.b.min() < 0.01 < 0.99 < embedding.b.max() <= 1
    assert embedding.n_outputs == 500 * 4


@pytest.mark.parametrize("build", [*BUILDS.values(), KindBuilder("mlp", ())], ids=str)
def test_a_zero_start_scores_zero_and_learns(rng, build):
    build = KindBuilder(build.kind, build.hidden_layer_sizes, build.dropout, zero_start=True)
    module, z = made(build), torch.from_numpy(rng.normal(size=(5, 4)))
    scores = module(z)
    np.testing.assert_array_equal(scores.detach(), 0.0)
    scores[:, 0].sum().backward()
    assert module.last.weight.grad.abs().max() > 0


# ------------------------------------------------------------------------------- dropout


def test_dropout_scales_what_it_keeps_and_leaves_out_its_fraction():
    dropout = Dropout(0.2)
    dropout.generator = generator()
    z = dropout(torch.full((100, 1000), 2.0))
    assert set(z.unique().tolist()) == {0.0, 2.5}
    np.testing.assert_allclose((z == 0).float().mean(), 0.2, atol=0.005)
    np.testing.assert_allclose(z.mean(), 2.0, atol=0.02)


def test_dropout_is_off_when_predicting():
    z = torch.ones(3, 4)
    assert Dropout(0.9).eval()(z) is z
    assert Dropout(0.0)(z) is z


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_draws_from_a_generator_of_its_own(rng, kind):
    build, z = BUILDS[kind], torch.from_numpy(rng.normal(size=(20, 4)))
    module, before = made(build).train(), torch.get_rng_state()
    scores = []
    for seed in (0, 0, 1):
        with build.drawing(module, seed, torch.device("cpu")):
            scores.append(module(z).detach().numpy())
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    assert not np.array_equal(scores[0], module.eval()(z).detach())
    assert torch.equal(torch.get_rng_state(), before)
    assert all(part.generator is None for part in module.modules() if isinstance(part, Dropout))


# ------------------------------------------------------------------------ a user's module


def test_a_users_module_draws_seeded_weights_and_leaves_the_generator_of_torch_alone(rng):
    before, z = torch.get_rng_state(), torch.from_numpy(rng.normal(size=(5, 4)))
    build = ModuleBuilder(nn.Linear)
    first, again, other = (made(build, seed=seed)(z).detach().numpy() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_users_dropout_is_seeded_and_leaves_the_generator_of_torch_alone():
    build = ModuleBuilder(lambda n_features, n_outputs: nn.Dropout(0.5))
    module, before = made(build).train(), torch.get_rng_state()
    masks = []
    for seed in (0, 0, 1):
        with build.drawing(module, seed, torch.device("cpu")):
            masks.append(module(torch.ones(10, 4)).numpy())
    np.testing.assert_array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_function_that_builds_no_module_is_told():
    with pytest.raises(TypeError, match="positional") as caught:
        made(ModuleBuilder(lambda n_features: nn.Linear(n_features, 3)))
    assert "called as module(4, 3): columns, classes" in caught.value.__notes__[0]
    with pytest.raises(
        ValueError, match=r"module=.* returned int; it must return a torch.nn.Module"
    ):
        made(ModuleBuilder(lambda n_features, n_classes: 3))
