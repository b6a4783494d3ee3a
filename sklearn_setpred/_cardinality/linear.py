"""Linear classifiers as one matrix, so that the mean of several is as fast as one."""

import numpy as np


class LinearScores:
    """The scores ``x @ weights + offsets`` of a linear classifier.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_classes)
        Zero for a class that was not learned.
    offsets : ndarray of shape (n_classes,)
        NaN for a class that was not learned, which becomes a tenth as probable as any other.

    Attributes
    ----------
    is_learned : ndarray of shape (n_classes,), bool
    """

    def __init__(self, weights, offsets):
        self.is_learned = ~np.isnan(offsets)
        lowest = offsets[self.is_learned].min() - np.log(10.0)
        self.weights, self.offsets = weights, np.where(self.is_learned, offsets, lowest)

    @classmethod
    def of(cls, scaler, model, n_classes):
        """Return the scores of a linear model, whose classes are codes, behind a StandardScaler.

        A number added to all scores of a row changes nothing: scores are made to sum to zero.
        """
        weights, offsets = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one score, of the second class against the first
            weights, offsets = np.vstack([0 * weights, weights]), np.append(0.0, offsets)
        weights = ((weights - weights.mean(axis=0)) / scaler.scale_).T
        offsets = offsets - offsets.mean()
        if scaler.with_mean:
            offsets = offsets - scaler.mean_ @ weights
        of_all = np.zeros((len(weights), n_classes)), np.full(n_classes, np.nan)
        of_all[0][:, model.classes_], of_all[1][model.classes_] = weights, offsets
        return cls(*of_all)

    @classmethod
    def mean_of(cls, models):
        """Return scores: the weights of a class are the mean over the models that learned it."""
        n_learned = sum(one.is_learned.astype(int) for one in models)
        offsets = sum(np.where(one.is_learned, one.offsets, 0.0) for one in models)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN
            offsets = offsets / n_learned
        return cls(sum(one.weights for one in models) / np.maximum(n_learned, 1), offsets)

    def __call__(self, X):
        """Return the scores of rows, (n, n_classes)."""
        return X @ self.weights + self.offsets
