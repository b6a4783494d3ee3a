"""The tools of scikit-learn with the set predictors of MAPIE and crepes.

The calls are those of ``tests/tools.py``, which our own estimators are tested with; a tool works if
the sets can be had after it. Each predictor is fitted and calibrated as its documentation says
where a call leaves that to the user. Both are meant to stand outermost, with a pipeline inside.
Prints a table, and writes it for ``docs/sklearn_tools.md``::

    python examples/benchmarks/sklearn_tools.py
    python examples/benchmarks/sklearn_tools.py --csv docs/sklearn_tools_peers.csv
"""

import argparse
import csv
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from crepes import WrapClassifier
from mapie.classification import SplitConformalClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from tools import TOOLS, NotApplicableError, Subject, X, y

COVERAGE = 0.8
CLASSES = np.unique(y)
OURS = {"cross_val_predict_set"}  # no tool of scikit-learn


def mapie_sets(fitted, X):
    """Return the sets of MAPIE, of which there is one for each level."""
    return fitted.predict_set(X)[1][:, :, 0]


def crepes_sets(fitted, X):
    """Return the sets of crepes."""
    return fitted.predict_set(X, labels=False, confidence=COVERAGE, smoothing=False) > 0


def fit_mapie(estimator):
    """Fit on one half of the rows and conformalize on the other."""
    X_1, X_2, y_1, y_2 = halves()
    return estimator.fit(X_1, y_1).conformalize(X_2, y_2)


def fit_crepes(estimator):
    """Fit on one half of the rows and calibrate on the other."""
    X_1, X_2, y_1, y_2 = halves()
    estimator.fit(X_1, y_1)
    estimator.calibrate(X_2, y_2)
    return estimator


def halves():
    """Return two halves of the rows."""
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


def scorer(sets):
    """Return a scorer of the coverage, as a user of these packages would write one."""

    def coverage(fitted, X, y, sample_weight=None):
        columns = np.searchsorted(CLASSES, y)
        covered = sets(fitted, X)[np.arange(len(y)), columns]
        return np.average(covered, weights=sample_weight)

    return coverage


def around_by_mapie(classifier):
    """Return MAPIE's split conformal classifier around a classifier."""
    return SplitConformalClassifier(classifier, confidence_level=COVERAGE, prefit=False)


def mapie():
    """Return MAPIE's predictor, not fitted."""
    return Subject(
        around_by_mapie(LogisticRegression(max_iter=1000)),
        "confidence_level",
        [0.6, 0.8],
        scoring=scorer(mapie_sets),
        sets=mapie_sets,
        fit=fit_mapie,
        around=around_by_mapie,
    )


def crepes():
    """Return the predictor of crepes, not fitted."""
    return Subject(
        WrapClassifier(LogisticRegression(max_iter=1000)),
        "learner__C",
        [0.1, 1.0],
        scoring=scorer(crepes_sets),
        sets=crepes_sets,
        fit=fit_crepes,
        around=WrapClassifier,
    )


def outcome(call, subject):
    """Say "works", or why not: the beginning of the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(subject)
    except NotApplicableError as error:
        return str(error)
    except Exception as error:  # whatever a user would see
        return f"{type(error).__name__}: {beginning(str(error))}"
    return "works"


def beginning(message):
    """Return the first words of a message that say what is wrong, without addresses of objects."""
    message = " ".join(message.replace("The following error was raised: ", "").split())
    message = re.sub(r"<[\w.]*?(\w+) object at 0x[0-9a-f]+>", r"\1", message)
    return re.split(r"\. | \(type|, an object| or an object", message)[0]


def results():
    """Return a row for each tool and package."""
    return [
        {"tool": tool, "package": name, "version": version(name), "outcome": outcome(call, make())}
        for name, make in {"MAPIE": mapie, "crepes": crepes}.items()
        for tool, call in TOOLS.items()
        if tool not in OURS
    ]


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--csv", type=Path, help="where to write the table")
    path = parser.parse_args().csv
    rows = results()
    for row in rows:
        print(f"{row['package']:8}{row['tool']:48}{row['outcome']}")
    if path is not None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
