"""Network classifiers: held-out rows, weights, partial_fit, warm_start, pickles, failures."""

import pickle
import random

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from skorch.callbacks import Callback, EarlyStopping
from small_networks import KINDS, fitted_attributes, network

from sklearn_setpred import NeuralClassifier, load, save
from sklearn_setpred._networks.training import TrainingDivergedError
from sklearn_setpred.losses import CompSum


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix, sp.coo_array, sp.csc_matrix])
def test_sparse_rows_are_read_as_dense_rows(blobs, container):
    X, y = blobs
    for rows in (X, container(X)):  # dense rows are clipped, sparse ones are not
        clf = network(max_epochs=3).fit(rows, y)
        found = clf.predict_proba(container(X))
        np.testing.assert_allclose(found, clf.predict_proba(X), atol=1e-4)
        assert clf.loss_curve_[-1] < clf.loss_curve_[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_values_far_beyond_float32_give_finite_scores(blobs, kind, container):
    X, y = blobs
    X = X.copy()
    X[5] = 1e40
    clf = network(module=kind, max_epochs=1).fit(container(X), y)
    assert np.isfinite(clf.decision_function(container(X))).all()
    clf = network(module=kind, max_epochs=1).fit(container(blobs[0]), y)
    assert np.isfinite(clf.decision_function(container(X))).all()


def test_float32_rows_are_read_as_float64_rows(blobs):
    X, y = blobs
    clf, single = network().fit(X, y), network().fit(X.astype(np.float32), y)
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float64
    np.testing.assert_allclose(single.predict_proba(X), clf.predict_proba(X), atol=1e-2)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_row_alone_has_the_scores_that_it_has_in_a_batch(rng, n_classes):
    X, y = rng.normal(size=(110, 3)), np.arange(110) % n_classes
    clf = network(max_epochs=2).fit(X, y)
    for method in (clf.decision_function, clf.predict_proba):
        whole = method(X)
        for size in (1, 2, 15, 16, 17, 100):
            np.testing.assert_array_equal(method(X[5 : 5 + size]), whole[5 : 5 + size])


def test_probabilities_are_the_inverse_link_of_the_loss(blobs):
    X, y = blobs
    clf = network().fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), softmax(clf.decision_function(X), axis=1))
    tau = 0.5
    clf = network(loss=CompSum(tau=tau)).fit(X, y)
    s = softmax(clf.decision_function(X), axis=1) ** (2 - tau)
    np.testing.assert_allclose(clf.predict_proba(X), s / s.sum(axis=1, keepdims=True), atol=1e-12)


def test_two_classes_have_one_column_of_scores(rng):
    X = rng.normal(size=(60, 2))
    clf = network().fit(X, X[:, 0] > 0)
    f, p = clf.decision_function(X), clf.predict_proba(X)
    assert f.shape == (60,)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-f)), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), f > 0)
    assert clf.classes_.dtype == bool


def test_names_of_columns_are_kept(blobs):
    X, y = pd.DataFrame(blobs[0], columns=list("abcde")), pd.Series(blobs[1])
    clf = network(max_epochs=2).fit(X, y)
    assert clf.feature_names_in_.tolist() == list("abcde")
    assert clf.n_features_in_ == 5
    with pytest.raises(ValueError, match="feature names"):
        clf.predict_set(X[list("bacde")])


# --------------------------------------------------------------------------- held-out rows


def test_without_held_out_rows_there_are_no_validation_scores(blobs):
    clf = network(max_epochs=3).fit(*blobs)
    assert clf.validation_scores_ == []
    assert [type(value) for value in clf.loss_curve_] == [float] * 3


def test_the_weights_of_the_best_epoch_are_kept(blobs):
    X, y = blobs
    clf = network(max_epochs=20, learning_rate=0.1, batch_size=16)
    clf.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    codes = np.searchsorted(clf.classes_, y[100:])
    loss = -np.log(clf.predict_proba(X[100:])[np.arange(200), codes]).mean()
    assert clf.n_iter_ == len(clf.validation_scores_) == 20
    assert np.argmax(clf.validation_scores_) < 15
    # skorch calls a loss better if it is lower by more than a 10,000th part.
    np.testing.assert_allclose(-loss, max(clf.validation_scores_), rtol=2e-4)


def test_validation_rows_of_the_user_leave_all_rows_to_train(blobs):
    X, y = blobs
    clf = network(validation_fraction=0.5, max_epochs=4).fit(X, y, X_val=X, y_val=y)
    alone = network(max_epochs=4).fit(X, y)
    np.testing.assert_allclose(clf.loss_curve_, alone.loss_curve_, rtol=1e-6)
    assert len(clf.validation_scores_) == 4


