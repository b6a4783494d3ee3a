"""What a calibration promises, asked of it after the fit, and through all that keeps estimators."""

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneGroupOut
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import QUICK, labelled_rows

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    get_set_scorer,
    load,
    predict_set,
    save,
)
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.metrics import coverage_score, macro_coverage_score

X, Y = labelled_rows()
SIDE = np.where(X[:, 0] > 0, "right", "left")
MATRIX = 0.9 * np.eye(4) + 0.1 * np.roll(np.eye(4), 1, axis=0)
ASKED = {
    "coverage": {},
    "class": {"conditional": "class"},
    "strata": {"conditional": "strata"},
    "size": {"target_coverage": None, "target_size": 2.5},
    "rate": {"label_noise": 0.1},
    "matrix": {"label_noise": MATRIX, "conditional": "class"},
    "noise and strata": {"label_noise": 0.05, "conditional": "strata", "target_coverage": 0.6},
    "accuracy": {"target_accuracy": 0.6, "confidence": 0.6},
    "accuracy and noise": {"target_accuracy": 0.6, "confidence": 0.6, "label_noise": 0.1},
    "tail": {"prevalence_power": 0.5},
    "folds": {"cv": 4},
    "folds by class": {"cv": 4, "conditional": "class"},
}


def asked(name, **more):
    """Return an estimator with promises, not yet fitted, and what its calls need beside X."""
    params = {"target_coverage": 0.7, "calibration_size": 0.5, "random_state": 0}
    params |= ASKED[name] | more
    needs = {"strata": SIDE} if params.get("conditional") == "strata" else {}
    return CoverageSetClassifier(GaussianNB(), **params), needs


@pytest.fixture(scope="module", params=ASKED)
def fitted(request):
    model, needs = asked(request.param)
    return model.fit(X, Y, **needs), needs


def test_it_keeps_its_sets_in_pickles_and_files(fitted, tmp_path):
    model, needs = fitted
    expected = model.predict_set(X, **needs)
    save(model, tmp_path / "model.skops")
    for kept in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.skops")):
        np.testing.assert_array_equal(kept.predict_set(X, **needs), expected)
        other = {"target_size": 2} if model.target_size else {"target_coverage": 0.6}
        np.testing.assert_array_equal(
            kept.predict_set(X, **needs, **other), model.predict_set(X, **needs, **other)
        )


def test_its_sets_are_those_at_its_level_and_the_same_in_csr(fitted):
    model, needs = fitted
    sets = model.predict_set(X, **needs)
    assert sets[np.arange(len(X)), model.predict_proba(X).argmax(axis=1)].all()
    if not needs:
        np.testing.assert_array_equal(model.set_levels(X) >= model.level_, sets)
    sparse = pickle.loads(pickle.dumps(model)).set_params(sparse_output=True)
    np.testing.assert_array_equal(sparse.predict_set(X, **needs).toarray(), sets)
    alone = np.vstack(
        [model.predict_set(X[[i]], **{k: v[[i]] for k, v in needs.items()}) for i in range(20)]
    )
    np.testing.assert_array_equal(alone, sets[:20])


@pytest.mark.parametrize("name", ["coverage", "rate", "accuracy", "tail", "folds"])
def test_it_stands_in_a_pipeline_and_a_search(name):
    model, _ = asked(name)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model),
        {"coveragesetclassifier__target_coverage": [0.6, 0.8]},
        scoring=get_set_scorer("macro_coverage"),
        cv=2,
        error_score="raise",
    ).fit(X, Y)
    assert predict_set(search, X, target_coverage=0.5).shape == (len(X), 4)


