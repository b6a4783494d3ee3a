"""Choices between the candidates of a search, by their coverage and their mean set size."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_setpred._utils.validation import check_number

# The mean over folds of a coverage that is met exactly may fall short of it by rounding.
_ROUNDING = 1e-9


def smallest_set_at(coverage: float) -> Callable[[Mapping[str, Any]], int]:
    """Choose, in a search, the smallest sets among the candidates that cover enough.

    Of the candidates whose mean test coverage is at least ``coverage``, it takes the one with the
    smallest mean set size; among equals, the one with the larger coverage. If no candidate
    qualifies, it takes the one with the largest coverage and warns.

    Parameters
    ----------
    coverage : float
        Between 0 and 1.

    Returns
    -------
    callable
        For ``refit=`` of a search with ``scoring=set_report()``.

    Raises
    ------
    ValueError
        If ``coverage`` is not between 0 and 1; when called, if the search has no columns of
        :func:`set_report` or could score no candidate.

    Notes
    -----
    ``search.score`` returns minus the mean set size, and so does whatever reads it, such as a
    nested ``cross_val_score(search, X, y)``. ``cross_validate(search, X, y,
    scoring=set_report())`` returns the coverage too.

    The coverage of the chosen candidate on new rows is not guaranteed: it is the best of several
    estimates. ``CoverageSetClassifier`` has a guarantee.

    Examples
    --------
    >>> from sklearn_setpred import smallest_set_at
    >>> choose = smallest_set_at(coverage=0.9)
    >>> choose({"mean_test_coverage": [0.8, 0.9], "mean_test_neg_mean_set_size": [-1, -2]})
    1
    """
    check_number("coverage", coverage, low=0, high=1)
    rule = f"smallest_set_at(coverage={coverage})"
    return _BestWithin("coverage", coverage, "neg_mean_set_size", rule)


def largest_coverage_at(size: float) -> Callable[[Mapping[str, Any]], int]:
    """Choose, in a search, the largest coverage among the candidates with small enough sets.

    Of the candidates whose mean set size is at most ``size``, it takes the one with the largest
    coverage; among equals, the one with the smaller sets. If no candidate qualifies, it takes the
    one with the smallest sets and warns.

    Parameters
    ----------
    size : float
        A mean number of labels per set.

    Returns
    -------
    callable
        For ``refit=`` of a search with ``scoring=set_report()``.

    Raises
    ------
    ValueError
        If ``size`` is negative; when called, if the search has no columns of
        :func:`set_report` or could score no candidate.

    Notes
    -----
    ``search.score`` returns the coverage, and so does whatever reads it, such as a nested
    ``cross_val_score(search, X, y)``.

    Examples
    --------
    >>> from sklearn_setpred import largest_coverage_at
    >>> choose = largest_coverage_at(size=2.5)
    >>> choose({"mean_test_coverage": [0.8, 0.9], "mean_test_neg_mean_set_size": [-1, -2]})
    1
    """
    check_number("size", size, low=0)
    rule = f"largest_coverage_at(size={size})"
    return _BestWithin("neg_mean_set_size", -size, "coverage", rule)


@dataclass(frozen=True, repr=False, eq=False)
class _BestWithin:
    """Choose the candidate with the highest ``aim`` among those whose ``limited`` is enough.

    If none qualifies, the candidates with the highest ``limited`` compete. A search looks up its
    own score with ``refit`` as the key; as a key, this object equals the name of ``aim``.
    """

    limited: str
    enough: float
    aim: str
    rule: str

    def __call__(self, cv_results):
        limited, aim = self._means(cv_results, self.limited), self._means(cv_results, self.aim)
        candidates = np.flatnonzero(limited >= self.enough - _ROUNDING)
        if len(candidates) == 0:
            candidates = np.flatnonzero(limited == limited.max())
            warnings.warn(
                f"{self.rule}: no candidate qualifies; took the one with the highest "
                f"mean_test_{self.limited}, {limited.max():.4g}.",
                stacklevel=2,
            )
        return int(max(candidates, key=lambda i: (aim[i], limited[i])))

    def _means(self, cv_results, name):
        """Return the mean test score of each candidate; a failed one counts as the worst."""
        column = f"mean_test_{name}"
        found = [key for key in cv_results if key.startswith("mean_test_")]
        read = [column] if column in found else found
        if read and all(np.isnan(cv_results[key]).all() for key in read):
            raise ValueError(
                f"{self.rule} has nothing to choose from: every scoring failed. The warnings "
                "before this error say why, and error_score='raise' stops at the first failure. "
                "A classifier that predicts no sets goes into one that does, as in "
                "ThresholdSetClassifier(classifier)."
            )
        if column not in found:
            raise ValueError(
                f"{self.rule} reads {column!r}, but cv_results_ has {found}; "
                "search with scoring=set_report()."
            )
        return np.nan_to_num(cv_results[column], nan=-np.inf)

    def __hash__(self):
        return hash(self.aim)

    def __eq__(self, other):
        return other == self.aim if isinstance(other, str) else self is other

    def __repr__(self):
        return self.rule
