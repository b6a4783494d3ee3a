"""CardinalityAwareClassifier: sizes, levels, what is read, rare classes, surrogates."""

import pickle
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import Callback

from sklearn_setpred import (
    CardinalityAwareClassifier,
    NeuralClassifier,
    predict_set,
    set_report,
    smallest_set_at,
)
from sklearn_setpred._cardinality.pool import floored_log
from sklearn_setpred._cardinality.selectors import RankDistribution
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.losses import CostSensitiveConstrained
from sklearn_setpred.metrics import cardinality_aware_loss
from sklearn_setpred.sets import top_k

SMALL = {"max_epochs": 2, "cv": 2, "random_state": 0}
COST_SURROGATES = ["cost_sensitive_comp_sum", "cost_sensitive_constrained"]


def small(estimator=None, **params):
    """Return a classifier around naive Bayes whose networks train for 2 epochs."""
    estimator = GaussianNB() if estimator is None else estimator
    return CardinalityAwareClassifier(estimator, **(SMALL | params))


def plain(estimator=None, **params):
    """Return the same without refinement, which is fitted in no time."""
    return small(estimator, **({"refine": False} | params))


@pytest.fixture(scope="module")
def problem():
    """300 rows of 4 features in 8 classes that overlap, named by strings."""
    X, y, _ = make_confusable_classes(300, 8, 4, random_state=0)
    return X, np.array(list("abcdefgh"))[y]


@pytest.fixture(scope="module", params=[{}, {"refine": False}, {"size_cost": "log"}], ids=str)
def fitted(request, problem):
    return small(**request.param).fit(*problem)


# --------------------------------------------------------------------- sets, levels, ranking


def test_sets_are_the_levels_cut_at_the_penalty(fitted, problem):
    X, _ = problem
    levels = fitted.set_levels(X)
    assert levels.shape == (300, 8)
    finite = levels[np.isfinite(levels) & (levels >= 0)]
    for p in [*np.quantile(finite, np.linspace(0, 1, 15), method="nearest"), 0.0, 1e-9, 0.03, 7.0]:
        sets = fitted.predict_set(X, size_penalty=p)
        np.testing.assert_array_equal(sets, levels >= p)
        np.testing.assert_array_equal(sets.sum(axis=1), fitted.predict_set_size(X, size_penalty=p))
    np.testing.assert_array_equal(fitted.predict_set(X), levels >= fitted.size_penalty)


def test_sets_are_nested_in_the_penalty(fitted, problem):
    X, _ = problem
    penalties = [0.0, 0.001, 0.01, 0.05, 0.1, 0.3, 1.0]
    sets = [fitted.predict_set(X, size_penalty=p) for p in penalties]
    for larger, smaller in pairwise(sets):
        assert (larger >= smaller).all()
    assert sets[0].sum() > sets[-1].sum()


def test_without_a_penalty_all_candidates_are_worth_their_cost(fitted, problem):
    assert fitted.predict_set(problem[0], size_penalty=0).all()


def test_at_a_huge_penalty_the_smallest_candidate_is_left(fitted, problem):
    X, _ = problem
    sets = fitted.predict_set(X, size_penalty=1e9)
    np.testing.assert_array_equal(sets.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[sets.argmax(axis=1)], fitted.predict(X))


def test_sets_are_of_the_candidate_sizes(problem):
    X, y = problem
    clf = plain(sizes=[2, 4, 5]).fit(X, y)
    assert clf.sizes_.tolist() == [2, 4, 5]
    assert clf.costs_.tolist() == [2.0, 4.0, 5.0]
    for p, allowed in ((0, {5}), (0.05, {2, 4, 5}), (1e9, {2})):
        assert set(clf.predict_set(X, size_penalty=p).sum(axis=1)) <= allowed
    levels = clf.set_levels(X)
    np.testing.assert_array_equal((levels == np.inf).sum(axis=1), 2)
    np.testing.assert_array_equal((levels == -np.inf).sum(axis=1), 3)


def test_one_candidate_size_gives_sets_of_that_size(problem):
    X, y = problem
    sets = plain(sizes=[3]).fit(X, y).predict_set(X)
    np.testing.assert_array_equal(sets.sum(axis=1), 3)