class ManyClasses(ClassifierMixin, BaseEstimator):
    """Probabilities of 10,000 classes, a few of them large, from the number of the row."""

    classes_ = np.arange(10_000)

    def fit(self, X, y):
        raise AssertionError("a frozen classifier is not fitted")

    def predict_proba(self, X):
        p = np.full((len(X), 10_000), 1e-5)
        rows = np.asarray(X)[:, 0].astype(int)
        for rank in range(4):
            p[np.arange(len(X)), (37 * rows + rank) % 10_000] = 4.0 ** (2 - rank)
        return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "params",
    [{}, {"label_noise": 0.1}, {"target_accuracy": 0.3}, {"prevalence_power": 0.5}],
    ids=str,
)
def test_ten_thousand_classes_are_no_trouble(params):
    rows = np.arange(60)[:, None] % 8
    y = (37 * rows[:, 0] + np.repeat([0, 1, 2], [35, 20, 5])) % 10_000
    tracemalloc.start()
    model = CoverageSetClassifier(
        FrozenEstimator(ManyClasses()), target_coverage=0.8, sparse_output=True, **params
    ).fit(rows, y)
    sets = model.predict_set(rows, target_coverage=0.75)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 60 * 10_000 * 8  # no square of the classes
    assert sets.nnz < 5 * 60
    expected = 0.5 if "target_accuracy" in params else 0.7  # all rows tie, and stand alone
    assert coverage_score(y, sets, classes=model.classes_) > expected


# ---------------------------------------------------------------------- levels after the fit


@pytest.mark.parametrize("name", [name for name in ASKED if name != "size"])
@pytest.mark.parametrize("coverage", [0.5, 0.75])
def test_another_coverage_has_the_sets_of_a_fit_with_it(name, coverage):
    model, needs = asked(name)
    other, _ = asked(name, target_coverage=coverage)
    found = model.fit(X, Y, **needs).predict_set(X, **needs, target_coverage=coverage)
    np.testing.assert_array_equal(found, other.fit(X, Y, **needs).predict_set(X, **needs))


@pytest.mark.parametrize("size", [1, 1.4, 2.5])
def test_another_size_up_to_that_of_the_fit_has_the_sets_of_a_fit_with_it(size):
    model, other = asked("size")[0].fit(X, Y), asked("size", target_size=size)[0].fit(X, Y)
    np.testing.assert_array_equal(model.predict_set(X, target_size=size), other.predict_set(X))


def test_the_cardinality_aware_classifier_has_other_coverages_too():
    model = CardinalityAwareClassifier(GaussianNB(), target_coverage=0.8, **QUICK)
    other = CardinalityAwareClassifier(GaussianNB(), target_coverage=0.6, **QUICK).fit(X, Y)
    model.fit(X, Y)
    expected = other.predict_set(X)
    np.testing.assert_array_equal(model.predict_set(X, target_coverage=0.6), expected)
    sizes = model.predict_set_size(X, target_coverage=0.6)
    np.testing.assert_array_equal(sizes, expected.sum(axis=1))
    with pytest.raises(ValueError, match="no size_penalty beside it"):
        model.predict_set(X, target_coverage=0.6, size_penalty=0.1)
    plain = CardinalityAwareClassifier(GaussianNB(), **QUICK).fit(X, Y)
    with pytest.raises(ValueError, match="was fitted with a target_coverage"):
        plain.predict_set(X, target_coverage=0.6)


@pytest.mark.parametrize(
    ("name", "call", "message"),
    [
        ("coverage", {"target_coverage": 0.99}, "needs at least 99 calibration rows, got 60"),
        ("coverage", {"target_coverage": 1.0}, r"target_coverage=1.0 is not in \(0, 1\)"),
        ("coverage", {"target_size": 2}, "needs a classifier that was fitted with a target_size"),
        ("coverage", {"target_size": 2, "target_coverage": 0.7}, "two targets at once"),
        ("size", {"target_coverage": 0.7}, "was fitted with a target_coverage"),
        ("size", {"target_size": 2.6}, "above 2.5, for which the classifier was fitted"),
        ("size", {"target_size": 0.5}, r"target_size=0.5 is not in \[1, 4\]"),
        ("rate", {"target_coverage": 0.99}, "needs at least 99 calibration rows, got 60"),
        ("accuracy", {"target_coverage": 0}, r"target_coverage=0 is not in \(0, 1\)"),
        ("folds", {"target_coverage": 1.5}, r"target_coverage=1.5 is not in \(0, 1\)"),
    ],
)
def test_targets_that_the_calibration_rows_cannot_reach_are_refused(name, call, message):
    model, _ = asked(name)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y).predict_set(X, **call)


