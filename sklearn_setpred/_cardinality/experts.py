"""Experts: families of models that give log-probabilities of rows they were not fitted on.

An expert gives outputs of the training rows by models that left them out, and of new rows by the
mean over all its models. Outputs are probabilities of classifiers and scores of networks; they are
averaged as they are, and `log_p` makes them log-probabilities.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from sklearn_setpred._cardinality.pool import floored_log
from sklearn_setpred._cardinality.trees import TreeTable, boosting_table, forest_table
from sklearn_setpred._inner import (
    check_labels_learned,
    fit_classifier,
    fit_keyword,
    is_frozen,
    read_probabilities,
)
from sklearn_setpred._networks.parts import Part, with_positive_weights
from sklearn_setpred._utils.progress import as_steps, step
from sklearn_setpred.sets import label_indices

_MAX_SEED = 2**31 - 1
# A row is out of a third of the bags; of 50 bags, one row in 10^10 is out of none.
_LEAST_BAGS = 50


class TrainingRows(NamedTuple):
    """The rows that experts learn from, checked.

    ``X`` is what the user gave, ``numbers`` the same as a float array or CSR, or None; ``codes``
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

    def all_train(self):
        """Return the split that holds no row out."""
        return np.arange(len(self.codes)), np.arange(0)

    def part(self, rows):
        """Return what networks train on of some rows: those of positive weight."""
        part = Part(X=self.numbers, target=self.codes, weight=self.weight)
        return with_positive_weights(part.take(rows))

    @property
    def floor(self):
        """What stands for smaller probabilities: a tenth of one row."""
        n = len(self.codes) if self.weight is None else np.count_nonzero(self.weight)
        return 1.0 / (10 * n)


class Expert:
    """What all experts share: the order of their fits.

    A subclass gives ``_fit(rows, split, seed)``, which returns a model fitted on the training rows
    of a split, ``outputs(model, X, numbers)``, which returns (n, n_classes), and
    ``log_p(outputs)``.

    Attributes
    ----------
    name : str
    models : list
        The models whose outputs are averaged for new rows.
    """

    has_seen_rows = True  # some of the rows given to it train it

    def fit_once(self, rows, split, seed):
        """Fit one model, on the training rows of a split."""
        self.models = [self._fit(rows, split, seed)]

    def start(self, rows, splits, rng, n_jobs=None):
        """Fit on the first splits; return the outputs of the rows that they hold out, in order."""
        self._first = self._fit_splits(rows, splits, rng, n_jobs)
        return np.concatenate([outputs for _, outputs in self._first])

    def go_on(self, rows, repeats, rng, n_jobs=None):
        """Fit on the other splits; return the outputs of all rows, one array for each repeat.

        Parameters
        ----------
        rows : TrainingRows
        repeats : list of list of (training rows, held-out rows)
            The first splits are those of `start`.
        rng : RandomState
        n_jobs : int or None

        Returns
        -------
        list of ndarray of shape (n, n_classes)
            NaN in rows that no split holds out.
        """
        splits = list(itertools.chain.from_iterable(repeats))[len(self._first) :]
        fits = [*self._first, *self._fit_splits(rows, splits, rng, n_jobs)]
        self.models, self._first = [model for model, _ in fits], []
        outputs, fits = [], iter(fits)
        for repeat in repeats:
            whole = np.full((len(rows.codes), len(rows.classes)), np.nan, dtype=np.float32)
            for (_, test), (_, held_out) in zip(repeat, fits, strict=False):
                whole[test] = held_out
            outputs.append(whole)
        return outputs

    def _fit_splits(self, rows, splits, rng, n_jobs):
        """Return the model of each split and the outputs of its held-out rows."""
        seeds = rng.randint(_MAX_SEED, size=len(splits))
        jobs = (delayed(_fit_split)(self, rows, *one) for one in zip(splits, seeds, strict=True))
        return list(as_steps(Parallel(n_jobs=n_jobs, return_as="generator")(jobs), self.name))

    def n_fits(self, repeats):
        """Return the number of fits on all the splits."""
        return sum(map(len, repeats))

    def forget(self):
        """Drop the models, which nothing needs."""
        self.models = []

    def log_probabilities(self, X, numbers):
        """Return the log-probabilities of new rows, (n, n_classes), float64."""
        outputs = (self.outputs(model, X, numbers) for model in self.models)
        return self.log_p(reduce(add, outputs) / len(self.models))


def _fit_split(expert, rows, split, seed):
    """Return a model fitted on the training rows of a split, and the outputs of the others."""
    model = expert._fit(rows, split, int(seed))
    return model, expert.outputs(model, *rows.inputs(split[1])).astype(np.float32)


