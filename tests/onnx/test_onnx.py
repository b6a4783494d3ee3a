"""ONNX models give what the estimators give, computed by onnxruntime."""

import importlib
import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tiny import EXPERTS, NETWORKS, QUICK, SMALL
from torch import nn
from torch.nn import functional
from toy import overlapping_blobs

import sklearn_setpred.onnx
from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
    predict_set,
)
from sklearn_setpred._cardinality.candidates import check_candidates
from sklearn_setpred._cardinality.pool import Pool, floored_log
from sklearn_setpred._cardinality.selectors import SetCosts
from sklearn_setpred._inner import CodedClassifier
from sklearn_setpred.losses import (
    LDAM,
    LOSSES,
    CostSensitiveCompSum,
    CostSensitiveConstrained,
    get_loss,
)
from sklearn_setpred.onnx import _cardinality_aware as on_tensors
from sklearn_setpred.onnx import to_onnx
from sklearn_setpred.onnx._check import made_up_rows
from sklearn_setpred.onnx._experts import floored_log as floored_log_of_tensors
from sklearn_setpred.onnx._graph import tensor_info
from sklearn_setpred.onnx._recorder import N_ROWS, Recorder

X, y = overlapping_blobs(240)
X, X_new, y = X[:120], X[120:], y[:120]
NETWORK = NeuralClassifier(**SMALL)


def cardinality_aware(**parameters):
    return CardinalityAwareClassifier(NETWORK, **{**EXPERTS, **parameters})


def coverage(inner, **parameters):
    return CoverageSetClassifier(inner, random_state=0, **{"target_coverage": 0.8, **parameters})


ESTIMATORS = {
    **{type(network).__name__: network for network in NETWORKS},
    **{
        kind: NeuralClassifier(**SMALL).set_params(module=kind, hidden_layer_sizes=(8, 8))
        for kind in ("mlp", "resnet", "periodic")
    },
    "linear": NeuralClassifier(**{**SMALL, "hidden_layer_sizes": ()}),
    "folds": NeuralClassifier(**{**SMALL, "cv": 3}),
    "top-k": TopKSetClassifier(NETWORK, k=3),
    "threshold": ThresholdSetClassifier(NETWORK, threshold=0.2),
    "empty sets": ThresholdSetClassifier(NETWORK, threshold=0.6, allow_empty=True),
    "coverage": coverage(NETWORK),
    "coverage by class": coverage(NETWORK, conditional="class"),
    "size": coverage(NETWORK, target_coverage=None, target_size=2.0),
    "labels alone": coverage(
        LogisticRegression(), target_accuracy=0.5, confidence=0.5, calibration_size=0.5
    ),
    "labels alone, levels inside": coverage(
        TopKSetClassifier(GaussianNB()), target_accuracy=0.4, confidence=0.5, calibration_size=0.5
    ),
    "label noise": coverage(NETWORK, label_noise=0.05, conditional="class", calibration_size=0.5),
    "long tail": coverage(NETWORK, prevalence_power=0.5),
    "frozen": coverage(FrozenEstimator(clone(NETWORK).fit(X, y))),
    "cardinality-aware": cardinality_aware(size_penalty=0.2),
    "no penalty": cardinality_aware(size_penalty=0),
    "without refiner": cardinality_aware(refine=False),
    "around a classifier": CardinalityAwareClassifier(LogisticRegression(), **EXPERTS),
    "two classifiers": CardinalityAwareClassifier(
        [("forest", RandomForestClassifier(10)), ("bayes", GaussianNB())], **EXPERTS
    ),
    "log cost, few sizes": cardinality_aware(size_cost="log", sizes=[1, 3], size_penalty=0.3),
    "thresholds": cardinality_aware(thresholds=[0.1, 0.3, 0.5]),
    "thresholds, log cost, without refiner": cardinality_aware(
        thresholds=[0.1, 0.3, 0.5], size_cost="log", refine=False
    ),
    "comp-sum by thresholds": cardinality_aware(
        thresholds=[0.01, 0.3], surrogate="cost_sensitive_comp_sum"
    ),
    "coverage by class, thresholds inside": coverage(
        cardinality_aware(thresholds=[0.01, 0.3]), conditional="class"
    ),
    "all labels for a target coverage": cardinality_aware(sizes=[1], target_coverage=0.9),
    "target coverage": cardinality_aware(target_coverage=0.8),
    "comp-sum": cardinality_aware(surrogate="cost_sensitive_comp_sum"),
    "comp-sum of order 2": cardinality_aware(surrogate=CostSensitiveCompSum(tau=2.0)),
    "constrained": cardinality_aware(surrogate="cost_sensitive_constrained"),
    "squared hinge": cardinality_aware(surrogate=CostSensitiveConstrained("squared_hinge")),
    "hinge": cardinality_aware(surrogate=CostSensitiveConstrained("hinge")),
    "coverage, top-k inside": coverage(TopKSetClassifier(NETWORK)),
    "coverage, threshold inside": coverage(ThresholdSetClassifier(NETWORK)),
    "coverage, sizes inside": coverage(cardinality_aware()),
    "coverage, few sizes inside": coverage(cardinality_aware(sizes=[1, 2]), target_coverage=0.95),
    "by class, sizes inside": coverage(cardinality_aware(), conditional="class"),
    "comp-sum inside": coverage(cardinality_aware(surrogate="cost_sensitive_comp_sum")),
    "coverage twice": coverage(coverage(cardinality_aware())),
    "labels as codes": TopKSetClassifier(
        FrozenEstimator(CodedClassifier(LogisticRegression(max_iter=1000)).fit(X, y))
    ),
    "search": GridSearchCV(NETWORK, {"k": [2]}, cv=2),
}