def test_a_callable_is_a_cost(problem):
    X, y = problem
    named, called = plain(size_cost="log").fit(X, y), plain(size_cost=np.log).fit(X, y)
    np.testing.assert_array_equal(named.set_levels(X), called.set_levels(X))


def test_there_is_one_ranking(fitted, problem):
    X, _ = problem
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[proba.argmax(axis=1)])
    top = fitted.predict_top_k(X, 8)
    np.testing.assert_array_equal(top[:, 0], fitted.predict(X))
    columns = np.searchsorted(fitted.classes_, top)
    assert (np.diff(np.take_along_axis(fitted.set_levels(X), columns, axis=1)[:, 1:]) <= 0).all()


def test_a_row_alone_has_its_set_and_levels(fitted, problem):
    X, _ = problem
    levels, proba = fitted.set_levels(X), fitted.predict_proba(X)
    for n in (1, 2, 15, 17):
        np.testing.assert_allclose(fitted.set_levels(X[:n]), levels[:n], rtol=1e-6)
        np.testing.assert_allclose(fitted.predict_proba(X[:n]), proba[:n], rtol=1e-6)


def test_without_refinement_the_ranking_of_the_base_is_kept(problem):
    X, y = problem
    clf, base = plain().fit(X, y), GaussianNB().fit(X, y)
    p, floor = base.predict_proba(X), 1 / 3000  # a tenth of one of the 300 rows
    floored = np.exp(floored_log(p, floor))
    np.testing.assert_allclose(clf.predict_proba(X), floored / floored.sum(axis=1, keepdims=True))
    assert p.min() < floor
    np.testing.assert_array_equal(clf.predict_top_k(X, 8), base.classes_[top_k(p, 8)])
    assert clf.expert_weights_ == {"base": 1.0}


def test_sparse_sets_hold_the_same_labels(problem):
    X, y = problem
    dense = plain().fit(X, y).predict_set(X)
    sparse = plain(sparse_output=True).fit(X, y).predict_set(X)
    assert isinstance(sparse, sp.csr_array)
    assert sparse.dtype == bool
    np.testing.assert_array_equal(sparse.toarray(), dense)


@pytest.mark.parametrize("refine", [False, True])
def test_around_the_true_posterior_sets_are_nearly_those_of_bayes(refine):
    class Bayes(ClassifierMixin, BaseEstimator):
        def __init__(self, problem=None):
            self.problem = problem
            self.classes_ = np.arange(12)

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return self.problem.posterior(X)

        def __sklearn_is_fitted__(self):
            return True

    X, y, _, problem = make_confusable_classes(1000, 12, 4, return_problem=True, random_state=1)
    X_new, y_new = problem.sample(2000, random_state=2)
    base = FrozenEstimator(Bayes(problem))
    params = {"max_epochs": 5, "cv": 2, "random_state": 0}
    clf = CardinalityAwareClassifier(base, refine=refine, **params).fit(X, y)
    posterior = problem.posterior(X_new)
    for p in (0.02, 0.05, 0.2):
        best = np.maximum(posterior >= p, posterior == posterior.max(axis=1, keepdims=True))
        ours, bayes = (
            cardinality_aware_loss(y_new, sets, size_penalty=p, size_cost="linear")
            for sets in (clf.predict_set(X_new, size_penalty=p), best)
        )
        assert ours <= 1.06 * bayes


# -------------------------------------------------------------------------- cost surrogates


@pytest.mark.parametrize("surrogate", [*COST_SURROGATES, CostSensitiveConstrained("hinge")])
def test_a_rule_for_one_penalty_has_no_levels(problem, surrogate):
    X, y = problem
    clf = plain(surrogate=surrogate).fit(X, y)
    assert not hasattr(clf, "set_levels")
    sizes = clf.predict_set_size(X)
    np.testing.assert_array_equal(clf.predict_set(X).sum(axis=1), sizes)
    assert set(sizes) <= set(range(1, 9))
    for method in (clf.predict_set, clf.predict_set_size):
        with pytest.raises((TypeError, ValueError), match=r"size_penalty=0\.1"):
            method(X, size_penalty=0.1)


