import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from toy import ToySetClassifier, overlapping_blobs

from sklearn_setpred import CoverageSetClassifier, TopKSetClassifier, sets_to_labels
from sklearn_setpred.prediction import (
    call_through,
    cross_val_predict_set,
    explain_set,
    predict_set,
    predict_set_size,
    predict_top_k,
    set_levels,
)

X, y = overlapping_blobs()
CLASSES = np.unique(y)
SCALER = StandardScaler().fit(X)
INNER = ToySetClassifier().fit(SCALER.transform(X), y)
EXPECTED = INNER.predict_set(SCALER.transform(X))
GRID = {"toysetclassifier__threshold": [0.2]}


def scaled(predictor=None):
    return make_pipeline(StandardScaler(), predictor or ToySetClassifier())


HOLDERS = {
    "pipeline": scaled(),
    "nested pipeline": make_pipeline("passthrough", scaled()),
    "pipeline that scales twice": make_pipeline(StandardScaler(), scaled()),
    "pipeline with None": Pipeline([("no", None), ("sc", SCALER), ("p", ToySetClassifier())]),
    "pipeline of a frozen transformer": make_pipeline(FrozenEstimator(SCALER), ToySetClassifier()),
    "grid search": GridSearchCV(scaled(), GRID, cv=2),
    "randomized search": RandomizedSearchCV(scaled(), GRID, n_iter=1, cv=2),
    "search inside a pipeline": scaled(
        GridSearchCV(ToySetClassifier(), {"threshold": [0.2]}, cv=2)
    ),
    "frozen pipeline": FrozenEstimator(scaled().fit(X, y)),
    "frozen search": FrozenEstimator(GridSearchCV(scaled(), GRID, cv=2).fit(X, y)),
    "frozen, twice": FrozenEstimator(FrozenEstimator(scaled().fit(X, y))),
    "pipeline of a frozen predictor": scaled(FrozenEstimator(INNER)),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_predict_set_is_that_of_the_predictor_inside(name):
    holder = HOLDERS[name].fit(X, y)
    np.testing.assert_array_equal(predict_set(holder, X), EXPECTED)
    np.testing.assert_array_equal(holder.classes_, CLASSES)


@pytest.mark.parametrize("name", HOLDERS)
def test_call_time_keywords_reach_the_predictor_only(name):
    sets = predict_set(HOLDERS[name].fit(X, y), X, threshold=0.0)
    assert sets.all()


def test_the_other_set_methods_are_found_in_the_same_way():
    search = GridSearchCV(scaled(), GRID, cv=2).fit(X, y)
    levels = call_through(search, "set_levels", X)
    np.testing.assert_array_equal(levels, INNER.set_levels(SCALER.transform(X)))
    top = call_through(search, "predict_top_k", X, k=2)
    np.testing.assert_array_equal(top, INNER.predict_top_k(SCALER.transform(X), 2))


@pytest.mark.parametrize("name", HOLDERS)
def test_sizes_labels_and_levels_are_those_of_the_predictor_inside(name):
    holder, Z = HOLDERS[name].fit(X, y), SCALER.transform(X)
    np.testing.assert_array_equal(predict_set_size(holder, X), EXPECTED.sum(axis=1))
    np.testing.assert_array_equal(predict_set_size(holder, X, threshold=0.0), np.full(120, 4))
    np.testing.assert_allclose(set_levels(holder, X), INNER.set_levels(Z))
    labels, p = predict_top_k(holder, X, 3, return_proba=True)
    np.testing.assert_array_equal(labels, predict_top_k(holder, X, 3))
    np.testing.assert_array_equal(labels, INNER.predict_top_k(Z, 3))
    np.testing.assert_allclose(p, -np.sort(-INNER.predict_proba(Z))[:, :3])


def test_sizes_of_sparse_sets_are_a_vector():
    toy = ToySetClassifier(sparse_output=True).fit(X, y)
    sizes = predict_set_size(toy, X)
    assert (sizes.shape, sizes.dtype) == ((120,), np.int64)
    np.testing.assert_array_equal(sizes, toy.predict_set(X).toarray().sum(axis=1))


@pytest.mark.parametrize("sparse_output", [False, True])
def test_a_set_is_explained_label_by_label(sparse_output):
    labels = np.array(["d", "c", "b", "a"])[y]
    sets = CoverageSetClassifier(
        LogisticRegression(), target_coverage=0.8, random_state=0, sparse_output=sparse_output
    )
    search = GridSearchCV(scaled(sets), {"coveragesetclassifier__calibration_size": [0.3]}, cv=2)
    search.fit(X, labels)
    for i in range(5):
        frame = explain_set(search, X[i])
        assert list(frame) == ["label", "probability", "level", "level_needed", "in_set"]
        assert frame["label"].tolist() == predict_top_k(search, X[[i]], 4)[0].tolist()
        assert frame["probability"].is_monotonic_decreasing
        assert (frame["in_set"] == (frame["level"] >= frame["level_needed"])).all()
        (expected,) = sets_to_labels(predict_set(search, X[[i]]), search.classes_)
        assert set(frame["label"][frame["in_set"]]) == set(expected)
    pd.testing.assert_frame_equal(explain_set(search, X[[4]]), frame)


def test_an_explanation_leaves_out_what_there_is_not():
    class SetsAlone(ToySetClassifier):
        set_levels = predict_proba = property()
        predict_set = lambda self, X: np.ones((len(X), 4), dtype=bool)  # noqa: E731
        predict_top_k = lambda self, X, k: self.classes_[None, :k]  # noqa: E731

    assert list(explain_set(SetsAlone().fit(X, y), X[0])) == ["label", "in_set"]
    assert "level_needed" not in explain_set(INNER, X[0], threshold=0.5)


def test_only_one_row_is_explained():
    with pytest.raises(ValueError, match="X has 2 rows; give one"):
        explain_set(INNER, X[:2])


def test_a_series_is_no_row_as_it_has_no_types_of_columns():
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=range(7, 7 + len(X)))
    with pytest.raises(ValueError, match=r"X is a Series.*X\.loc\[\[9\]\]"):
        explain_set(scaled().fit(frame, y), frame.iloc[2])


