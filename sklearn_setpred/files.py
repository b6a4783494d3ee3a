"""Fitted estimators in files: written whole or not at all, read without running what they say."""

import importlib
import io
import math
import os
import secrets
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_setpred._utils.types import Estimator

__all__ = ["LoadError", "load", "save"]

_PACKAGE = "sklearn_setpred"
# Modules of the classes that a fitted estimator, or a search around one, is made of. A file may
# call their constructors, which only keep what they are given.
_PLACES = (
    *("estimators", "losses", "metrics", "scorers", "_inner", "_cardinality"),
    *("_networks.modules", "_networks.network", "_networks.standardize"),
)
# What skops does not trust and cannot harm: SimpleImputer keeps the type of its columns.
_HARMLESS = {"numpy.dtype"}
_NUMPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class LoadError(ValueError):
    """A file that :func:`load` refuses: damaged, of another kind, or with types it does not trust.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_setpred import load
    >>> from sklearn_setpred.files import LoadError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     _ = path.write_bytes(b"no model")
    ...     try:
    ...         load(path)
    ...     except LoadError as error:
    ...         print(error.__cause__)
    File is not a zip file
    """


def save(estimator: Estimator, path: str | os.PathLike[str]) -> None:
    """Write an estimator to a file, which :func:`load` reads.

    The file is written beside ``path`` and takes its place when it is complete: where this fails
    or is killed, the file that was there stays.

    Parameters
    ----------
    estimator : estimator
        One of this package, or anything around one: a pipeline, a search.
    path : str or path
        Of the file; it is replaced if there is one. The usual ending is ``.skops``.

    Raises
    ------
    TypeError
        If ``estimator`` is no estimator, or holds what no file can hold, such as a lambda.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    The format is that of :func:`skops.io.dump`. A save that is killed may leave a file beside,
    named after ``path`` with a dot before and ``.tmp`` behind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred import TopKSetClassifier, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.skops"
    ...     save(TopKSetClassifier(GaussianNB(), k=1).fit(X, y), path)
    ...     load(path).predict_set(X[:1])
    array([[ True, False, False]])
    """
    import skops.io

    if not isinstance(estimator, BaseEstimator):
        raise TypeError(f"estimator={estimator!r} is no estimator; save takes nothing else.")
    target = _target(path)
    data = skops.io.dumps(estimator)
    for name in skops.io.get_untrusted_types(data=data):
        if _find(name) is None:
            raise TypeError(
                f"{type(estimator).__name__} holds {name}, which no file can hold; define it at "
                "the top of a module that can be imported."
            )
    _replace(target, data)


def load(path: str | os.PathLike[str], *, trusted: Sequence[str | type] = ()) -> Any:
    """Read an estimator from a file that :func:`save` wrote.

    Unlike a pickle, a file runs no code of its own: it may hold types of this package and those
    that skops trusts, which are scikit-learn's and numpy's but for a few.

    Parameters
    ----------
    path : str or path
        Of the file.
    trusted : sequence of str or type, default=()
        Further types that the file may hold, by name or themselves. Trust them only if you trust
        where the file comes from.

    Returns
    -------
    estimator
        As it was saved.

    Raises
    ------
    LoadError
        If the file is damaged or of another kind, or holds other types; the message names them.
    OSError
        If there is no such file, or it cannot be read.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package or of scikit-learn wrote the file.

    See Also
    --------
    save : Writes the file.

    Notes
    -----
    No array takes memory before its shape has been compared with what the file holds. The trees of
    scikit-learn are not among the types that skops trusts, as wrong numbers in them can crash the
    process at prediction: ``load(path, trusted=["sklearn.tree._tree.Tree"])``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_setpred import TopKSetClassifier, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.skops"
    ...     save(TopKSetClassifier(DecisionTreeClassifier(), k=1).fit(X, y), path)
    ...     load(path, trusted=["sklearn.tree._tree.Tree"]).predict(X[:1])
    array([0])
    """
    import skops.io

    data = _as_path(path).read_bytes()
    if isinstance(trusted, str) or not isinstance(trusted, Iterable):
        raise TypeError(f"trusted={trusted!r} must be a list of names and types.")
    further = [_name_of(one) for one in trusted]
    try:
        _check_sizes(data)
        names = skops.io.get_untrusted_types(data=data)
        known = {*filter(_is_own, names), *_HARMLESS, *further}
        names = sorted({*names} - known)
        estimator = None if names else skops.io.loads(data, trusted=sorted(known))
    except Warning:  # of another version, where the user makes errors of warnings
        raise
    except Exception as error:  # whatever a damaged file makes zipfile, json, numpy, torch say
        raise LoadError(
            f"{path} is no file of save, or it is damaged "
            f"({type(error).__name__}: {error}); save the estimator anew."
        ) from error
    if names:
        raise LoadError(_refusal(path, names))
    if not isinstance(estimator, BaseEstimator):
        raise LoadError(f"{path} holds no estimator, but {type(estimator).__name__}.")
    return estimator