def run(model, X):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_models_give_labels_probabilities_and_sets_of_the_estimator(name):
    estimator = clone(ESTIMATORS[name]).fit(X, y)
    outputs = run(to_onnx(estimator), X_new)
    np.testing.assert_array_equal(outputs["label"], estimator.predict(X_new))
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-5
    )
    sets = predict_set(estimator, X_new)
    np.testing.assert_array_equal(outputs["sets"], sets)
    assert outputs["sets"].dtype == bool


LABELS = {
    "strings": np.array(["ant", "bee", "wasp", "fly"]),
    "objects": np.array(["ant", "bee", "wasp", "fly"], dtype=object),
    "integers": np.array([3, 5, 8, 70]),
    "floats": np.array([1.0, 2.0, 5.0, 9.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(kind):
    estimator = clone(NETWORK).fit(X, LABELS[kind][y])
    model = to_onnx(estimator)
    assert run(model, X_new)["label"].tolist() == estimator.predict(X_new).tolist()
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == estimator.classes_.tolist()


def test_rows_of_float32_make_a_graph_that_takes_float32():
    estimator = clone(ESTIMATORS["coverage by class"]).fit(X.astype(np.float32), y)
    rows = X_new.astype(np.float32)
    outputs = run(to_onnx(estimator, rows), rows)
    np.testing.assert_array_equal(outputs["sets"], predict_set(estimator, rows))
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(rows), rtol=0, atol=1e-5
    )


def test_two_classes_have_two_columns():
    estimator = clone(NETWORK).fit(X, y > 1)
    outputs = run(to_onnx(estimator), X_new)
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-5
    )


def test_ties_go_to_the_lower_column():
    estimator = clone(NETWORK).set_params(k=2).fit(X, y)
    for tensor in estimator.net_.module.parameters():
        torch.nn.init.zeros_(tensor)
    outputs = run(to_onnx(estimator), X_new[:3])
    assert outputs["sets"].tolist() == [[True, True, False, False]] * 3
    assert outputs["label"].tolist() == [0, 0, 0]


def test_among_sizes_of_equal_worth_the_largest_is_taken():
    estimator = cardinality_aware(size_penalty=0).fit(X, y)
    # So sure that further labels add nothing, which a penalty of zero does not mind.
    n_experts, n_classes = len(estimator.expert_weights_), len(estimator.classes_)
    shares = np.eye(1 + n_experts)[0]
    pool = Pool(np.full(n_experts, 1e5), shares, np.ones(n_classes), np.zeros(n_classes))
    estimator.ensemble_.pool = pool
    outputs = run(to_onnx(estimator), X_new)
    assert outputs["sets"].all()
    assert estimator.predict_set(X_new).all()


def test_networks_trained_on_csr_read_arrays():
    estimator = clone(NETWORK).fit(sp.csr_array(X * (X > 0)), y)
    rows = X_new * (X_new > 0)
    outputs = run(to_onnx(estimator, rows), rows)
    p = estimator.predict_proba(sp.csr_array(rows))
    np.testing.assert_allclose(outputs["probabilities"], p, rtol=0, atol=1e-5)


def test_sparse_sets_are_dense_in_the_graph():
    estimator = clone(NETWORK).set_params(k=2, sparse_output=True).fit(X, y)
    sets = run(to_onnx(estimator, X_new), X_new)["sets"]
    np.testing.assert_array_equal(sets, predict_set(estimator, X_new).toarray())


def test_frames_need_no_names_in_the_graph():
    pd = pytest.importorskip("pandas")
    estimator = clone(NETWORK).fit(pd.DataFrame(X, columns=list("abc")), y)
    assert run(to_onnx(estimator), X_new)["label"].shape == (len(X_new),)


def test_many_candidate_sizes(rng):
    n_classes = 1200
    codes = np.arange(3 * n_classes) % n_classes
    rows = rng.normal(size=(n_classes, 3))[codes] + 0.1 * rng.normal(size=(len(codes), 3))
    base = FrozenEstimator(NeuralClassifier(**{**SMALL, "max_epochs": 1}).fit(rows, codes))
    estimator = CardinalityAwareClassifier(base, size_penalty=0.01, **QUICK)
    estimator.fit(np.tile(rows[:200], (3, 1)), np.tile(codes[:200], 3))
    assert len(estimator.sizes_) < n_classes
    sets = run(to_onnx(estimator), rows[:50])["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(rows[:50]))


# --------------------------------------------------------------------- torch's operations


def recorded(function, rows):
    """Return the model of a function of a tensor, recorded on other rows."""
    recorder = Recorder(checks=False)
    x = torch.randn(N_ROWS, rows.shape[1], dtype=rows.dtype)
    with torch.no_grad(), recorder:
        found = function(recorder.follow(x, "X"))
    found = found if isinstance(found, tuple) else (found,)
    outputs = [
        recorder.graph.output(
            f"out_{i}",
            recorder.name(one),
            str(one.dtype).removeprefix("torch."),
            one.dim() * [None],
        )
        for i, one in enumerate(found)
    ]
    return recorder.graph.model(
        [tensor_info("X", rows.numpy().dtype, ["n", rows.shape[1]])], outputs
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


# -------------------------------------------------------------------------------- links


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


# ------------------------------------------------- tensors of the cardinality-aware learner


def test_the_pool_is_the_same_on_tensors(rng):
    p = rng.dirichlet(np.full(5, 0.2), size=40)
    experts = [floored_log(p, 1e-3), floored_log(p[::-1], 1e-3)]
    slopes, offsets = np.linspace(0.8, 1.2, 5), np.linspace(-0.1, 0.1, 5)
    pool = Pool(np.array([0.7, 0.6]), np.array([0.5, 0.5, 0.0]), slopes, offsets)
    tensors = [floored_log_of_tensors(torch.from_numpy(q.copy()), 1e-3) for q in (p, p[::-1])]
    np.testing.assert_allclose(tensors[0], experts[0], rtol=1e-12)
    np.testing.assert_allclose(on_tensors.pooled(pool, tensors), pool(experts), rtol=1e-12)


@pytest.mark.parametrize("family", [{"sizes": [1, 2, 5]}, {"thresholds": [0.1, 0.3]}])
@pytest.mark.parametrize("weightless", [0.0, 1.0])
def test_candidate_sets_and_their_costs_are_the_same_on_tensors(family, weightless, rng):
    candidates = check_candidates(*map({**family}.get, ("sizes", "thresholds")), "log", 6)
    log_p = np.log(rng.dirichlet(np.ones(6), size=40))
    sketch = candidates.sketch(log_p)
    found = on_tensors.sketch(candidates, torch.from_numpy(log_p))
    for one, expected in zip(found, sketch, strict=True):
        np.testing.assert_allclose(np.broadcast_to(one, expected.shape), expected, atol=1e-12)
    costs = SetCosts(0.3, np.ptp(sketch.costs), weightless)
    np.testing.assert_allclose(
        on_tensors.expected_costs(costs, found), costs.expected(sketch), atol=1e-12
    )


# ------------------------------------------------------------------- what is not our own


def test_other_classifiers_and_transformers_come_from_skl2onnx():
    pytest.importorskip("skl2onnx")
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    estimator = make_pipeline(StandardScaler(), ThresholdSetClassifier(inside, threshold=0.2))
    outputs = run(to_onnx(estimator.fit(X, y)), X_new)
    np.testing.assert_allclose(
        outputs["probabilities"], estimator.predict_proba(X_new), rtol=0, atol=1e-10
    )
    np.testing.assert_array_equal(outputs["sets"], predict_set(estimator, X_new))


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X[:, :8], y, random_state=0)


@pytest.mark.parametrize("before", [[], [StandardScaler()]])
@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3]])
def test_linear_discriminants_are_right(before, classes):
    pytest.importorskip("skl2onnx")
    known = np.isin(y, classes)
    discriminant = make_pipeline(*before, LinearDiscriminantAnalysis())
    estimator = ThresholdSetClassifier(discriminant).fit(X[known], y[known])
    outputs = run(to_onnx(estimator), X_new)
    p = estimator.predict_proba(X_new)
    np.testing.assert_allclose(outputs["probabilities"], p, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(outputs["sets"], estimator.predict_set(X_new))


def test_a_two_class_discriminant_gives_the_sets_of_python():
    X, X_new, y, _ = cancer()
    estimator = ThresholdSetClassifier(LinearDiscriminantAnalysis()).fit(X, y)
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))


