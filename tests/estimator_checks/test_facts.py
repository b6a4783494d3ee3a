"""Each check catches the predictor that breaks its promise."""

import random
from itertools import cycle
from unittest import SkipTest

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted
from toy import TopKToy, ToySetClassifier

from sklearn_setpred.estimator_checks import (
    check_set_predictor,
    set_predictor_checks,
)

BROKEN = []


def breaks(check):
    """Enter a class into the table of predictors that break the promise of a check."""

    def register(cls):
        BROKEN.append((f"check_{check}", cls))
        return cls

    return register


@breaks("sets_are_boolean_with_a_column_per_class")
class IntegerSets(ToySetClassifier):
    def predict_set(self, X):
        return super().predict_set(X).astype(int)


@breaks("sets_are_boolean_with_a_column_per_class")
class SetsWithLevels(ToySetClassifier):
    def predict_set(self, X):
        return super().predict_set(X)[:, :, None]


@breaks("sets_are_boolean_with_a_column_per_class")
class SetsOfTuple(ToySetClassifier):
    def predict_set(self, X):
        return self.predict(X), super().predict_set(X)


@breaks("sets_are_boolean_with_a_column_per_class")
class EncodedClasses(ToySetClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        self.classes_ = np.arange(len(self.classes_))
        return self


@breaks("no_set_is_empty")
class ThresholdAlone(ToySetClassifier):
    def predict_set(self, X):
        return self.predict_proba(X) >= 0.6


@breaks("predicted_label_is_in_its_set")
class SetsWithoutTheFirst(ToySetClassifier):
    def predict_set(self, X):
        return self.predict_top_k(X, 1) != self.classes_


@breaks("top_k_labels_are_ranked")
class AscendingTopK(ToySetClassifier):
    def predict_top_k(self, X, k=2):
        return np.sort(super().predict_top_k(X, k), axis=1)

    def predict(self, X):
        return super().predict_top_k(X, 1)[:, 0]


@breaks("top_k_labels_are_ranked")
class TopColumns(ToySetClassifier):
    def predict_top_k(self, X, k=2):
        return np.searchsorted(self.classes_, super().predict_top_k(X, k))


@breaks("sets_are_prefixes_of_the_ranking")
class FirstAndLast(ToySetClassifier):
    def predict_set(self, X):
        ranking = self.predict_top_k(X, len(self.classes_))
        return (ranking[:, [0, -1], None] == self.classes_).any(axis=1)


@breaks("predict_is_the_argmax_of_the_scores")
class DelegatedPredict(ToySetClassifier):
    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@breaks("predict_is_the_argmax_of_the_scores")
class NegativeDecision(TopKToy):
    def decision_function(self, X):
        return -super().decision_function(X)


@breaks("predict_is_the_argmax_of_the_scores")
class NegativeBinaryDecision(TopKToy):
    def decision_function(self, X):
        scores = super().decision_function(X)
        return -scores if scores.ndim == 1 else scores


@breaks("sets_of_k_labels_are_the_top_k")
class OneTooMany(TopKToy):
    def predict_set(self, X, *, k=2):
        return super().predict_set(X, k=k + 1)


@breaks("sets_are_those_of_one_level")
class RelativeThreshold(ToySetClassifier):
    def predict_set(self, X):
        levels = self.set_levels(X)
        return levels >= 0.3 * levels.max(axis=1, keepdims=True)


@breaks("sets_are_those_of_one_level")
class LevelsWithNaN(ToySetClassifier):
    def set_levels(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)

    def predict_set(self, X):
        return self.predict_proba(X) >= 0


@breaks("call_time_levels_cut_the_levels")
class StrictThreshold(ToySetClassifier):
    def predict_set(self, X, *, threshold=0.2):
        return super().predict_set(X, threshold=np.nextafter(threshold, 1))


@breaks("a_row_alone_has_the_same_set")
class CentredByBatch(ToySetClassifier):
    def predict_set(self, X):
        levels = self.predict_proba(X)
        return levels >= levels.mean(axis=0)


@breaks("the_order_of_rows_is_immaterial")
class FirstRowGetsAll(ToySetClassifier):
    def predict_set(self, X):
        sets = super().predict_set(X)
        sets[0] = True
        return sets


@breaks("other_names_of_the_same_order_give_the_same_sets")
class AllForStrings(ToySetClassifier):
    def predict_set(self, X):
        return super().predict_set(X) | (self.classes_.dtype.kind == "U")


@breaks("a_fit_can_be_repeated")
class EachFitAnother(ToySetClassifier):
    thresholds = cycle([0.05, 0.6])

    def fit(self, X, y):
        self.threshold_ = next(self.thresholds)
        return super().fit(X, y)

    def predict_set(self, X):
        return super().predict_set(X, threshold=self.threshold_)


@breaks("global_random_states_are_untouched")
class SeedsNumpy(ToySetClassifier):
    def fit(self, X, y):
        np.random.seed(0)  # noqa: NPY002
        return super().fit(X, y)


@breaks("global_random_states_are_untouched")
class DrawsAtPrediction(ToySetClassifier):
    def predict_set(self, X):
        random.random()
        return super().predict_set(X)


@breaks("global_random_states_are_untouched")
class SeedsTorch(ToySetClassifier):
    def fit(self, X, y):
        import torch

        torch.manual_seed(0)
        return super().fit(X, y)


@breaks("csr_rows_give_the_same_sets")
class AllForSparseRows(ToySetClassifier):
    def predict_set(self, X):
        return super().predict_set(X) | sp.issparse(X)


@breaks("sparse_output_holds_the_same_sets")
class DenseAnyway(ToySetClassifier):
    def predict_set(self, X):
        return np.asarray(ToySetClassifier.predict_proba(self, X) >= 0)


@breaks("sparse_output_holds_the_same_sets")
class SparseIntegers(ToySetClassifier):
    def predict_set(self, X):
        sets = super().predict_set(X)
        return sets.astype(int) if self.sparse_output else sets


@breaks("sparse_output_holds_the_same_sets")
class SparseWithoutTheFirst(ToySetClassifier):
    def predict_set(self, X):
        sets = super().predict_set(X)
        return sp.csr_array(self.predict_proba(X) >= 0.6) if self.sparse_output else sets


@breaks("feature_names_are_kept_and_compared")
class ForgetsNames(ToySetClassifier):
    def fit(self, X, y):
        return super().fit(np.asarray(X), y)

    def predict_proba(self, X):
        return super().predict_proba(np.asarray(X))


@breaks("an_unfitted_estimator_is_refused")
class NotFittedUnnoticed(ToySetClassifier):
    def predict_top_k(self, X, k=2):
        return self.classes_[:k]

    def predict(self, X):
        check_is_fitted(self)
        return super().predict(X)


@breaks("a_pickle_gives_the_same_sets")
class LosesItsThreshold(ToySetClassifier):
    def __setstate__(self, state):
        super().__setstate__({**state, "threshold": 0.0})


@breaks("the_function_gives_the_same_sets")
class GivesAllTheSecondTime(ToySetClassifier):
    def predict_set(self, X):
        self.calls = getattr(self, "calls", 0) + 1
        return super().predict_set(X) | (self.calls > 1)


@breaks("a_label_unknown_to_the_model_is_a_miss")
class RenamesAClass(ToySetClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        self.classes_ = np.where(self.classes_ == 5, 6, self.classes_)
        return self


def check_of(estimator, name):
    return next(check for check in set_predictor_checks(estimator) if check.name == name)


@pytest.mark.parametrize(("name", "cls"), BROKEN)
def test_each_check_catches_what_it_is_for(name, cls):
    with pytest.raises(AssertionError, match=rf"^{cls.__name__}\(.*\)-{name}: "):
        check_of(cls(), name)()
    with pytest.raises(AssertionError, match=cls.__name__):
        check_set_predictor(cls())


def test_every_check_has_a_predictor_that_it_catches():
    names = [check.name for check in set_predictor_checks(ToySetClassifier())]
    assert {name for name, _ in BROKEN} == set(names)


def test_what_was_seen_is_told():
    with pytest.raises(AssertionError, match="integer labels: sets have dtype int64, not bool"):
        check_set_predictor(IntegerSets())


@pytest.mark.parametrize(
    ("cls", "attribute", "value"),
    [
        (ThresholdAlone, "allow_empty", True),
        (FirstAndLast, "conditional", "class"),
    ],
)
def test_the_stated_exceptions_are_no_failures(cls, attribute, value):
    excepted = type(cls.__name__, (cls,), {attribute: value})()
    for name in {name for name, broken in BROKEN if broken is cls}:
        with pytest.raises(SkipTest):
            check_of(excepted, name)()
