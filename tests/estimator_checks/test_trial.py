"""A trial fits each problem once, and comparisons tell what was seen."""

from unittest import SkipTest

import numpy as np
import pytest
from toy import ToySetClassifier

from sklearn_setpred.estimator_checks._trial import (
    Trial,
    needs,
    require,
    require_error,
    require_same,
)


def test_each_problem_is_fitted_once_and_the_estimator_not_at_all():
    estimator = ToySetClassifier()
    trial = Trial(estimator)
    assert [problem.model for problem in trial.problems] == [p.model for p in trial.problems]
    assert not hasattr(estimator, "classes_")


def test_problems_have_the_labels_that_they_are_named_for():
    trial = Trial(ToySetClassifier())
    kinds = [problem.model.classes_.dtype.kind for problem in trial.problems]
    assert kinds == ["i", "U", "i"]
    assert [len(problem.classes) for problem in trial.problems] == [4, 4, 2]


def test_the_first_row_that_differs_is_told():
    seen, expected = np.array([[1, 2], [3, 4], [5, 6]]), np.array([[1, 2], [3, 0], [5, 0]])
    with pytest.raises(AssertionError, match=r"it: 2 of 3 .*; row 1 is \[3, 4\], not \[3, 0\]"):
        require_same(seen, expected, "it")
    with pytest.raises(AssertionError, match=r"it: shape \(3, 2\), not \(2, 2\)"):
        require_same(seen, expected[:2], "it")
    require_same(seen, seen.copy(), "it")


def test_conditions_raise_or_skip():
    require(True, "no")
    needs(True, "no")
    with pytest.raises(AssertionError, match="told"):
        require(False, "told")
    with pytest.raises(SkipTest, match="told"):
        needs(False, "told")


def test_an_error_that_does_not_come_is_told():
    require_error(ValueError, lambda: int("x"), "it")
    with pytest.raises(AssertionError, match="it: no ValueError was raised"):
        require_error(ValueError, lambda: int("1"), "it")