@pytest.mark.parametrize("surrogate", COST_SURROGATES)
def test_a_rule_takes_the_size_of_the_greatest_value(problem, surrogate):
    X, y = problem
    clf = plain(surrogate=surrogate, sizes=[1, 2, 4, 8]).fit(X, y)
    log_p = floored_log(GaussianNB().fit(X, y).predict_proba(X), 1 / 3000)
    values = clf.selector_.values(X, clf.candidates_.sketch(log_p))
    np.testing.assert_array_equal(clf.predict_set_size(X), clf.sizes_[values.argmax(axis=1)])


@pytest.mark.parametrize("surrogate", COST_SURROGATES)
def test_a_rule_trained_for_a_greater_penalty_gives_smaller_sets(problem, surrogate):
    X, y = problem
    params = {"surrogate": surrogate, "max_epochs": 15}
    small_penalty, great_penalty = (
        plain(size_penalty=p, **params).fit(X, y).predict_set_size(X).mean() for p in (0.005, 0.3)
    )
    assert great_penalty < small_penalty


# ------------------------------------------------------------------------------- what is read


def test_text_is_handed_on_and_the_scores_alone_are_read():
    words = ["red apple", "green pear", "red plum", "green kiwi", "blue sky", "blue sea"]
    X, y = words * 6, ["red", "green", "red", "green", "blue", "blue"] * 6
    with pytest.warns(UserWarning, match="do not read X, which has no columns"):
        clf = small(make_pipeline(CountVectorizer(), MultinomialNB())).fit(X, y)
    assert clf.reads_ == "scores"
    assert clf.expert_weights_ == {"base": 1.0}
    sets = clf.predict_set(["a red one", "some blue"])
    assert sets.shape == (2, 3)
    assert clf.predict(["a red one", "some blue"]).tolist() == ["red", "blue"]


@pytest.mark.parametrize("alone", [False, True])
def test_frames_with_strings_and_gaps_are_read(alone):
    X = pd.DataFrame({"size": [1.0, None, 3.0, 4.0] * 10, "colour": ["r", "g", "b", "g"] * 10})
    X["colour"] = X["colour"].astype("category")
    y = ["u", "v", "u", "v"] * 10
    inner = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=5)
    clf = CardinalityAwareClassifier(None if alone else inner, **(SMALL | {"max_epochs": 1}))
    clf.fit(X, y)
    assert clf.reads_ == "X and scores"
    assert clf.feature_names_in_.tolist() == ["size", "colour"]
    assert clf.predict_set(X).shape == (40, 2)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.coo_array, pd.DataFrame])
def test_numbers_are_read_beside_the_scores(problem, container):
    X, y = container(problem[0]), problem[1]
    clf = plain(LogisticRegression(max_iter=1000)).fit(X, y)
    assert clf.reads_ == "X and scores"
    assert clf.selector_.network is None or clf.selector_.network.n_features == 4 + 8
    assert clf.predict_set(X).shape == (300, 8)


def test_csr_rows_have_experts_of_their_own_and_arrays_are_read_too(problem):
    X, y = problem
    clf = small(LogisticRegression(max_iter=1000)).fit(sp.csr_array(X), y)
    assert set(clf.expert_weights_) <= {"base", "logistic", "mlp", "resnet"}
    proba = clf.predict_proba(sp.csr_array(X))
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_other_columns_than_in_training_are_told_by_name(problem, estimator):
    X, y = problem
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])])
    clf = CardinalityAwareClassifier(estimator, **SMALL).fit(frame, y)
    with pytest.raises(ValueError, match="c1"):
        clf.predict_set(frame.drop(columns="c1"))
    expects = f"but CardinalityAwareClassifier is expecting {X.shape[1]} features"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # X has no names
        with pytest.raises(ValueError, match=expects):
            clf.predict_set(X[:, 1:])
    told = "CardinalityAwareClassifier|GaussianNB"
    with pytest.warns(UserWarning, match=f"valid feature names, but ({told}) was fitted"):
        clf.predict_set(X)


def test_gaps_in_new_rows_are_told_and_read_as_medians(problem):
    X, y = problem
    clf = plain(HistGradientBoostingClassifier(max_iter=2)).fit(X, y)
    gap = X[:3].copy()
    gap[1, 0] = np.nan
    with pytest.warns(UserWarning, match="1 cells of 1 rows") as caught:
        sets = clf.predict_set(gap)
    assert len(caught) == 1
    assert sets.shape == (3, 8)


