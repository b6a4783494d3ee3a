"""Tables of trees give what scikit-learn's own trees give."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)

from sklearn_setpred._cardinality import trees
from sklearn_setpred._cardinality.trees import TreeTable, boosting_table, forest_table


@pytest.fixture
def rows(rng):
    """90 rows of float32 in three classes, and new ones."""
    X = rng.normal(size=(90, 3)).astype(np.float32)
    y = np.digitize(X.sum(axis=1) + 0.5 * rng.normal(size=90), [-0.5, 1.0])
    return X, y, rng.normal(size=(40, 3)).astype(np.float32)


def stump(feature, threshold, left, right):
    """Return a tree with one split and the values of its two leaves."""
    values = np.array([np.zeros(len(left)), left, right])
    children = np.array([1, -1, -1]), np.array([2, -1, -1])
    return np.array([feature, -2, -2]), np.array([threshold, 0.0, 0.0]), *children, values


def test_two_stumps_by_hand():
    table = TreeTable([stump(0, 1.0, [1, 0], [0, 1]), stump(1, 0.0, [3, 0], [0, 5])], scale=0.5)
    X = np.array([[1.0, 0.0], [1.1, 0.0], [1.0, 0.1], [9.0, 9.0]])
    assert table(X).tolist() == [[2, 0], [1.5, 0.5], [0.5, 2.5], [0, 3]]
    assert (table.depth, table.roots.tolist()) == (1, [0, 3])


def test_a_leaf_alone_is_a_tree():
    leaf = np.zeros(1, int), np.zeros(1), np.array([-1]), np.array([-1]), np.array([[0.25, 0.75]])
    assert TreeTable([leaf], 1.0)(np.zeros((2, 1))).tolist() == [[0.25, 0.75]] * 2


@pytest.mark.parametrize("cls", [ExtraTreesClassifier, RandomForestClassifier])
def test_a_table_gives_the_probabilities_of_its_forest(rows, cls):
    X, y, X_new = rows
    forest = cls(7, random_state=0, min_samples_leaf=2).fit(X, y)
    expected = forest.predict_proba(X_new)
    np.testing.assert_allclose(forest_table(forest, 3)(X_new), expected, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_table_gives_the_scores_of_its_boosting(rows, n_classes):
    X, y, X_new = rows
    kept = y < n_classes
    boosting = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5, early_stopping=False)
    boosting.fit(X[kept], y[kept])
    expected = boosting.decision_function(X_new)
    if n_classes == 2:
        expected = np.column_stack([np.zeros(40), expected])
    np.testing.assert_allclose(boosting_table(boosting, n_classes)(X_new), expected, atol=1e-5)


def test_classes_that_a_forest_has_not_seen_are_impossible(rows):
    X, y, X_new = rows
    forest = ExtraTreesClassifier(3, random_state=0).fit(X[y != 1], y[y != 1])
    p = forest_table(forest, 4)(X_new)
    np.testing.assert_array_equal(p[:, [1, 3]], 0.0)
    np.testing.assert_allclose(p[:, [0, 2]], forest.predict_proba(X_new), atol=1e-6)


def test_a_class_that_boosting_has_not_seen_starts_at_a_tenth_of_the_rarest(rows):
    X, y, X_new = rows
    boosting = HistGradientBoostingClassifier(max_iter=2, early_stopping=False).fit(X, y)
    scores = boosting_table(boosting, 5)(X_new)
    rarest = boosting._baseline_prediction.min()
    np.testing.assert_allclose(scores[:, 3:], rarest - np.log(10.0), rtol=1e-6)


def test_the_mean_of_tables_is_that_of_their_outputs(rows):
    X, y, X_new = rows
    tables = [forest_table(ExtraTreesClassifier(n, random_state=n).fit(X, y), 3) for n in (3, 3)]
    mean = TreeTable.mean_of(tables)
    expected = np.mean([table(X_new) for table in tables], axis=0)
    np.testing.assert_allclose(mean(X_new), expected, atol=1e-6)


@pytest.mark.parametrize("cls", [ExtraTreesClassifier, RandomForestClassifier])
def test_a_file_of_a_table_is_small_and_gives_the_same_outputs(rows, cls):
    X, y, X_new = rows
    table = forest_table(cls(40, random_state=0).fit(X, y), 3)
    file = pickle.dumps(table)
    again = pickle.loads(file)
    np.testing.assert_array_equal(again(X_new), table(X_new))
    for name in ("feature", "threshold", "children", "roots"):
        kept, read = getattr(table, name), getattr(again, name)
        np.testing.assert_array_equal(read, kept)
        assert read.dtype == kept.dtype
    assert len(file) < 9 * len(table.feature)  # a node takes 24 bytes in memory, and its values


def test_a_file_of_boosted_trees_gives_the_same_outputs(rows):
    X, y, X_new = rows
    boosting = HistGradientBoostingClassifier(max_iter=5, early_stopping=False).fit(X, y)
    table = boosting_table(boosting, 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(table))(X_new), table(X_new))


def test_a_row_alone_has_the_outputs_that_it_has_among_others(rows):
    X, y, X_new = rows
    table = forest_table(RandomForestClassifier(5, random_state=0).fit(X, y), 3)
    alone = np.concatenate([table(X_new[[i]]) for i in range(len(X_new))])
    np.testing.assert_array_equal(alone, table(X_new))


@pytest.mark.parametrize("pairs", [1, 50, 2**14])
def test_outputs_do_not_depend_on_how_many_pairs_are_walked_together(rows, monkeypatch, pairs):
    X, y, X_new = rows
    table = forest_table(RandomForestClassifier(5, random_state=0).fit(X, y), 3)
    expected = table(X_new)
    monkeypatch.setattr(trees, "_PAIRS", pairs)
    np.testing.assert_allclose(table(X_new), expected, atol=1e-6)
    np.testing.assert_allclose(table(X_new[:1]), expected[:1], atol=1e-6)


def test_rows_between_a_threshold_and_its_float32_go_right():
    # In float64 the threshold lies below 0.1 in float32, which is above it.
    above = np.float32(0.1)
    assert float(above) > 0.1
    table = TreeTable([stump(0, 0.1, [1.0], [2.0])], 1.0)
    assert table(np.array([[above], [np.nextafter(above, np.float32(0))]])).tolist() == [[2], [1]]
