"""Which built-in experts suit what rows."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import ExtraTreesClassifier

from sklearn_setpred._cardinality import built_in, experts
from sklearn_setpred._cardinality.built_in import built_in_experts, classifiers_for
from sklearn_setpred._cardinality.experts import ForestExpert, TrainingRows
from sklearn_setpred._cardinality.kernel import KernelClassifier
from sklearn_setpred._networks.modules import KindBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred._utils import memory

OPTIONS = TrainingOptions(KindBuilder("mlp", (4,)), learning_rate=0.01, max_epochs=1, device="cpu")


def rows_of(numbers, n_classes=3, weight=None):
    """Return rows with labels by turns."""
    codes = np.arange(numbers.shape[0]) % n_classes
    return TrainingRows(numbers, numbers, codes, np.arange(n_classes), weight)


def names_for(numbers, n_classes=3):
    names = [expert.name for expert in built_in_experts(rows_of(numbers, n_classes), OPTIONS)]
    assert built_in.NAMES.issuperset(names)
    return names


TREES, LINEAR = ["extra_trees", "random_forest"], ["logistic", "discriminant", "neighbours"]


@pytest.mark.parametrize(
    ("n_columns", "n_classes", "names"),
    [
        (4, 3, [*TREES, "boosting", "mlp", "periodic"]),
        (4, 21, [*TREES, "mlp", "periodic"]),
        (49, 20, [*TREES, "boosting", "mlp", "periodic"]),
        (50, 3, [*TREES, "boosting", *LINEAR, "mlp", "periodic"]),
        (200, 30, [*TREES, *LINEAR, "mlp", "periodic"]),
        (201, 3, ["extra_trees", *LINEAR, "mlp", "resnet"]),
        (1001, 3, ["extra_trees", "logistic", "neighbours", "mlp", "resnet"]),
    ],
)
def test_tables_have_trees_and_embeddings_linear_models(n_columns, n_classes, names):
    assert names_for(np.zeros((40, n_columns)), n_classes) == names


def test_trees_are_left_out_where_they_could_learn_from_less_than_two_rows_of_a_class(rng):
    X = rng.normal(size=(30, 4))
    assert set(classifiers_for(X, 1414)) == {"extra_trees", "random_forest"}  # 2828 rows
    assert classifiers_for(X, 1415) == {}  # 2826 rows, fewer than two of each class


def test_a_tree_learns_from_as_many_rows_as_its_limit_allows(rng, monkeypatch):
    monkeypatch.setattr(experts, "TREE_CELLS", 60)
    rows = rows_of(rng.normal(size=(30, 4)))
    forest = ForestExpert("extra_trees", ExtraTreesClassifier(1, bootstrap=False), 3, 1e-3)
    everything = np.arange(30), np.arange(30)
    _, outputs = forest.fit_split(rows, everything, 0)
    right = outputs.argmax(axis=1) == rows.codes
    assert 20 <= right.sum() < 30  # a tree knows the 20 rows that it has seen


def test_csr_rows_have_linear_models_and_networks():
    assert names_for(sp.csr_array((40, 300))) == ["logistic", "mlp", "resnet"]
    assert names_for(sp.csr_array((40, 4))) == ["logistic", "mlp", "resnet"]


def test_rows_that_are_no_numbers_have_none():
    assert built_in_experts(rows_of(np.zeros((6, 2)))._replace(numbers=None), OPTIONS) == []


def test_neighbours_are_for_rows_that_can_be_kept(monkeypatch):
    monkeypatch.setattr(built_in, "_NEIGHBOURS", 39)
    assert "neighbours" not in names_for(np.zeros((40, 60)))


def test_networks_are_alone_where_a_class_has_few_rows_in_memory(monkeypatch):
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 8 * 3 * 6)
    assert "extra_trees" in names_for(np.zeros((40, 60)))
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 8 * 3 * 5)
    assert names_for(np.zeros((40, 60))) == ["neighbours", "mlp", "periodic"]


@pytest.mark.parametrize("make", [lambda X: X, sp.csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_built_in_expert_learns(rng, make, weighted):
    X = rng.normal(size=(180, 50)) + rng.normal(size=(3, 50))[np.arange(180) % 3]
    rows = rows_of(make(X), weight=rng.random(180) + 0.5 if weighted else None)
    split = np.arange(120), np.arange(120, 180)
    options = TrainingOptions(OPTIONS.build, learning_rate=0.01, max_epochs=5, device="cpu")
    for expert in built_in_experts(rows, options):
        _, outputs = expert.fit_split(rows, split, 0)
        log_p = expert.log_p(outputs)
        np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1.0, atol=0.01)
        assert (log_p.argmax(axis=1) == rows.codes[120:]).mean() > 0.9, expert.name


@pytest.mark.parametrize("weighted", [False, True])
def test_the_kernel_over_neighbours_is_fitted_once_and_read_by_the_others(rng, weighted):
    weight = rng.random(40) * (np.arange(40) % 5 > 0) if weighted else None
    rows = rows_of(rng.normal(size=(40, 50)), weight=weight)
    (expert,) = [one for one in built_in_experts(rows, OPTIONS) if one.name == "neighbours"]
    splits = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    (split,) = expert.splits(rows, [splits, splits])
    model, outputs = expert.fit_split(rows, split, 0)
    alone = KernelClassifier().fit(rows.numbers, rows.codes, weight)
    np.testing.assert_allclose(outputs, alone.oob_decision_function_, rtol=1e-6)
    assert model.concentration_ == alone.concentration_
