"""The guarantee of a calibrated level, exactly: on all samples of a few points whose levels tie.

Of n + 1 exchangeable rows each is the new one as often as any other. So for every multiset of
n + 1 points, the mean over the point left out, of what a level found on the others promises, keeps
the promise; no distribution of the points is assumed.
"""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from sklearn_setpred import CoverageSetClassifier, TopKSetClassifier

# Two kinds of rows, whose probabilities tie within a row and between them.
TABLE = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
POINTS = [*product(range(2), range(3))]


class Table(ClassifierMixin, BaseEstimator):
    """The probabilities of `TABLE`."""

    def fit(self, X, y=None):
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, X):
        return TABLE[np.asarray(X)[:, 0]]


TABLE_CLF = FrozenEstimator(Table().fit(None))
RANKS = TopKSetClassifier(TABLE_CLF, k=1).fit([[0]] * 3, [0, 1, 2])
BASES = {"probabilities": TABLE_CLF, "ranks": FrozenEstimator(RANKS)}


def promises_on(base, **target):
    """Return what gives the sets of both kinds of rows, for a level found on a sample."""

    @cache
    def sets_of(sample):
        x, y = np.array(sample).T
        clf = CoverageSetClassifier(BASES[base], **target)
        by_strata = target.get("conditional") == "strata"
        clf.fit(x[:, None], y, **({"strata": x} if by_strata else {}))
        rows = np.array([[0], [1]])
        return clf.predict_set(rows, **({"strata": [0, 1]} if by_strata else {}))

    return sets_of


def left_out(sample):
    """Return each point of a sample with the others and with how often it is there."""
    for point, count in Counter(sample).items():
        others = list(sample)
        others.remove(point)
        yield point, tuple(others), count


def mean_over_left_out(sample, value):
    """Return the mean of ``value(point, others)`` over the point of a sample that is left out."""
    values = [(value(point, others), count) for point, others, count in left_out(sample)]
    return np.average([v for v, _ in values], weights=[count for _, count in values])


def samples(n):
    """Return all multisets of n + 1 points of which any n are of two classes, as `fit` asks."""
    every = combinations_with_replacement(POINTS, n + 1)
    return [s for s in every if n + 1 - max(Counter(y for _, y in s).values()) >= 2]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("n", "coverage"), [(2, 0.5), (3, 0.5), (3, 0.75), (4, 0.8)])
def test_the_coverage_is_reached_on_every_sample(base, n, coverage):
    sets_of = promises_on(base, target_coverage=coverage)

    def hit(point, others):
        return sets_of(others)[point]

    covered = [mean_over_left_out(sample, hit) for sample in samples(n)]
    assert min(covered) >= coverage - 1e-12
    # Not by sets of all labels only.
    assert not all(sets_of(others).all() for _, others, _ in left_out(samples(n)[0]))


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_coverage_is_reached_though_the_calibration_rows_tell_the_prevalence(power):
    sets_of = promises_on("probabilities", target_coverage=0.75, prevalence_power=power)

    def hit(point, others):
        return sets_of(others)[point]

    assert min(mean_over_left_out(sample, hit) for sample in samples(3)) >= 0.75 - 1e-12


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("n", "size"), [(2, 1.8), (3, 1.5), (4, 2.2)])
def test_the_mean_size_is_kept_on_every_sample(base, n, size):
    sets_of = promises_on(base, target_size=size)

    def n_labels(point, others):
        return sets_of(others)[point[0]].sum()

    assert max(mean_over_left_out(sample, n_labels) for sample in samples(n)) <= size + 1e-12


@pytest.mark.filterwarnings("ignore:.*have fewer calibration rows")
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("conditional", ["class", "strata"])
def test_the_coverage_of_each_class_or_stratum_is_reached_on_every_sample(base, conditional):
    sets_of = promises_on(base, target_coverage=0.5, conditional=conditional)
    part = 1 if conditional == "class" else 0

    def hit(point, others):
        return sets_of(others)[point]

    n_tried = 0
    for sample in samples(4):
        counts = Counter(point[part] for point in sample)
        if conditional == "strata" and sorted(counts) != [0, 1]:
            continue
        for value, count in counts.items():
            # With one row left, a class or stratum has the row that a coverage of a half needs.
            if count > 1 and (conditional == "class" or min(counts.values()) > 1):
                of_value = [
                    (hit(point, others), n)
                    for point, others, n in left_out(sample)
                    if point[part] == value
                ]
                covered = sum(hits * n for hits, n in of_value) / count
                assert covered >= 0.5
                n_tried += 1
    assert n_tried > 100