@dataclass
class ClassifierExpert(Expert):
    """A built-in classifier on the numbers, fitted on the training rows of every split."""

    name: str
    classifier: Any
    n_classes: int
    floor: float
    models: list = field(default_factory=list)

    def _fit(self, rows, split, seed):
        part, classifier = rows.part(split[0]), clone(self.classifier)
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

    def _fit(self, rows, split, seed):
        return self._table(super()._fit(rows, split, seed), self.n_classes)

    def outputs(self, model, X, numbers):
        """Return the probabilities of a table of trees."""
        return model(numbers)

    def go_on(self, rows, repeats, rng, n_jobs=None):
        """Fit on the other splits, and keep the mean of all tables as one."""
        outputs = super().go_on(rows, repeats, rng, n_jobs)
        self.models = [TreeTable.mean_of(self.models)]
        return outputs


class BoostingExpert(ForestExpert):
    """Built-in boosted trees, whose scores are averaged."""

    _table = staticmethod(boosting_table)

    def log_p(self, outputs):
        """Return the log-probabilities of scores."""
        return log_softmax(outputs.astype(np.float64), axis=1)


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
        fitted = fit_classifier(self.classifier, X, y, fit_params)
        check_labels_learned(fitted, np.unique(y))
        return fitted

    def fit_once(self, rows, split, seed):
        """Fit one model, the last one, on the training rows of a split."""
        super().fit_once(rows, split, seed)
        self.fit_params = {}  # arrays as long as the rows, which nothing needs any more

    def forget(self):
        """Keep the model: it is the estimator's fitted attribute."""

    def outputs(self, model, X, numbers):
        """Return the probabilities of a model in the order of ``classes``."""
        return read_probabilities(model, X, self.classes)

    def log_p(self, outputs):
        """Return the log-probabilities, kept above the floor."""
        return floored_log(outputs, self.floor)

    def go_on(self, rows, repeats, rng, n_jobs=None):
        """Fit on the other splits of the first repeat, then on all rows."""
        outputs = super().go_on(rows, repeats[:1], rng, n_jobs)
        self.fit_once(rows, rows.all_train(), 0)
        step(self.name)
        return outputs

    def n_fits(self, repeats):
        """Return the number of fits: one for each split of the first repeat, and the last one."""
        return len(repeats[0]) + 1


class OneFit:
    """A mixin for experts whose one fit tells the held-out probabilities of all rows.

    A subclass gives ``_fit_all(rows)``, which returns the models and the outputs of all rows.
    """

    def start(self, rows, splits, rng, n_jobs=None):
        """Fit on all rows; return the outputs of the rows that the splits hold out, in order."""
        self.models, self._held_out = self._fit_all(rows)
        step(self.name)
        return self._held_out[np.concatenate([test for _, test in splits])]

    def go_on(self, rows, repeats, rng, n_jobs=None):
        """Return the outputs of all rows."""
        held_out, self._held_out = self._held_out, None
        return [held_out]

    def n_fits(self, repeats):
        """Return the number of fits."""
        return 1


class FrozenExpert(OneFit, UserExpert):
    """A fitted classifier that has not seen the rows."""

    has_seen_rows = False

    def fit_once(self, rows, split, seed):
        """Take the classifier as it is."""
        self.models = [self.classifier]

    def _fit_all(self, rows):
        return [self.classifier], self.outputs(self.classifier, rows.X, rows.numbers)


class BaggedExpert(OneFit, UserExpert):
    """A classifier that bags its rows, such as a random forest, fitted once, on all rows.

    The held-out probabilities of a row come from the trees that did not see it.
    """

    def _fit_all(self, rows):
        self.classifier = clone(self.classifier).set_params(oob_score=True)
        self.fit_once(rows, rows.all_train(), 0)
        (fitted,) = self.models
        held_out = np.zeros((len(rows.codes), len(self.classes)))
        columns = label_indices(fitted.classes_, self.classes)
        held_out[:, columns] = fitted.oob_decision_function_
        return [fitted], held_out


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
class NetworkExpert(Expert):
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

    def log_p(self, outputs):
        """Return the log-probabilities."""
        return log_softmax(outputs.astype(np.float64), axis=1)

    def go_on(self, rows, repeats, rng, n_jobs=None):
        """Fit on the other splits, and keep the mean of all networks as one."""
        from sklearn_setpred._networks.network import Network

        outputs = super().go_on(rows, repeats, rng, n_jobs)
        self.models = [Network.mean_of(self.models)]
        self.options = self.standardization = None  # nothing of the training is kept
        return outputs