def test_a_fraction_of_the_rows_is_held_out(blobs):
    noted = NotedRows()
    network(validation_fraction=0.2, max_epochs=1, callbacks=[noted]).fit(*blobs)
    assert noted.rows == [[240, 60]]


@pytest.mark.parametrize("counts", [(5, 1), (1, 1, 1), (3, 2, 1, 1)])
def test_rows_of_rare_classes_are_never_all_held_out(rng, counts):
    y = np.repeat(np.arange(len(counts)), counts)
    clf = network(validation_fraction=0.1, max_epochs=2).fit(rng.normal(size=(len(y), 2)), y)
    assert clf.classes_.tolist() == list(range(len(counts)))
    assert len(clf.validation_scores_) == (0 if max(counts) == 1 else 2)


def test_early_stopping_of_skorch_ends_a_fit_quietly(blobs):
    stop = EarlyStopping("train_loss", patience=2, threshold=1.0)  # no epoch is good enough
    clf = network(callbacks=[stop]).fit(*blobs)
    assert clf.n_iter_ == 3
    assert clf.predict_proba(blobs[0]).shape == (300, 4)


# --------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("validation_fraction", [None, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_zero_are_as_good_as_removed(blobs, rng, kind, validation_fraction):
    X, y = blobs
    weight = rng.uniform(0.5, 2.0, size=300) * (rng.random(300) < 0.6)
    kept = weight > 0
    params = {"module": kind, "validation_fraction": validation_fraction, "max_epochs": 2}
    zeroed = network(**params).fit(X, y, sample_weight=weight)
    removed = network(**params).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert zeroed.loss_curve_ == removed.loss_curve_
    np.testing.assert_array_equal(zeroed.predict_proba(X), removed.predict_proba(X))


def test_the_unit_of_the_weights_is_immaterial(blobs, rng):
    weight = rng.uniform(0.5, 2.0, size=300)
    ours, scaled = (
        network(max_epochs=4).fit(*blobs, sample_weight=factor * weight) for factor in (1.0, 1000.0)
    )
    # The optimizer forgives another unit; the curve of losses would show it.
    np.testing.assert_allclose(scaled.loss_curve_, ours.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(
        ours.predict_proba(blobs[0]), scaled.predict_proba(blobs[0]), atol=1e-4
    )


def test_equal_weights_are_no_weights(blobs):
    plain = network(max_epochs=4).fit(*blobs)
    equal = network(max_epochs=4).fit(*blobs, sample_weight=np.full(300, 3.0))
    np.testing.assert_allclose(
        plain.predict_proba(blobs[0]), equal.predict_proba(blobs[0]), atol=1e-5
    )


def test_a_weight_of_two_is_close_to_two_rows(blobs):
    X, y = blobs
    weight = np.where(np.arange(300) < 150, 2, 1)
    params = {"hidden_layer_sizes": (), "batch_size": 450, "max_epochs": 100, "learning_rate": 0.3}
    weighted = network(**params).fit(X, y, sample_weight=weight)
    repeated = network(**params).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=5e-3)


def test_class_weights_multiply_the_weights_of_rows(blobs, rng):
    X, y = blobs
    weight = rng.uniform(0.5, 2.0, size=300)
    of_class = {"ant": 3.0, "bee": 1.0, "cat": 0.5, "dog": 2.0}
    by_class = network(class_weight=of_class, max_epochs=3).fit(X, y, sample_weight=weight)
    by_row = network(max_epochs=3).fit(X, y, sample_weight=weight * [of_class[c] for c in y])
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_a_heavier_class_is_predicted_more_often(blobs):
    X, y = blobs
    plain, heavy = network().fit(X, y), network(class_weight={"ant": 20.0}).fit(X, y)
    assert np.mean(heavy.predict(X) == "ant") > np.mean(plain.predict(X) == "ant")


# ------------------------------------------------------------------ warm_start, partial_fit


@pytest.mark.parametrize("kind", KINDS)
def test_warm_start_goes_on_where_the_last_fit_ended(blobs, kind):
    clf = network(module=kind, warm_start=True).fit(*blobs)
    first = clf.loss_curve_
    clf.fit(*blobs)
    assert clf.loss_curve_[0] < 0.8 * first[0]
    assert clf.n_iter_ == 15


