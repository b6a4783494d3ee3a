"""Coverage against mean set size."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from toy import ToySetClassifier

from sklearn_setpred.inspection import CoverageSizeDisplay
from sklearn_setpred.metrics import coverage_score, coverage_size_curve, mean_set_size


def by_curve(frame):
    return frame[frame["part"] == "curve"]


def test_curve_and_point_are_those_of_the_metrics(data, model, sets):
    X, y = data
    display = CoverageSizeDisplay.from_estimator(model, X, y)
    levels = model[-1].set_levels(model[:-1].transform(X))
    coverage, mean_size, _ = coverage_size_curve(y, levels)
    np.testing.assert_array_equal(display.line_.get_ydata(), coverage)
    np.testing.assert_array_equal(display.line_.get_xdata(), mean_size)
    np.testing.assert_array_equal(by_curve(display.frame())["coverage"], coverage)
    point = mean_set_size(y, sets), coverage_score(y, sets)
    assert (display.point_.get_xdata()[0], display.point_.get_ydata()[0]) == point
    assert tuple(display.frame().iloc[-1][["part", "mean_size", "coverage"]]) == ("point", *point)


def test_without_levels_there_is_a_marker_with_the_name(data, sets):
    display = CoverageSizeDisplay.from_predictions(data[1], sets, name="sets of one penalty")
    assert display.line_ is None
    assert display.point_.get_label() == "sets of one penalty"
    assert len(display.frame()) == 1


def test_legend_gives_the_mean_size_at_the_target():
    levels = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.5, 0.4, -np.inf]]
    arguments = {"levels": levels, "classes": ["a", "b", "c"], "name": "toy"}
    labels = [
        CoverageSizeDisplay.from_predictions(
            ["a", "b", "c"], target_coverage=target, **arguments
        ).line_.get_label()
        for target in (0.5, 0.995)
    ]
    # At threshold 0.4 the sets are {a}, {a, b}, {a, b}: two of three labels, 5/3 labels a row.
    assert labels == ["toy (1.67 labels at 50 %)", "toy (not reached at 99.5 %)"]


def test_coverage_stays_until_the_next_size_and_the_target_is_marked(data, model):
    display = CoverageSizeDisplay.from_estimator(model, *data, target_coverage=0.9)
    assert display.line_.get_drawstyle() == "steps-post"
    assert [0.9, 0.9] in [list(line.get_ydata()) for line in display.ax_.lines]


def test_neither_sets_nor_levels_is_an_error():
    with pytest.raises(ValueError, match="y_set=None and levels=None"):
        CoverageSizeDisplay.from_predictions(["a", "b"])


def test_folds_give_the_mean_curve_and_a_band():
    X, y = make_blobs(150, n_features=3, centers=3, cluster_std=4, random_state=0)
    model = make_pipeline(StandardScaler(), ToySetClassifier())
    results = cross_validate(model, X, y, cv=3, return_estimator=True, return_indices=True)
    display = CoverageSizeDisplay.from_cv_results(results, X, y)
    at_start = [
        (fold.predict(X[rows]) == y[rows]).mean()
        for fold, rows in zip(results["estimator"], results["indices"]["test"], strict=True)
    ]
    assert display.mean_size[0] == 1
    assert display.coverage[0] == pytest.approx(np.mean(at_start))
    assert display.coverage_std[0] == pytest.approx(np.std(at_start))
    assert (np.diff(display.coverage) >= 0).all()
    np.testing.assert_array_equal(display.frame()["coverage_std"], display.coverage_std)
    assert display.band_ in display.ax_.collections


def test_equal_folds_give_their_own_curve_and_weights_count(data):
    X, y = data
    model = ToySetClassifier().fit(X, y)
    results = {"estimator": [model] * 2, "indices": {"test": [np.arange(len(y))] * 2}}
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    display = CoverageSizeDisplay.from_cv_results(
        results, pd.DataFrame(X), pd.Series(y), sample_weight=weight
    )
    coverage, mean_size, _ = coverage_size_curve(y, model.set_levels(X), sample_weight=weight)
    at = np.searchsorted(mean_size, display.mean_size, side="right") - 1
    np.testing.assert_array_equal(display.coverage, coverage[at])
    np.testing.assert_array_equal(display.coverage_std, 0)


def test_cross_validation_without_its_estimators_is_refused(data):
    with pytest.raises(ValueError, match="return_estimator=True and return_indices=True"):
        CoverageSizeDisplay.from_cv_results({"test_score": [1.0]}, *data)