def test_feature_names_are_checked_by_the_steps():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    pipe = scaled().fit(frame, y)
    np.testing.assert_array_equal(predict_set(pipe, frame), EXPECTED)
    with pytest.raises(ValueError, match="feature names"):
        predict_set(pipe, frame[["c", "a", "b"]])


def test_samplers_of_imbalanced_learn_are_passed_by():
    class Sampler:
        def fit_resample(self, X, y):
            raise NotImplementedError

    pipe = scaled().fit(X, y)
    pipe.steps.insert(1, ("sampler", Sampler()))
    np.testing.assert_array_equal(predict_set(pipe, X), EXPECTED)


def test_sparse_sets_stay_sparse():
    sets = predict_set(scaled(ToySetClassifier(sparse_output=True)).fit(X, y), X)
    assert isinstance(sets, sp.csr_array)
    np.testing.assert_array_equal(sets.toarray(), EXPECTED)


@pytest.mark.parametrize("name", [name for name in HOLDERS if "frozen" not in name])
def test_an_unfitted_holder_is_refused(name):
    with pytest.raises(NotFittedError):
        predict_set(sklearn.clone(HOLDERS[name]), X)


@pytest.mark.parametrize(
    "holder",
    [LogisticRegression(), scaled(LogisticRegression()), FrozenEstimator(LogisticRegression())],
    ids=["classifier", "pipeline", "frozen"],
)
def test_an_estimator_without_sets_is_told_the_way_out(holder):
    getattr(holder, "estimator", holder).fit(X, y)
    with pytest.raises(AttributeError, match=r"LogisticRegression.*predict_set.*TopKSetClassifier"):
        predict_set(holder, X)


