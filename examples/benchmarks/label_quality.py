"""How well out-of-fold probabilities tell wrong labels from true ones.

Of 2,000 rows 30 % of the labels are made wrong; each network and order is judged by the AUROC of
wrong labels against true ones, over some draws of rows and noise::

    python examples/benchmarks/label_quality.py
    python examples/benchmarks/label_quality.py --data letter --draws 1

Prints a table in Markdown. Data are read as `data_sets.load_dataset` says. The normalised margin is
that of cleanlab (``get_label_quality_scores(method="normalized_margin")``), whose
"self_confidence" is our "probability".
"""

import argparse

import numpy as np
import pandas as pd
import torch
from label_noise import DATASETS, OF_ONE_SCALE, load_dataset, noisy_labels
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_setpred import LDRClassifier, NeuralClassifier

N_ROWS, RATE = 2000, 0.3
NETWORKS = {
    "LDRClassifier(cv=None)": lambda seed: LDRClassifier(cv=None, random_state=seed),
    "NeuralClassifier()": lambda seed: NeuralClassifier(random_state=seed),
    "LogisticRegression()": lambda seed: LogisticRegression(max_iter=1000),
}


def orders(p, codes):
    """Return what each order says of the labels, higher for labels that are probably true."""
    given = np.arange(len(codes)), codes
    others = p.copy()
    others[given] = -np.inf
    return {
        "probability": p[given],
        "minus EL2N": -np.linalg.norm(p - np.eye(p.shape[1])[codes], axis=1),
        "normalised margin": p[given] - others.max(axis=1),
    }


def lines_of(dataset, noise, draw, n_rows=N_ROWS):
    """Return the AUROC of every network and order on one draw of rows and noise."""
    data = load_dataset(dataset)
    rows = np.random.RandomState(draw).permutation(len(data.y_train))[:n_rows]
    X, y = data.X_train[rows], data.y_train[rows]
    noisy = noisy_labels(dataset, noise, RATE, y)
    _, codes = np.unique(noisy, return_inverse=True)
    scaler = FunctionTransformer() if dataset in OF_ONE_SCALE else StandardScaler()
    for name, network in NETWORKS.items():
        model = make_pipeline(scaler, network(draw))
        p = cross_val_predict(model, X, noisy, method="predict_proba")
        aurocs = {order: roc_auc_score(noisy == y, q) for order, q in orders(p, codes).items()}
        yield {"data": dataset, "noise": noise, "draw": draw, "network": name, **aurocs}


def table(lines):
    """Return the mean and the standard deviation over the draws, in Markdown."""
    groups = pd.DataFrame(lines).groupby(["data", "noise", "network"], sort=False)
    means = groups.mean().drop(columns="draw")
    spread = groups.std().drop(columns="draw").max(axis=1)
    return (
        means.assign(**{"largest deviation": spread})
        .round(3)
        .reset_index()
        .to_markdown(index=False)
    )


def main(arguments=None):
    """Run all draws and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", nargs="+", choices=DATASETS, default=["letter", "clinc150_minilm"]
    )
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    lines = [
        line
        for name in given.data
        for noise in ("uniform", "class_dependent")
        for draw in range(given.draws)
        for line in lines_of(name, noise, draw)
    ]
    print(table(lines))


if __name__ == "__main__":
    main()
