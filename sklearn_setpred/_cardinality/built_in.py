"""The experts that come with the package, and which of them suit what rows."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred._cardinality.experts import (
    BoostingExpert,
    ClassifierExpert,
    ForestExpert,
    LinearExpert,
    NetworkExpert,
    OneFit,
)
from sklearn_setpred._cardinality.kernel import KernelClassifier
from sklearn_setpred._utils import memory

# Names that the user's classifiers cannot have.
NAMES = {
    *("extra_trees", "random_forest", "boosting", "logistic", "discriminant", "neighbours"),
    *("mlp", "resnet", "periodic"),
}
# Trees of a forest for each split, and iterations of boosting.
_TREES, _ITERATIONS = 40, 60
# Rows of up to 200 columns may be a table, which trees and periodic embeddings suit; rows of 50 or
# more may be an embedding, which linear models and neighbours suit. Between, the race decides.
_MOST_OF_A_TABLE, _LEAST_OF_AN_EMBEDDING = 200, 50
# Boosting fits a tree for each class and iteration, which takes long for many classes.
_BOOSTED_CLASSES = 20
# Discriminant analysis inverts a matrix of the columns.
_MOST_DISCRIMINANTS = 1000
# A classifier that can learn from fewer rows of each class is left out.
_LEAST_OF_A_CLASS = 2
# The kernel over neighbours keeps all rows.
_NEIGHBOURS = 10_000


class KernelExpert(OneFit, ClassifierExpert):
    """The kernel over neighbours: every row is read by the others."""

    def _fit(self, rows, split, seed):
        return clone(self.classifier).fit(rows.numbers, rows.codes, rows.weight)

    def _held_out(self, model, rows, test):
        outputs = np.zeros((len(test), self.n_classes))
        outputs[:, model.classes_] = model.oob_decision_function_[test]
        del model.oob_decision_function_  # as long as the rows, and not needed again
        return outputs


_KIND_OF_EXPERT = {
    "extra_trees": ForestExpert,
    "random_forest": ForestExpert,
    "boosting": BoostingExpert,
    "logistic": LinearExpert,
    "discriminant": LinearExpert,
}


def classifiers_for(numbers, n_classes):
    """Return the built-in classifiers, by name, that suit the rows; none above 10,000 classes."""
    if memory.most_rows(n_classes) < _LEAST_OF_A_CLASS * n_classes:
        return {}
    if sp.issparse(numbers):
        return {"logistic": make_pipeline(StandardScaler(with_mean=False), linear_model())}
    trees, classifiers = {"n_estimators": _TREES, "bootstrap": False}, {}
    has_trees = ForestExpert.most_rows(n_classes) >= _LEAST_OF_A_CLASS * n_classes
    if has_trees:
        classifiers["extra_trees"] = ExtraTreesClassifier(**trees)
    if has_trees and is_table(numbers):
        classifiers["random_forest"] = RandomForestClassifier(**trees)
    if is_table(numbers) and n_classes <= _BOOSTED_CLASSES:
        classifiers["boosting"] = HistGradientBoostingClassifier(
            max_iter=_ITERATIONS, max_leaf_nodes=15, max_features=0.5, early_stopping=False
        )
    if is_embedding(numbers):
        classifiers["logistic"] = make_pipeline(StandardScaler(), linear_model())
    if is_embedding(numbers) and numbers.shape[1] <= _MOST_DISCRIMINANTS:
        discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        classifiers["discriminant"] = make_pipeline(StandardScaler(), discriminant)
    return classifiers


def is_table(numbers):
    """Say whether rows may be a table, which has few columns."""
    return not sp.issparse(numbers) and numbers.shape[1] <= _MOST_OF_A_TABLE


def is_embedding(numbers):
    """Say whether rows may be an embedding, or features of a network, which has many columns."""
    return not sp.issparse(numbers) and numbers.shape[1] >= _LEAST_OF_AN_EMBEDDING


def linear_model():
    """Return a logistic regression with the strong penalty that embeddings want."""
    return LogisticRegression(C=0.03, max_iter=200)


def kinds_for(numbers):
    """Return the kinds of network, by name, that suit the rows."""
    kinds = {"mlp": True, "resnet": not is_table(numbers), "periodic": is_table(numbers)}
    return [kind for kind, suits in kinds.items() if suits]


def network_expert(kind, rows, options):
    """Return the expert of a kind of network, not yet fitted."""
    from sklearn_setpred._networks.options import builder
    from sklearn_setpred._networks.standardize import standardization_of

    build, whole = builder(kind), rows.part(slice(None))
    options = replace(options, build=build, learning_rate=build.learning_rate)
    standardization = standardization_of(whole.X, whole.weight, reads_csr=build.reads_csr)
    return NetworkExpert(kind, options, len(rows.classes), standardization)


def built_in_experts(rows, options):
    """Return the experts that suit the rows, not yet fitted; none where rows are no numbers."""
    if rows.numbers is None:
        return []
    shared = len(rows.classes), rows.floor
    classifiers = classifiers_for(rows.numbers, len(rows.classes))
    experts = [_KIND_OF_EXPERT[name](name, one, *shared) for name, one in classifiers.items()]
    if is_embedding(rows.numbers) and rows.numbers.shape[0] <= _NEIGHBOURS:
        experts.append(KernelExpert("neighbours", KernelClassifier(), *shared))
    return experts + [network_expert(kind, rows, options) for kind in kinds_for(rows.numbers)]
