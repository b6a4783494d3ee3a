"""Rows in CSR form: an epoch's time against non-zeros and columns, and its memory."""

import numpy as np
import scipy.sparse as sp
from speed_report import Figure, exponent, in_new_process, interleaved, median, ratio, say
from speed_training import epoch_seconds

from sklearn_setpred import NeuralClassifier

# The training rows of news20_tfidf: 11,000 texts, 19,432 words, 0.4 % of the cells filled.
N_SAMPLES, N_FEATURES, N_CLASSES, PER_ROW = 11_000, 19_432, 20, 78
HIDDEN, BATCH = 64, 256


def texts(n=N_SAMPLES, n_features=N_FEATURES, per_row=PER_ROW):
    """Return random CSR rows, float32, with so many entries each, and labels."""
    rng = np.random.default_rng(0)
    indices = rng.integers(n_features, size=n * per_row).astype(np.int32)
    values = rng.random(n * per_row, dtype=np.float32)
    X = sp.csr_array((values, indices, np.arange(0, n * per_row + 1, per_row)), (n, n_features))
    X.sum_duplicates()
    return X, rng.integers(N_CLASSES, size=n)


def fitted(data, epochs):
    """Fit for a number of epochs."""
    model = NeuralClassifier(
        hidden_layer_sizes=(HIDDEN,),
        batch_size=BATCH,
        max_epochs=epochs,
        validation_fraction=None,
        device="cpu",
        random_state=0,
    )
    return model.fit(*data)


CASES = {
    "as news20": {},
    "non-zeros x 2": {"per_row": 2 * PER_ROW},
    "non-zeros x 4": {"per_row": 4 * PER_ROW},
    "columns x 2": {"n_features": 2 * N_FEATURES},
    "columns x 4": {"n_features": 4 * N_FEATURES},
}


def figures(repeats=5):
    """Return the lines of this section."""
    data = {name: texts(**case) for name, case in CASES.items()}
    functions = {
        name: lambda epochs, rows=rows: fitted(rows, epochs) for name, rows in data.items()
    }
    seconds = interleaved(functions, repeats, lambda fit: epoch_seconds(fit, 2))
    base, *others = CASES
    predicted = {"non-zeros x 2": 2, "non-zeros x 4": 4, "columns x 2": 1, "columns x 4": 1}
    lines = [median(f"epoch, {name}", seconds[name]) for name in CASES]
    lines += [
        ratio(f"epoch, {n} / {base}", seconds, n, base, predicted=predicted[n]) for n in others
    ]
    return [*lines, *exponents(seconds), memory()]


def exponents(seconds):
    """Return the exponents of the time in the non-zeros and in the columns."""
    times = {name: np.median(values) for name, values in seconds.items()}
    return [
        Figure(
            f"exponent of an epoch in the {what}",
            "exponent",
            exponent(
                [1, 2, 4], [times[name] for name in ("as news20", f"{what} x 2", f"{what} x 4")]
            ),
            predicted,
            target,
        )
        for what, predicted, target in (("non-zeros", 1.0, "<= 1.1"), ("columns", 0.0, "<= 0.1"))
    ]


def texts_when_loaded():
    """Return the rows, after a fit of few, so that all is loaded."""
    fitted(texts(512, 100, 5), 1)
    return texts()


def one_epoch(data):
    """Fit for one epoch and give the MB of the rows."""
    fitted(data, 1)
    X = data[0]
    return (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / 1e6


def memory():
    """Return the memory of a fit over that of the rows given to it."""
    say("  memory")
    found = in_new_process(texts_when_loaded, one_epoch)
    dense = 4e-6 * N_SAMPLES * N_FEATURES
    note = f"the rows take {found.result:.0f} MB, as an array {dense:.0f} MB"
    return Figure("memory of a fit over the rows", "MB", found.megabytes, 40, note=note)
