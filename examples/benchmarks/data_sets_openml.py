"""The data sets that OpenML has: which copy, what its labels mean, how it is split."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.model_selection import train_test_split


def fetch_from_openml(name):
    """Return the arrays of the data set ``name``, downloaded by scikit-learn."""
    source = OPENML[name]
    try:
        bunch = fetch_openml(data_id=source.data_id, as_frame=True)
    except OSError as error:
        raise OSError(
            f"{name!r} could not be fetched from OpenML (data_id={source.data_id}): {error}. "
            f"Put a file {name}.npz into data_dir, or try again."
        ) from error
    # Numeric columns are the features; vowel also has text columns such as the speaker's name.
    X = bunch.data.select_dtypes("number").to_numpy(dtype=np.float32)
    y = _codes(bunch.target, list(source.names))
    in_test = source.in_test(bunch.data, y)
    return {
        "X_train": X[~in_test],
        "y_train": y[~in_test],
        "X_test": X[in_test],
        "y_test": y[in_test],
        "target_names": np.array(list(source.names.values())),
    }


def _codes(target, labels):
    """Return the position of each row's label in ``labels``."""
    # satimage's labels are written "1.", others' "1".
    target = [str(label).removesuffix(".") for label in target]
    unknown = sorted(set(target) - set(labels))
    if unknown:
        raise ValueError(f"OpenML's copy has the labels {unknown}, known are {labels}.")
    code_of_label = {label: code for code, label in enumerate(labels)}
    return np.array([code_of_label[label] for label in target])


def _random_rows(frame, y, fraction):
    """Mark a random, stratified fraction of the rows."""
    test_rows = train_test_split(np.arange(len(y)), test_size=fraction, stratify=y, random_state=0)[
        1
    ]
    return np.isin(np.arange(len(y)), test_rows)


def _rows_after(frame, y, n_train):
    """Mark the rows after the first ``n_train``."""
    return np.arange(len(y)) >= n_train


def _new_speakers(frame, y):
    """Mark the utterances of the vowel set's seven test speakers."""
    test_speakers = ["Mike", "Nick", "Rich", "Tim", "Sarah", "Sue", "Wendy"]
    return frame["Speaker_Number"].astype(str).isin(test_speakers).to_numpy()


@dataclass(frozen=True)
class OpenMLSet:
    """One data set on OpenML.

    ``names`` maps its labels, in the order of our codes, to readable names;
    ``in_test(frame, y)`` marks the rows of the test part, as ``split`` says in words.
    """

    data_id: int
    names: dict[str, str]
    in_test: Callable
    split: str


def _stratified(data_id, names, fraction):
    """Describe a set whose official split cannot be told from OpenML's copy."""
    split = f"Split made here, not the official one: stratified, {fraction:.0%} for the test."
    return OpenMLSet(data_id, names, partial(_random_rows, fraction=fraction), split)


def _same_names(labels):
    """Name labels as they are."""
    return {label: label for label in labels}


_GARMENTS = [
    *["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"],
    *["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
]
_SOILS = {
    "1": "red soil",
    "2": "cotton crop",
    "3": "grey soil",
    "4": "damp grey soil",
    "5": "vegetation stubble",
    "7": "very damp grey soil",  # no pixel has label 6, "mixture"
}
_VOWELS = ["hid", "hId", "hEd", "hAd", "hYd", "had", "hOd", "hod", "hUd", "hud", "hed"]
_PROTEIN_SITES = ["CYT", "ERL", "EXC", "ME1", "ME2", "ME3", "MIT", "NUC", "POX", "VAC"]

OPENML = {
    "fashion_mnist": OpenMLSet(
        40996,
        {str(code): garment for code, garment in enumerate(_GARMENTS)},
        partial(_rows_after, n_train=60_000),
        "Official split: 60,000 and 10,000 images.",
    ),
    "letter": _stratified(6, _same_names("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), fraction=0.1),
    "pendigits": _stratified(32, _same_names("0123456789"), fraction=0.3),
    "satimage": _stratified(182, _SOILS, fraction=0.3),
    "vowel": OpenMLSet(
        307,
        _same_names(_VOWELS),
        _new_speakers,
        "Official split: eight speakers for training, seven others for the test.",
    ),
    "yeast": _stratified(181, _same_names(_PROTEIN_SITES), fraction=0.3),
}