def test_without_warm_start_a_fit_begins_anew(blobs):
    cold = network(max_epochs=2).fit(*blobs)
    first = cold.loss_curve_
    assert cold.fit(*blobs).loss_curve_ == first


def test_warm_start_knows_no_new_label(blobs):
    X, y = blobs
    clf = network(warm_start=True, max_epochs=2).fit(X, y)
    with pytest.raises(ValueError, match=r"y holds \['emu'\].*classes are \['ant'"):
        clf.fit(X, np.where(y == "ant", "emu", y))


def test_partial_fit_learns(blobs):
    X, y = blobs
    clf = network()
    for _ in range(15):
        assert clf.partial_fit(X, y, classes=np.unique(y)) is clf
    assert clf.n_iter_ == len(clf.loss_curve_) == 15
    assert clf.loss_curve_[-1] < 0.8 * clf.loss_curve_[0]
    assert clf.score(X, y) > 0.7


def test_partial_fit_begins_as_a_fit_does(blobs):
    X, y = blobs
    whole = {"max_epochs": 1, "batch_size": 300}  # one step, its loss before the step
    fitted = network(**whole).fit(X, y)
    partly = network(**whole).partial_fit(X, y, classes=np.unique(y))
    assert partly.loss_curve_ == fitted.loss_curve_


def test_partial_fit_goes_on_after_fit(blobs):
    clf = network().fit(*blobs)
    clf.partial_fit(*blobs)
    assert clf.n_iter_ == 16
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]


def test_partial_fit_takes_batches_with_one_class(blobs):
    X, y = blobs
    clf = network().partial_fit(X[y == "dog"], y[y == "dog"], classes=np.unique(y))
    assert clf.predict_proba(X).shape == (300, 4)


@pytest.mark.parametrize("module", ["mlp", "resnet", "periodic"])
@pytest.mark.parametrize("cv", [None, 2])
def test_the_standardization_follows_and_what_was_learned_stays(blobs, module, cv):
    X, y = blobs
    clf = network(module=module, cv=cv).fit(X, y)
    net, near = clf.net_, X[np.abs(clf.net_.standardization(X)).max(axis=1) < 1]
    scores, before = net.scores(near), net.standardization
    net.follow(X * 3.0 + 1.0, None)
    np.testing.assert_allclose(net.standardization.center, before.after(X * 3.0 + 1.0).center)
    assert (net.standardization.scale > 1.2 * before.scale).all()
    # Up to the smooth clip, which bends a value of one standard deviation by a hundredth.
    assert np.abs(net.scores(near) - scores).max() < 0.05 * np.ptp(scores)


def test_with_csr_rows_what_was_learned_stays_exactly(rng):
    X, y = sp.random_array((200, 30), density=0.3, format="csr", rng=rng), np.arange(200) % 4
    net = network().fit(X, y).net_
    scores = net.scores(X)
    net.follow(X * 4.0, None)
    np.testing.assert_allclose(net.scores(X), scores, atol=1e-4)


def test_a_stream_sorted_by_a_column_teaches_as_a_shuffled_one(rng):
    # The first chunk knows a sixteenth of the range of a column, and the class is a difference.
    y, drift = np.arange(800) % 3, np.linspace(0, 30, 800)
    X = np.stack([drift + 3 * y, drift], axis=1) + rng.normal(size=(800, 2))
    accuracies = []
    for order in (np.arange(800), rng.permutation(800)):
        clf = network(batch_size=10)
        for _ in range(3):
            for some in np.split(order, 16):
                clf.partial_fit(X[some], y[some], classes=np.arange(3))
        accuracies.append(clf.score(X, y))
    assert accuracies[0] > accuracies[1] - 0.05
    np.testing.assert_allclose(clf.net_.standardization.center, X.mean(axis=0))


def test_the_first_partial_fit_needs_the_classes(blobs):
    clf = network()
    with pytest.raises(ValueError, match=r"classes=None.*first call of partial_fit"):
        clf.partial_fit(*blobs)
    assert fitted_attributes(clf) == []


def test_partial_fit_knows_no_new_label(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match=r"y holds \['ant'\]"):
        network().partial_fit(X, y, classes=["bee", "cat", "dog"])


def test_partial_fit_refuses_other_classes_than_before(blobs):
    X, y = blobs
    clf = network().partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match=r"classes=\['ant', 'emu'\].*first call.*'bee'"):
        clf.partial_fit(X, y, classes=["ant", "emu"])


def through_pickle(clf, path):
    return pickle.loads(pickle.dumps(clf))


