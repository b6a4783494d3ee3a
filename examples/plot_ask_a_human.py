"""
When should a machine leave the decision to a human?
====================================================

Two classes leave three sets: benign, malignant, or both. A set of both labels says that the case is
open. We look at tumours of the breast, and ask for sets that hold the truth in 98 of 100 cases.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.metrics import coverage_score, singleton_accuracy_score, singleton_score

data = load_breast_cancer()
# Two of thirty columns, so that the task is not too easy.
X, y = data.data[:, [1, 7]], data.target_names[data.target]
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, stratify=y, random_state=1)

base = make_pipeline(StandardScaler(), LogisticRegression())
model = CoverageSetClassifier(base, target_coverage=0.98, calibration_size=0.5, random_state=0).fit(
    X, y
)
y_set = model.predict_set(X_new)

# %%
# Where the machine decides alone, it is right more often than when it has to decide everything.

print(f"accuracy if it decides all: {model.score(X_new, y_new):.3f}")
print(f"decides alone: {singleton_score(y_new, y_set):.2f} of the cases")
print(f"accuracy of these: {singleton_accuracy_score(y_new, y_set):.3f}")
print(f"coverage: {coverage_score(y_new, y_set):.3f}")

# %%
# The open cases lie along the border between the classes.

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
is_open = y_set.all(axis=1)
for name, color, marker in [("malignant", "#D55E00", "s"), ("benign", "#0072B2", "o")]:
    rows = ~is_open & (model.predict(X_new) == name)
    ax.scatter(*X_new[rows].T, s=22, c=color, marker=marker, label=f"decided: {name}")
ax.scatter(*X_new[is_open].T, s=34, c="white", edgecolors="0.3", label="left to a human")
missed = ~y_set[np.arange(len(y_new)), np.searchsorted(model.classes_, y_new)]
ax.scatter(*X_new[missed].T, s=90, marker="x", c="black", label="wrong")
ax.set(
    xlabel=data.feature_names[1],
    ylabel=data.feature_names[7],
    title="Open cases lie between the classes",
)
ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)
plt.show()