def test_gaps_in_training_rows_are_read(problem):
    X, y = problem
    X = np.where(np.arange(300)[:, None] % 7 == 0, np.nan, X)
    clf = plain(HistGradientBoostingClassifier(max_iter=2)).fit(X, y)
    assert clf.reads_ == "X and scores"
    assert clf.predict_set(X[:20]).shape == (20, 8)


@pytest.mark.parametrize("n_classes", [2, 8])
def test_a_base_with_scores_only_is_read(problem, n_classes):
    X, y = problem
    rows = y < "c" if n_classes == 2 else y < "z"
    clf = plain(SVC()).fit(X[rows], y[rows])
    assert clf.predict_set(X).shape == (300, n_classes)


def test_values_far_beyond_float32_are_read(problem):
    X, y = problem[0][:100], problem[1][:100]
    huge = np.where(np.arange(100)[:, None] == 7, 1e40, X)
    for rows in (X, huge):
        clf = small(max_epochs=1).fit(rows, y)
        np.testing.assert_allclose(clf.predict_proba(huge).sum(axis=1), 1.0)


def test_a_network_of_ours_has_no_built_in_experts_beside_it(problem):
    X, y = problem
    inner = NeuralClassifier(hidden_layer_sizes=(8,), max_epochs=3, random_state=0)
    clf = small(inner).fit(X, y)
    assert clf.expert_weights_ == {"base": 1.0}
    assert clf.estimator_.n_iter_ == 3
    np.testing.assert_array_equal(clf.estimator_.predict_proba(X), inner.fit(X, y).predict_proba(X))


def test_a_search_over_a_pipeline_finds_the_sets(problem):
    X, y = problem
    pipe = make_pipeline(StandardScaler(), plain())
    search = GridSearchCV(
        pipe,
        {"cardinalityawareclassifier__size_penalty": [0.01, 0.3]},
        scoring=set_report(),
        refit=smallest_set_at(coverage=0.5),
        cv=2,
    ).fit(X, y)
    assert predict_set(search, X).shape == (300, 8)


# ------------------------------------------------------------------------------- experts


@pytest.fixture(scope="module")
def refined(problem):
    return small().fit(*problem)


def test_experts_are_pooled_with_the_classifier(problem, refined):
    X, y = problem
    weights = refined.expert_weights_
    assert "base" in weights
    assert set(weights) <= {"base", "extra_trees", "random_forest", "boosting", "mlp", "periodic"}
    np.testing.assert_allclose(sum(weights.values()), 1.0)
    assert weights == refined.ensemble_.weights
    base = GaussianNB().fit(X, y)
    np.testing.assert_array_equal(refined.estimator_.predict_proba(X), base.predict_proba(X))
    assert not hasattr(refined, "estimators_")


def test_refinement_helps_a_bad_base():
    X, y, _ = make_confusable_classes(600, 5, 4, random_state=0)
    bad = make_pipeline(StandardScaler(), PCA(1), GaussianNB())
    refined, alone = (small(bad, refine=refine).fit(X[:300], y[:300]) for refine in (True, False))
    losses = [log_loss(y[300:], clf.predict_proba(X[300:])) for clf in (refined, alone)]
    assert losses[0] < losses[1] - 0.2


def test_a_bagged_base_is_fitted_once_on_all_rows(problem, monkeypatch):
    X, y = problem
    fitted, fit = [], RandomForestClassifier.fit

    def noted(self, X, y, *args, **kwargs):
        fitted.append(len(X))
        return fit(self, X, y, *args, **kwargs)

    monkeypatch.setattr(RandomForestClassifier, "fit", noted)
    forest = RandomForestClassifier(60, random_state=0)
    clf = plain(forest).fit(X, y)
    assert fitted == [300]
    own = clone(forest).set_params(oob_score=True).fit(X, y)
    np.testing.assert_array_equal(clf.estimator_.oob_decision_function_, own.oob_decision_function_)
    fitted.clear()
    plain(forest, cv=StratifiedKFold(2)).fit(X, y)
    assert fitted == [150, 150, 300]


