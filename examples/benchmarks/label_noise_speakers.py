"""Wrong labels where the test rows are of other groups than the training rows: vowels by speaker.

All 528 training rows of vowel, the test rows of other speakers; `LDRClassifier` with folds as they
come and with folds by speaker, beside scikit-learn's classifiers on standardized columns::

    python examples/benchmarks/label_noise_speakers.py

Prints top-1 accuracy on clean test labels, in Markdown: the mean over seeds and, last, the largest
standard deviation over seeds. The file vowel.npz has the speakers; OpenML's copy has not.
"""

import argparse

import pandas as pd
import torch
from label_noise import SOME_NOISES, load_dataset, noisy_labels
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import LDRClassifier


def ldr(data, y, seed):
    """Return `LDRClassifier`, fitted."""
    return LDRClassifier(random_state=seed).fit(data.X_train, y)


def ldr_by_speaker(data, y, seed):
    """Return `LDRClassifier` whose folds keep the rows of a speaker together, fitted."""
    return LDRClassifier(random_state=seed).fit(data.X_train, y, groups=data.speaker_train)


def mlp(data, y, seed):
    """Return scikit-learn's network, fitted."""
    network = MLPClassifier(max_iter=1000, random_state=seed)
    return make_pipeline(StandardScaler(), network).fit(data.X_train, y)


def logistic(data, y, seed):
    """Return logistic regression, fitted."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(data.X_train, y)


METHODS = {
    "LDRClassifier()": ldr,
    "LDRClassifier(), folds by speaker": ldr_by_speaker,
    "MLPClassifier()": mlp,
    "LogisticRegression()": logistic,
}


def table(data, seeds):
    """Return the accuracy of each method under each noise, in Markdown."""
    lines = []
    for noise, level in SOME_NOISES:
        y = noisy_labels("vowel", noise, level, data.y_train)
        for seed in range(seeds):
            for name, fit in METHODS.items():
                accuracy = fit(data, y, seed).score(data.X_test, data.y_test)
                lines.append({"method": name, "labels": f"{noise} {level}", "accuracy": accuracy})
    groups = pd.DataFrame(lines).groupby(["method", "labels"], sort=False)["accuracy"]
    spread = groups.std().unstack().max(axis=1)
    means = groups.mean().unstack(sort=False).assign(**{"largest deviation": spread})
    return means.round(3).to_markdown()


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(table(load_dataset("vowel"), given.seeds))


if __name__ == "__main__":
    main()
