"""Calibration rows with wrong labels: the level is that of the true labels."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from tiny import labelled_rows

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.datasets import make_confusable_classes, make_noisy_labels
from sklearn_setpred.estimators._calibration import LabelLevels
from sklearn_setpred.estimators._label_noise import NoisyLevels, estimated_rate
from sklearn_setpred.sets import label_ranks

X, Y = labelled_rows()
K = 12


def uniform(rate, n_classes=K):
    return (1 - rate) * np.eye(n_classes) + rate / n_classes


def to_the_next(rate, n_classes=K):
    return (1 - rate) * np.eye(n_classes) + rate * np.roll(np.eye(n_classes), 1, axis=0)


@pytest.fixture(scope="module")
def problem():
    """A fitted classifier, and rows and labels that are new to it."""
    X, y, _, gaussians = make_confusable_classes(
        1000, K, 4, class_sep=3, return_problem=True, random_state=0
    )
    fitted = LogisticRegression(max_iter=5000).fit(X, y)
    return FrozenEstimator(fitted), *gaussians.sample(12_000, random_state=1)


@pytest.mark.parametrize("conditional", [None, "class", "strata"])
@pytest.mark.parametrize("noise", [0.0, np.eye(K)], ids=["rate", "matrix"])
def test_no_noise_has_the_level_of_clean_labels(problem, noise, conditional):
    fitted, X, y = problem
    strata = {"strata": X[:600, 0] > 0} if conditional == "strata" else {}
    model = CoverageSetClassifier(fitted, target_coverage=0.8, conditional=conditional)
    clean = model.fit(X[:600], y[:600], **strata).level_
    noisy = model.set_params(label_noise=noise).fit(X[:600], y[:600], **strata).level_
    assert noisy == (pytest.approx(clean))


@pytest.mark.parametrize("conditional", [None, "class"])
def test_a_rate_is_the_matrix_that_redraws_labels_uniformly(problem, conditional):
    fitted, X, y = problem
    given = make_noisy_labels(y[:900], "uniform", 0.2, classes=range(K), random_state=0)
    levels = [
        CoverageSetClassifier(
            fitted, target_coverage=0.8, conditional=conditional, label_noise=noise
        )
        .fit(X[:900], given)
        .level_
        for noise in (0.2, uniform(0.2))
    ]
    np.testing.assert_allclose(*levels)


@pytest.mark.parametrize(
    ("kind", "rate", "noise"),
    [
        ("uniform", 0.1, 0.1),
        ("uniform", 0.3, 0.3),
        ("class_dependent", 0.1, to_the_next(0.1)),
    ],
)
def test_the_coverage_of_true_labels_is_reached_and_sets_stay_small(problem, kind, rate, noise):
    fitted, X, y = problem
    X_new, y_new = X[6000:], y[6000:]
    corrected = CoverageSetClassifier(fitted, target_coverage=0.9, label_noise=noise)
    clean = CoverageSetClassifier(fitted, target_coverage=0.9)
    levels = clean.fit(X[:100], y[:100]).set_levels(X_new)
    rng, found = np.random.default_rng(0), []
    for seed in range(12):
        rows = rng.choice(6000, 800, replace=False)
        given = make_noisy_labels(y[rows], kind, rate, classes=range(K), random_state=seed)
        labels = (y[rows], given, given)
        t = [
            model.fit(X[rows], one).level_
            for model, one in zip((clean, clean, corrected), labels, strict=True)
        ]
        sets = [levels >= level for level in t]
        found.append([[s[np.arange(6000), y_new].mean(), s.sum(axis=1).mean()] for s in sets])
    (_, size), (covered_as_if, _), (covered, size_corrected) = np.mean(found, axis=0)
    error = np.std(found, axis=0)[2, 0] / np.sqrt(12)
    assert 0.9 - 3 * error < covered < 0.91 + 3 * error
    assert covered_as_if > 0.94
    assert size_corrected < 1.1 * size


def test_misses_are_counted_by_the_inverse_of_the_noise():
    # Two labels; rows given label 0 count 9/8 for it and -1/8 for the other one: T has .9 and .1.
    levels = np.array([[0.2, 0.9], [0.3, 0.8], [0.6, 0.1], [0.7, 0.4]])
    given = np.zeros(4, dtype=int)
    about = given, np.zeros(4, dtype=bool), np.arange(4), None, 2, None
    kept = NoisyLevels.of(levels, LabelLevels(levels[:, 0], *about), uniform(0.2, 2))
    curve = kept.curves["all"]
    # Below .3: .2 of label 0 and .1 of label 1; it is no less at higher levels.
    np.testing.assert_allclose(curve.levels, [-np.inf, 0.2, 0.3, 0.6, 0.7])
    np.testing.assert_allclose(curve.missed, [0, 0, 1, 17 / 8, 25 / 8])
    assert curve.total == pytest.approx(4)
    np.testing.assert_allclose(curve.one_more, (9 / 8, 1 / 8))
    # Two misses of four rows, and one more of 9/8 (1 - alpha) + alpha / 8, are less than 5 alpha.
    assert kept.at(0.5) == pytest.approx(0.3, rel=2e-5)


def test_labels_that_no_training_row_has_are_misses_under_noise_too():
    labels = np.zeros(100, dtype=int)
    is_new = np.arange(100) < 5
    levels = np.random.default_rng(0).random((100, 3))
    about = labels, is_new, np.arange(100), None, 3, None
    of_label = np.where(is_new, -np.inf, levels[:, 0])
    kept = NoisyLevels.of(levels, LabelLevels(of_label, *about), 0.0)
    assert kept.at(0.9) == pytest.approx(LabelLevels(of_label, *about).at(0.9))


def test_classes_with_too_few_rows_are_in_every_set_under_noise(problem):
    fitted, X, y = problem
    rows = np.flatnonzero(y[:1000] > 0)
    rows = np.append(rows, np.flatnonzero(y == 0)[:3])
    model = CoverageSetClassifier(
        fitted, target_coverage=0.9, conditional="class", label_noise=to_the_next(0.1)
    )
    with pytest.warns(UserWarning, match=r"1 of 12 classes, such as \[0\], .* are in every set"):
        model.fit(X[rows], y[rows])
    assert model.pooled_classes_.tolist() == [0]
    assert model.predict_set(X[:50])[:, 0].all()


def drawn_ranks(n, n_classes, rate, last, rng):
    """Draw ranks of given labels: true ones fall off up to ``last``, redrawn ones do not."""
    true = 1 + np.minimum(rng.geometric(0.6, n), last) - 1
    return np.where(rng.random(n) < rate, rng.integers(1, n_classes + 1, n), true)


def test_the_rate_is_the_lower_of_two_and_estimated_low():
    rng = np.random.default_rng(0)
    probability = rng.random(4000)
    surest = probability > 0.85
    # Half of the surest labels are not the first ones: the last ranks have the rate.
    rate, is_doubtful = estimated_rate(probability, drawn_ranks(4000, 12, 0.2, 4, rng), 12)
    assert 0.15 < rate < 0.2
    assert not is_doubtful
    # True labels have all ranks, but not among the surest rows, which have the rate then.
    ranks = drawn_ranks(4000, 12, 0.2, 12, rng)
    ranks[~surest] = rng.integers(1, 13, np.count_nonzero(~surest))
    ranks[surest] = np.where(rng.random(surest.sum()) < 0.2, rng.integers(1, 13, surest.sum()), 1)
    assert 0.14 < estimated_rate(probability, ranks, 12)[0] < 0.2
    assert estimated_rate(probability, np.ones(4000, dtype=int), 12) == (0.0, False)
    assert estimated_rate(probability, np.full(4000, 12), 12)[0] < 1


@pytest.mark.parametrize(("n_classes", "sep"), [(3, 1.0), (5, 1.5)])
def test_where_the_classifier_is_never_certain_a_rate_is_doubted_and_the_coverage_kept(
    n_classes, sep
):
    X, y, _, gaussians = make_confusable_classes(
        1000, n_classes, 4, class_sep=sep, return_problem=True, random_state=0
    )
    fitted = LogisticRegression(max_iter=5000).fit(X, y)
    X, y = gaussians.sample(6000, random_state=1)
    p = fitted.predict_proba(X[:2000])
    ranks = label_ranks(p, y[:2000])
    # Without any noise: a third of the surest rows, and the level would be that of fewer misses.
    rate, is_doubtful = estimated_rate(p.max(axis=1), ranks, n_classes)
    assert rate > 0.08
    assert is_doubtful
    model = CoverageSetClassifier(FrozenEstimator(fitted), target_coverage=0.9)
    as_told = model.set_params(label_noise=rate).fit(X[:2000], y[:2000]).predict_set(X[2000:])
    assert as_told[np.arange(4000), y[2000:]].mean() < 0.875
    with pytest.warns(UserWarning, match="is certain of no rows, so that this may be overlap"):
        model.set_params(label_noise="estimate").fit(X[:2000], y[:2000])
    assert model.label_noise_ == 0
    assert model.predict_set(X[2000:])[np.arange(4000), y[2000:]].mean() > 0.885


def test_where_classes_overlap_the_last_ranks_tell_that_labels_are_clean():
    X, y, _, gaussians = make_confusable_classes(
        2000, 20, 10, class_sep=2, return_problem=True, random_state=0
    )
    fitted = LogisticRegression(max_iter=5000).fit(X, y)
    X, y = gaussians.sample(4000, random_state=1)
    assert fitted.score(X, y) < 0.65
    model = CoverageSetClassifier(FrozenEstimator(fitted), label_noise="estimate")
    model.set_params(target_coverage=0.9).fit(X[:1000], y[:1000])
    assert model.label_noise_ < 0.01
    assert model.predict_set(X[1000:])[np.arange(3000), y[1000:]].mean() > 0.885


def test_an_estimated_rate_makes_smaller_sets_that_cover(problem):
    fitted, X, y = problem
    given = make_noisy_labels(y[:3000], "uniform", 0.3, classes=range(K), random_state=0)
    model = CoverageSetClassifier(fitted, target_coverage=0.9).fit(X[:3000], given)
    size = model.predict_set(X[6000:]).sum()
    sets = model.set_params(label_noise="estimate").fit(X[:3000], given).predict_set(X[6000:])
    assert 0.2 < model.label_noise_ < 0.32
    assert sets.sum() < 0.5 * size
    assert sets[np.arange(6000), y[6000:]].mean() > 0.88


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (-0.1, r"label_noise=-0.1 is not in \[0, 1\]"),
        (1.0, "leaves nothing to see"),
        ("guess", "label_noise='guess' is unknown; give a rate"),
        (np.eye(3), r"shape \(3, 3\); give one row and one column for each of the 4"),
        (uniform(0.3, 4) * 0.9, "Columns of label_noise must be distributions"),
        (np.eye(4)[[1, 0, 3, 2]] * 2 - np.eye(4), "Columns of label_noise must be"),
        (np.full((4, 4), 0.25), "cannot be inverted"),
        ("estimate", "needs at least 500 calibration rows, got 24"),
    ],
)
def test_noise_that_cannot_be_is_refused_before_any_fit(noise, message):
    class MustNotBeFitted(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            raise AssertionError("fitted")

    model = CoverageSetClassifier(MustNotBeFitted(), target_coverage=0.8, label_noise=noise)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