def test_rows_of_a_group_are_held_out_together(problem):
    X, y = problem
    groups = np.arange(300) // 10

    class Grouped(GaussianNB):
        seen = []  # noqa: RUF012, shared by the clones

        def fit(self, X, y):
            self.seen.append(set(X[:, 0]))
            return super().fit(X, y)

    for cv in (2, GroupKFold(2)):
        Grouped.seen.clear()
        plain(Grouped(), cv=cv).fit(X, y, groups=groups)
        first, second, whole = Grouped.seen
        assert len(whole) == 300
        for rows in (first, second):
            inside = [np.isin(X[groups == g, 0], list(rows)) for g in np.unique(groups)]
            assert all(of_group.all() or not of_group.any() for of_group in inside)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        plain().fit(X, y, groups=groups[:20])


# ------------------------------------------------------------------- several classifiers


@pytest.fixture
def several():
    """Two classifiers with names, of which the second knows one column only."""
    one_column = make_pipeline(PCA(1), GaussianNB())
    return [("bayes", GaussianNB()), ("one_column", one_column)]


def test_several_classifiers_are_experts_of_one_pool(problem, several):
    X, y = problem
    clf = CardinalityAwareClassifier(several, **(SMALL | {"max_epochs": 1})).fit(X, y)
    assert list(clf.expert_weights_)[:2] == ["bayes", "one_column"]
    np.testing.assert_allclose(sum(clf.expert_weights_.values()), 1.0)
    assert not hasattr(clf, "estimator_")
    for fitted, (_, classifier) in zip(clf.estimators_, several, strict=True):
        alone = clone(classifier).fit(X, y)
        np.testing.assert_array_equal(fitted.predict_proba(X), alone.predict_proba(X))
    assert clf.n_features_in_ == 4
    assert not hasattr(several[0][1], "classes_")


def test_of_several_classifiers_names_lead_to_parameters(several):
    clf = CardinalityAwareClassifier(several)
    params = clf.get_params()
    assert params["bayes"] is several[0][1]
    assert params["bayes__var_smoothing"] == 1e-9
    assert params["one_column__pca__n_components"] == 1
    assert "bayes" not in clf.get_params(deep=False)
    clf.set_params(bayes__var_smoothing=0.5, size_penalty=0.1)
    assert (several[0][1].var_smoothing, clf.size_penalty) == (0.5, 0.1)
    clf.set_params(one_column=LogisticRegression())
    assert isinstance(dict(clf.estimator)["one_column"], LogisticRegression)
    cloned = clone(clf)
    assert cloned.get_params()["bayes__var_smoothing"] == 0.5
    assert cloned.estimator[0][1] is not clf.estimator[0][1]


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (GaussianNB(), "var_smoothing"),
        (make_pipeline(GaussianNB()), "gaussiannb__var_smoothing"),
        # Of two steps, a pipeline that is the only step of another looks like a pair.
        (
            make_pipeline(make_pipeline(StandardScaler(), GaussianNB())),
            "pipeline__gaussiannb__var_smoothing",
        ),
        (FrozenEstimator(GaussianNB()), "estimator"),
        (None, None),
    ],
    ids=str,
)
def test_of_a_single_classifier_parameters_are_its_own(estimator, name):
    clf = CardinalityAwareClassifier(estimator).set_params(size_penalty=0.1)
    assert all(isinstance(key, str) for key in clf.get_params())
    if name is not None:
        inside = clf.get_params()[f"estimator__{name}"]
        assert clf.set_params(**{f"estimator__{name}": inside}).size_penalty == 0.1


def test_a_search_varies_one_of_several_classifiers(problem, several):
    X, y = problem
    clf = CardinalityAwareClassifier(several[:1], refine=False, **SMALL)
    search = GridSearchCV(clf, {"bayes__var_smoothing": [1e-9, 1e3]}, cv=2).fit(X, y)
    assert search.best_params_ == {"bayes__var_smoothing": 1e-9}
    assert predict_set(search, X).shape == (300, 8)


def test_weights_are_routed_to_several_classifiers(problem, several):
    X, y = problem
    weight = np.where(y < "d", 5.0, 0.5)
    with config_context(enable_metadata_routing=True):
        asking = [(name, clone(one)) for name, one in several[:1]]
        asking[0][1].set_fit_request(sample_weight=True)
        clf = CardinalityAwareClassifier(asking, refine=False, **SMALL)
        clf.fit(X, y, sample_weight=weight)
    alone = GaussianNB().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(clf.estimators_[0].predict_proba(X), alone.predict_proba(X))


