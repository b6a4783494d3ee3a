"""What an estimator keeps: a fit that fails changes nothing, files tell their version."""

import functools
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, TypeVar, cast

from sklearn.exceptions import InconsistentVersionWarning

import sklearn_setpred

Fit = TypeVar("Fit", bound=Callable[..., Any])


def all_or_nothing(fit: Fit) -> Fit:
    """Decorate a method that fits: where it fails, the estimator is left as it was."""

    @functools.wraps(fit)
    def wrapper(self, *args, **kwargs):
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Fit, wrapper)


def forget_fit(estimator):
    """Remove the attributes of an earlier fit."""
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)


def documentation_address():
    """Return the address of the documentation in the metadata of the package, or ""."""
    try:
        entries = metadata("sklearn-setpred").get_all("Project-URL", [])
    except PackageNotFoundError:  # a source tree that was never installed
        return ""
    address_of = dict(entry.split(", ", 1) for entry in entries)
    return address_of.get("Documentation", "").rstrip("/")


def warn_of_other_version(estimator, version):
    """Warn, as scikit-learn does, if an estimator was written by another version of ours."""
    if version != sklearn_setpred.__version__:
        warning = InconsistentVersionWarning(
            estimator_name=f"{type(estimator).__name__} of sklearn_setpred",
            current_sklearn_version=sklearn_setpred.__version__,
            original_sklearn_version=version,
        )
        warnings.warn(warning, stacklevel=3)
