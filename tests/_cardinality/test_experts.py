"""Experts: held-out rows are read by models that did not see them, new rows by all models."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_setpred._cardinality.built_in import network_expert
from sklearn_setpred._cardinality.experts import (
    BaggedExpert,
    ClassifierExpert,
    ForestExpert,
    FrozenExpert,
    TrainingRows,
    UserExpert,
    fit_splits,
    user_expert,
)
from sklearn_setpred._cardinality.pool import floored_log
from sklearn_setpred._networks.modules import KindBuilder
from sklearn_setpred._networks.options import TrainingOptions
from sklearn_setpred._networks.parts import make_splits
from sklearn_setpred._networks.training import fit_network
from sklearn_setpred._utils import memory
from sklearn_setpred.losses import get_loss

N = 60
CLASSES = np.array(["ant", "bee", "cat"])


class Memorises(ClassifierMixin, BaseEstimator):
    """Knows the labels of the rows it has seen by heart, by their number in the first column."""

    def fit(self, X, y, sample_weight=None):
        numbers = np.asarray(X, dtype=float)[:, 0].astype(int)
        self.known_ = dict(zip(numbers, y, strict=True))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        p = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        for row, number in zip(p, np.asarray(X, dtype=float)[:, 0].astype(int), strict=True):
            if number in self.known_:
                row[:] = self.classes_ == self.known_[number]
        return p


@pytest.fixture
def rows(rng):
    """60 rows of 3 classes: their number, and two columns that tell the class."""
    codes = rng.permutation(np.arange(N) % 3)
    X = np.column_stack([np.arange(N), rng.normal(size=(N, 2)) + np.eye(3, 2)[codes] * 2])
    return TrainingRows(X, X, codes, CLASSES)


def labels(rows):
    return CLASSES[rows.codes]


def random_state():
    return np.random.RandomState(0)


def repeats_of(rows, n_folds=3, n_repeats=2):
    rng = random_state()
    return [make_splits(n_folds, rows.X, rows.codes, rng) for _ in range(n_repeats)]


def learned(expert, rows, repeats, **options):
    """Fit an expert; return its outputs of held-out rows, in their places, for each repeat."""
    (fits,) = fit_splits([expert], rows, [expert.splits(rows, repeats)], random_state(), **options)
    expert.keep([fit.model for fit in fits])
    outputs = []
    for fit in fits:
        if not outputs or np.isfinite(outputs[-1][fit.test]).any():
            outputs.append(np.full((N, len(rows.classes)), np.nan))
        outputs[-1][fit.test] = fit.outputs
    return outputs


def a_users(classifier, rows, **options):
    return user_expert("base", classifier, rows, {}, **options)


def built_in(classifier, rows):
    return ClassifierExpert("one", classifier, len(rows.classes), rows.floor)


# --------------------------------------------------------------------------------- the rows


def test_the_floor_is_a_tenth_of_a_row_that_counts(rows):
    assert rows.floor == 1 / 600
    assert rows._replace(weight=np.repeat([0.0, 2.0], 30)).floor == 1 / 300


@pytest.mark.parametrize("container", [list, np.asarray, pd.DataFrame, sp.csr_array])
def test_inputs_are_what_the_user_gave_beside_the_numbers(rows, container):
    rows = rows._replace(X=container(rows.X))
    X, numbers = rows.inputs(np.array([4, 2]))
    assert type(X) is type(rows.X)
    np.testing.assert_array_equal(numbers[:, 0], [4, 2])
    assert rows._replace(numbers=None).inputs(np.array([4]))[1] is None


def test_parts_for_networks_have_weights_of_mean_one(rows):
    part = rows._replace(weight=np.arange(60.0)).part(np.array([1, 3]))
    assert part.weight.tolist() == [0.5, 1.5]
    np.testing.assert_array_equal(part.target, rows.codes[[1, 3]])
    assert rows.part(np.array([1, 3])).weight is None
    part = rows._replace(weight=np.arange(60.0)).part(np.array([3, 0]))
    assert (part.target.tolist(), part.weight.tolist()) == ([rows.codes[3]], [1.0])


# ------------------------------------------------------------------------- held-out outputs


@pytest.mark.parametrize("make", [a_users, built_in])
def test_outputs_come_from_models_that_did_not_see_the_row(rows, make):
    expert, repeats = make(Memorises(), rows), repeats_of(rows)
    for of_repeat in learned(expert, rows, repeats):
        np.testing.assert_allclose(of_repeat, 1 / 3)
    # The models know what they were fitted on.
    right = expert.log_probabilities(rows.X, rows.numbers)[np.arange(N), rows.codes]
    assert (right > np.log(1 / 3)).all()


def test_a_built_in_classifier_is_fitted_on_every_split_and_averaged(rows):
    expert, repeats = built_in(GaussianNB(), rows), repeats_of(rows)
    outputs = learned(expert, rows, repeats)
    models = [
        [GaussianNB().fit(rows.X[train], rows.codes[train]) for train, _ in splits]
        for splits in repeats
    ]
    for of_models, splits, found in zip(models, repeats, outputs, strict=True):
        for model, (_, test) in zip(of_models, splits, strict=True):
            np.testing.assert_allclose(found[test], model.predict_proba(rows.X[test]), rtol=1e-6)
    mean = np.mean([m.predict_proba(rows.X) for of_models in models for m in of_models], axis=0)
    found = expert.log_probabilities(rows.X, rows.numbers)
    np.testing.assert_allclose(found, floored_log(mean, rows.floor), rtol=1e-6)


def test_a_users_classifier_is_fitted_on_the_first_repeat_and_on_all_rows(rows):
    expert, repeats = a_users(GaussianNB(), rows), repeats_of(rows)
    outputs = learned(expert, rows, repeats)
    assert len(outputs) == 1
    for train, test in repeats[0]:
        model = GaussianNB().fit(rows.X[train], labels(rows)[train])
        np.testing.assert_allclose(outputs[0][test], model.predict_proba(rows.X[test]), rtol=1e-6)
    whole = GaussianNB().fit(rows.X, labels(rows))
    (model,) = expert.models
    np.testing.assert_array_equal(model.predict_proba(rows.X), whole.predict_proba(rows.X))
    expert.forget()
    assert expert.models == [model]


@pytest.mark.parametrize("make", [a_users, built_in])
def test_a_class_that_a_model_did_not_see_is_impossible(rows, make):
    train, test = np.flatnonzero(rows.codes < 2), np.flatnonzero(rows.codes == 2)
    expert = make(GaussianNB(), rows)
    _, held_out = expert.fit_split(rows, (train, test), 0)
    np.testing.assert_array_equal(held_out[:, 2], 0.0)
    np.testing.assert_allclose(held_out.sum(axis=1), 1.0, rtol=1e-6)


def test_scores_of_a_support_vector_machine_are_read(rows):
    (outputs,) = learned(a_users(SVC(), rows), rows, repeats_of(rows))
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-6)


def test_fit_parameters_are_cut_to_the_training_rows(rows, rng):
    weight = rng.random(N)
    ours = user_expert("base", GaussianNB(), rows, {"sample_weight": weight})
    (outputs,) = learned(ours, rows, repeats_of(rows))
    train, test = repeats_of(rows)[0][1]
    model = GaussianNB().fit(rows.X[train], labels(rows)[train], sample_weight=weight[train])
    np.testing.assert_allclose(outputs[test], model.predict_proba(rows.X[test]), rtol=1e-6)
    assert ours.fit_params == {}  # nothing as long as the rows is kept


@pytest.mark.parametrize(
    ("classifier", "keyword"),
    [
        (GaussianNB(), "sample_weight"),
        (make_pipeline(StandardScaler(), GaussianNB()), "gaussiannb__sample_weight"),
        (KNeighborsClassifier(), None),
    ],
    ids=str,
)
def test_weights_reach_built_in_classifiers_that_take_them(rows, rng, classifier, keyword):
    # Rows of weight zero take no part either way.
    rows = rows._replace(weight=rng.random(N) * (np.arange(N) % 4 > 0))
    (outputs, _) = learned(built_in(classifier, rows), rows, repeats_of(rows))
    train, test = repeats_of(rows)[0][0]
    train = train[rows.weight[train] > 0]
    weight = {} if keyword is None else {keyword: rows.weight[train]}
    model = clone(classifier).fit(rows.X[train], rows.codes[train], **weight)
    np.testing.assert_allclose(outputs[test], model.predict_proba(rows.X[test]), rtol=1e-6)


def test_built_in_classifiers_have_seeds_of_the_random_state(rows):
    forest = ExtraTreesClassifier(2)
    first, again = (learned(built_in(forest, rows), rows, repeats_of(rows)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    train, test = repeats_of(rows)[0][0]
    _, other = built_in(forest, rows).fit_split(rows, (train, test), 1)
    assert not np.array_equal(other, first[0][test])


def test_jobs_do_not_change_the_outputs(rows):
    repeats = repeats_of(rows)
    alone = learned(built_in(ExtraTreesClassifier(2), rows), rows, repeats)
    with parallel_config(backend="threading"):
        together = learned(built_in(ExtraTreesClassifier(2), rows), rows, repeats, n_jobs=2)
    np.testing.assert_array_equal(together, alone)


def test_a_built_in_classifier_learns_from_no_more_rows_than_the_limit(rows, monkeypatch):
    monkeypatch.setattr(memory, "OUT_OF_FOLD", 8 * 3 * 10)
    (splits, _) = repeats_of(rows)
    model, _ = built_in(Memorises(), rows).fit_split(rows, splits[0], 0)
    assert len(model.known_) == 10
    assert set(model.known_) <= set(splits[0][0].tolist())


def test_held_out_rows_are_read_by_batches(rows, monkeypatch):
    split = repeats_of(rows)[0][0]
    _, at_once = built_in(GaussianNB(), rows).fit_split(rows, split, 0)
    monkeypatch.setattr(memory, "BATCH", 1)  # 16 rows
    expert, read = built_in(GaussianNB(), rows), []
    outputs_of = expert.outputs
    expert.outputs = lambda model, X, numbers: read.append(len(X)) or outputs_of(model, X, numbers)
    _, by_batches = expert.fit_split(rows, split, 0)
    assert sum(read) == len(split[1])
    assert max(read) <= 16
    np.testing.assert_allclose(by_batches, at_once, rtol=1e-6)


def test_trees_that_take_much_memory_grow_one_by_one(rows, monkeypatch):
    monkeypatch.setattr(memory, "TREES", 16 * N * 3)
    forest = ForestExpert("trees", ExtraTreesClassifier(4), 3, rows.floor)
    split = repeats_of(rows)[0][0]
    table, _ = forest.fit_split(rows, split, 7)
    part = rows.part(split[0])
    trees = [ExtraTreesClassifier(1, random_state=7 + i).fit(part.X, part.target) for i in range(4)]
    mean = np.mean([tree.predict_proba(rows.X) for tree in trees], axis=0)
    np.testing.assert_allclose(table(rows.X), mean, rtol=1e-6)


# ------------------------------------------------------------------- one fit for all rows


@pytest.mark.parametrize(
    ("classifier", "options", "kind"),
    [
        (GaussianNB(), {}, UserExpert),
        (FrozenEstimator(GaussianNB()), {}, FrozenExpert),
        (RandomForestClassifier(), {}, BaggedExpert),
        (RandomForestClassifier(), {"may_bag": False}, UserExpert),
        (RandomForestClassifier(bootstrap=False), {}, UserExpert),
        (ExtraTreesClassifier(), {}, UserExpert),
        (ExtraTreesClassifier(bootstrap=True), {}, BaggedExpert),
        (BaggingClassifier(n_estimators=50), {}, BaggedExpert),
        # A row may be in each of ten bags, and nothing but its own votes would be left.
        (BaggingClassifier(), {}, UserExpert),
        (RandomForestClassifier(49), {}, UserExpert),
        (FrozenEstimator(RandomForestClassifier()), {}, FrozenExpert),
    ],
    ids=str,
)
def test_what_bags_its_rows_is_fitted_once(rows, classifier, options, kind):
    assert type(a_users(classifier, rows, **options)) is kind


@pytest.mark.parametrize("cls", [RandomForestClassifier, BaggingClassifier])
def test_a_bagged_classifier_is_read_out_of_bag(rows, cls):
    forest = cls(n_estimators=50, random_state=0)
    expert, repeats = a_users(forest, rows), repeats_of(rows)
    (outputs,) = learned(expert, rows, repeats)
    own = clone(forest).set_params(oob_score=True).fit(rows.X, labels(rows))
    np.testing.assert_allclose(outputs, own.oob_decision_function_, rtol=1e-6)
    (model,) = expert.models
    np.testing.assert_array_equal(model.predict_proba(rows.X), own.predict_proba(rows.X))


def test_a_frozen_classifier_is_read_as_it_is(rows):
    # It knows a class more than the rows hold.
    base = GaussianNB().fit(rows.X, labels(rows))
    rows = rows._replace(classes=base.classes_)
    expert = a_users(FrozenEstimator(base), rows)
    (outputs,) = learned(expert, rows, repeats_of(rows))
    np.testing.assert_allclose(outputs, base.predict_proba(rows.X), rtol=1e-6)
    assert expert.models == [expert.classifier]


# --------------------------------------------------------------------------------- networks


OPTIONS = TrainingOptions(KindBuilder("mlp", (4,)), learning_rate=0.01, max_epochs=2, device="cpu")


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_networks_are_trained_on_each_split_and_averaged(rows, container):
    rows = rows._replace(numbers=container(rows.numbers))
    expert = network_expert("mlp", rows, OPTIONS)
    repeats = repeats_of(rows)
    standardization, options = expert.standardization, expert.options
    outputs = learned(expert, rows, repeats)
    seeds = iter(random_state().randint(2**31 - 1, size=6).tolist())
    loss, scores = get_loss("cross_entropy"), []
    for splits, found in zip(repeats, outputs, strict=True):
        for train, test in splits:
            how = {"seed": next(seeds), "standardization": standardization}
            pair = rows.part(train), rows.part(test)
            network = fit_network(*pair, loss, 3, options, **how).network
            np.testing.assert_allclose(found[test], network.scores(rows.numbers[test]), rtol=1e-5)
            scores.append(network.scores(rows.numbers))
    assert len(expert.models) == 1
    log_p = expert.log_probabilities(rows.X, rows.numbers)
    np.testing.assert_allclose(log_p, log_softmax(np.mean(scores, axis=0), axis=1), atol=1e-5)


def test_all_networks_of_an_expert_are_standardized_by_all_rows(rows):
    rows = rows._replace(weight=np.linspace(0.1, 2.0, N))
    expert = network_expert("resnet", rows, OPTIONS)
    mean = np.average(rows.numbers, axis=0, weights=rows.weight)
    np.testing.assert_allclose(expert.standardization.center, mean)
    assert expert.options.learning_rate == 0.005  # the kind's own
    assert expert.options.build.kind == expert.name == "resnet"