@pytest.mark.parametrize("name", ["coverage", "class", "rate", "accuracy", "folds"])
@pytest.mark.parametrize("coverages", [[0.5, 0.6], np.array([0.5])], ids=["list", "array"])
def test_several_coverages_at_once_are_told_the_way(name, coverages):
    model = asked(name)[0].fit(X, Y)
    with pytest.raises(TypeError, match=r"are several, .* for c in coverages}"):
        model.predict_set(X, target_coverage=coverages)


def test_levels_of_one_prediction_hold_the_sets_of_several_coverages():
    model = asked("class")[0].fit(X, Y)
    levels = model.set_levels(X)
    for coverage in (0.5, 0.75):
        sets = model.predict_set(X, target_coverage=coverage)
        np.testing.assert_array_equal(levels >= model.calibration_.at(coverage), sets)


def test_a_coverage_that_new_labels_put_out_of_reach_is_refused_after_the_fit_too():
    X, y = load_iris(return_X_y=True)
    y[0] = 9
    seed = next(s for s in range(99) if 0 in np.random.RandomState(s).permutation(150)[:30])
    model = CoverageSetClassifier(GaussianNB(), target_coverage=0.9, random_state=seed)
    with pytest.warns(UserWarning, match="count as misses"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"target_coverage=0.96 cannot be reached: 1 of 30"):
        model.predict_set(X, target_coverage=0.96)


# ------------------------------------------------------------------------------ p-values


@pytest.mark.parametrize("name", ["coverage", "strata", "tail", "folds", "folds by class"])
def test_labels_with_a_p_value_above_alpha_are_the_set(name):
    model, needs = asked(name)
    p = model.fit(X, Y, **needs).p_values(X, **needs)
    for coverage in (0.5, 0.7, 0.9):
        sets = model.predict_set(X, **needs, target_coverage=coverage)
        first = np.eye(4, dtype=bool)[model.predict_proba(X).argmax(axis=1)]
        np.testing.assert_array_equal((p > 1 - coverage + 1e-9) | first, sets)


def test_the_p_value_of_a_label_counts_the_rows_of_no_higher_level():
    model, _ = asked("coverage")
    model.fit(X, Y)
    levels, of_label = model.set_levels(X), model.calibration_.levels
    count = np.sum(of_label[None, None, :] <= levels[:, :, None] * (1 + 1e-9), axis=2)
    np.testing.assert_allclose(model.p_values(X), (1 + count) / 61)


@pytest.mark.parametrize("name", ["size", "rate", "accuracy"])
def test_without_levels_of_true_labels_there_are_no_p_values(name):
    model, _ = asked(name)
    with pytest.raises(ValueError, match="p_values needs a fit with a target_coverage"):
        model.fit(X, Y).p_values(X)


# ------------------------------------------------------------------------------ long tail


@pytest.fixture(scope="module")
def tail():
    """A classifier fitted on a problem with a long tail, and rows that are new to it."""
    X, y, _, gaussians = make_confusable_classes(
        2000,
        20,
        6,
        weights=1 / np.arange(1, 21.0),
        class_sep=3,
        return_problem=True,
        random_state=0,
    )
    fitted = LogisticRegression(max_iter=5000).fit(X, y)
    return FrozenEstimator(fitted), *gaussians.sample(6000, random_state=1)


def test_the_coverage_of_rare_classes_rises_with_the_power_and_the_coverage_stays(tail):
    fitted, X, y = tail
    macro = []
    for power in (0.0, 0.5, 1.0):
        model = CoverageSetClassifier(fitted, target_coverage=0.9, prevalence_power=power)
        sets = model.fit(X[:2000], y[:2000]).predict_set(X[2000:])
        assert abs(coverage_score(y[2000:], sets) - 0.9) < 0.02
        macro.append(macro_coverage_score(y[2000:], sets))
    assert macro[1] > macro[0] + 0.03
    assert macro[2] > macro[1]


