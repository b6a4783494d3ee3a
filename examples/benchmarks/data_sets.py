"""Real data sets by name: from a folder of .npz files, from scikit-learn, from OpenML."""

import os
from pathlib import Path

import numpy as np
from data_sets_about import ABOUT
from data_sets_openml import OPENML, fetch_from_openml
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch


def load_dataset(name, *, data_dir=None):
    """Load a real data set with its split into training and test part.

    The file ``<data_dir>/<name>.npz`` is read if it is there. Otherwise "digits" comes with
    scikit-learn, and "fashion_mnist", "letter", "pendigits", "satimage", "vowel" and "yeast"
    are downloaded by :func:`sklearn.datasets.fetch_openml`, which needs pandas.

    Parameters
    ----------
    name : str
        Name of the data set, or of any file of your own in the form given in the Notes.
    data_dir : str or path-like, default=None
        Folder of .npz files; None means the folder named by the environment variable
        ``SETPRED_DATA``, or no folder if that is not set.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        With these entries, and whatever else the file holds (validation part, label
        distributions, superclasses, ...; ``DESCR`` says what).

        X_train, X_test : float32 ndarray or CSR array of shape (n_rows, n_features)
            Features.
        y_train, y_test : int64 ndarray of shape (n_rows,)
            Codes 0 ... n_classes - 1 of the labels; ``target_names[y]`` gives the names.
        target_names : ndarray of shape (n_classes,), str
            Name of each class.
        DESCR : str
            What the data are, where they are from, and how they are split.

    Notes
    -----
    The split is the official one where there is one and the copy at hand shows it; OpenML's
    copies of letter, pendigits, satimage and yeast get a stratified split, the same at every
    call.

    A file holds ``X_train``, ``y_train``, ``X_test``, ``y_test`` and ``label_names``, nothing
    pickled. A CSR array ``X`` is stored as ``X_data``, ``X_indices``, ``X_indptr`` and
    ``X_shape``. A row with several labels, or none, has ``y = -1``: such rows leave ``X_train``
    and all arrays aligned with it, and are returned as ``X_multilabel_train``, with their rows
    of the file's boolean matrix ``Y_train`` as ``Y_multilabel_train``; likewise for the other
    parts.
    """
    path = _file(name, data_dir)
    if path is not None:
        arrays, split = _read(path), f"Read from {path}, split as there."
    elif name == "digits":
        arrays, split = _digits(), "Split made here: stratified, a quarter for the test."
    elif name in OPENML:
        arrays, split = fetch_from_openml(name), OPENML[name].split
    elif name not in ABOUT:
        raise ValueError(f"name={name!r} is unknown; known data sets: {sorted(ABOUT)}")
    else:
        raise FileNotFoundError(
            f"There is no file {name}.npz in data_dir={data_dir!r}, the environment variable "
            f"SETPRED_DATA={os.environ.get('SETPRED_DATA')!r}, and OpenML does not have the set. "
            f"Where to get it: {ABOUT[name]}"
        )
    about = ABOUT.get(name, f"The data set {name}.")
    return Bunch(**arrays, DESCR=f"{about}\n\n{split}")


def _file(name, data_dir):
    """Return the path of the file that holds the set, or None."""
    data_dir = os.environ.get("SETPRED_DATA") if data_dir is None else data_dir
    if data_dir is None:
        return None
    if not Path(data_dir).is_dir():
        raise FileNotFoundError(
            f"data_dir={str(data_dir)!r} is not a folder; give one, or None and set SETPRED_DATA."
        )
    path = Path(data_dir) / f"{name}.npz"
    return path if path.is_file() else None


def _digits():
    """Return scikit-learn's digits with a fixed split."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X.astype(np.float32), y.astype(np.int64), stratify=y, random_state=0
    )
    return {
        "X_train": X_train,
        "y_train": y_train,
        "X_test": X_test,
        "y_test": y_test,
        "target_names": np.array(list("0123456789")),
    }


def _read(path):
    """Read a file's arrays in their final types."""
    with np.load(path, allow_pickle=False) as file:
        arrays = _with_csr_arrays(dict(file))
    lacking = {"X_train", "y_train", "X_test", "y_test", "label_names"} - set(arrays)
    if lacking:
        raise ValueError(f"{path} lacks {sorted(lacking)}; a data file holds all of these.")
    arrays["target_names"] = arrays.pop("label_names")
    for key in arrays:
        if key.startswith("X_"):
            arrays[key] = arrays[key].astype(np.float32)
        elif key.startswith("y_"):
            arrays[key] = arrays[key].astype(np.int64)
    for key in [key for key in arrays if key.startswith("y_")]:
        _set_multilabel_rows_apart(arrays, part=key.removeprefix("y"))
    return arrays


def _with_csr_arrays(arrays):
    """Replace the four pieces of each CSR array by the array."""
    for stem in [key.removesuffix("_indptr") for key in arrays if key.endswith("_indptr")]:
        data, indices, indptr, shape = (
            arrays.pop(f"{stem}_{piece}") for piece in ("data", "indices", "indptr", "shape")
        )
        arrays[stem] = csr_array((data.astype(np.float32), indices, indptr), shape=tuple(shape))
    return arrays


def _set_multilabel_rows_apart(arrays, part):
    """Keep the rows with one label in all arrays of ``part``; move X and Y of the others."""
    single = arrays[f"y{part}"] >= 0
    if single.all():
        return
    if f"Y{part}" not in arrays:
        raise ValueError(f"y{part} holds -1; the file must then hold the boolean matrix Y{part}.")
    for matrix in ("X", "Y"):
        arrays[f"{matrix}_multilabel{part}"] = arrays[f"{matrix}{part}"][~single]
    del arrays[f"Y{part}"]  # one-hot on the rows that stay
    runs_along = [
        key
        for key, array in arrays.items()
        if key.endswith(part) and "_multilabel" not in key and array.shape[0] == single.size
    ]
    for key in runs_along:
        arrays[key] = arrays[key][single]
