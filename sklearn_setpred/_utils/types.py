"""Types of the public functions; scikit-learn, scipy and the frame libraries have none."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike as ArrayLike
else:
    # NumPy's own is a union that takes 300 characters in every signature and help text.
    ArrayLike = type("ArrayLike", (), {"__module__": "numpy.typing"})

Estimator: TypeAlias = Any
Samples: TypeAlias = Any
"""Rows: array, CSR, frame of pandas or polars, or another form that an estimator inside reads."""

Labels: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

Sets: TypeAlias = Bools | csr_array
"""Sets (n_samples, n_classes), dense or, with ``sparse_output``, CSR."""

SetsLike: TypeAlias = ArrayLike | csr_array
"""Sets as users may have them: bool, or integers 0 and 1."""

Metric: TypeAlias = Callable[..., float]
Seed: TypeAlias = int | np.random.RandomState | None
SizeCost: TypeAlias = str | Callable[[Floats], ArrayLike]
"""The cost of a set's size: "linear", "log", "singleton", or a function of sizes."""