def test_a_wrapper_that_is_no_holder_is_not_opened():
    class Wrapper(LogisticRegression):
        estimator = estimator_ = INNER

    with pytest.raises(AttributeError, match="predict_set"):
        predict_set(Wrapper().fit(X, y), X)


def test_a_search_without_refit_is_told_the_way_out():
    search = GridSearchCV(ToySetClassifier(), {"threshold": [0.2]}, cv=2, refit=False).fit(X, y)
    with pytest.raises(AttributeError, match="was run with refit=False"):
        predict_set(search, X)


def test_cross_validated_sets_come_from_models_that_did_not_see_the_row():
    sets = cross_val_predict_set(scaled(), X, y, cv=KFold(3, shuffle=True, random_state=0))
    assert sets.dtype == bool
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        np.testing.assert_array_equal(
            sets[test], predict_set(scaled().fit(X[train], y[train]), X[test])
        )


@pytest.mark.parametrize("sparse_output", [False, True])
def test_a_class_that_a_fold_has_not_seen_is_in_none_of_its_sets(sparse_output):
    labels = np.array(["a", "b", "c", "d"])[y]
    rare, rest = np.flatnonzero(labels == "b"), np.flatnonzero(labels != "b")
    toy = ToySetClassifier(threshold=0.0, sparse_output=sparse_output)
    sets = cross_val_predict_set(toy, X, labels, cv=[(rest, rare), (np.arange(120), rest)])
    sets = sets.toarray() if sparse_output else sets
    np.testing.assert_array_equal(sets[rare], np.tile([True, False, True, True], (len(rare), 1)))
    assert sets[rest].all()


@pytest.mark.parametrize("kind", ["pandas", "polars", "csr", "list"])
def test_cross_validated_sets_do_not_depend_on_the_container(kind):
    rows, labels = {
        "pandas": (pd.DataFrame(X, columns=list("abc"), index=np.arange(120)[::-1]), pd.Series(y)),
        "polars": (pl.DataFrame(X, schema=list("abc")), pl.Series(y)),
        "csr": (sp.csr_array(X), y),
        "list": (X.tolist(), y.tolist()),
    }[kind]
    sets = cross_val_predict_set(ToySetClassifier(), rows, labels, cv=3)
    np.testing.assert_array_equal(sets, cross_val_predict_set(ToySetClassifier(), X, y, cv=3))


def test_parallel_folds_give_the_same_sets():
    sets = cross_val_predict_set(scaled(), X, y, cv=2, n_jobs=2)
    np.testing.assert_array_equal(sets, cross_val_predict_set(scaled(), X, y, cv=2))


def test_weights_are_split_with_the_rows(rng):
    weight = rng.integers(0, 3, 120).astype(float)
    sets = cross_val_predict_set(
        ToySetClassifier(), X, y, cv=KFold(2), params={"sample_weight": weight}
    )
    train, test = np.arange(60), np.arange(60, 120)
    model = ToySetClassifier().fit(X[train], y[train], sample_weight=weight[train])
    np.testing.assert_array_equal(sets[test], model.predict_set(X[test]))


def test_folds_are_stratified_for_a_classifier():
    order = np.argsort(y)
    everything = ToySetClassifier(threshold=0.0)
    assert cross_val_predict_set(everything, X[order], y[order], cv=3).all()


def test_groups_stay_together():
    groups = np.arange(120) % 3
    sets = cross_val_predict_set(ToySetClassifier(), X, y, cv=GroupKFold(3), groups=groups)
    model = ToySetClassifier().fit(X[groups != 0], y[groups != 0])
    np.testing.assert_array_equal(sets[groups == 0], model.predict_set(X[groups == 0]))


