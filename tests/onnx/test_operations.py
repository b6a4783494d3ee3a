"""Modules and losses compute in onnxruntime what they compute in torch."""

import numpy as np
import pytest
import torch
from exported import recorded, run
from torch import nn
from torch.nn import functional

from sklearn_setpred.losses import (
    LDAM,
    LOSSES,
    get_loss,
)


class Residual(nn.Module):
    """A block with layer normalisation and dropout."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(
            nn.LayerNorm(4), nn.Linear(4, 8), nn.SiLU(), nn.Dropout(0.5), nn.Linear(8, 4)
        )

    def forward(self, x):
        return x + self.block(x)


class Periodic(nn.Module):
    """Embeddings of smoothly clipped columns by sines and cosines, each mapped on its own."""

    def __init__(self):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(4, 3))
        self.weight = nn.Parameter(torch.randn(4, 6, 2))
        self.token = nn.Parameter(torch.randn(2))

    def forward(self, x):
        x = x / torch.sqrt(1 + (x / 3) ** 2)
        angles = 2 * torch.pi * self.frequencies * x.unsqueeze(-1)
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
        return functional.relu(torch.einsum("nfi,fio->nfo", waves, self.weight) + self.token)


MODULES = {
    "residual": Residual(),
    "periodic": Periodic(),
    "batch normalisation": nn.BatchNorm1d(4),
    "layer normalisation without weights": nn.LayerNorm(4, elementwise_affine=False),
    "attention": lambda x: functional.scaled_dot_product_attention(*3 * [x.unflatten(1, (2, 2))]),
    **{
        name: getattr(functional, name)
        for name in ("elu", "gelu", "hardtanh", "leaky_relu", "mish", "selu", "silu", "softplus")
    },
    "in place": lambda x: functional.relu_(x + 1).mul_(x),
    "views": lambda x: x.view(-1, 2, 2).transpose(1, 2).flatten(1).chunk(2, dim=1)[1],
    "expanded": lambda x: x.unsqueeze(1).expand(-1, 3, -1),
    "sorted": lambda x: x.sort(dim=1, descending=True, stable=True).values,
    "selected": lambda x: torch.stack([x[:, 1], x[:, 0]], dim=1)[:, [1, 0]],
    "compared": lambda x: torch.where((x > 0) & ~(x >= 1) | (x != x), 1.5, x),
    "codes": lambda x: (x.argmax(dim=1) + 1) * 2.5 - x.amin(dim=1),
    "codes compared": lambda x: x.argmax(dim=1) >= 1.5,
    "looked up": lambda x: functional.embedding(x.argmax(dim=1), torch.arange(8.0).view(4, 2)),
    "powers": lambda x: 2**x + x.abs() ** 1.5 + x.exp2() + x.abs().rsqrt() + torch.expm1(x),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_compute_in_onnxruntime_what_they_compute_in_torch(name):
    torch.manual_seed(0)
    module, rows = MODULES[name], torch.randn(5, 4)
    module = module.eval() if isinstance(module, nn.Module) else module
    with torch.no_grad():
        expected = module(rows).numpy()
    found = run(recorded(module, rows), rows.numpy())["out_0"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


CASES = {
    **{name: get_loss(name) for name in LOSSES},
    "comp_sum 0.5": get_loss("comp_sum").set_params(tau=0.5),
    "comp_sum 2": get_loss("comp_sum").set_params(tau=2.0),
    "ldr_kl with margin": get_loss("ldr_kl").set_params(lam=0.5, margin=0.7),
    "ldam": LDAM(),
    **{
        f"{name} {normalize}": get_loss(name).set_params(normalize=normalize, margin=0.3)
        for name in ("ldr_kl", "aldr_kl")
        for normalize in ("l1", "softplus")
    },
    **{
        f"aldr_kl lam={lam} alpha={alpha}": get_loss("aldr_kl").set_params(
            lam=lam, alpha=alpha, margin=0.2
        )
        for lam in (0.05, 1.0, 20.0)
        for alpha in (1.05, 2.0, 50.0)
    },
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n_classes", [2, 7])
def test_links_and_rankings_are_those_of_the_loss(name, n_classes, rng):
    loss = CASES[name]
    if loss.name == "ldam":
        loss = loss.fit_classes(rng.integers(1, 50, n_classes).tolist())
    scores = rng.normal(size=(200, n_classes)) * np.logspace(-2, 2, 200)[:, None]
    scores = torch.from_numpy(scores)
    model = recorded(lambda f: (loss.probabilities(f), loss.decision_scores(f)), scores)
    found = run(model, scores.numpy())
    expected = loss.probabilities(scores), loss.decision_scores(scores)
    for i, values in enumerate(expected):
        np.testing.assert_allclose(found[f"out_{i}"], values.numpy(), rtol=1e-6, atol=1e-7)
