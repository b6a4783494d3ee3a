"""Facts that every registered loss obeys, on the day it is written."""

import math

import numpy as np
import pytest
import torch
from random_scores import NAMES, data, gradient

from sklearn_setpred.losses import LOSSES, _temperature, get_loss

# What each loss is worth by its formula, with its defaults, for three classes with probabilities
# 1/8, 3/8, 4/8 of which the second is right; of costs 1, 0, 1/2 where the loss takes costs.
SCORES = np.log([1.0, 3.0, 4.0])

MINUS_LOG_P = math.log(8 / 3)

NORMALISED = math.log(3 / 8) / math.log(1 / 8 * 3 / 8 * 4 / 8)

CENTRED = SCORES - SCORES.mean()

TAYLOR = 1 + SCORES + SCORES**2 / 2

VALUES = {
    "cross_entropy": MINUS_LOG_P,
    "comp_sum": MINUS_LOG_P,
    "sum_exponential": (1 + 4) / 3,
    "mae": 5 / 8,
    "gce": (1 - (3 / 8) ** 0.7) / 0.7,
    "tgce": (1 - 0.5**0.7) / 0.7,
    "mse": (1 + 5**2 + 4**2) / 64,
    "sce": (MINUS_LOG_P + 4 * 5 / 8) / 2,
    "jensen_shannon": math.log2(16 / 11) + (5 / 8 + 3 / 8 * math.log2(6 / 11)),
    "rll": math.log(16 / 11) + math.log(9 / 8 * 12 / 8) / 2,
    "nce_rce": 5 * NORMALISED + 5 * math.log(1e4) * 5 / 8,
    "nce_aul": 5 * NORMALISED + 5 * ((6 - 3 / 8) ** 1.5 - 5**1.5) / 1.5,
    "nce_agce": 5 * NORMALISED + 5 * (4**1.5 - (3 + 3 / 8) ** 1.5) / 1.5,
    "ldr_kl": math.log(8 / 3 / 3),
    "ldr_top_k": math.log(8 / 3 / 3),  # no probability is above 1 / k
    "aldr_kl": max(
        t * math.log(np.exp((SCORES - SCORES[1]) / t).mean()) - math.log(3) * (t - 1) ** 2
        for t in np.linspace(0.5, 1.0, 50_001)
    ),
    "ldam": math.log(1 + 5 / 3 * math.exp(0.5)),
    "smooth_top_k": math.log(1 + 2 * math.e / (math.sqrt(3) + math.sqrt(12))),
    "top_k_cross_entropy": math.log(1 + 1 / 3),
    "top_k_hinge": (1 + math.log(4 / 3)) / 2,
    "crammer_singer": 1 + math.log(4 / 3),
    "weston_watkins": (1 + math.log(4 / 3)) / 3,
    "taylor_softmax": math.log(TAYLOR.sum() / TAYLOR[1]),
    "z_loss": math.log(1 + math.exp(1 - CENTRED[1] / CENTRED.std())),
    "cost_sensitive_comp_sum": MINUS_LOG_P + math.log(2) / 2,
    "cost_sensitive_constrained": math.exp(CENTRED[0]) + math.exp(CENTRED[2]) / 2,
}

LABEL = [name for name in NAMES if LOSSES[name].target == "label"]


def make(n_classes):
    """Return every loss, with the greatest k the number of classes allows where 2 is too many."""
    losses = [get_loss(name) for name in NAMES]
    for loss in losses:
        if "k" in loss.get_params() and n_classes == 2:
            loss.set_params(k=1)
    return losses


@pytest.mark.parametrize("name", NAMES)
def test_the_value_with_the_defaults_is_that_of_the_formula(name):
    loss = get_loss(name)
    target = {"label": torch.tensor([1]), "cost": torch.tensor([[1.0, 0.0, 0.5]]).double()}
    value = loss(torch.from_numpy(SCORES)[None], target[loss.target]).item()
    assert value == pytest.approx(VALUES[name], rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_gradients_are_those_of_the_values(index, n_classes):
    loss = make(n_classes)[index]
    scores, target = data(loss, 6, n_classes)
    assert torch.autograd.gradcheck(lambda s: loss(s, target), scores.requires_grad_(), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_values_lie_at_every_point_of_the_search_space(name):
    for parameter, values in LOSSES[name].search_space.items():
        for value in values:
            loss = LOSSES[name](**{parameter: value})
            loss.check(n_classes=10)
            scores, target = data(loss, 8, 10)
            assert loss(scores, target).isfinite().all()
            assert gradient(loss, scores, target).isfinite().all()


LIMITS = [(name, limit) for name in NAMES for limit in LOSSES[name].limits]


def neighbours(limit):
    """Return the limiting value and values close to it on either side."""
    if math.isinf(limit.value):
        return [1e9]
    return [limit.value, limit.value - 1e-7, limit.value + 1e-7]


def allowed(loss):
    """Tell whether the parameters pass the check of the loss."""
    try:
        loss.check(n_classes=5)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "limit"), LIMITS, ids=[f"{n}-{m.becomes}" for n, m in LIMITS])
