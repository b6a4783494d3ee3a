"""Problems of many confusable classes whose true posterior is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.utils import check_array, check_random_state

from sklearn_setpred._utils.types import ArrayLike, Floats, Integers, Seed
from sklearn_setpred._utils.validation import check_integer, check_number


@dataclass(frozen=True, eq=False)
class GaussianClasses:
    """Classes that are Gaussian clusters with unit spherical noise, posterior known.

    Class k has prior pi_k and rows x = mu_k + N(0, I), so that by Bayes' rule::

        p(k | x) = pi_k exp(-|x - mu_k|^2 / 2) / sum_j pi_j exp(-|x - mu_j|^2 / 2)

    Parameters
    ----------
    centers : ndarray of shape (n_classes, n_features)
        The centres mu_k, in units of the noise's standard deviation.
    weights : ndarray of shape (n_classes,)
        The priors pi_k; they sum to 1.

    Examples
    --------
    Two classes at distance 2, and a row halfway between them:

    >>> import numpy as np
    >>> from sklearn_setpred.datasets import GaussianClasses
    >>> problem = GaussianClasses(np.array([[0.0], [2.0]]), np.array([0.75, 0.25]))
    >>> problem.posterior([[1.0]])
    array([[0.75, 0.25]])
    >>> X, y = problem.sample(3, random_state=0)
    >>> X.shape, y
    ((3, 1), array([0, 0, 0]))
    """

    centers: Floats
    weights: Floats

    def sample(self, n_samples: int, random_state: Seed = None) -> tuple[Floats, Integers]:
        """Draw independent rows with their classes.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same rows at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
            The rows.
        y : ndarray of shape (n_samples,), int
            Their classes, 0 ... n_classes - 1.
        """
        check_integer("n_samples", n_samples)
        random_state = check_random_state(random_state)
        n_classes, n_features = self.centers.shape
        y = random_state.choice(n_classes, size=n_samples, p=self.weights)
        X = random_state.standard_normal((n_samples, n_features))
        X += self.centers[y]
        return X, y

    def posterior(self, X: ArrayLike) -> Floats:
        """Return the true probability of every class for every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, from this problem or not.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            The probabilities p(k | x); rows sum to 1.
        """
        X = check_array(X, dtype=np.float64)
        # |x|^2 is the same for all classes and cancels: what is left is linear in x.
        offsets = np.log(self.weights) - (self.centers**2).sum(axis=1) / 2
        return softmax(X @ self.centers.T + offsets, axis=1)


def make_confusable_classes(
    n_samples: int = 1000,
    n_classes: int = 100,
    n_features: int = 10,
    *,
    classes_per_group: int = 5,
    class_sep: float = 2.0,
    group_sep: float = 8.0,
    weights: ArrayLike | None = None,
    return_problem: bool = False,
    random_state: Seed = None,
) -> tuple[Any, ...]:
    """Draw a problem of many classes in groups that are hard to tell apart within.

    Group centres are far from each other, class centres near their group's, and noise is
    spherical with unit variance: row x of class k in group g is ::

        x = m_g + d_k + N(0, I),  m_g ~ N(0, s_g^2 / (2 d) I),  d_k ~ N(0, s_c^2 / (2 d) I)

    with d features, s_g = ``group_sep`` and s_c = ``class_sep``. The true posterior comes
    with the sample, so the sets of the Bayes rule, the best that any method can do, are
    known. Two classes at distance s are confused with probability Phi(-s / 2): .16 at s = 2.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_classes : int, default=100
        Number of classes, at least 2.
    n_features : int, default=10
        Number of features d.
    classes_per_group : int, default=5
        Number of classes in a group; class k belongs to group ``k // classes_per_group``
        (the last group may be smaller).
    class_sep : float, default=2.0
        Root mean square distance of two class centres in a group, in standard deviations
        of the noise.
    group_sep : float, default=8.0
        Root mean square distance of two group centres, in standard deviations of the noise.
    weights : array-like of shape (n_classes,), default=None
        Priors of the classes, positive, up to a factor; None means equal.
    return_problem : bool, default=False
        Return the :class:`GaussianClasses` too, to draw more rows or to ask for the
        posterior of other rows.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same problem and the same rows at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
        The rows.
    y : ndarray of shape (n_samples,), int
        Their classes, 0 ... n_classes - 1.
    posterior : ndarray of shape (n_samples, n_classes), float64
        p(k | x) for every row; rows sum to 1.
    problem : GaussianClasses
        Only with ``return_problem=True``.

    Raises
    ------
    TypeError, ValueError
        For a count or a distance out of range, or for weights that are not n_classes
        positive numbers.

    Notes
    -----
    Rows are independent and classes drawn from the priors, so a class with few expected
    rows may have none.

    Examples
    --------
    Rows are independent: splitting the sample gives training and test rows of one problem.

    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_setpred.datasets import make_confusable_classes
    >>> X, y, posterior = make_confusable_classes(500, 20, random_state=0)
    >>> X_train, X_test, y_train, y_test, _, posterior_test = train_test_split(
    ...     X, y, posterior, test_size=200, random_state=0)
    >>> posterior_test.shape
    (200, 20)

    The Bayes rule's sets for a penalty of 0.1 per label:

    >>> bayes_sets = posterior_test >= 0.1
    >>> print(bayes_sets[range(200), y_test].mean(), bayes_sets.sum(axis=1).mean())
    0.905 2.725
    """
    for name, value in [("n_samples", n_samples), ("n_features", n_features)]:
        check_integer(name, value)
    check_integer("n_classes", n_classes, low=2)
    check_integer("classes_per_group", classes_per_group)
    for name, value in [("class_sep", class_sep), ("group_sep", group_sep)]:
        check_number(name, value, low=0)
    weights = _priors(weights, n_classes)

    random_state = check_random_state(random_state)
    group_of_class = np.arange(n_classes) // classes_per_group
    group_centers = _centers(group_of_class[-1] + 1, n_features, group_sep, random_state)
    class_offsets = _centers(n_classes, n_features, class_sep, random_state)
    problem = GaussianClasses(group_centers[group_of_class] + class_offsets, weights)

    X, y = problem.sample(n_samples, random_state)
    sample = X, y, problem.posterior(X)
    return (*sample, problem) if return_problem else sample


def _centers(n_centers, n_features, separation, random_state):
    """Draw centres whose squared distance is separation^2 on average, in any dimension."""
    scale = separation / np.sqrt(2 * n_features)
    return random_state.normal(scale=scale, size=(n_centers, n_features))


def _priors(weights, n_classes):
    """Return priors that sum to 1, or raise."""
    if weights is None:
        return np.full(n_classes, 1 / n_classes)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_classes,):
        raise ValueError(
            f"weights has shape {weights.shape}; pass one weight per class, n_classes={n_classes}."
        )
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("weights must be positive and finite; leave a class out by n_classes.")
    return weights / weights.sum()