@pytest.mark.parametrize("given", [False, True])
def test_a_part_that_is_translated_wrong_is_named(given):
    pytest.importorskip("skl2onnx")
    X, X_new, y, _ = cancer()
    members = [("lda", LinearDiscriminantAnalysis())]
    vote = VotingClassifier(members, voting="soft", flatten_transform=False)
    estimator = CoverageSetClassifier(vote, target_coverage=0.9, random_state=0).fit(X, y)
    rows = X_new if given else None
    expected = (
        r"^VotingClassifier\(.*\) cannot be exported: as an ONNX graph it gives other prob.*\.$"
    )
    with pytest.raises(ValueError, match=expected):
        to_onnx(estimator, rows)
    onnx.checker.check_model(to_onnx(estimator, rows, check=False))


@pytest.mark.parametrize("name", ["label", "probabilities", "sets"])
def test_every_output_is_checked(name, monkeypatch):
    estimator = clone(NETWORK).set_params(k=2).fit(X, y)
    method = {"label": "predict", "probabilities": "predict_proba", "sets": "predict_set"}[name]
    right = getattr(type(estimator), method)
    monkeypatch.setattr(type(estimator), method, lambda self, X: right(self, X)[::-1])
    expected = (
        rf"^NeuralClassifier\(.*\) cannot be exported: as an ONNX graph it gives other {name}"
    )
    with pytest.raises(ValueError, match=expected):
        to_onnx(estimator, X_new)


