"""Calibration in parts: rows that come chunk by chunk, or that are labelled later."""

from typing import Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable
from sklearn.utils.metaestimators import available_if

from sklearn_setpred._inner.fitting import is_frozen
from sklearn_setpred._inner.reading import known_classes, learned_classes
from sklearn_setpred._utils import progress
from sklearn_setpred._utils.types import ArrayLike, Samples
from sklearn_setpred._utils.validation import check_labels
from sklearn_setpred.estimators._calibration import LabelLevels
from sklearn_setpred.estimators._levels import LevelsMixin
from sklearn_setpred.estimators._persistence import all_or_nothing
from sklearn_setpred.estimators._set_aside import CalibrationRows, row_groups
from sklearn_setpred.estimators._targets import TargetsMixin
from sklearn_setpred.estimators._wrapped import WrappingMixin

# Parameters for which the level of each row's label does not tell enough, and what would.
_NEED_ALL_ROWS = {
    "target_size": "the levels of all labels of every row",
    "label_noise": "the levels of all labels of every row",
    "target_accuracy": "the surest of all rows before any level",
    "prevalence_power": "the number of rows of each class before any level",
}


def _is_trained(self):
    """Say whether the classifier inside is fitted already; raise an error that tells how."""
    if is_frozen(self.estimator):
        return True
    raise AttributeError(
        "partial_fit calibrates and trains nothing, so the classifier inside must be fitted: give "
        "estimator=FrozenEstimator(fitted), or after a fit call "
        "set_params(estimator=FrozenEstimator(clf.estimator_))."
    )


class InPartsMixin(LevelsMixin, TargetsMixin, WrappingMixin):
    """Calibration that goes on with more rows: the level of each row's label is kept."""

    @available_if(_is_trained)
    @all_or_nothing
    def partial_fit(self, X: Samples, y: ArrayLike, *, strata: ArrayLike | None = None) -> Self:
        """Calibrate with these rows and the rows of all calls before.

        Available around a ``FrozenEstimator``. The level of each row's label is kept, so that the
        result is the same as after one ``fit`` on all rows. Until there are enough rows for the
        target, overall or in a stratum, sets hold all labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that the inner estimator was not trained on, in any form that it reads.
        y : array-like of shape (n_samples,)
            Labels that the inner estimator knows.
        strata : array-like of shape (n_samples,), default=None
            The stratum of each row, for ``conditional="strata"``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            With ``target_size``, ``target_accuracy``, ``label_noise`` or ``prevalence_power``,
            which need all rows at once; after a fit with groups, with another classifier inside or
            with another ``conditional``; for labels that the inner estimator does not know.
        """
        self._check_targets()
        self._check_parts()
        (X,) = indexable(X)
        inner = self._inner()
        classes, codes = known_classes(inner, *check_labels(X, y, least=1))
        self._check_for_rows(inner, classes, None)
        strata = self._checked_strata(strata, X)
        before = getattr(self, "calibration_", None)
        if before is None:
            self.estimator_, self.classes_ = inner, learned_classes(inner, classes)
        groups = row_groups(None, X)
        is_new = np.zeros(len(codes), dtype=bool)
        rows = CalibrationRows(groups, classes[codes], is_new, groups, strata)
        found = self._calibrated(X, rows, codes)
        self.calibration_ = found if before is None else before.joined(found)
        self.n_calibration_ = len(self.calibration_.levels)
        self._find_level(self._coverage, few=-np.inf)
        return self

    def _check_parts(self):
        """Raise for parameters that need all rows at once, and if the last call had others."""
        for name, needed in _NEED_ALL_ROWS.items():
            value = getattr(self, name)
            if not (value is None or (np.ndim(value) == 0 and value == 0)):
                raise ValueError(
                    f"partial_fit keeps the level of each row's label, and {name}={value!r} needs "
                    f"{needed}; call fit with all rows at once."
                )
        if any(hasattr(self, name) for name in ("calibration_", "folds_")) and not self._goes_on():
            raise ValueError(
                "partial_fit goes on from a call without groups, with the same classifier inside "
                f"and the same parameters; this one has {self!r}. Call fit with all rows at once."
            )

    def _goes_on(self):
        """Say whether the rows of the last call were calibrated as more rows will be."""
        kept = getattr(self, "calibration_", None)
        return (
            isinstance(kept, LabelLevels)
            and kept.conditional == self.conditional
            and kept.n_groups == len(kept.groups)
            and not any(hasattr(self, name) for name in ("label_factors_", "accuracy_level_"))
            and _thawed(self.estimator_) is _thawed(self.estimator)
        )

    def _find_level(self, target, *, few=None):
        """Find the level for a target and keep it; if the rows are too few, the level is ``few``.

        Also find the classes that have no level of their own, and the smallest sets' coverage.
        """
        if self.conditional == "class":
            self.pooled_classes_ = self.classes_[self._pooled(target)]
        # In parts nothing is told of classes with few rows: more will come.
        self.level_ = self._level_at(target) if few is None else self.calibration_.at(target, few)
        if not hasattr(self, "folds_"):
            noted = {"n_calibration": self.n_calibration_, "level": self.level_}
            self.history_ = [*getattr(self, "history_", []), noted]
        if self.target_size is None and self.label_noise is None:
            self.least_coverage_ = self._least_coverage()
            suffices = ", enough for the target" if self.least_coverage_ >= target else ""
            progress.tell(f"the smallest sets cover {self.least_coverage_:.1%}{suffices}")


def _thawed(estimator):
    """Return the estimator in a ``FrozenEstimator``, and any other estimator unchanged."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