def test_limits_hold_from_every_side_that_exists(name, limit):
    limiting = LOSSES[limit.becomes](**limit.using)
    scores, target = data(limiting, 30, 5)
    expected = limit.factor * gradient(limiting, scores, target)
    losses = [LOSSES[name](**{limit.parameter: value}) for value in neighbours(limit)]
    losses = [loss for loss in losses if allowed(loss)]
    assert losses
    for loss in losses:
        torch.testing.assert_close(
            gradient(loss, scores, target), expected, rtol=1e-4, atol=1e-4, msg=repr(loss)
        )


SHIFT_INVARIANT = [name for name in NAMES if name != "taylor_softmax"]


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
def test_adding_a_constant_to_a_row_changes_nothing(name):
    loss = get_loss(name)
    scores, target = data(loss, 9, 6)
    shifts = torch.linspace(-5, 5, 9, dtype=torch.float64).unsqueeze(-1)
    torch.testing.assert_close(loss(scores + shifts, target), loss(scores, target))


@pytest.mark.parametrize(
    "loss",
    [
        get_loss("z_loss"),
        get_loss("ldr_kl").set_params(normalize="l1", margin=0.1),
        get_loss("aldr_kl").set_params(normalize="l1", margin=0.1),
    ],
    ids=repr,
)
def test_normalised_losses_do_not_see_the_scale_of_a_row(loss):
    scores, target = data(loss, 9, 6)
    scales = torch.logspace(-3, 3, 9, dtype=torch.float64).unsqueeze(-1)
    torch.testing.assert_close(loss(scales * scores, target), loss(scores, target))


@pytest.mark.parametrize("name", NAMES)
def test_renaming_the_classes_changes_nothing(name):
    loss = get_loss(name)
    scores, target = data(loss, 9, 6)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    renamed = order.argsort()[target] if loss.target == "label" else target[:, order]
    torch.testing.assert_close(loss(scores[:, order], renamed), loss(scores, target))


@pytest.mark.parametrize("name", NAMES)
def test_rows_do_not_see_each_other(name, monkeypatch):
    loss = get_loss(name)
    scores, target = data(loss, 9, 6)
    values, gradients = loss(scores, target), gradient(loss, scores, target)
    alone = torch.cat([loss(s[None], t[None]) for s, t in zip(scores, target, strict=True)])
    torch.testing.assert_close(alone, values)
    monkeypatch.setattr(_temperature, "CELLS", 100)
    torch.testing.assert_close(loss(scores, target), values)
    torch.testing.assert_close(gradient(loss, scores, target), gradients)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_keep_the_weights_of_the_rows(name):
    loss = get_loss(name)
    scores, target = data(loss, 4, 5)
    weights = torch.tensor([0.0, 1.0, 2.0, 0.5], dtype=torch.float64)
    scores.requires_grad_()
    (weighted,) = torch.autograd.grad((weights * loss(scores, target)).sum(), scores)
    expected = weights.unsqueeze(-1) * gradient(loss, scores, target)
    torch.testing.assert_close(weighted, expected)


def extreme_scores(dtype):
    """Return rows at 1e4: one high, one low, all equal, zeros, two tied at the top, alternating."""
    rows = [[1e4, 0, 0, 0], [0, 0, 0, -1e4], [1e4] * 4, [0] * 4, [1e4, 1e4, 0, 0], [1e4, -1e4] * 2]
    return torch.tensor(rows, dtype=dtype)


STEEP = [
    ("comp_sum", {"tau": 0.5}),
    ("comp_sum", {"tau": 2.5}),
    ("gce", {"q": 0.05}),
    ("ldr_kl", {"lam": 1e-3, "margin": 1.0}),
    ("ldr_kl", {"lam": 1.0, "normalize": "l1"}),
    ("ldr_kl", {"lam": 1.0, "normalize": "softplus"}),
    ("ldr_kl", {"lam": 1e-3, "q": 0.5}),
    ("aldr_kl", {"lam": 1e-3, "margin": 0.1}),
    ("aldr_kl", {"lam": 1e-3, "q": 0.5}),
    ("aldr_kl", {"lam": 1.0, "normalize": "l1"}),
    ("ldr_top_k", {"k": 3, "lam": 1e-3}),
    ("smooth_top_k", {"k": 3, "temperature": 0.01}),
    ("jensen_shannon", {"pi": 0.9}),
    ("rll", {"alpha": 0.01}),
    ("cost_sensitive_constrained", {"phi": "squared_hinge"}),
    ("cost_sensitive_constrained", {"phi": "rho_margin"}),
]

