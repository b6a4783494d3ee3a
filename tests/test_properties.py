"""Facts that hold for any rows, labels, weights and containers, tried on generated cases."""

import inspect
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import top_k_accuracy_score
from tiny import ESTIMATORS

from sklearn_setpred import get_set_scorer, metrics, predict_set, set_report, sets, top_k_scorer

PROPERTIES = {}


def holds_for(n_cases, **strategies):
    """Put a property under its name into `PROPERTIES`, with what it is tried on."""

    def register(check):
        PROPERTIES[check.__name__.replace("_", " ")] = (check, n_cases, strategies)
        return check

    return register


def try_property(name, factor=1, **options):
    """Try a property on generated cases, on so many times the number of the fast part."""
    check, n_cases, strategies = PROPERTIES[name]
    tried = settings(
        max_examples=factor * n_cases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        **options,
    )
    tried(given(**strategies)(check))()


def test_there_are_two_hundred_cases():
    assert sum(n_cases for _, n_cases, _ in PROPERTIES.values()) == 200


# ------------------------------------------------------------------------- what is drawn


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
n_classes = st.integers(2, 6)

# Classes in increasing order, by kind.
CLASSES = {
    "numbers": np.arange(6),
    "negative": np.array([-7, -2, 0, 1, 5, 90], dtype=np.int16),
    "hashes": 2**60 + np.arange(6),
    "unsigned hashes": np.uint64(2**63) + np.arange(6, dtype=np.uint64),
    "whole floats": np.array([-1.0, 0.0, 2.0, 3.0, 4.0, 1e6]),
    "strings": np.array(["10", "5", "B", "a", "ab", "é"]),
    "objects": np.array(["ant", "bee", "cat", "dog", "emu", "fox"], dtype=object),
}
LABEL_CONTAINERS = {
    "array": np.asarray,
    "list": list,
    "objects": lambda labels: np.asarray(labels).astype(object),
    "series": lambda labels: pd.Series(labels, index=np.arange(len(labels))[::-1]),
    "polars": lambda labels: pl.Series(frozen(np.asarray(labels))),
}
SET_CONTAINERS = {
    "array": np.asarray,
    "Fortran": np.asfortranarray,
    "integers": lambda y_set: y_set.astype(np.int8),
    "list": lambda y_set: y_set.tolist(),
    "CSR": sp.csr_array,
    "CSC matrix": sp.csc_matrix,
}
ROW_CONTAINERS = {
    "array": np.asarray,
    "Fortran": np.asfortranarray,
    "list": lambda X: X.tolist(),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": lambda X: frozen(X),
    "frame": lambda X: pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])]),
    "polars": lambda X: pl.DataFrame(X, schema=[f"c{j}" for j in range(X.shape[1])]),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "ones": lambda rng, n: np.ones(n),
    "counts": lambda rng, n: rng.integers(0, 4, n) + (np.arange(n) == 0),
    "float32": lambda rng, n: rng.uniform(0.1, 2, n).astype(np.float32),
    "list": lambda rng, n: rng.uniform(0.1, 2, n).tolist(),
    "tiny": lambda rng, n: rng.uniform(0.1, 2, n) * 1e-20,
}


def frozen(array):
    """Return a copy that cannot be written to."""
    array = array.copy()
    array.flags.writeable = False
    return array


# ------------------------------------------------------------------------------- metrics


def two_arguments(name):
    """Return the names of the two arguments that a metric needs, None for other functions."""
    function = getattr(metrics, name)
    if not callable(function):
        return None
    parameters = inspect.signature(function).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty]
    return needed if len(needed) == 2 else None


OF_SETS = [name for name in metrics.__all__ if (two_arguments(name) or [0, 0])[1] == "y_set"]
# What is learned on folds depends on the order of rows and on their number.
ON_FOLDS = ["recalibration_gain"]
OF_SCORES = [
    name for name in metrics.__all__ if two_arguments(name) and name not in OF_SETS + ON_FOLDS
]


def values(result):
    """Return what a metric gives as a flat array."""
    pieces = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(np.asarray(piece, dtype=float)) for piece in pieces])


def drawn_predictions(rng, name, n, k):
    """Return sets or, for a metric of scores, probabilities of which some are equal."""
    if name in OF_SETS:
        return rng.random((n, k)) < 0.5
    p = rng.integers(1, 5, (n, k)).astype(float)
    return p / p.sum(axis=1, keepdims=True)


