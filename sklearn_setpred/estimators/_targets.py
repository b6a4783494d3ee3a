"""What a `CoverageSetClassifier` is asked for, checked before anything is fitted."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sklearn_setpred._inner.fitting import is_frozen
from sklearn_setpred._utils.validation import check_number, check_option
from sklearn_setpred.estimators._calibration import alpha_of, check_rows, check_size
from sklearn_setpred.estimators._decisions import rows_to_decide
from sklearn_setpred.estimators._label_noise import ROWS_TO_ESTIMATE, check_label_noise
from sklearn_setpred.estimators._set_aside import check_new_labels
from sklearn_setpred.sets._labels import check_label_array

_DEFAULT_COVERAGE = 0.95
# Parameters that cannot be given together, and why.
_CLASHES = {
    ("target_coverage", "target_size"): "are two targets at once",
    ("conditional", "target_size"): "clash: the former needs a target_coverage",
    ("label_noise", "target_size"): "clash: no label is needed for a size",
    ("target_accuracy", "target_size"): "clash: labels alone need a target_coverage for the others",
    ("target_accuracy", "conditional"): "clash: the accuracy is tested for all rows together",
    ("cv", "target_size"): "clash: cross-conformal sets have a target_coverage",
    ("cv", "target_accuracy"): "clash: the accuracy needs rows that train nothing",
    ("cv", "label_noise"): "clash: the correction needs rows that train nothing",
}


class TargetsMixin:
    """The targets of a classifier, and what may be wrong with them."""

    @property
    def _coverage(self):
        """The coverage asked for."""
        return _DEFAULT_COVERAGE if self.target_coverage is None else self.target_coverage

    def _check_targets(self):
        """Raise for parameters that clash, or that no rows can meet."""
        for pair, clash in _CLASHES.items():
            first, second = (f"{name}={getattr(self, name)!r}" for name in pair)
            if all(getattr(self, name) is not None for name in pair):
                raise ValueError(f"{first} and {second} {clash}; set one of them to None.")
        if self.target_coverage is not None:
            alpha_of(self.target_coverage)
        check_option("conditional", self.conditional, [None, "class", "strata"])
        if self.conditional == "strata" and self.cv is not None:
            raise ValueError(f"cv={self.cv!r} knows no strata; set cv or conditional to None.")
        check_number("prevalence_power", self.prevalence_power, low=0, high=1)
        if self.prevalence_power and self.conditional == "class":
            raise ValueError(
                f"prevalence_power={self.prevalence_power!r} changes nothing with "
                "conditional='class', where each class has its own level; set it to 0."
            )
        check_number("confidence", self.confidence, low=0, high=1, is_open=True)
        if self.target_accuracy is not None:
            check_number("target_accuracy", self.target_accuracy, low=0, high=1, is_open=True)

    def _check_for_rows(self, inner, classes, groups):
        """Raise for parameters that do not go with the classifier inside or with the rows."""
        check_label_noise(self.label_noise, len(classes))
        if self.cv is not None and is_frozen(inner):
            raise ValueError(f"cv={self.cv!r} trains anew, which a FrozenEstimator does not.")
        if self.target_accuracy is None:
            return
        if groups is not None:
            raise ValueError(
                "groups are given, but the test of target_accuracy needs independent rows; give "
                "one row of each group, or set target_accuracy to None."
            )
        if isinstance(self.label_noise, str) or np.ndim(self.label_noise):
            raise ValueError(
                "target_accuracy goes with a rate of label_noise only: under other noise the "
                "accuracy on given labels does not tell that on true ones."
            )

    def _accuracy_on_given_labels(self, n_classes):
        """Return the accuracy on noisy labels that means the target accuracy on true ones."""
        rate = self.label_noise or 0.0
        return (1 - rate) * self.target_accuracy + rate / n_classes

    def _check_reachable(self, held_out, n_classes):
        """Raise if there are too few calibration rows, or groups of them, to meet the targets."""
        n, n_rows = held_out.n_groups, len(held_out.rows)
        if self.target_size is not None:
            return check_size(n, n_classes, self.target_size)
        check_rows(n, n_rows, coverage=self._coverage)
        check_new_labels(held_out, 1 - self._coverage, self.conditional)
        if isinstance(self.label_noise, str) and n_rows < ROWS_TO_ESTIMATE:
            raise ValueError(
                f"label_noise='estimate' needs at least {ROWS_TO_ESTIMATE} calibration rows, got "
                f"{n_rows}; give a rate or a matrix."
            )
        if self.target_accuracy is not None:
            accuracy = self._accuracy_on_given_labels(n_classes)
            needed = rows_to_decide(accuracy, self.confidence)
            if n_rows < needed:
                raise ValueError(
                    f"target_accuracy={self.target_accuracy!r} with confidence={self.confidence!r} "
                    f"needs at least {needed} calibration rows, got {n_rows}; raise "
                    "calibration_size or lower one of them."
                )
        return None

    def _checked_strata(self, strata, X):
        """Return the strata as an array, None where they are not asked for."""
        if self.conditional != "strata":
            if strata is not None:
                raise ValueError("strata are given, but conditional is not 'strata'.")
            return None
        if strata is None:
            raise ValueError("strata=None: conditional='strata' needs the stratum of each row.")
        strata = check_label_array(strata, "strata")
        check_consistent_length(X, strata)
        return strata
