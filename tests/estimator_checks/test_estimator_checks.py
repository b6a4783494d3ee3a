"""The checks of a set predictor: one by one, all at once, as tests of pytest."""

from unittest import SkipTest

import numpy as np
import pytest
from toy import TopKToy, ToySetClassifier

from sklearn_setpred.estimator_checks import (
    check_set_predictor,
    parametrize_with_set_checks,
    set_predictor_checks,
)


class Minimal(ToySetClassifier):
    """A set predictor without the optional methods and parameters."""

    set_levels = predict_proba = property()

    def __init__(self):
        super().__init__()

    def _probabilities(self, X):
        return ToySetClassifier.predict_proba(self, X)

    def predict_set(self, X):
        probabilities = self._probabilities(X)
        return probabilities >= probabilities.max(axis=1, keepdims=True)

    def predict_top_k(self, X, k):
        order = np.argsort(-self._probabilities(X), axis=1, kind="stable")
        return self.classes_[order[:, :k]]


@parametrize_with_set_checks([ToySetClassifier(), ToySetClassifier(sparse_output=True), TopKToy()])
def test_honest_predictors_keep_every_promise(set_check):
    set_check()


@pytest.mark.parametrize("estimator", [ToySetClassifier(), TopKToy(), Minimal()])
def test_all_checks_run_at_once(estimator):
    check_set_predictor(estimator)


def test_optional_promises_are_skipped_where_there_is_none():
    skipped = []
    for check in set_predictor_checks(Minimal()):
        try:
            check()
        except SkipTest:
            skipped.append(check.name)
    assert skipped == [
        "check_predict_is_the_argmax_of_the_scores",
        "check_sets_of_k_labels_are_the_top_k",
        "check_sets_are_those_of_one_level",
        "check_call_time_levels_cut_the_levels",
        "check_sparse_output_holds_the_same_sets",
    ]