EXTREME = [LOSSES[name](**params) for name, params in STEEP] + [get_loss(name) for name in NAMES]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss", EXTREME, ids=repr)
def test_values_and_gradients_stay_finite_at_extreme_scores(loss, dtype):
    scores = extreme_scores(dtype)
    targets = range(4) if loss.target == "label" else [0.0, 0.5, 1.0]
    for target in targets:
        like = scores if loss.target == "cost" else torch.zeros(len(scores), dtype=torch.long)
        target = torch.full_like(like, target)
        value = loss(scores, target)
        assert value.dtype == dtype
        assert value.isfinite().all()
        assert gradient(loss, scores, target).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_float32_agrees_with_float64(name):
    loss = get_loss(name)
    scores, target = data(loss, 50, 20, dtype=torch.float32)
    exact = target.double() if loss.target == "cost" else target
    torch.testing.assert_close(
        loss(scores, target).double(), loss(scores.double(), exact), rtol=2e-5, atol=2e-5
    )


@pytest.mark.parametrize("n_classes", [2, 100_000])
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_two_classes_and_a_hundred_thousand(index, n_classes):
    loss = make(n_classes)[index]
    loss.check(n_classes)
    scores, target = data(loss, 3, n_classes, dtype=torch.float32)
    value = loss(scores, target)
    assert value.shape == (3,)
    assert value.isfinite().all()
    assert gradient(loss, scores, target).isfinite().all()


@pytest.mark.parametrize("name", LABEL)
@pytest.mark.parametrize("n_classes", [3, 10])
def test_certain_right_predictions_approach_the_stated_infimum(name, n_classes):
    loss = get_loss(name)
    if math.isinf(loss.infimum(n_classes)):
        pytest.skip("unbounded below")
    certain = 1e6 * torch.eye(n_classes, dtype=torch.float64)
    value = loss(certain, torch.arange(n_classes))
    torch.testing.assert_close(
        value, torch.full_like(value, loss.infimum(n_classes)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("name", LABEL)
def test_nothing_costs_less_than_the_infimum(name):
    loss = get_loss(name)
    scores, target = data(loss, 500, 4, spread=20.0)
    assert (loss(scores, target) >= loss.infimum(4) - 1e-9).all()


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_sum_to_one_and_keep_the_ranking(name):
    loss = get_loss(name)
    scores, _ = data(loss, 50, 6)
    p = loss.probabilities(scores)
    torch.testing.assert_close(p.sum(-1), torch.ones(50, dtype=torch.float64))
    key = (scores + 1).abs() if name == "taylor_softmax" else scores
    assert torch.equal(p.argsort(-1), key.argsort(-1))


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("comp_sum", {"tau": -1.0}, r"tau=-1.0 is not in \[0, inf\)"),
        ("comp_sum", {"tau": math.nan}, "tau=nan"),
        ("gce", {"q": 1.5}, r"q=1.5 is not in \[0, 1\]"),
        ("tgce", {"truncation": -0.1}, "truncation=-0.1"),
        ("ldr_kl", {"lam": 0.0}, r"lam=0.0 is not in \(0, inf\); .*crammer_singer"),
        ("ldr_kl", {"margin": -1.0}, "margin=-1.0"),
        ("ldr_kl", {"q": 1.5}, r"q=1.5 is not in \[0, 1\]"),
        ("aldr_kl", {"q": 1.0, "margin": 0.1}, "margin=0.1 must be at most 0 with q=1.0"),
        ("ldr_kl", {"normalize": "softplux"}, "normalize='softplux' .*did you mean 'softplus'"),
        ("aldr_kl", {"alpha": 1.0}, r"alpha=1.0 is not in \(1, inf\); .*temperature .* reach 0"),
        ("ldr_top_k", {"k": 4}, "k=4 must be an integer between 1 and n_classes - 1 = 3"),
        ("top_k_hinge", {"k": 0}, "k=0"),
        ("smooth_top_k", {"k": 1.5}, "k=1.5"),
        ("smooth_top_k", {"temperature": -1.0}, "temperature=-1.0"),
        ("top_k_cross_entropy", {"k": 4}, "choose a smaller k"),
        ("sce", {"b": 2.0}, "b=2.0"),
        ("jensen_shannon", {"pi": 1.0}, r"pi=1.0 is not in \(0, 1\)"),
        ("rll", {"alpha": 0.0}, "alpha=0.0"),
        ("nce_rce", {"beta": -1.0}, "beta=-1.0"),
        ("nce_aul", {"a": 1.0}, "a=1.0"),
        ("nce_agce", {"q": 0.0}, "q=0.0"),
        ("crammer_singer", {"margin": -1.0}, "margin=-1.0"),
        ("weston_watkins", {"margin": math.inf}, "margin=inf"),
        ("z_loss", {"scale": 0.0}, "scale=0.0"),
        ("ldam", {"margin": -0.5}, "margin=-0.5"),
        ("ldam", {"class_counts": (3, 4)}, r"class_counts=\(3, 4\) .* 4 classes"),
        ("cost_sensitive_comp_sum", {"tau": -1.0}, "tau=-1.0"),
        ("cost_sensitive_constrained", {"phi": "hing"}, "phi='hing' .*did you mean 'hinge'"),
        ("cost_sensitive_constrained", {"rho": 0.0}, "rho=0.0"),
    ],
)
def test_check_names_the_parameter_its_value_and_the_way_out(name, params, words):
    with pytest.raises(ValueError, match=words):
        LOSSES[name](**params).check(n_classes=4)