def test_probabilities_are_divided_by_a_power_of_the_prevalence_of_training_labels():
    model, _ = asked("tail", calibration_size=20)
    model.fit(X, Y)
    chosen = np.random.RandomState(0).permutation(120)[:20]
    counts = np.unique(np.delete(Y, chosen), return_counts=True)[1] + 1
    expected = (counts / counts.sum()) ** -0.5
    np.testing.assert_allclose(model.label_factors_, expected)
    levels, p = model.set_levels(X), model.predict_proba(X)
    others = np.isfinite(levels)
    np.testing.assert_allclose(levels[others], (p * expected)[others])


@pytest.mark.parametrize("power", [-0.1, 1.1])
def test_a_power_out_of_range_is_refused(power):
    with pytest.raises(ValueError, match=rf"prevalence_power={power} is not in \[0, 1\]"):
        asked("coverage", prevalence_power=power)[0].fit(X, Y)


def test_a_power_that_changes_nothing_is_refused():
    with pytest.raises(ValueError, match="changes nothing with conditional='class'"):
        asked("class", prevalence_power=0.5)[0].fit(X, Y)


# ----------------------------------------------------------------------------- few rows, cv


def test_with_folds_every_row_trains_and_calibrates():
    model = asked("folds")[0].fit(X, Y)
    assert model.n_calibration_ == 120
    assert [fold.n_calibration_ for fold in model.folds_] == [30] * 4
    assert sum(fold.estimator_.class_count_.sum() for fold in model.folds_) == 3 * 120
    expected = np.mean([fold.predict_proba(X) for fold in model.folds_], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), expected)
    count = sum(
        (fold.calibration_.levels[:, None, None] <= fold.set_levels(X) * (1 + 1e-9)).sum(axis=0)
        for fold in model.folds_
    )
    np.testing.assert_allclose(model.p_values(X), (1 + count) / 121)


def test_with_folds_the_coverage_is_near_the_target_and_varies_less_than_with_a_split():
    *_, gaussians = make_confusable_classes(10, 4, 3, return_problem=True, random_state=0)
    X_new, _ = gaussians.sample(2000, random_state=0)
    posterior, found = gaussians.posterior(X_new), []
    for seed in range(16):
        X, y = gaussians.sample(80, random_state=100 + seed)
        models = [
            CoverageSetClassifier(GaussianNB(), target_coverage=0.8, cv=cv, random_state=seed)
            for cv in (None, 5)
        ]
        sets = [model.fit(X, y).predict_set(X_new) for model in models]
        found.append([(posterior * s).sum(axis=1).mean() for s in sets])
    split, folds = np.transpose(found)
    assert 0.78 < folds.mean() < 0.86
    assert folds.std() < 0.8 * split.std()
    assert split.std() < 2 * betabinom(2000, 17 - 3, 3).std() / 2000


def test_groups_stay_in_one_fold():
    groups = np.arange(120) // 3
    model = CoverageSetClassifier(GaussianNB(), target_coverage=0.7, cv=4, random_state=0)
    model.fit(X, Y, groups=groups)
    parts = [set(fold.calibration_.groups) for fold in model.folds_]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40
    by_group = model.set_params(cv=LeaveOneGroupOut()).fit(X, Y, groups=np.arange(120) % 5)
    assert len(by_group.folds_) == 5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cv": 1}, r"cv=1 is not in \[2"),
        ({"cv": 4, "target_size": 2, "target_coverage": None}, "clash"),
        ({"cv": 4, "label_noise": 0.1}, "clash"),
        ({"cv": 4, "conditional": "strata"}, "knows no strata"),
        ({"cv": [(np.arange(60), np.arange(60, 120))]}, "must test every row once"),
        ({"cv": 4, "estimator": FrozenEstimator(GaussianNB().fit(X, Y))}, "trains anew"),
        ({"cv": KFold(4), "target_coverage": 0.995}, "needs at least 199 calibration rows"),
    ],
)
def test_folds_that_cannot_be_are_refused(params, message):
    model = asked("coverage")[0].set_params(**params)
    needs = {"strata": SIDE} if params.get("conditional") else {}
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, **needs)