def test_weights_are_routed_as_the_estimator_asks(rng):
    params = {"sample_weight": rng.integers(1, 3, 120)}
    plain = cross_val_predict_set(ToySetClassifier(), X, y, cv=2)
    weighted = cross_val_predict_set(ToySetClassifier(), X, y, cv=2, params=params)
    with sklearn.config_context(enable_metadata_routing=True):
        asks = ToySetClassifier().set_fit_request(sample_weight=True)
        routed = cross_val_predict_set(asks, X, y, cv=2, params=params)
        refuses = ToySetClassifier().set_fit_request(sample_weight=None)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_val_predict_set(refuses, X, y, cv=2, params=params)
    assert (plain != weighted).any()
    np.testing.assert_array_equal(routed, weighted)


@pytest.mark.parametrize("make", [pd.Index, pa.array, lambda labels: pd.DataFrame({"y": labels})])
def test_the_container_of_the_labels_does_not_matter(make):
    labels = np.array(["a", "b", "c", "d"])[y]
    sets = cross_val_predict_set(ToySetClassifier(), X, make(labels), cv=3)
    np.testing.assert_array_equal(sets, cross_val_predict_set(ToySetClassifier(), X, y, cv=3))


def test_the_model_that_fits_is_read_and_not_what_fit_returns():
    class ReturnsNothing(ToySetClassifier):
        def fit(self, X, y):
            super().fit(X, y)

    sets = cross_val_predict_set(ReturnsNothing(), X, y, cv=3)
    np.testing.assert_array_equal(sets, cross_val_predict_set(ToySetClassifier(), X, y, cv=3))


@pytest.mark.parametrize("sparse_output", [False, True])
def test_labels_that_only_a_frozen_model_knows_get_no_column(sparse_output):
    frozen = FrozenEstimator(ToySetClassifier(sparse_output=sparse_output).fit(X, y))
    rows = y != 1
    sets = cross_val_predict_set(frozen, X[rows], y[rows], cv=2)
    np.testing.assert_array_equal(
        sets.toarray() if sparse_output else sets,
        ToySetClassifier().fit(X, y).predict_set(X[rows])[:, [0, 2, 3]],
    )


def test_continuous_labels_are_refused_before_any_work():
    with pytest.raises(ValueError, match="continuous"):
        cross_val_predict_set(None, X, y + 0.5)


@pytest.mark.parametrize("sparse_output", [False, True])
@pytest.mark.parametrize("shape", [(0, 2), (0, 0)])
def test_no_rows_give_no_sets(shape, sparse_output):
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 3
    clf = TopKSetClassifier(GaussianNB(), k=2, sparse_output=sparse_output)
    model = make_pipeline(StandardScaler(), clf).fit(X, y)
    none, some = predict_set(model, np.empty(shape)), predict_set(model, X)
    assert (none.shape, none.dtype, type(none)) == ((0, 3), some.dtype, type(some))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_top_labels_and_levels_of_no_rows_have_the_type_of_those_of_some(n_rows):
    X, y = np.arange(12.0).reshape(6, 2), np.array(["a", "b", "c"] * 2)
    model = make_pipeline(StandardScaler(), TopKSetClassifier(GaussianNB(), k=1)).fit(X, y)
    few = X[:n_rows]
    for of in (
        lambda X: predict_top_k(model, X, 2),
        lambda X: predict_top_k(model, X, 2, return_proba=True)[1],
        lambda X: set_levels(model, X),
        lambda X: predict_set_size(model, X),
    ):
        found, some = of(few), of(X)
        assert (found.shape, found.dtype) == ((n_rows, *some.shape[1:]), some.dtype)
    with pytest.raises(ValueError, match="k=4 is above"):
        predict_top_k(model, few, 4)


@pytest.mark.parametrize("function", [predict_set, predict_top_k, set_levels])
def test_no_rows_have_no_sets_before_a_fit(function):
    with pytest.raises(NotFittedError):
        function(TopKSetClassifier(GaussianNB()), np.empty((0, 2)))
