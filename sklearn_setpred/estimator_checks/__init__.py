"""Checks that a set predictor keeps its promises, in the manner of scikit-learn's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

from sklearn_setpred._utils.types import Estimator
from sklearn_setpred.estimator_checks import _facts
from sklearn_setpred.estimator_checks._trial import Trial

__all__ = ["check_set_predictor", "parametrize_with_set_checks", "set_predictor_checks"]


def check_set_predictor(estimator: Estimator) -> None:
    """Check that an estimator keeps the promises of a set predictor.

    The estimator is fitted about seven times, on 80 rows of 2 or 4 classes that overlap. Checks
    of what it does not have, such as ``set_levels`` or ``sparse_output``, are left out. It should
    be checked beside :func:`sklearn.utils.estimator_checks.check_estimator`, not instead.

    Parameters
    ----------
    estimator : set predictor
        Not fitted, and with parameters that suit two classes; it is cloned, and each of its
        ``random_state`` parameters, nested ones included, is set.

    Raises
    ------
    AssertionError
        If a promise is not kept; says which check, and what was seen.

    See Also
    --------
    parametrize_with_set_checks : The same, one test of pytest for each check.

    Notes
    -----
    Two exceptions are known: with ``allow_empty=True`` a set may be empty, and with
    ``conditional`` not None sets are no prefixes of the ranking.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier
    >>> from sklearn_setpred.estimator_checks import check_set_predictor
    >>> check_set_predictor(TopKSetClassifier(GaussianNB(), k=2))
    """
    for check in set_predictor_checks(estimator):
        try:
            check()
        except SkipTest:
            continue


def set_predictor_checks(estimator: Estimator) -> list[Callable[[], None]]:
    """Return the checks of an estimator; they use the same fits.

    Parameters
    ----------
    estimator : set predictor
        Not fitted.

    Returns
    -------
    list of callables
        Each has a ``name``, takes nothing, and raises AssertionError if the promise is not kept
        and ``unittest.SkipTest`` if the estimator makes no such promise.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier
    >>> from sklearn_setpred.estimator_checks import set_predictor_checks
    >>> check = set_predictor_checks(TopKSetClassifier(GaussianNB(), k=2))[0]
    >>> check.name
    'check_sets_are_boolean_with_a_column_per_class'
    >>> check()
    """
    trial = Trial(estimator)
    facts = [fact for name, fact in vars(_facts).items() if name.startswith("check_")]
    return [_SetCheck(fact, trial) for fact in facts]


def parametrize_with_set_checks(estimators: Sequence[Estimator]) -> Any:
    """Decorate a test of pytest, which then runs once for each estimator and check.

    Parameters
    ----------
    estimators : list of set predictors
        Not fitted.

    Returns
    -------
    decorator
        The test has one argument, ``set_check``, and calls it.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier
    >>> from sklearn_setpred.estimator_checks import parametrize_with_set_checks
    >>> @parametrize_with_set_checks([TopKSetClassifier(GaussianNB(), k=2)])
    ... def test_promises_of_a_set_predictor(set_check):
    ...     set_check()
    """
    import pytest

    checks = [check for estimator in estimators for check in set_predictor_checks(estimator)]
    return pytest.mark.parametrize("set_check", checks, ids=str)


@dataclass(frozen=True)
class _SetCheck:
    """One fact to be checked of one estimator."""

    fact: Callable[[Trial], None]
    trial: Trial

    @property
    def name(self):
        return self.fact.__name__

    def __call__(self):
        try:
            self.fact(self.trial)
        except SkipTest:
            raise
        except Exception as error:
            raise AssertionError(f"{self}: {type(error).__name__}: {error}") from error

    def __str__(self):
        return f"{self.trial.estimator!r}-{self.name}"
