"""A set predictor with temperatures, its rows and its sets."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from toy import ToySetClassifier, overlapping_blobs


class WarmToySetClassifier(ToySetClassifier):
    """Return each row a temperature, as models of adaptive losses do."""

    def temperature(self, X):
        return 2 - self.predict_proba(X).max(axis=1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = overlapping_blobs()
    names = np.array(["ant", "bee", "cat", "dog"])
    return X, names[y]


@pytest.fixture(scope="module")
def model(data):
    return make_pipeline(StandardScaler(), WarmToySetClassifier()).fit(*data)


@pytest.fixture(scope="module")
def sets(data, model):
    return model[-1].predict_set(model[:-1].transform(data[0]))