def measured(name, codes, predicted, classes, weight=None):
    """Return the values of a metric, without the warnings of those that are undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {} if weight is None else {"sample_weight": weight}
        return values(getattr(metrics, name)(codes, predicted, classes=classes, **options))


@holds_for(
    60,
    rng=seeds,
    name=st.sampled_from([*OF_SETS, *OF_SCORES]),
    n=st.integers(1, 12),
    k=n_classes,
    kind=st.sampled_from(sorted(CLASSES)),
    container=st.sampled_from(sorted(LABEL_CONTAINERS)),
    set_container=st.sampled_from(sorted(SET_CONTAINERS)),
)
def metrics_read_any_container_and_labels(rng, name, n, k, kind, container, set_container):
    codes, predicted = rng.integers(0, k, n), drawn_predictions(rng, name, n, k)
    expected = measured(name, codes, predicted, np.arange(k))
    classes = CLASSES[kind][:k]
    y_true = LABEL_CONTAINERS[container](classes[codes])
    given_as = SET_CONTAINERS[set_container if name in OF_SETS else "Fortran"](predicted)
    np.testing.assert_allclose(measured(name, y_true, given_as, classes), expected, rtol=1e-12)
    order = rng.permutation(n)
    turned = measured(name, codes[order], predicted[order], np.arange(k))
    np.testing.assert_allclose(turned, expected, rtol=1e-9)


@holds_for(
    30,
    rng=seeds,
    name=st.sampled_from([*OF_SETS, *OF_SCORES]),
    n=st.integers(1, 12),
    k=n_classes,
    unit=st.sampled_from([1, 1.0, 1e-200, 1e200, 2**40]),
)
def metrics_weigh_a_row_as_so_many_rows_in_any_unit(rng, name, n, k, unit):
    codes, predicted = rng.integers(0, k, n), drawn_predictions(rng, name, n, k)
    counts = rng.integers(0, 4, n) + (np.arange(n) == 0)
    weighted = measured(name, codes, predicted, np.arange(k), unit * counts)
    rows = np.repeat(np.arange(n), counts)
    repeated = measured(name, codes[rows], predicted[rows], np.arange(k))
    if name == "coverage_size_curve":  # points of no weight stay in the curve
        return
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


# ------------------------------------------------------------------------ sets from scores


@holds_for(
    50,
    rng=seeds,
    n=st.integers(1, 6),
    k=st.integers(2, 40),
    dtype=st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.int8]),
    n_values=st.sampled_from([1, 2, 5, 120]),
    order=st.sampled_from("CF"),
)
def sets_are_the_first_of_one_ranking_and_nested(rng, n, k, dtype, n_values, order):
    scores = np.array(rng.integers(0, n_values, (n, k)), dtype=dtype, order=order)
    ranks = sets.class_ranks(scores)
    np.testing.assert_array_equal(np.sort(ranks, axis=1), np.tile(np.arange(1, k + 1), (n, 1)))
    np.testing.assert_array_equal(ranks[np.arange(n), scores.argmax(axis=1)], 1)
    y = rng.integers(0, k, n)
    np.testing.assert_array_equal(sets.label_ranks(scores, y), ranks[np.arange(n), y])
    size = int(rng.integers(1, k + 1))
    first, prefix = sets.top_k(scores, size), sets.prefix_sets(scores, size)
    assert (np.take_along_axis(ranks, first, axis=1) == np.arange(1, size + 1)).all()
    np.testing.assert_array_equal(prefix, ranks <= size)
    as_csr = sets.prefix_sets(scores, size, sparse_output=True)
    np.testing.assert_array_equal(as_csr.toarray(), prefix)
    low, high = np.sort(rng.integers(0, n_values + 1, 2))
    wide, narrow = (sets.threshold_sets(scores, level) for level in (low, high))
    assert (narrow <= wide).all()
    assert narrow.any(axis=1).all()
    empty = sets.threshold_sets(scores, high, allow_empty=True, sparse_output=True).toarray()
    np.testing.assert_array_equal(empty, scores >= high)


@holds_for(
    20,
    rng=seeds,
    n=st.integers(1, 8),
    k=n_classes,
    kind=st.sampled_from(sorted(CLASSES)),
    container=st.sampled_from(sorted(LABEL_CONTAINERS)),
    set_container=st.sampled_from(sorted(SET_CONTAINERS)),
)
def sets_become_labels_and_frames_and_back(rng, n, k, kind, container, set_container):
    y_set, classes = rng.random((n, k)) < 0.5, CLASSES[kind][:k]
    given_as = SET_CONTAINERS[set_container](y_set)
    labels = sets.sets_to_labels(given_as, classes)
    for row, found in zip(y_set, labels, strict=True):
        np.testing.assert_array_equal(np.sort(found), classes[row])
        shuffled = LABEL_CONTAINERS[container](classes[rng.permutation(k)])
        columns = sets.label_indices(found, shuffled)
        np.testing.assert_array_equal(np.asarray(shuffled)[columns], found)
    frame = sets.sets_to_frame(given_as, classes, like=pd.DataFrame(index=np.arange(n) + 7))
    np.testing.assert_array_equal(frame.to_numpy(), y_set)


# ---------------------------------------------------------------------------- estimators


def drawn_rows(rng, k, n):
    """Return rows that float32 holds exactly, and codes of k classes, each with several rows."""
    codes = rng.permutation(np.arange(n) % k)
    X = rng.normal(size=(n, int(rng.integers(1, 5)))) + 0.7 * codes[:, None]
    return np.round(16 * X) / 16, codes


def fitted(name, X, y, weight=None):
    """Return one of the public estimators, fitted."""
    return clone(ESTIMATORS[name]).fit(X, y, sample_weight=weight)


@holds_for(
    20,
    rng=seeds,
    name=st.sampled_from(sorted(ESTIMATORS)),
    n=st.integers(40, 60),
    k=st.integers(2, 4),
    kind=st.sampled_from(sorted(CLASSES)),
    rows=st.sampled_from(sorted(ROW_CONTAINERS)),
    container=st.sampled_from(sorted(LABEL_CONTAINERS)),
    weights=st.sampled_from(sorted(WEIGHTS)),
)
def a_fit_does_not_depend_on_containers_and_labels(rng, name, n, k, kind, rows, container, weights):
    (X, codes), classes, put = drawn_rows(rng, k, n), CLASSES[kind][:k], ROW_CONTAINERS[rows]
    weight = WEIGHTS[weights](rng, n)
    if classes.dtype.kind in "iuf" and container == "objects":
        container = "array"  # scikit-learn takes numbers among objects for no labels
    plain = fitted(name, X, codes, weight)
    clf = fitted(name, put(X), LABEL_CONTAINERS[container](classes[codes]), weight)
    np.testing.assert_array_equal(clf.classes_, classes)
    np.testing.assert_array_equal(clf.predict_set(put(X)), plain.predict_set(X))
    np.testing.assert_array_equal(clf.predict(put(X)), classes[plain.predict(X)])


@holds_for(
    20,
    rng=seeds,
    name=st.sampled_from(sorted(ESTIMATORS)),
    n=st.integers(40, 60),
    k=st.integers(2, 4),
    dtype=st.sampled_from([np.float64, np.float32, np.float16, np.int64, bool]),
    sparse=st.booleans(),
    sparse_output=st.booleans(),
    weights=st.sampled_from(sorted(WEIGHTS)),
)
def sets_rankings_and_probabilities_of_an_estimator_agree(
    rng, name, n, k, dtype, sparse, sparse_output, weights
):
    X, codes = drawn_rows(rng, k, n)
    X = sp.csr_array(X.astype(dtype)) if sparse and dtype != np.float16 else X.astype(dtype)
    estimator = clone(ESTIMATORS[name]).set_params(sparse_output=sparse_output)
    clf = estimator.fit(X, codes, sample_weight=WEIGHTS[weights](rng, n))
    p, label, first, y_set = (
        clf.predict_proba(X), clf.predict(X), clf.predict_top_k(X, k), predict_set(clf, X)
    )  # fmt: skip
    assert sp.issparse(y_set) == sparse_output
    y_set = y_set.toarray() if sparse_output else y_set
    assert (y_set.dtype, y_set.shape, p.shape) == (bool, (n, k), (n, k))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-6)  # a base may give float32
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_array_equal(first[:, 0], label)
    np.testing.assert_array_equal(np.sort(first, axis=1), np.tile(np.arange(k), (n, 1)))
    assert (np.diff(np.take_along_axis(p, first, axis=1)) <= 1e-12).all()
    assert y_set[np.arange(n), label].all()  # the first label, so that no set is empty
    in_order = np.take_along_axis(y_set, first, axis=1)
    assert (in_order[:, 1:] <= in_order[:, :-1]).all()
    scores = set_report()(clf, X, codes)
    assert scores["coverage"] == y_set[np.arange(n), codes].mean()
    assert scores["neg_mean_set_size"] == -y_set.sum(axis=1).mean()
    assert get_set_scorer("coverage")(clf, X, codes[:, None]) == scores["coverage"]
    if k > 2:  # scikit-learn's figure breaks ties its own way
        hits = (first[:, :2] == codes[:, None]).any(axis=1).mean()
        assert top_k_scorer(2)(clf, X, codes) == hits
        if all(len(np.unique(row)) == k for row in p):
            assert top_k_accuracy_score(codes, p, k=2) == pytest.approx(hits)


# ----------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("name", PROPERTIES)
def test_in_seeded_cases(name):
    try_property(name, derandomize=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROPERTIES)
def test_in_ten_times_as_many_random_cases(name):
    try_property(name, factor=10, print_blob=True)
