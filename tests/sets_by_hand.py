"""Sets whose metrics are computed by hand, and larger random ones."""

import numpy as np

# Hand-computed throughout: hits are rows 0, 1, 2, 5; sizes are 1, 2, 3, 1, 0, 1.
CLASSES = np.array(["a", "b", "c"])
Y_TRUE = np.array(["a", "b", "c", "a", "b", "c"])
Y_SET = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]], dtype=bool)
X = np.arange(12.0).reshape(6, 2) ** 2
STRATA = np.array(["s", "s", "t", "t", "t", "s"])
# Probabilities of the same rows.
PROBA = np.array([[6, 3, 1], [4, 5, 1], [2, 3, 5], [2, 7, 1], [8, 1, 1], [3, 3, 4]]) / 10


def random_problem(rng, n=300, K=6):
    posterior = rng.dirichlet(np.full(K, 0.5), size=n)
    y = np.array([rng.choice(K, p=p) for p in posterior])
    return posterior, y
