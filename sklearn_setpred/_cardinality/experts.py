"""Experts: families of models that give log-probabilities of rows they were not fitted on.

An expert gives outputs of the training rows by models that left them out, and of new rows by the
mean over all its models. Outputs are probabilities of classifiers and scores of networks; they are
averaged as they are, and `log_p` makes them log-probabilities.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from sklearn_setpred._cardinality.linear import LinearScores
from sklearn_setpred._cardinality.pool import floored_log
from sklearn_setpred._cardinality.trees import TreeTable, boosting_table, forest_table
from sklearn_setpred._inner.fitting import (
    fit_classifier,
    fit_keyword,
    is_frozen,
    with_splits_within,
)
from sklearn_setpred._inner.reading import check_labels_learned, read_probabilities
from sklearn_setpred._networks.parts import Part, with_positive_weights
from sklearn_setpred._utils import memory
from sklearn_setpred._utils.progress import as_steps
from sklearn_setpred.sets import label_indices
from sklearn_setpred.sets._batches import in_batches, stack

_MAX_SEED = 2**31 - 1
# A row is out of a third of the bags; of 50 bags, one row in 10^10 is out of none.
_LEAST_BAGS = 50
# Rows times classes that trees learn from: for every split they look at the counts of all classes,
# so that the forests take minutes for so many.
TREE_CELLS = 4_000_000
# A tree has up to two nodes for each row, with a float64 for every class.
_NODE = 16


class TrainingRows(NamedTuple):
    """The rows that experts learn from, checked.

    ``X`` is as the user gave it, ``numbers`` the same as a float array or CSR, or None; ``codes``
    are the places of the labels among ``classes``. Rows of a group are split together.
    """

    X: Any
    numbers: Any
    codes: np.ndarray
    classes: np.ndarray
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None

    def inputs(self, rows):
        """Return the X and the numbers of some rows."""
        numbers = None if self.numbers is None else self.numbers[rows]
        return _safe_indexing(self.X, rows), numbers

    def part(self, rows):
        """Return the part of some rows that trains networks: the rows of positive weight."""
        part = Part(X=self.numbers, target=self.codes, weight=self.weight)
        return with_positive_weights(part.take(rows))

    def weights(self, rows):
        """Return the weights of some rows, ones where there are none."""
        return np.ones(len(rows)) if self.weight is None else self.weight[rows]

    @property
    def floor(self):
        """What stands for smaller probabilities: a tenth of one row."""
        n = len(self.codes) if self.weight is None else np.count_nonzero(self.weight)
        return 1.0 / (10 * n)


def some_rows(rows, n, random_state):
    """Return the rows, or n of them drawn at random, in order."""
    if len(rows) <= n:
        return rows
    return np.sort(check_random_state(random_state).choice(rows, n, replace=False))


class Expert:
    """A model of the ensemble: the splits it is fitted on, and the parts of its fits that stay.

    A subclass gives ``_fit(rows, split, seed)``, which returns a model fitted on the training rows
    of a split, ``outputs(model, X, numbers)``, which returns (n, n_classes), and
    ``log_p(outputs)``.

    Attributes
    ----------
    name : str
    models : list
        The models whose outputs are averaged for new rows.
    """

    def splits(self, rows, repeats):
        """Return the splits that it is fitted on, the first repeat's before the others."""
        return list(itertools.chain.from_iterable(repeats))

    def fit_split(self, rows, split, seed):
        """Return a model fitted on the training rows of a split, and the outputs of the others."""
        model, (_, test) = self._fit(rows, split, int(seed)), split
        if len(test) == 0:
            return model, np.empty((0, len(rows.classes)), dtype=np.float32)
        return model, self._held_out(model, rows, test).astype(np.float32, copy=False)

    def _held_out(self, model, rows, test):
        """Return the outputs of rows that the model has not seen."""
        batches = in_batches(len(rows.classes), test)
        outputs = (self.outputs(model, *rows.inputs(some)) for (some,) in batches)
        return stack((some.astype(np.float32, copy=False) for some in outputs), len(test))

    def keep(self, models):
        """Keep what new rows need of the models of all splits."""
        self.models = models

    def forget(self):
        """Drop the models, which nothing needs."""
        self.models = []

    def log_probabilities(self, X, numbers):
        """Return the log-probabilities of new rows, (n, n_classes), float64."""
        outputs = (self.outputs(model, X, numbers) for model in self.models)
        return self.log_p(reduce(add, outputs) / len(self.models))


