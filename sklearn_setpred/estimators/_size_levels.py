"""From a fitted base, refiner and selector to the sizes of sets and the levels of classes."""

import numpy as np

from sklearn_setpred._cardinality.pool import floored_log
from sklearn_setpred._inner import check_numbers, read_probabilities
from sklearn_setpred.estimators._base import SetPredictorMixin
from sklearn_setpred.sets import class_levels, class_ranks, concave_hull_levels, label_ranks


class SizeLevelsMixin(SetPredictorMixin):
    """Sets whose size follows from a level, by what `CardinalityAwareClassifier` has learned."""

    def _numbers(self, X):
        """Return X as our networks read it, None where they read the scores alone."""
        return check_numbers(X) if self.reads_ == "x and scores" else None

    def _scores(self, X):
        """Return the final log-probabilities, (n, n_classes)."""
        log_p = floored_log(read_probabilities(self.estimator_, X, self.classes_), self.floor_)
        if self.refiner_ is None:
            return log_p
        return self.refiner_.log_probabilities(self._numbers(X), log_p)

    def _size_levels(self, X, log_p):
        """Return the candidate sizes of each row and their levels, both (n, m)."""
        sketch = self.candidates_.sketch(log_p)
        numbers = None if self.selector_.network is None else self._numbers(X)
        values = self.selector_.values(numbers, sketch)
        return sketch.sizes, concave_hull_levels(sketch.costs, values)

    def _sizes_at(self, X, log_p, level):
        """Return the size chosen for each row at a level, (n,); at -inf, all labels."""
        if level == -np.inf:
            return np.full(len(log_p), len(self.classes_))
        sizes, levels = self._size_levels(X, log_p)
        last = (levels >= level).sum(axis=1, keepdims=True) - 1
        return np.take_along_axis(sizes, last, axis=1)[:, 0]

    def _path_levels(self, X):
        """Return the levels of the classes; of a rule for one penalty, those of its tilt.

        The tilt ``argmax_s u(s) - t cost(s)`` is nested in t, and t = 0 is the rule itself.
        """
        return self._levels_at(X, class_ranks)

    def _path_levels_of(self, X, codes):
        """Return the path level of one class for each row, (n,); -inf for the code -1."""
        return self._levels_at(X, lambda log_p, y: label_ranks(log_p, y)[:, None], codes)[:, 0]

    def _levels_at(self, X, ranks, *codes):
        """Return the levels at the ranks that ``ranks`` gives for log-probabilities."""

        def levels(X, *codes):
            log_p = self._scores(X)
            return class_levels(ranks(log_p, *codes), *self._size_levels(X, log_p))

        return self._map_batches(X, levels, *codes)