# ------------------------------------------------------------------------ folds, rare classes


def test_a_splitter_and_an_iterable_are_folds(problem):
    X, y = problem
    splitter = StratifiedKFold(3)
    by_splitter = plain(cv=splitter).fit(X, y)
    by_iterable = plain(cv=list(splitter.split(X, y))).fit(X, y)
    np.testing.assert_array_equal(by_splitter.set_levels(X), by_iterable.set_levels(X))


def test_splits_given_to_a_search_inside_are_restricted_to_the_rows_of_each_fold(problem):
    X, y = problem
    splits = list(StratifiedKFold(3).split(X, y))
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=splits)
    assert plain(search).fit(X, y).estimator_.cv is not None


def test_rare_classes_are_handled(rng):
    y = np.repeat(np.arange(5), [40, 30, 4, 2, 1])
    X = rng.normal(size=(77, 2)) + y[:, None]
    clf = small(KNeighborsClassifier(), cv=5, max_epochs=1).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2, 3, 4]
    assert clf.predict_set(X, size_penalty=0).all()


def test_many_classes_of_one_row_are_told(rng):
    y = np.append(np.repeat([0, 1], 8), [2, 3, 4])
    with pytest.warns(UserWarning, match=r"3 of 19 rows \(16% of the weight\)") as caught:
        plain(KNeighborsClassifier()).fit(rng.normal(size=(19, 2)), y)
    assert Path(caught[0].filename) == Path(__file__)


def test_classes_of_one_row_only_are_an_error(rng):
    clf = small(KNeighborsClassifier(1))
    with pytest.raises(ValueError, match="no label belongs to a class with two rows"):
        clf.fit(rng.normal(size=(6, 2)), np.arange(6))
    assert not hasattr(clf, "classes_")


def test_classes_that_no_fold_knows_take_no_part(problem):
    X, y = problem
    halves = [np.flatnonzero(y < "e"), np.flatnonzero(y >= "e")]
    with pytest.raises(ValueError, match="No row is left"):
        small(cv=[halves, halves[::-1]]).fit(X, y)