def through_file(clf, path):
    save(clf, path)
    return load(path)


@pytest.mark.parametrize("through", [through_pickle, through_file])
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_goes_on_after_a_file_as_it_would_without(blobs, kind, through, tmp_path):
    X, y = blobs
    path = tmp_path / "clf.skops"
    kept, filed = (
        network(module=kind, hidden_layer_sizes=(8, 8), warm_start=True) for _ in range(2)
    )
    for rows in (slice(None), slice(0, 40), slice(40, None)):
        kept.partial_fit(X[rows], y[rows], classes=np.unique(y))
        filed.partial_fit(X[rows], y[rows], classes=np.unique(y))
        filed = through(through(filed, path), path)  # twice: what was loaded is saved again
    assert kept.loss_curve_ == filed.loss_curve_
    np.testing.assert_array_equal(kept.decision_function(X), filed.decision_function(X))


def test_the_optimizer_is_kept_on_request_and_of_partial_fit_alone(blobs):
    X, y = blobs
    part = network().partial_fit(X, y, classes=np.unique(y))
    whole = network(warm_start=True).fit(X, y)
    for clf in (part, whole, clone(part)):
        assert "_training_state" not in clf.__getstate__() or clf.net_.training_state is None
    part.set_params(warm_start=True)
    assert pickle.loads(pickle.dumps(part)).net_.training_state is not None
    assert pickle.loads(pickle.dumps(part.fit(X, y))).net_.training_state is None


def test_averages_of_another_shape_are_refused(blobs):
    X, y = blobs
    clf = network(warm_start=True).partial_fit(X, y, classes=np.unique(y))
    state = clf.__getstate__()
    averages = state["_training_state"]["averages"]
    next(iter(averages.values()))["exp_avg"] = np.zeros((3, 5), dtype=np.float32)
    with pytest.raises(ValueError, match=r"averages of .* have the shapes"):
        NeuralClassifier.__new__(NeuralClassifier).__setstate__(state)


# -------------------------------------------------------------- randomness, pickles, errors


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_random_state_gives_the_same_network(blobs, kind):
    params = {"module": kind, "dropout": 0.2, "validation_fraction": 0.1, "max_epochs": 2}
    first, again, other = (
        network(random_state=state, **params).fit(*blobs).predict_proba(blobs[0])
        for state in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_random_state_networks_differ(blobs):
    first, second = (
        network(random_state=None, max_epochs=1).fit(*blobs).predict_proba(blobs[0])
        for _ in range(2)
    )
    assert not np.array_equal(first, second)


def test_global_generators_are_left_alone(blobs):
    def states():
        numpy_state = np.random.get_state()  # noqa: NPY002, the global generator is meant
        return random.getstate(), numpy_state[1].tolist(), torch.get_rng_state().tolist()

    X, y = blobs
    before = states()
    clf = network(validation_fraction=0.1, dropout=0.2, max_epochs=2).fit(X, y)
    clf.partial_fit(X, y).predict_proba(X)
    pickle.loads(pickle.dumps(clf))
    assert states() == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
def test_a_pickle_holds_no_torch_and_predicts_the_same(blobs, fit, kind):
    X, y = blobs
    clf = network(module=kind, max_epochs=2, validation_fraction=0.1)
    clf = clf.fit(X, y) if fit == "fit" else clf.partial_fit(X, y, classes=np.unique(y))
    dump = pickle.dumps(clf)
    assert b"torch" not in dump
    assert b"skorch" not in dump
    np.testing.assert_array_equal(pickle.loads(dump).predict_proba(X), clf.predict_proba(X))


def test_a_loss_that_is_no_number_leaves_a_fitted_classifier_as_it_was(blobs):
    X, y = blobs
    clf = network().fit(X, y)
    before, attributes = clf.predict_proba(X), {n: getattr(clf, n) for n in fitted_attributes(clf)}
    clf.set_params(learning_rate=1e30)
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+; lower learning_rate=1e\+30"):
        clf.fit(X[:, :3], y)
    assert {n: getattr(clf, n) for n in fitted_attributes(clf)} == attributes
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_a_fit_that_fails_leaves_an_unfitted_classifier_unfitted(blobs):
    clf = network(learning_rate=1e30)
    with pytest.raises(FloatingPointError):
        clf.fit(*blobs)
    assert fitted_attributes(clf) == []
    with pytest.raises(NotFittedError):
        clf.predict(blobs[0])


CROSS_FITTED = {"cv": 3, "max_epochs": 5}


class NotedRows(Callback):
    """Notes how many rows networks are trained on and validated with, and their losses."""

    def __init__(self):
        self.rows, self.losses = [], []

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        if len(net.history) == 1:
            self.rows.append([len(dataset_train), len(dataset_valid)])

    def on_train_end(self, net, **kwargs):
        self.losses.append(net.history[:, "valid_loss"])


def test_folds_give_the_mean_of_a_network_for_each(blobs):
    X, y = blobs
    noted = NotedRows()
    clf = network(**CROSS_FITTED, callbacks=[noted]).fit(X, y)
    assert noted.rows == 3 * [[200, 100]]
    members = clf.net_.module.members
    rows = clf.net_.rows(X).x
    with torch.no_grad():
        mean = np.mean([member(*rows).numpy() for member in members], axis=0)
    np.testing.assert_allclose(clf.decision_function(X), mean, atol=1e-5)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.validation_scores_) == 5
    np.testing.assert_allclose(clf.validation_scores_, -np.mean(noted.losses, axis=0), rtol=1e-6)


