"""What comes from outside: classifiers that are not ours, and the columns of X.

`fit_classifier` and `read_probabilities` are the only ways in which an estimator of this package
fits and reads the classifier inside; `fit_reader` returns what makes numbers of X for the built-in
networks.
"""

from sklearn_setpred._inner.coded import CodedClassifier
from sklearn_setpred._inner.columns import (
    ColumnReader,
    Columns,
    as_numbers,
    check_numbers,
    fit_reader,
    note_of_texts,
)
from sklearn_setpred._inner.fitting import (
    fit_classifier,
    fit_keyword,
    is_frozen,
    with_splits_within,
)
from sklearn_setpred._inner.reading import (
    check_labels_learned,
    known_classes,
    learned_classes,
    name_of,
    read_classes,
    read_probabilities,
    try_to_read,
)

__all__ = [
    "CodedClassifier",
    "ColumnReader",
    "Columns",
    "as_numbers",
    "check_labels_learned",
    "check_numbers",
    "fit_classifier",
    "fit_keyword",
    "fit_reader",
    "is_frozen",
    "known_classes",
    "learned_classes",
    "name_of",
    "note_of_texts",
    "read_classes",
    "read_probabilities",
    "try_to_read",
    "with_splits_within",
]
