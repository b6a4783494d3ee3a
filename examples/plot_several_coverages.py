"""
What does the next percent of coverage cost?
============================================

A fitted classifier is calibrated for any coverage in an instant. So the target can be chosen by its
price in labels, instead of by habit.
"""

# %%
# The classifiers are fitted once. Each target calibrates on the same rows, new to the classifiers.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.metrics import mean_set_size

X, y = load_digits(return_X_y=True)
X_fit, X, y_fit, y = train_test_split(X, y, train_size=300, stratify=y, random_state=0)
X_cal, X_new, y_cal, y_new = train_test_split(X, y, test_size=0.5, random_state=0)

targets = np.array([0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995])
classifiers = {
    "logistic regression": (LogisticRegression(max_iter=5000), "o-"),
    "random forest": (RandomForestClassifier(random_state=0), "s--"),
    "naive Bayes": (GaussianNB(var_smoothing=0.01), "^-."),
}

# %%
# Up to the accuracy of a classifier, one label is enough. From there each halving of the misses
# costs more labels than the last, and the order of the classifiers may change.

fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
for name, (classifier, style) in classifiers.items():
    fitted = FrozenEstimator(classifier.fit(X_fit, y_fit))
    sizes = [
        mean_set_size(
            y_new,
            CoverageSetClassifier(fitted, target_coverage=t).fit(X_cal, y_cal).predict_set(X_new),
        )
        for t in targets
    ]
    ax.plot(100 * (1 - targets), sizes, style, label=name)
ax.set(
    xscale="log",
    xlabel="Misses allowed (%)",
    ylabel="Mean set size (labels)",
    title="The last percent is the dearest",
)
ax.set_xticks([10, 5, 2, 1, 0.5], ["10", "5", "2", "1", "0.5"])
ax.minorticks_off()
ax.invert_xaxis()
ax.grid(color="0.92")
ax.legend(loc="upper left")
plt.show()