def test_folds_that_are_given_refer_to_all_rows_weighted_or_not(blobs):
    X, y = blobs
    weight = np.ones(len(y))
    weight[::7] = 0.0
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    noted = NotedRows()
    network(**(CROSS_FITTED | {"cv": folds}), callbacks=[noted]).fit(X, y, sample_weight=weight)
    assert noted.rows == [[(weight[rows] > 0).sum() for rows in split] for split in folds]


def test_rows_of_a_group_are_held_out_together(blobs):
    X, y = blobs
    groups = np.repeat(np.arange(5), [120, 60, 60, 30, 30])
    noted = NotedRows()
    network(**CROSS_FITTED, callbacks=[noted]).fit(X, y, groups=groups)
    # Folds of 100 rows would cut a group.
    assert all(n_held_out % 30 == 0 for _, n_held_out in noted.rows)
    assert {sum(sizes) for sizes in noted.rows} == {300}


@pytest.mark.parametrize(
    ("params", "groups", "message"),
    [({"cv": None}, np.arange(300), "groups are for the folds of cv"), ({"cv": 3}, [1, 2], "300")],
)
def test_groups_that_no_folds_can_read_are_refused(blobs, params, groups, message):
    with pytest.raises(ValueError, match=message):
        network(**params).fit(*blobs, groups=groups)


def test_rows_of_no_weight_do_not_change_the_folds(blobs):
    X, y = blobs
    weight = np.random.RandomState(0).randint(0, 3, size=len(y)).astype(float)
    weighted = network(**CROSS_FITTED).fit(X, y, sample_weight=weight)
    kept = weight > 0
    removed = network(**CROSS_FITTED).fit(X[kept], y[kept], sample_weight=weight[kept])
    np.testing.assert_array_equal(weighted.decision_function(X), removed.decision_function(X))


def test_one_network_is_trained_where_folds_have_no_use(blobs):
    X, y = blobs
    rows = {"X_val": X[200:], "y_val": y[200:]}
    without, with_folds = (
        network(cv=cv, max_epochs=3).fit(X[:200], y[:200], **rows) for cv in (None, 3)
    )
    np.testing.assert_array_equal(without.decision_function(X), with_folds.decision_function(X))


def test_the_mean_of_networks_goes_on_training_as_one(blobs):
    X, y = blobs
    options = CROSS_FITTED | {"max_epochs": 2, "validation_fraction": 0.1}
    clf = network(**options, warm_start=True).fit(X, y)
    losses = [-clf.validation_scores_[-1]]
    for _ in range(2):
        clf.fit(X, y)
        losses.append(-clf.validation_scores_[-1])
    assert losses == sorted(losses, reverse=True)
    assert len(clf.net_.module.members) == 3
    before = clf.decision_function(X)
    clf.partial_fit(X, y)
    assert np.abs(clf.decision_function(X) - before).max() > 0


@pytest.mark.parametrize("cv", [1, 2.5, "five"])
def test_folds_are_checked_before_any_training(blobs, cv):
    noted = NotedRows()
    with pytest.raises(ValueError, match="cv"):
        network(**(CROSS_FITTED | {"cv": cv}), callbacks=[noted]).fit(*blobs)
    assert noted.rows == []


