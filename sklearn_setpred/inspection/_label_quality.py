"""Labels that are doubted by a model that was trained without them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.model_selection import cross_val_predict
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_setpred._utils.types import ArrayLike, Estimator, Floats, Samples
from sklearn_setpred._utils.validation import check_option, label_array

_METHODS = ("probability", "neg_el2n")


def label_quality(
    estimator: Estimator,
    X: Samples,
    y: ArrayLike,
    *,
    method: str = "probability",
    groups: ArrayLike | None = None,
    cv: Any = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> Floats:
    """Return how far each label agrees with a model that was trained without its row.

    The lower, the more the label deserves a second look: ``np.argsort(quality)`` puts the labels
    that are probably wrong first.

    Parameters
    ----------
    estimator : estimator
        A classifier with ``predict_proba``, or a pipeline or a search around one; it is cloned for
        every fold.
    X : array-like of shape (n_samples, n_features)
        What ``estimator.fit`` takes.
    y : array-like of shape (n_samples,)
        The labels to judge.
    method : {"probability", "neg_el2n"}, default="probability"
        The probability p of the label [1]_, between 0 and 1; or minus the Euclidean distance of
        all probabilities from a certain label, ``-||p - e_y||`` [2]_, from -sqrt(2) to 0.
    groups : array-like of shape (n_samples,), optional
        Groups for the splitter; where metadata routing is enabled they go into ``params``.
    cv : int, splitter or iterable, optional
        As in :func:`sklearn.model_selection.cross_val_predict`; None is 5 stratified folds.
    n_jobs : int, optional
        Number of folds at work at once.
    params : dict, optional
        Parameters of ``fit`` and of the splitter.

    Returns
    -------
    ndarray of shape (n_samples,), float64

    Raises
    ------
    ValueError
        If ``method`` is unknown, ``y`` holds no class labels, or the test parts of ``cv`` do not
        partition the rows.

    See Also
    --------
    sklearn_setpred.LDRClassifier : A model that withstands the wrong labels it is to find.

    Notes
    -----
    A network that learns wrong labels cannot doubt them, so a robust one, stopped early, finds more
    of them. ``LDRClassifier(cv=None)`` trains one network for each fold. As in
    ``cross_val_predict``, ``estimator`` sees the codes 0 ... K - 1 of the labels; the only row of
    a class has the probability 0.

    References
    ----------
    .. [1] C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset
       labels", JAIR 2021, self-confidence.
    .. [2] M. Paul, S. Ganguli, G. Dziugaite, "Deep learning on a data diet: finding important
       examples early in training", NeurIPS 2021, EL2N; here out of fold.

    Examples
    --------
    The label of the third row is wrong:

    >>> import numpy as np
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_setpred.inspection import label_quality
    >>> X = [[0.0], [1.0], [0.5], [0.2], [9.0], [8.0], [8.5], [8.8]]
    >>> y = ["a", "a", "b", "a", "b", "b", "b", "b"]
    >>> int(np.argmin(label_quality(GaussianNB(var_smoothing=0.1), X, y, cv=3)))
    2
    """
    check_option("method", method, _METHODS)
    y = column_or_1d(label_array(y))
    check_classification_targets(y)
    proba = cross_val_predict(
        estimator,
        X,
        y,
        groups=groups,
        cv=cv,
        n_jobs=n_jobs,
        params=params,
        method="predict_proba",
    )
    classes, codes = np.unique(y, return_inverse=True)
    if method == "neg_el2n":
        return -np.linalg.norm(proba - np.eye(len(classes))[codes], axis=1)
    return proba[np.arange(len(y)), codes].astype(np.float64)