def _as_path(path):
    """Return a path; raise TypeError for an open file, which cannot be replaced as a whole."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path={path!r} must be a str or a path, got {type(path).__name__}.")
    return Path(path)


def _target(path):
    """Return the path of the file to write; raise OSError where no file can be put in its place."""
    target = Path(os.path.realpath(_as_path(path)))
    if target.exists() and not target.is_file():
        raise OSError(f"path={str(path)!r} is no file but a folder or device; name a file.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r} lies in a folder that does not exist.")
    return target


def _replace(path, data):
    """Put a file with these bytes in the place of another one, if there is one, all at once."""
    # A name may have 255 bytes, and a letter four.
    beside = path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


# ------------------------------------------------------------------------------- types


def _name_of(trusted):
    """Return the full name of a type, or the name that stands for it."""
    if isinstance(trusted, str):
        return trusted
    return f"{trusted.__module__}.{trusted.__qualname__}"


def _find(name):
    """Return the object that has a full name, None if there is none."""
    module, _, attribute = name.rpartition(".")
    try:
        found = importlib.import_module(module)
    except (ImportError, ValueError):
        # The name of a method: the name before it is its class.
        return None if "." not in module else getattr(_find(module), attribute, None)
    return getattr(found, attribute, None)


def _is_own(name):
    """Say whether a name is that of a type of this package which may stand in a file."""
    places = tuple(f"{_PACKAGE}.{place}." for place in _PLACES)
    found = _find(name) if name.startswith(places) else None
    if found is None or _name_of(found) != name:  # imported there from somewhere else
        return False
    if not isinstance(found, type):
        return name.startswith(f"{_PACKAGE}.metrics.")
    # Modules of torch take memory when they are made, and nets of skorch read pickles.
    return not any(base.__module__.startswith(("torch", "skorch")) for base in found.__mro__)


def _refusal(path, names):
    """Return what to say of a file that holds types of these names."""
    gone = [name for name in names if name.startswith(f"{_PACKAGE}.") and _find(name) is None]
    if gone:
        return (
            f"{path} holds {gone}, which this version of {_PACKAGE} does not have; load it with "
            "the version that saved it."
        )
    return (
        f"{path} holds types that are not trusted by default: {names}. If you trust where it "
        f"comes from, load it with trusted={names}."
    )


# ------------------------------------------------------------------------------- sizes


def _check_sizes(data):
    """Raise if reading these bytes could take more memory than their own size, about."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        packed = [one.filename for one in members if one.compress_type != zipfile.ZIP_STORED]
        if packed or sum(one.file_size for one in members) > len(data):
            raise ValueError("its members are compressed or overlap")
        for member in members:
            _check_member(archive.read(member))


def _check_member(data):
    """Raise if the bytes of a member promise an array of another size than they hold."""
    if data.startswith(b"PK"):  # a sparse array, whose parts are compressed
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            for part in parts.infolist():
                with parts.open(part) as file:
                    _check_array(file, part.file_size)
    elif data.startswith(np.lib.format.MAGIC_PREFIX):
        _check_array(io.BytesIO(data), len(data))


def _check_array(file, size):
    """Raise unless the header of an array promises what is left of ``size`` bytes."""
    shape, _, dtype = _NUMPY_HEADERS[np.lib.format.read_magic(file)](file)
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"an array of shape {shape} and dtype {dtype} is not what it holds")