class Fit(NamedTuple):
    """A model, and its outputs of the rows ``test`` that it has not seen."""

    model: Any
    outputs: np.ndarray
    test: np.ndarray


def fit_splits(experts, rows, splits, rng, n_jobs=None):
    """Yield the list of fits of each expert, one for each of its splits.

    Parameters
    ----------
    experts : list of Expert
    rows : TrainingRows
    splits : list of list of (training rows, held-out rows)
        Of each expert.
    rng : RandomState
    n_jobs : int or None
        Number of fits at a time, of all experts.
    """
    seeds = [rng.randint(_MAX_SEED, size=len(its_splits)) for its_splits in splits]
    fits = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_split)(expert, rows, *one)
        for expert, its_splits, its_seeds in zip(experts, splits, seeds, strict=True)
        for one in zip(its_splits, its_seeds, strict=True)
    )
    for expert, its_splits in zip(experts, splits, strict=True):
        yield [
            Fit(*one, test)
            for (_, test), one in zip(its_splits, as_steps(fits, expert.name), strict=False)
        ]


def _fit_split(expert, rows, split, seed):
    """Return the result of `Expert.fit_split`, in this process or another one."""
    return expert.fit_split(rows, split, seed)


@dataclass
class ClassifierExpert(Expert):
    """A built-in classifier on the numbers, fitted on the training rows of every split."""

    name: str
    classifier: Any
    n_classes: int
    floor: float
    models: list = field(default_factory=list)

    most_rows = staticmethod(memory.most_rows)  # that one model learns from

    def _fit(self, rows, split, seed):
        part = rows.part(some_rows(split[0], self.most_rows(self.n_classes), seed))
        classifier = clone(self.classifier)
        if "random_state" in classifier.get_params():
            classifier.set_params(random_state=seed)
        keyword = fit_keyword(classifier, "sample_weight")
        weight = {} if part.weight is None or keyword is None else {keyword: part.weight}
        return classifier.fit(part.X, part.target, **weight)

    def outputs(self, model, X, numbers):
        """Return the probabilities of a model; its classes are codes."""
        p = np.zeros((numbers.shape[0], self.n_classes))
        p[:, model.classes_] = model.predict_proba(numbers)
        return p

    def log_p(self, outputs):
        """Return the log-probabilities, kept above the floor."""
        return floored_log(outputs, self.floor)


class ForestExpert(ClassifierExpert):
    """A built-in forest, whose trees are kept as one table."""

    _table = staticmethod(forest_table)

    @staticmethod
    def most_rows(n_classes):
        """Return how many rows trees learn from in bearable time."""
        return TREE_CELLS // n_classes

    def _fit(self, rows, split, seed):
        # In scikit-learn's trees every node keeps a number for every class: where these are too
        # many for all trees at once, each is made a table before the next one grows.
        n_trees = getattr(self.classifier, "n_estimators", 1)
        if n_trees == 1 or n_trees * len(split[0]) * self.n_classes <= memory.TREES // _NODE:
            return self._table(super()._fit(rows, split, seed), self.n_classes)
        one = replace(self, classifier=clone(self.classifier).set_params(n_estimators=1))
        return TreeTable.mean_of([one._fit(rows, split, seed + i) for i in range(n_trees)])

    def outputs(self, model, X, numbers):
        """Return the probabilities of a table of trees."""
        return model(numbers)

    def keep(self, models):
        """Keep the mean of all tables as one."""
        self.models = [TreeTable.mean_of(models)]


class WithScores:
    """A mixin for experts whose outputs are scores."""

    def log_p(self, outputs):
        """Return the log-probabilities of scores."""
        return log_softmax(outputs.astype(np.float64), axis=1)


class BoostingExpert(WithScores, ForestExpert):
    """Built-in boosted trees, whose scores are averaged."""

    _table = staticmethod(boosting_table)


class LinearExpert(WithScores, ClassifierExpert):
    """A built-in linear model on standardized columns; the mean of several is one."""

    def _fit(self, rows, split, seed):
        scaler, model = super()._fit(rows, split, seed)
        return LinearScores.of(scaler, model, self.n_classes)

    def outputs(self, model, X, numbers):
        """Return the scores of a model."""
        return model(numbers)

    def keep(self, models):
        """Keep the mean of all models as one."""
        self.models = [LinearScores.mean_of(models)]


