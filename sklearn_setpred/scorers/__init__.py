"""Scorers of prediction sets for scikit-learn's model selection.

scikit-learn's own ``make_scorer`` does not know ``predict_set``, and its tuple form scores a
fold that misses a class by the wrong columns. The scorers here are callables that ask
``predict_set(estimator, X)`` for the sets and ``estimator.classes_`` for their columns.
"""

from sklearn_setpred.scorers._refit import largest_coverage_at, smallest_set_at
from sklearn_setpred.scorers._scorers import (
    SetScorer,
    get_set_scorer,
    get_set_scorer_names,
    make_set_scorer,
    set_report,
    top_k_scorer,
)

__all__ = [
    "SetScorer",
    "get_set_scorer",
    "get_set_scorer_names",
    "largest_coverage_at",
    "make_set_scorer",
    "set_report",
    "smallest_set_at",
    "top_k_scorer",
]
