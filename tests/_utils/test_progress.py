"""What a fit tells while it runs."""

import logging
import re
import time

import numpy as np
import pytest
from joblib import parallel_config
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.naive_bayes import MultinomialNB

from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    LDRClassifier,
    NeuralClassifier,
)
from sklearn_setpred._utils import progress

X, y = load_iris(return_X_y=True)
IRIS = csr_array(X), y  # for CSR few experts race


@pytest.fixture
def lines(caplog):
    """Return the lines that were told so far."""
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


class Fitted:
    """Something whose fit takes planned steps of given lengths."""

    def __init__(self, verbose=1, seconds=(1.0,) * 4):
        self.verbose, self.seconds = verbose, seconds

    @progress.tells_progress
    def fit(self, clock=None):
        progress.plan({"fold": len(self.seconds)})
        for seconds in self.seconds:
            if clock is not None:
                clock[0] += seconds
            progress.step("fold")
        return self


def test_without_verbose_a_fit_is_silent(lines, capsys):
    for classifier in (
        CardinalityAwareClassifier(MultinomialNB(), cv=2, max_epochs=1, random_state=0),
        NeuralClassifier(max_epochs=1),
        CoverageSetClassifier(MultinomialNB(), random_state=0),
    ):
        classifier.fit(*IRIS)
    assert (lines(), capsys.readouterr()) == ([], ("", ""))


def test_steps_have_a_number_the_time_gone_and_the_time_left(lines, clock):
    Fitted(seconds=(2.0, 4.0, 9.0)).fit(clock)
    assert lines() == [
        "Fitted: started [0 s]",
        "Fitted: 3 steps: fold [0 s]",
        "Fitted: step 1 of 3, fold 1 of 3, about 4 s left [2 s]",
        "Fitted: step 2 of 3, fold 2 of 3, about 3 s left [6 s]",
        "Fitted: step 3 of 3, fold 3 of 3 [15 s]",
        "Fitted: done [15 s]",
    ]


def test_lines_that_follow_too_soon_are_left_out_unless_verbose_is_2(lines, clock):
    Fitted(seconds=(0.4,) * 5).fit(clock)
    assert [line.partition(",")[0] for line in lines()[2:-1]] == ["Fitted: step 3 of 5"]
    Fitted(verbose=2, seconds=(0.4,) * 5).fit(clock)
    assert len(lines()) == 4 + 8


def test_a_long_fit_says_so_once(lines, clock):
    Fitted(seconds=(40.0,) * 4).fit(clock)
    told = [line for line in lines() if "long fit" in line]
    assert told == ["Fitted: a long fit, of about 2 min 40 s in all [40 s]"]


class Race:
    """Something whose fit takes steps of two kinds, of which one is certain."""

    verbose = 1

    @progress.tells_progress
    def fit(self, clock):
        progress.plan({"certain": 5, "perhaps": 5}, at_most=True, certain=["certain"])
        for kind in ("perhaps", "certain"):
            clock[0] += 20.0
            progress.step(kind)


def test_a_race_is_a_long_fit_as_soon_as_the_certain_steps_are_long(lines, clock):
    Race().fit(clock)
    assert lines()[2:4] == [
        "Race: step 1 of 10, perhaps 1 of 5 [20 s]",
        "Race: a long fit, of at least 2 min 0 s in all [40 s]",
    ]


@pytest.mark.parametrize("classifier", [NeuralClassifier(), LDRClassifier(cv=2)])
def test_a_network_tells_each_epoch_with_its_losses_and_the_best_one(lines, classifier):
    classifier.set_params(max_epochs=2, verbose=2, random_state=0).fit(*IRIS)
    epochs = [line for line in lines() if "epoch 1 of 2" in line or "epoch 2 of 2" in line]
    assert len(epochs) == 2 * (2 if classifier.cv else 1)
    for line in epochs:
        assert re.search(r"step \d of \d, .*, loss [-\d.]+, validation loss [-\d.]+, best \d", line)


def test_partial_fit_tells_its_epoch(lines):
    classifier = NeuralClassifier(verbose=2).partial_fit(*IRIS, classes=np.unique(y))
    assert re.search(r"epoch 1 of 30, loss [\d.]+ \[", lines()[-1])
    assert classifier.n_iter_ == 1


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_race_tells_the_folds_of_each_expert_its_winners_and_their_weights(lines, n_jobs):
    how = {"cv": 2, "max_epochs": 1, "random_state": 0, "n_jobs": n_jobs}
    clf = CardinalityAwareClassifier(MultinomialNB(), verbose=2, **how)
    with parallel_config(backend="threading"):
        clf.fit(*IRIS)
    told = lines()
    assert "up to " in told[1]
    assert "base" in told[1]
    assert any("logistic 1 of 4" in line for line in told)
    (winners,) = (line for line in told if "won the race" in line)
    assert all(name in winners for name in clf.expert_weights_)
    steps = [re.search(r"step (\d+) of (\d+), (?!epoch)", line) for line in told]
    numbers = [(int(found[1]), int(found[2])) for found in steps if found]
    assert [number for number, _ in numbers] == [*range(1, len(numbers) + 1)]
    assert numbers[-1][0] == numbers[-1][1]
    assert "weights of the experts: base " in told[-2]


def test_a_fit_to_a_coverage_begins_and_ends_once(lines):
    how = {"cv": 2, "max_epochs": 1, "random_state": 0, "target_coverage": 0.8}
    CardinalityAwareClassifier(MultinomialNB(), verbose=1, **how).fit(*IRIS)
    told = [line.partition(" [")[0] for line in lines()]
    for event in ("started", "done"):
        assert told.count(f"CardinalityAwareClassifier: {event}") == 1


def test_calibration_is_told_and_the_classifier_inside_has_its_own_verbose(lines):
    CoverageSetClassifier(NeuralClassifier(max_epochs=1), verbose=2, random_state=0).fit(*IRIS)
    assert [line.partition(" [")[0] for line in lines()[2:4]] == [
        "CoverageSetClassifier: step 1 of 2, NeuralClassifier is fitted",
        "CoverageSetClassifier: step 2 of 2, level from 30 rows",
    ]
    assert not any(line.startswith("NeuralClassifier") for line in lines())


def test_where_logging_is_not_set_up_lines_go_to_stderr(monkeypatch, capsys):
    monkeypatch.setattr(progress.LOGGER, "propagate", False)
    Fitted().fit()
    assert capsys.readouterr().err.startswith("Fitted: started [0 s]\nFitted: 4 steps")


def test_on_a_terminal_each_line_takes_the_place_of_the_last(monkeypatch, capsys):
    monkeypatch.setattr(progress.LOGGER, "propagate", False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Fitted(verbose=2).fit()
    err = capsys.readouterr().err
    assert err.count("\r\x1b[K") == 7
    assert err.index("\n") == len(err) - 1


def test_the_level_of_the_logger_silences_it(monkeypatch, lines):
    monkeypatch.setattr(progress.LOGGER, "level", logging.WARNING)
    Fitted().fit()
    assert lines() == []
