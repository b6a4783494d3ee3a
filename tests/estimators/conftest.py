import numpy as np
import pytest
from sklearn.datasets import make_blobs


@pytest.fixture
def iris_like(rng):
    """120 rows of 3 features in 3 classes that overlap, named by strings."""
    codes = np.arange(120) % 3
    return rng.normal(size=(120, 3)) + 2.0 * np.eye(3)[codes], np.array(["a", "b", "c"])[codes]


@pytest.fixture(scope="module")
def blobs():
    """300 rows of 5 features in 4 classes that overlap, named by strings."""
    X, y = make_blobs(300, n_features=5, centers=4, cluster_std=5.0, random_state=1)
    return X, np.array(["ant", "bee", "cat", "dog"])[y]