@dataclass
class UserExpert(Expert):
    """A classifier of the user's: held-out rows are read from splits, new rows from one last fit.

    Parameters
    ----------
    name : str
    classifier : classifier
        Reads the X that the user gave.
    classes : ndarray of shape (n_classes,)
    floor : float
        Stands for smaller probabilities.
    fit_params : dict
        Keywords of its ``fit``, arrays of one value for each row.
    """

    name: str
    classifier: Any
    classes: np.ndarray
    floor: float
    fit_params: dict = field(default_factory=dict)
    models: list = field(default_factory=list)

    def _fit(self, rows, split, seed):
        train, _ = split
        fit_params = _check_method_params(rows.X, self.fit_params, train)
        X, y = _safe_indexing(rows.X, train), rows.classes[rows.codes[train]]
        inner = with_splits_within(self.classifier, train, len(rows.codes))
        fitted = fit_classifier(inner, X, y, fit_params)
        check_labels_learned(fitted, np.unique(y))
        return fitted

    def splits(self, rows, repeats):
        """Return the splits of the first repeat and, at last, all rows."""
        return [*repeats[0], (np.arange(len(rows.codes)), np.arange(0))]

    def keep(self, models):
        """Keep the model of all rows."""
        self.models = models[-1:]
        self.fit_params = {}  # arrays as long as the rows, which nothing needs any more

    def forget(self):
        """Keep the model: it is the estimator's fitted attribute."""

    def outputs(self, model, X, numbers):
        """Return the probabilities of a model in the order of ``classes``."""
        return read_probabilities(model, X, self.classes)

    def log_p(self, outputs):
        """Return the log-probabilities, kept above the floor."""
        return floored_log(outputs, self.floor)


class OneFit:
    """A mixin for experts whose one fit tells the held-out probabilities of all rows."""

    def splits(self, rows, repeats):
        """Return one split, of all rows."""
        return [(np.arange(len(rows.codes)), held_out_rows(repeats[0]))]


def held_out_rows(splits):
    """Return the rows that splits hold out, in order."""
    return np.sort(np.concatenate([test for _, test in splits]))


class FrozenExpert(OneFit, UserExpert):
    """A fitted classifier that has not seen the rows."""

    def _fit(self, rows, split, seed):
        return self.classifier

    def keep(self, models):
        """Keep the classifier itself, which another process has a copy of."""
        super().keep([self.classifier])


class BaggedExpert(OneFit, UserExpert):
    """A classifier that bags its rows, such as a random forest, fitted once, on all rows.

    The held-out probabilities of a row come from the trees that did not see it.
    """

    def _fit(self, rows, split, seed):
        self.classifier = clone(self.classifier).set_params(oob_score=True)
        return super()._fit(rows, split, seed)

    def _held_out(self, model, rows, test):
        outputs = np.zeros((len(test), len(self.classes)))
        columns = label_indices(model.classes_, self.classes)
        outputs[:, columns] = model.oob_decision_function_[test]
        return outputs


def user_expert(name, classifier, rows, fit_params, *, may_bag=True):
    """Return the expert for a classifier of the user's.

    ``may_bag`` says whether out-of-bag rows are as good as held-out ones: not where the user's
    folds keep rows of one group together.
    """
    kind = UserExpert
    if is_frozen(classifier):
        kind = FrozenExpert
    elif may_bag and _has_votes_out_of_bag(classifier):
        kind = BaggedExpert
    return kind(name, classifier, rows.classes, rows.floor, fit_params)


def _has_votes_out_of_bag(classifier):
    """Say whether a classifier bags its rows, often enough that each has many votes left."""
    bags = hasattr(classifier, "oob_score") and getattr(classifier, "bootstrap", False)
    return bags and classifier.n_estimators >= _LEAST_BAGS


@dataclass
class NetworkExpert(WithScores, Expert):
    """Networks of one kind, one for each split, whose scores are averaged.

    Parameters
    ----------
    name : str
    options : TrainingOptions
    n_classes : int
    standardization : standardization
        The same for all networks, so that their mean is one network.
    """

    name: str
    options: Any
    n_classes: int
    standardization: Any
    models: list = field(default_factory=list)

    def _fit(self, rows, split, seed):
        from sklearn_setpred._networks.training import fit_network
        from sklearn_setpred.losses import get_loss

        how = {"seed": seed, "standardization": self.standardization}
        loss, parts = get_loss("cross_entropy"), [rows.part(some) for some in split]
        return fit_network(*parts, loss, self.n_classes, self.options, **how).network

    def outputs(self, model, X, numbers):
        """Return the scores of a network."""
        return model.scores(numbers)

    def keep(self, models):
        """Keep the mean of all networks as one."""
        from sklearn_setpred._networks.network import Network

        self.models = [Network.mean_of(models)]
        self.options = self.standardization = None  # nothing of the training is kept