def test_of_a_single_split_the_held_out_rows_are_learned_from(problem):
    X, y = problem
    one_split = [(np.arange(200), np.arange(200, 300))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for refine in (False, True):
            clf = small(cv=one_split, refine=refine).fit(X, y)
            assert clf.predict_set(X).shape == (300, 8)


# ----------------------------------------------------------------------------- frozen, weights


def test_a_frozen_base_is_used_as_it_is(problem):
    X, y = problem
    base = GaussianNB().fit(X[:150], y[:150])
    frozen = FrozenEstimator(base)
    clf = small(frozen).fit(X[150:], y[150:])
    assert clf.estimator_ is frozen
    assert clf.predict_set(X).shape == (300, 8)
    unrefined = plain(frozen).fit(X[150:], y[150:])
    np.testing.assert_array_equal(unrefined.predict(X), base.predict(X))


def test_a_frozen_base_may_know_more_classes_than_the_rows(problem):
    X, y = problem
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    clf = plain(frozen).fit(X[y != "c"], y[y != "c"])
    assert clf.classes_.tolist() == list("abcdefgh")
    assert clf.predict_set(X, size_penalty=0).all()


def test_a_frozen_base_that_lacks_a_label_is_an_error(problem):
    X, y = problem
    frozen = FrozenEstimator(GaussianNB().fit(X[y != "c"], y[y != "c"]))
    with pytest.raises(ValueError, match=r"does not know the labels \['c'\]"):
        small(frozen).fit(X, y)


def test_weights_that_the_base_does_not_take_are_told_once(problem):
    X, y = problem
    with pytest.warns(UserWarning, match="KNeighborsClassifier takes no sample_weight") as caught:
        plain(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(300))
    assert len(caught) == 1
    assert Path(caught[0].filename) == Path(__file__)


def test_weights_reach_the_base_and_the_experts(problem):
    X, y = problem
    weight = np.where(y < "d", 5.0, 0.5)
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    equal, weighted = (small(frozen).fit(X, y, sample_weight=w) for w in (None, weight))
    heavy = np.flatnonzero(weighted.classes_ < "d")
    masses = [clf.predict_proba(X)[:, heavy].sum(axis=1).mean() for clf in (equal, weighted)]
    assert masses[1] > masses[0] + 0.1
    expected = GaussianNB().fit(X, y, sample_weight=weight).predict(X)
    inside = plain().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(inside.predict(X), expected)


@pytest.mark.parametrize("factor", [1e-12, 1e6])
def test_the_unit_of_the_weights_is_immaterial(problem, factor):
    X, y = problem
    weight = np.random.default_rng(0).random(300)
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    ours, scaled = (plain(frozen).fit(X, y, sample_weight=f * weight) for f in (1.0, factor))
    np.testing.assert_allclose(ours.predict_proba(X), scaled.predict_proba(X), atol=1e-9)
    values = [clf.set_levels(X) for clf in (ours, scaled)]
    np.testing.assert_allclose(*values, atol=1e-3)


# --------------------------------------------------------------------- randomness and pickles


def test_the_same_random_state_gives_the_same_levels(problem):
    X, y = problem[0][:120], problem[1][:120]
    first, again, other = (small(random_state=state).fit(X, y).set_levels(X) for state in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_jobs_do_not_change_what_is_learned(problem):
    X, y = problem
    one, two = (small(n_jobs=n_jobs).fit(X, y).set_levels(X) for n_jobs in (None, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("surrogate", ["rank", *COST_SURROGATES])
def test_a_pickle_holds_no_torch_and_predicts_the_same(problem, surrogate):
    X, y = problem
    clf = small(surrogate=surrogate).fit(X, y)
    dump = pickle.dumps(clf)
    assert b"torch" not in dump
    np.testing.assert_array_equal(pickle.loads(dump).predict_set(X), clf.predict_set(X))


class Fails(GaussianNB):
    """Fails, or is interrupted, when it is fitted."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def fit(self, X, y):
        if self.error is not None:
            raise self.error
        return super().fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("how", ["the base", "an expert", "the selector"])
def test_a_fit_that_ends_early_leaves_the_classifier_as_it_was(problem, error, how, monkeypatch):
    X, y = problem
    clf = plain(Fails()).fit(X, y)
    levels, attributes = clf.set_levels(X), vars(clf).copy()

    def fail(*args, **kwargs):
        raise error

    if how == "the base":
        clf.set_params(estimator=Fails(error))
    elif how == "an expert":
        clf.set_params(refine=True)
        monkeypatch.setattr(ExtraTreesClassifier, "fit", fail)
    else:
        monkeypatch.setattr(RankDistribution, "fit", fail)
    with pytest.raises(error):
        clf.fit(X[:, :2], y)
    clf.set_params(refine=False, estimator=attributes["estimator"])
    assert vars(clf) == attributes
    np.testing.assert_array_equal(clf.set_levels(X), levels)


def test_an_interrupt_in_a_callback_of_the_network_inside_ends_the_fit(problem):
    class Interrupt(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    inner = NeuralClassifier(hidden_layer_sizes=(8,), callbacks=[Interrupt()], random_state=0)
    clf = small(inner)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*problem)
    assert not [name for name in vars(clf) if name.endswith("_")]


def test_a_new_fit_leaves_nothing_of_the_one_before(problem):
    X, y = problem
    clf = plain(target_coverage=0.8).fit(X, y)
    assert clf.n_calibration_ == 60
    clf.set_params(target_coverage=None).fit(X, y)
    assert vars(clf).keys() == vars(plain().fit(X, y)).keys()
    several = [("bayes", GaussianNB())]
    assert not hasattr(clf.set_params(estimator=several).fit(X, y), "estimator_")
    assert not hasattr(clf.set_params(estimator=GaussianNB()).fit(X, y), "estimators_")


def test_few_rows_that_are_easy_are_learned():
    X, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(y, [1, 3, 8]))[:300]
    rows = rows[np.random.RandomState(1).permutation(300)]
    X, y = X[rows], y[rows]
    clf = CardinalityAwareClassifier(random_state=1).fit(X[:150], y[:150])
    assert sum(clf.expert_weights_.values()) == pytest.approx(1)
    assert clf.score(X[150:], y[150:]) > 0.9
