"""The levels of the labels of rows, and what calibration rows tell of them."""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_setpred._inner.reading import name_of, read_classes, read_probabilities
from sklearn_setpred._utils.warn import warn_user
from sklearn_setpred.estimators._base import SetPredictorMixin
from sklearn_setpred.estimators._calibration import (
    LabelLevels,
    SizeLevels,
    alpha_of,
    row_weights,
    rows_needed,
)
from sklearn_setpred.estimators._decisions import (
    above_alone,
    accuracy_level,
    levels_of_decisions,
)
from sklearn_setpred.estimators._label_noise import NoisyLevels, check_matrix, estimated_rate
from sklearn_setpred.prediction import call_through, find_inside
from sklearn_setpred.sets import label_indices, label_ranks
from sklearn_setpred.sets._batches import in_batches, stack


class LevelsMixin(SetPredictorMixin):
    """Levels of labels: from the estimator inside, its probabilities, or p-values over folds."""

    def _reader_of_columns(self):
        return self.folds_[0].estimator_ if hasattr(self, "folds_") else self.estimator_

    def _scores(self, X):
        if hasattr(self, "folds_"):
            return np.mean([fold._scores(X) for fold in self.folds_], axis=0)
        return read_probabilities(self.estimator_, X, self.classes_)

    def _inner_levels(self, X):
        """Return the levels that the inner estimator gives, None if it gives none."""
        method = level_method(self.estimator_)
        if method is None:
            return None
        levels = call_through(self.estimator_, method, X)
        if np.isnan(levels).any():
            raise ValueError(f"{method} of {name_of(self.estimator_)} gives NaN.")
        known = read_classes(self.estimator_)
        if np.array_equal(known, self.classes_):
            return levels
        columns = label_indices(self.classes_, known)
        return np.where(columns >= 0, levels[:, columns], -np.inf)

    def _levels(self, X):
        """Return the levels of the labels, inf for the first-ranked one.

        They are the inner estimator's levels, or else its probabilities; with ``cv``, p-values.
        """
        if hasattr(self, "folds_"):
            levels = self._p_values(X)
        elif hasattr(self, "label_factors_"):
            levels = self._scores(X) * self.label_factors_
        else:
            levels = self._inner_levels(X)
        # Sets are prefixes of the ranking, so that an infinite level marks the first class already.
        is_done = levels is not None and np.isposinf(levels).any(axis=1).all()
        if is_done and not hasattr(self, "accuracy_level_"):
            return levels
        scores = self._scores(X)
        levels = scores.copy() if levels is None else levels.copy()
        if hasattr(self, "accuracy_level_"):
            return levels_of_decisions(levels, scores, self.accuracy_level_)
        np.put_along_axis(levels, scores.argmax(axis=1)[:, None], np.inf, axis=1)
        return levels

    def _label_levels(self, X, codes):
        """Return the level of each row's label; -inf for the code -1."""
        is_plain = not (hasattr(self, "label_factors_") or hasattr(self, "accuracy_level_"))
        if is_plain and level_method(self.estimator_) == "_path_levels":
            return call_through(self.estimator_, "_path_levels_of", X, codes=codes)
        return np.where(codes < 0, -np.inf, self._levels(X)[np.arange(len(codes)), codes])

    def _p_values(self, X, strata=None):
        """Return the fraction of calibration rows, the new row among them, of no higher level."""
        folds = getattr(self, "folds_", [self])
        counts = [fold.calibration_.reached(fold._levels(X), strata) for fold in folds]
        reached, total = (sum(parts) for parts in zip(*counts, strict=True))
        return (1 + reached) / (1 + total)

    def _level_at(self, target):
        """Return the level for a target; tell of classes that have none of their own."""
        if hasattr(self, "folds_"):
            level = float(np.nextafter(alpha_of(target) + 1e-12, 1))
        else:
            level = self._calibrated_level(target)
        if hasattr(self, "pooled_classes_"):
            self._tell_of_pooled(target, level)
        return level

    def _calibrated_level(self, target):
        """Return the level for a target that the calibration rows of one split tell."""
        if not hasattr(self, "accuracy_level_"):
            return self.calibration_.at(target)
        # With too few undecided rows to calibrate on, sets of more than one label hold all labels.
        is_few = self.calibration_.is_few(target)
        return above_alone(-np.inf if is_few else self.calibration_.at(target))

    def _least_coverage(self):
        """Return the fraction of calibration rows whose label is in the smallest set."""
        parts = [fold.calibration_ for fold in getattr(self, "folds_", [self])]
        is_in = np.concatenate([np.isposinf(part.levels) for part in parts])
        weights = np.concatenate([row_weights(part.groups) for part in parts])
        return float(np.average(is_in, weights=weights)) if len(is_in) else np.nan

    def _pooled(self, target_coverage):
        """Return the codes of the classes with too few rows for a level of their own."""
        folds = getattr(self, "folds_", [self])
        n_rows = sum(fold.calibration_.rows_of_classes() for fold in folds)
        return np.flatnonzero(n_rows < rows_needed(alpha_of(target_coverage)))

    def _tell_of_pooled(self, target_coverage, level):
        """Warn of classes that have too few rows for a level of their own."""
        pooled = self._pooled(target_coverage)
        if not len(pooled):
            return
        have_one = np.ndim(level) and level[pooled[0]] > -np.inf
        meaning = "share one, which covers them together" if have_one else "are in every set"
        needed = rows_needed(alpha_of(target_coverage))
        warn_user(
            f"{len(pooled)} of {len(self.classes_)} classes, such as "
            f"{self.classes_[pooled[:3]].tolist()}, have fewer calibration rows than the "
            f"{needed} that target_coverage={target_coverage!r} needs for a level of their own; "
            f"they {meaning}. Give them more calibration rows, merge them, lower the "
            "target, or take prevalence_power in place of conditional='class'."
        )

    def _asked_level(self, **targets):
        """Return the level of the fit, or for the one target that is not None."""
        asked = {name: value for name, value in targets.items() if value is not None}
        if not asked:
            return self.level_
        if len(asked) > 1:
            raise ValueError(f"{asked} are two targets at once; give one of them.")
        ((name, value),) = asked.items()
        fitted = "target_coverage" if hasattr(self, "folds_") else self.calibration_.target
        if name != fitted:
            raise ValueError(
                f"{name}={value!r} needs a classifier that was fitted with a {name}; this one has "
                f"levels for every {fitted}."
            )
        return self._level_at(value)

    # ------------------------------------------------------------- calibration

    def _label_factors(self, codes):
        """Return ``prevalence ** -prevalence_power`` of each class.

        Each class counts one row more than it has. For a frozen classifier, whose calibration rows
        are counted, this keeps the guarantee: the label of a new row is counted with it, and the
        levels of the other labels are no higher than they would be.
        """
        counts = np.bincount(codes, minlength=len(self.classes_)) + 1.0
        return (counts / counts.sum()) ** -self.prevalence_power

    def _decide(self, X, held_out, codes):
        """Find the level of labels that stand alone; return the rows that it leaves undecided."""
        found = self._on_rows(X, held_out.rows, lambda X: first_labels(self._scores(X)))
        first, probability = found.T
        is_right = (first == codes) & ~held_out.is_new
        accuracy = self._accuracy_on_given_labels(len(self.classes_))
        self.accuracy_level_ = accuracy_level(probability, is_right, accuracy, self.confidence)
        if self.accuracy_level_ == np.inf:
            warn_user(
                f"No label stands alone: the surest first labels are not shown to be right with "
                f"target_accuracy={self.target_accuracy!r} and confidence={self.confidence!r}; "
                "raise calibration_size or lower one of them."
            )
        undecided = probability < self.accuracy_level_
        return held_out.take(undecided), codes[undecided]

    def _calibrated(self, X, held_out, codes):
        """Return the calibrated levels, from which the level for any target follows."""
        if self.target_size is not None:
            n_classes, weights = len(self.classes_), row_weights(held_out.groups)
            batches = (
                (self._levels(_safe_indexing(X, rows)), weight)
                for rows, weight in in_batches(n_classes, held_out.rows, weights)
            )
            return SizeLevels.of(batches, held_out.n_groups, n_classes, self.target_size)
        about = held_out.is_new, held_out.groups, held_out.strata, len(self.classes_)
        if len(codes) == 0:
            return LabelLevels(np.empty(0), codes, *about, self.conditional)
        if self.label_noise is None:
            levels = self._on_rows(X, held_out.rows, self._label_levels, codes)
            levels = np.where(held_out.is_new, -np.inf, levels)
            return LabelLevels(levels, codes, *about, self.conditional)
        levels = self._on_rows(X, held_out.rows, self._levels)
        of_label = np.where(held_out.is_new, -np.inf, levels[np.arange(len(codes)), codes])
        found = LabelLevels(of_label, codes, *about, self.conditional)
        return NoisyLevels.of(levels, found, self._noise(X, held_out, codes))

    def _noise(self, X, held_out, codes):
        """Return the rate or the matrix of noise."""
        noise, n_classes = self.label_noise, len(self.classes_)
        if isinstance(noise, str):
            noise = self.label_noise_ = self._estimated_noise(X, held_out.rows, codes)
        if np.ndim(noise):
            noise = np.asarray(noise, dtype=np.float64)
            check_matrix(noise, n_classes)
        return noise

    def _estimated_noise(self, X, rows, codes):
        """Return the rate of noise; 0 with a warning where it may be overlap of the classes."""

        def first_and_rank(X, codes):
            scores = self._scores(X)
            return np.column_stack([scores.max(axis=1), label_ranks(scores, codes)])

        first, ranks = self._on_rows(X, rows, first_and_rank, codes).T
        rate, may_be_overlap = estimated_rate(first, ranks, len(self.classes_))
        if not may_be_overlap:
            return rate
        warn_user(
            f"label_noise='estimate' finds a rate of {rate:.2f}, but {name_of(self.estimator_)} is "
            "certain of no rows, so that this may be overlap of the classes. The labels are "
            "taken as they are: where some are wrong, sets are too large. Give a rate or a matrix."
        )
        return 0.0

    def _on_rows(self, X, rows, function, *aligned):
        """Apply a function to batches of some rows of X, and of arrays aligned with them."""
        batches = in_batches(len(self.classes_), rows, *aligned)
        parts = (function(_safe_indexing(X, some), *rest) for some, *rest in batches)
        return stack(parts, len(rows))


def first_labels(scores):
    """Return the code of each row's first label beside its probability, (n, 2)."""
    first = scores.argmax(axis=1)
    return np.column_stack([first, scores[np.arange(len(scores)), first]])


def level_of_coverage(estimator, target_coverage, size_penalty):
    """Return the level for a coverage; raise unless the estimator was calibrated for one."""
    if size_penalty is not None or not hasattr(estimator, "calibration_"):
        raise ValueError(
            f"target_coverage={target_coverage!r} needs a classifier that was fitted with a "
            "target_coverage, and no size_penalty beside it."
        )
    return estimator.calibration_.at(target_coverage)


def level_method(estimator: Any) -> str | None:
    """Return the name of the method with the levels of an estimator, None if there is none.

    A rule trained for one penalty has no public levels: the sets of two such rules are not nested.
    """
    for name in ("_path_levels", "set_levels"):
        try:
            find_inside(estimator, name)
        except AttributeError:
            continue
        return name
    return None
