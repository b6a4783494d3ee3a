"""Rows that are set aside: which ones, their labels, their groups."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calibrated import X, Y, approx, iris_with_a_label_of_its_own, permutation
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from tiny import QUICK

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier
from sklearn_setpred.metrics import coverage_score


def test_rows_that_calibrate_do_not_train():
    sets = CoverageSetClassifier(GaussianNB(), calibration_size=20, random_state=0).fit(X, Y)
    assert sets.n_calibration_ == 20
    assert sets.estimator_.class_count_.sum() == len(X) - 20


@pytest.mark.parametrize(
    "inner",
    [GaussianNB(), CardinalityAwareClassifier(GaussianNB(), **QUICK)],
    ids=["levels", "levels of labels"],
)
def test_a_label_that_only_calibration_rows_have_trains_and_is_a_miss(inner):
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(inner, target_coverage=0.9, random_state=seed)
    with pytest.warns(
        UserWarning, match=r"1 of 30 calibration rows \(3%\) have labels that no"
    ) as w:
        clf.fit(X, y)
    assert Path(w[0].filename) == Path(__file__)
    assert clf.classes_.tolist() == [0, 1, 2, 9]
    assert clf.n_calibration_ == 30
    # Of 30 levels 0.9 allows three misses; the row is one, so that the level is the second of
    # the others.
    rows = np.setdiff1d(permutation(seed, 150)[:30], 0)
    of_label = clf.set_levels(X)[rows, y[rows]]
    assert clf.level_ == approx(np.sort(of_label)[1])


def test_a_target_that_such_labels_put_out_of_reach_is_refused_before_any_fit():
    class MustNotBeFitted(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("fitted")

    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(MustNotBeFitted(), target_coverage=0.95, random_state=seed)
    with pytest.raises(ValueError, match=r"target_coverage=0.95 cannot be reached: 1 of 30 .* 9"):
        clf.fit(X, y)
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=False)
    clf.set_params(estimator=GaussianNB(), random_state=seed).fit(X, y)


def test_many_labels_of_one_row_are_refused_and_not_missed_in_silence():
    rng = np.random.default_rng(0)
    p = 1 / np.arange(1, 301.0)
    y = rng.choice(300, 300, p=p / p.sum())
    with pytest.raises(ValueError, match=r"\(\d\d%\) have labels that no training row has"):
        CoverageSetClassifier(GaussianNB(), target_coverage=0.9).fit(rng.normal(size=(300, 4)), y)


def test_coverage_holds_although_new_rows_have_labels_of_no_training_row():
    rng, found = np.random.RandomState(0), []
    p = 1 / np.arange(1, 101.0)
    means = 3 * rng.normal(size=(100, 3))
    for seed in range(60):
        y, y_new = (rng.choice(100, n, p=p / p.sum()) for n in (200, 400))
        X, X_new = (means[labels] + rng.normal(size=(len(labels), 3)) for labels in (y, y_new))
        clf = CoverageSetClassifier(
            GaussianNB(var_smoothing=0.1), target_coverage=0.6, random_state=seed
        )
        with pytest.warns(UserWarning, match="count as misses"):
            clf.fit(X, y)
        found.append(coverage_score(y_new, clf.predict_set(X_new), classes=clf.classes_))
    assert np.mean(found) > 0.6 - 2 * np.std(found) / np.sqrt(60)


def test_a_rare_class_is_never_left_out_with_levels_for_each_class():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.8, conditional="class", random_state=seed
    )
    with (
        pytest.warns(UserWarning, match="count as misses"),
        pytest.warns(UserWarning, match=r"1 of 4 classes, such as \[9\], .* are in every set"),
    ):
        clf.fit(X, y)
    assert clf.pooled_classes_.tolist() == [9]
    assert clf.predict_set(X)[:, 3].all()


def test_a_stratum_with_too_many_such_labels_is_refused():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    strata = np.where(np.isin(np.arange(150), permutation(seed, 150)[:30][::3]), "few", "many")
    strata[0] = "few"
    clf = CoverageSetClassifier(
        GaussianNB(), target_coverage=0.85, conditional="strata", random_state=seed
    )
    with pytest.raises(ValueError, match=r"target_coverage=0.85 cannot be reached"):
        clf.fit(X, y, strata=strata)


def test_a_target_of_a_size_needs_no_labels():
    X, y, seed = iris_with_a_label_of_its_own(is_set_aside=True)
    clf = CoverageSetClassifier(GaussianNB(), target_size=2, random_state=seed).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2, 9]


def near_copies(rng, centres, n_groups=120, size=6):
    """Return rows of groups of near copies, their labels and groups."""
    groups = np.repeat(np.arange(n_groups), size)
    labels = rng.integers(len(centres), size=n_groups)
    offsets = 1.5 * rng.normal(size=(n_groups, centres.shape[1]))
    noise = 0.15 * rng.normal(size=(len(groups), centres.shape[1]))
    return (centres[labels] + offsets)[groups] + noise, labels[groups], groups


def test_coverage_holds_on_new_groups_if_groups_are_set_aside_together():
    rng = np.random.default_rng(0)
    centres, found = rng.normal(size=(8, 10)), []
    for seed in range(15):
        X, y, groups = near_copies(rng, centres)
        X_new, y_new, _ = near_copies(rng, centres)
        clf = CoverageSetClassifier(
            RandomForestClassifier(30, random_state=0), target_coverage=0.8, random_state=seed
        )
        alone, together = clf.fit(X, y).predict_set(X_new), clf.fit(X, y, groups=groups)
        sets = together.predict_set(X_new)
        found.append([coverage_score(y_new, s, classes=clf.classes_) for s in (alone, sets)])
    (apart, together), error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(15)
    assert apart < 0.7
    assert 0.8 - 3 * error[1] < together < 0.9


def test_rows_of_a_group_train_together_or_calibrate_together():
    class Remembers(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            self.rows_ = X[:, 0]
            return super().fit(X, y)

    rows = np.column_stack([np.arange(120.0), X])
    for groups in (np.arange(120) // 4, pd.Index(np.arange(120) // 4).astype(str)):
        clf = CoverageSetClassifier(Remembers(), target_coverage=0.7, random_state=0)
        clf.fit(rows, Y, groups=groups)
        trained = np.isin(np.arange(120), clf.estimator_.rows_).reshape(30, 4)
        assert (trained.all(axis=1) | ~trained.any(axis=1)).all()
        assert clf.n_calibration_ == 24


def test_a_class_of_which_all_groups_are_set_aside_is_a_miss():
    groups, y = np.arange(120) // 4, Y.copy()
    y[:2] = "only here"
    seed = next(s for s in range(99) if 0 in permutation(s, 30)[:6])
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.6, random_state=seed)
    with pytest.warns(UserWarning, match="2 of 24 calibration rows"):
        clf.fit(X, y, groups=groups)
    assert "only here" not in clf.classes_


def test_groups_that_are_too_few_are_refused():
    clf = CoverageSetClassifier(GaussianNB(), target_coverage=0.9)
    with pytest.raises(ValueError, match="needs at least 9 calibration groups, got 2"):
        clf.fit(X, Y, groups=np.arange(120) // 12)
    with pytest.raises(ValueError, match=r"leaves no row to train on: .* 120 rows in 1 groups"):
        clf.fit(X, Y, groups=np.zeros(120))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, Y, groups=np.zeros(119))
