"""Reading the columns of X for the built-in networks."""

import numpy as np
from sklearn.utils import check_array


def check_numbers(X):
    """Return X as a float array or CSR; raise where it holds text, NaN or infinite values."""
    return check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X")


def as_numbers(X):
    """Return X as `check_numbers` does, None where the built-in networks cannot read it."""
    try:
        return check_numbers(X)
    except (TypeError, ValueError):
        return None
