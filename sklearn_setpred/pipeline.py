"""scikit-learn's pipeline with the methods of set predictors."""

from typing import Any

import sklearn.pipeline
from scipy.sparse import csr_array
from sklearn.utils.metaestimators import available_if

from sklearn_setpred._utils.types import Estimator, Floats, Labels, Samples, Sets
from sklearn_setpred.prediction import call_through, find_inside

__all__ = ["Pipeline", "make_pipeline"]


def _plain(pipeline):
    """Return scikit-learn's own pipeline of the same steps."""
    return sklearn.pipeline.Pipeline(pipeline.steps)


def _holds(method):
    """Return the check that the set predictor at the end has the method."""
    return available_if(lambda pipeline: find_inside(_plain(pipeline), method) is not None)


class Pipeline(sklearn.pipeline.Pipeline):
    """Pipeline of scikit-learn that has the set methods of its last step.

    :func:`~sklearn_setpred.predict_set` needs none of this: it takes any pipeline.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and estimators: transformers and, last, a set predictor.
    transform_input, memory, verbose : default=None, None, False
        As in :class:`sklearn.pipeline.Pipeline`.

    See Also
    --------
    make_pipeline : Names the steps by their types.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_setpred import TopKSetClassifier
    >>> from sklearn_setpred.pipeline import Pipeline
    >>> steps = [("scale", StandardScaler()), ("sets", TopKSetClassifier(GaussianNB(), k=1))]
    >>> Pipeline(steps).fit([[0], [1], [5], [6]], [0, 0, 1, 1]).predict_set([[0], [7]])
    array([[ True, False],
           [False,  True]])
    """

    @_holds("predict_set")
    def predict_set(self, X: Samples, **params: Any) -> Sets:
        """Transform X and predict one set of labels per row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What the first step takes.
        **params : dict
            Call-time keywords of the last step, such as ``k``.

        Returns
        -------
        bool ndarray or CSR array of shape (n_samples, n_classes)
            Column j is ``classes_[j]``.
        """
        return call_through(_plain(self), "predict_set", X, **params)

    @_holds("set_levels")
    def set_levels(self, X: Samples, **params: Any) -> Floats | csr_array:
        """Transform X and give the level at which each class drops out of the set.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What the first step takes.
        **params
            Keywords of the last step, such as ``sparse_output``.

        Returns
        -------
        ndarray or scipy.sparse.csr_array of shape (n_samples, n_classes)
            The set at level t is ``set_levels(X) >= t``.
        """
        return call_through(_plain(self), "set_levels", X, **params)

    @_holds("predict_top_k")
    def predict_top_k(self, X: Samples, k: int | None = None) -> Labels:
        """Transform X and predict the k first-ranked labels, in order of rank.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What the first step takes.
        k : int, optional
            Number of labels; None is the default of the last step.

        Returns
        -------
        ndarray of shape (n_samples, k)
            Labels.
        """
        return call_through(_plain(self), "predict_top_k", X, k=k)


def make_pipeline(*steps: Estimator, **kwargs: Any) -> Pipeline:
    """Make a :class:`Pipeline`, the steps named by their types in lower case.

    Parameters
    ----------
    *steps : estimators
        Transformers and, last, a set predictor.
    **kwargs : dict
        Parameters of :class:`sklearn.pipeline.Pipeline` other than ``steps``.

    Returns
    -------
    Pipeline
        Not fitted.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_setpred import TopKSetClassifier
    >>> from sklearn_setpred.pipeline import make_pipeline
    >>> pipe = make_pipeline(StandardScaler(), TopKSetClassifier(GaussianNB(), k=1))
    >>> pipe.fit([[0], [1], [5], [6]], [0, 0, 1, 1]).predict_top_k([[0], [7]], k=2)
    array([[0, 1],
           [1, 0]])
    """
    return Pipeline(sklearn.pipeline.make_pipeline(*steps).steps, **kwargs)