class Spoil(Callback):
    """Makes the weights no numbers as the fourth epoch begins."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:
            for weight in net.module_.parameters():
                weight.data.fill_(np.nan)


class KeepEpoch(Callback):
    """Keeps the scores that the network gives at the end of an epoch."""

    def __init__(self, rows, epoch):
        self.rows, self.epoch = rows, epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            with torch.no_grad():
                self.scores = net.module_(torch.from_numpy(self.rows)).numpy()


@pytest.mark.parametrize("validation_fraction", [None, 0.1])
def test_a_fit_that_diverges_hands_over_the_last_good_epoch(blobs, validation_fraction):
    X, y = blobs
    options = {"validation_fraction": validation_fraction}
    whole = network(**options).fit(X, y)
    keep = KeepEpoch(whole.net_.standardization(X), 3)
    clf = network(callbacks=[Spoil(), keep], **options)
    with pytest.raises(TrainingDivergedError, match="at epoch 4") as caught:
        clf.fit(X, y)
    assert "fitted up to the last good epoch" in caught.value.__notes__[0]
    left = caught.value.estimator
    assert left.n_iter_ == len(left.loss_curve_) == 3
    assert left.loss_curve_ == whole.loss_curve_[:3]
    assert left.validation_scores_ == whole.validation_scores_[:3]
    np.testing.assert_array_equal(left.classes_, whole.classes_)
    np.testing.assert_allclose(left.decision_function(X), keep.scores, atol=1e-5)
    left = pickle.loads(pickle.dumps(caught.value)).estimator
    np.testing.assert_allclose(left.decision_function(X), keep.scores, atol=1e-5)


def test_a_fold_that_diverges_hands_over_the_networks_there_are(blobs):
    X, y = blobs
    with pytest.raises(TrainingDivergedError) as caught:
        network(learning_rate=1e38, cv=3).fit(X, y)
    left = caught.value.estimator
    assert np.isfinite(left.predict_proba(X)).all()
    assert left.n_iter_ == len(left.loss_curve_)


def test_a_fit_that_diverges_at_once_hands_over_the_weights_it_began_with(blobs):
    X, y = blobs
    clf = network(warm_start=True).fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(TrainingDivergedError) as caught:
        clf.set_params(learning_rate=1e38).fit(X, y)
    left = caught.value.estimator
    assert (left.n_iter_, left.loss_curve_) == (0, [])
    np.testing.assert_array_equal(left.predict_proba(X), before)


def test_a_partial_fit_that_fails_leaves_a_fitted_classifier_as_it_was(blobs):
    X, y = blobs
    clf = network().partial_fit(X, y, classes=np.unique(y))
    before = clf.predict_proba(X)
    with pytest.raises(FloatingPointError):
        clf.partial_fit(X, y, sample_weight=np.full(300, 1e38))
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert clf.n_iter_ == 1


class Interrupt(Callback):
    """The user's Ctrl-C at an event of an epoch."""

    def __init__(self, event, epoch):
        self.event, self.epoch = event, epoch

    def on_batch_end(self, net, **kwargs):
        self._at(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._at(net, "on_epoch_end")

    def _at(self, net, event):
        if event == self.event and len(net.history) == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("event", ["on_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("cv", [None, 2])
def test_an_interrupted_fit_leaves_the_classifier_as_it_was(blobs, event, cv):
    X, y = blobs
    clf = network(callbacks=[Interrupt(event, 2)], max_epochs=3, cv=cv)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert fitted_attributes(clf) == []
    clf.set_params(callbacks=None).fit(X, y)
    before, attributes = clf.predict_proba(X), {n: getattr(clf, n) for n in fitted_attributes(clf)}
    clf.set_params(callbacks=[Interrupt(event, 1)], warm_start=cv is None)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X + 1.0, y)
    assert {n: getattr(clf, n) for n in fitted_attributes(clf)} == attributes
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("event", ["on_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("first", [True, False])
def test_an_interrupted_partial_fit_leaves_the_classifier_as_it_was(blobs, event, first):
    X, y = blobs
    interrupt = Interrupt(event, 1 if first else 2)
    clf = network(callbacks=[interrupt])
    if not first:
        clf.partial_fit(X, y, classes=np.unique(y))
        before, curve = clf.predict_proba(X), clf.loss_curve_
    with pytest.raises(KeyboardInterrupt):
        clf.partial_fit(X, y, classes=np.unique(y))
    if first:
        assert fitted_attributes(clf) == []
    else:
        np.testing.assert_array_equal(clf.predict_proba(X), before)
        assert (clf.loss_curve_, clf.n_iter_) == (curve, 1)
        clf.partial_fit(X, y)
        assert clf.n_iter_ == 2