def test_made_up_rows_lie_about_changes_of_the_label_and_hang_on_no_last_digit():
    estimator = clone(NETWORK).fit(X / 1e4, y)
    rows = made_up_rows(estimator)
    assert len(np.unique(estimator.predict(rows))) > 1
    p = estimator.predict_proba(rows)
    assert (p.max(axis=1) < 0.9).any()
    np.testing.assert_allclose(estimator.predict_proba(rows * (1 + 1e-6)), p, rtol=0, atol=1e-6)


def test_trees_read_the_columns_in_float32():
    pytest.importorskip("skl2onnx")
    X, X_new, y, _ = train_test_split(*load_wine(return_X_y=True), random_state=0)
    forest = RandomForestClassifier(30, random_state=0)
    estimator = ThresholdSetClassifier(forest, threshold=0.2).fit(X, y)
    p = estimator.predict_proba(X_new)
    found = run(to_onnx(estimator), X_new)["probabilities"]
    np.testing.assert_allclose(found, p, rtol=0, atol=1e-6)


def test_labels_at_the_level_stay_in_their_sets():
    pytest.importorskip("skl2onnx")
    # One of fifty trees: in float32 that is less than .02.
    estimator = ThresholdSetClassifier(RandomForestClassifier(50, random_state=0), threshold=0.02)
    estimator.fit(X, y)
    assert (estimator.predict_proba(X_new) == 0.02).any(axis=1).mean() > 0.1
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))


