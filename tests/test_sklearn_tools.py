"""Every tool of scikit-learn works with every estimator; the page in the docs says so."""

import runpy
from pathlib import Path

import pytest
from sklearn.base import ClassifierMixin, clone
from tiny import ESTIMATORS
from tools import TOOLS, NotApplicableError, Subject, does_not_apply

import sklearn_setpred
from sklearn_setpred import get_set_scorer, predict_set

DOCS = Path(__file__).parents[1] / "docs"
SEARCHED = {
    "ThresholdSetClassifier": ("threshold", [0.05, 0.2]),
    "CoverageSetClassifier": ("target_coverage", [0.6, 0.8]),
    "CardinalityAwareClassifier": ("size_penalty", [0.05, 0.2]),
}
# Processes that import everything anew; and many fits of many networks, of which GridSearchCV
# and cross_validate stay.
SLOW_TOOLS = {"GridSearchCV around a Pipeline, n_jobs=2"}
SLOW_CELLS = {
    ("CardinalityAwareClassifier", tool)
    for tool in (
        "HalvingGridSearchCV",
        "RandomizedSearchCV",
        "SequentialFeatureSelector",
        "StackingClassifier",
        "TunedThresholdClassifierCV, two classes",
        "learning_curve",
        "validation_curve",
    )
}


def subject(name):
    """Return one of our estimators as its users use it."""
    estimator = ESTIMATORS[name]
    parameter, values = SEARCHED.get(name, ("k", [1, 2]))

    def around(classifier):
        return clone(estimator).set_params(estimator=classifier)

    return Subject(
        estimator,
        parameter,
        values,
        scoring=get_set_scorer("coverage"),
        sets=predict_set,
        around=around if hasattr(estimator, "estimator") else None,
    )


def cell(estimator, tool):
    """Return an estimator and a tool, marked where they take long together."""
    is_slow = tool in SLOW_TOOLS or (estimator, tool) in SLOW_CELLS
    return pytest.param(estimator, tool, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize(
    ("estimator", "tool"), [cell(estimator, tool) for estimator in ESTIMATORS for tool in TOOLS]
)
def test_tools_work_with_our_estimators(estimator, tool):
    if does_not_apply(tool, estimator):
        with pytest.raises(NotApplicableError):
            TOOLS[tool](subject(estimator))
    else:
        TOOLS[tool](subject(estimator))


def test_every_public_estimator_is_tried():
    public = [getattr(sklearn_setpred, name) for name in sklearn_setpred.__all__]
    classifiers = {
        cls.__name__ for cls in public if isinstance(cls, type) and issubclass(cls, ClassifierMixin)
    }
    assert classifiers == ESTIMATORS.keys()


def test_the_page_names_every_tool_and_estimator():
    tables = runpy.run_path(str(DOCS / "tools_page.py"))["tables"]().replace("\u200b", "")
    assert [tool for tool in TOOLS if tables.count(f"| {tool} |") == 0] == []
    assert all(f"| {name.removesuffix('Classifier')} |" in tables for name in ESTIMATORS)
