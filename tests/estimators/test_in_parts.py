"""Calibration in parts: as with all rows at once, whatever the parts."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from tiny import QUICK, labelled_rows

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    ThresholdSetClassifier,
    load,
    save,
)

X, Y = labelled_rows()
BASE = GaussianNB().fit(X[:40], Y[:40])
X_CAL, Y_CAL = X[40:], Y[40:]
SIDE = np.where(X_CAL[:, 0] > 0, "right", "left")
CHUNKS = [[0], [1, 2], range(3, 7), range(7, 40), range(40, 80)]


def frozen(estimator=BASE, **params):
    return CoverageSetClassifier(FrozenEstimator(estimator), **{"target_coverage": 0.8, **params})


def in_parts(clf, chunks=CHUNKS):
    """Calibrate chunk by chunk, with strata where they are asked for."""
    for rows in map(list, chunks):
        clf.partial_fit(X_CAL[rows], Y_CAL[rows], **strata_of(clf, rows))
    return clf


def strata_of(clf, rows=slice(None)):
    return {"strata": SIDE[rows]} if clf.conditional == "strata" else {}


BASES = {
    "probabilities": BASE,
    "levels": ThresholdSetClassifier(GaussianNB()).fit(X[:40], Y[:40]),
    "path": CardinalityAwareClassifier(GaussianNB(), **QUICK).fit(X[:40], Y[:40]),
}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("conditional", [None, "class", "strata"])
def test_the_parts_calibrate_as_all_rows_at_once(base, conditional):
    clf = frozen(BASES[base], conditional=conditional)
    parts = in_parts(clone(clf))
    whole = clf.fit(X_CAL, Y_CAL, **strata_of(clf))
    about = strata_of(clf)
    np.testing.assert_equal(parts.level_, whole.level_)
    np.testing.assert_array_equal(
        parts.predict_set(X_CAL, **about), whole.predict_set(X_CAL, **about)
    )
    np.testing.assert_array_equal(parts.p_values(X_CAL, **about), whole.p_values(X_CAL, **about))
    np.testing.assert_equal(
        getattr(parts, "pooled_classes_", 0), getattr(whole, "pooled_classes_", 0)
    )
    at_half = [one.predict_set(X_CAL, target_coverage=0.5, **about) for one in (parts, whole)]
    np.testing.assert_array_equal(*at_half)


def test_parts_go_on_after_a_fit_and_through_files(tmp_path):
    whole = frozen().fit(X_CAL, Y_CAL)
    clf = frozen().fit(X_CAL[:30], Y_CAL[:30])
    clf = pickle.loads(pickle.dumps(clf)).partial_fit(X_CAL[30:50], Y_CAL[30:50])
    save(clf, tmp_path / "clf.skops")
    clf = load(tmp_path / "clf.skops").partial_fit(X_CAL[50:], Y_CAL[50:])
    assert clf.level_ == whole.level_
    assert [call["n_calibration"] for call in clf.history_] == [30, 50, 80]


def test_a_classifier_that_was_fitted_is_frozen_and_calibrated_with_later_rows():
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.8, random_state=0).fit(
        X[:80], Y[:80]
    )
    clf.set_params(estimator=FrozenEstimator(clf.estimator_))
    levels = clf.calibration_.levels
    clf.partial_fit(X[80:], Y[80:])
    assert clf.n_calibration_ == 16 + 40
    later = frozen(clf.estimator_).fit(X[80:], Y[80:]).calibration_.levels
    np.testing.assert_array_equal(clf.calibration_.levels, np.append(levels, later))


def test_every_call_notes_its_level():
    clf = in_parts(frozen())
    assert [call["n_calibration"] for call in clf.history_] == [1, 3, 7, 40, 80]
    levels = [frozen().fit(X_CAL[:n], Y_CAL[:n]).level_ for n in (7, 40, 80)]
    assert [call["level"] for call in clf.history_] == [-np.inf, -np.inf, *levels]
    assert len(clf.fit(X_CAL, Y_CAL).history_) == 1


@pytest.mark.parametrize("conditional", [None, "class", "strata"])
def test_sets_hold_all_labels_until_there_are_rows_enough(conditional):
    clf = in_parts(frozen(target_coverage=0.99, conditional=conditional))
    assert clf.predict_set(X_CAL, **strata_of(clf)).all()
    with pytest.raises(ValueError, match="needs at least 199 calibration rows"):
        clf.predict_set(X_CAL, target_coverage=0.995, **strata_of(clf))


def test_a_stratum_with_few_rows_has_all_labels_and_the_others_their_level():
    clf = frozen(conditional="strata")
    late = np.where(np.arange(80) < 3, "late", "early")
    clf.partial_fit(X_CAL, Y_CAL, strata=late)
    early = frozen().fit(X_CAL[3:], Y_CAL[3:])
    assert clf.level_ == {"early": early.level_, "late": -np.inf}


def test_only_a_fitted_classifier_inside_can_be_calibrated_in_parts():
    clf = CoverageSetClassifier(GaussianNB())
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        clf.partial_fit(X, Y)
    assert "set_params(estimator=FrozenEstimator(clf.estimator_))" in str(error.value.__cause__)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"target_coverage": None, "target_size": 2},
            "target_size=2 needs the levels of all labels",
        ),
        ({"label_noise": 0.1}, "label_noise=0.1 needs the levels of all labels"),
        ({"label_noise": np.eye(4)}, "(?s)label_noise=.* needs the levels of all labels"),
        ({"label_noise": "estimate"}, "label_noise='estimate' needs"),
        ({"target_accuracy": 0.9}, "target_accuracy=0.9 needs the surest of all rows"),
        ({"prevalence_power": 0.5}, "prevalence_power=0.5 needs the number of rows"),
        ({"cv": 3}, "trains anew"),
        ({"target_coverage": 2}, "target_coverage=2 is not in"),
    ],
)
def test_what_needs_all_rows_at_once_is_refused(params, message):
    clf = frozen(**params)
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(X_CAL, Y_CAL)
    assert not [name for name in vars(clf) if name.endswith("_")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"conditional": "class"}, {"conditional": None}),
        ({"prevalence_power": 0.5}, {"prevalence_power": 0}),
        ({"target_accuracy": 0.5}, {"target_accuracy": None}),
        ({"target_size": 2, "target_coverage": None}, {"target_size": None}),
        ({}, {"estimator": FrozenEstimator(GaussianNB().fit(X, Y))}),
    ],
)
def test_parts_do_not_go_on_from_another_calibration(before, after):
    clf = frozen(**before).fit(X_CAL, Y_CAL).set_params(**after)
    level = clf.level_
    with pytest.raises(ValueError, match="goes on from a call without groups"):
        clf.partial_fit(X_CAL, Y_CAL)
    np.testing.assert_equal(clf.level_, level)


def test_parts_do_not_go_on_from_groups():
    clf = frozen().fit(X_CAL, Y_CAL, groups=np.arange(80) // 2)
    with pytest.raises(ValueError, match="goes on from a call without groups"):
        clf.partial_fit(X_CAL, Y_CAL)


def test_another_target_goes_on_with_the_rows_there_are():
    clf = frozen().fit(X_CAL[:50], Y_CAL[:50]).set_params(target_coverage=0.6)
    clf.partial_fit(X_CAL[50:], Y_CAL[50:])
    assert clf.level_ == frozen(target_coverage=0.6).fit(X_CAL, Y_CAL).level_


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        ((X_CAL, np.full(80, "unknown", dtype=object)), "does not know the labels"),
        ((X_CAL[:, :2], Y_CAL), "features"),
        ((X_CAL[:0], Y_CAL[:0]), "y holds 0 class"),
    ],
)
def test_a_chunk_that_fails_leaves_the_calibration_as_it_was(chunk, error):
    clf = frozen().partial_fit(X_CAL, Y_CAL)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=error):
        clf.partial_fit(*chunk)
    assert vars(clf) == before