def test_what_is_not_installed_is_told(monkeypatch):
    estimator = TopKSetClassifier(LogisticRegression(), k=2).fit(X, y)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"LogisticRegression\(\) is not ours; pip install skl2o"):
        to_onnx(estimator)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="check=True runs the graph in onnxruntime: pip install"):
        to_onnx(estimator)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-setpred\[onnx\]'"):
        importlib.reload(sklearn_setpred.onnx)


class Median(nn.Linear):
    def forward(self, x):
        return super().forward(x) - x.median(dim=1, keepdim=True).values


def test_what_cannot_be_exported_is_named_in_one_line():
    odd = NeuralClassifier(module=Median, max_epochs=1, random_state=0)
    estimator = ThresholdSetClassifier(odd).fit(X, y)
    with pytest.raises(ValueError, match=r"^NeuralClassifier\(.*Median.*aten.median.dim .*$"):
        to_onnx(estimator)
    by_strata = coverage(NETWORK, conditional="strata").fit(X, y, strata=np.zeros(len(y)))
    with pytest.raises(ValueError, match="needs the stratum of each row"):
        to_onnx(by_strata)


@pytest.mark.parametrize("inside", [DummyClassifier(), RidgeClassifier()])
def test_classifiers_without_a_translation_are_named_in_one_line(inside):
    pytest.importorskip("skl2onnx")
    estimator = TopKSetClassifier(inside, k=2).fit(X, y)
    with pytest.raises(ValueError, match=rf"^{type(inside).__name__}\(\) cannot be exported: .*$"):
        to_onnx(estimator)


def test_modules_of_users_are_exported():
    class Block(nn.Sequential):
        def __init__(self, n_features, n_outputs):
            super().__init__(
                nn.LayerNorm(n_features), nn.Dropout(), nn.Linear(n_features, n_outputs)
            )

    estimator = NeuralClassifier(module=Block, max_epochs=1, k=2, random_state=0).fit(X, y)
    sets = run(to_onnx(estimator), X_new)["sets"]
    np.testing.assert_array_equal(sets, estimator.predict_set(X_new))


def test_rows_are_asked_for_where_numbers_alone_do_not_do():
    pytest.importorskip("skl2onnx")
    codes = np.round(X).clip(-2, 2)
    estimator = make_pipeline(OneHotEncoder(sparse_output=False), clone(NETWORK)).fit(codes, y)
    with pytest.raises(ValueError, match=r"X=None .* Pipeline cannot predict .*; give a few rows"):
        to_onnx(estimator)
    sets = run(to_onnx(estimator, codes), codes)["sets"]
    np.testing.assert_array_equal(sets, predict_set(estimator, codes))


def test_only_fitted_set_predictors_are_translated():
    with pytest.raises(NotFittedError):
        to_onnx(NETWORK)
    with pytest.raises(AttributeError, match="has no predict_set"):
        to_onnx(LogisticRegression().fit(X, y))


def test_sets_of_folds_have_no_one_level_and_are_refused():
    model = coverage(GaussianNB(), cv=3).fit(X, y)
    with pytest.raises(ValueError, match="export a fit with cv=None"):
        to_onnx(model)
