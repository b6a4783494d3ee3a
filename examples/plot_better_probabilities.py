"""
Are the probabilities right, and can they be mended?
====================================================

Sets are made from probabilities. Naive Bayes is known for extreme ones: it says 99.9 % and is right
in 85 of 100 cases. ``CardinalityAwareClassifier`` corrects them before it chooses sizes.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CardinalityAwareClassifier, ThresholdSetClassifier
from sklearn_setpred.metrics import coverage_score, mean_set_size

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, train_size=600, stratify=y, random_state=0)
base = GaussianNB(var_smoothing=0.01)
models = {
    "naive Bayes": ThresholdSetClassifier(base, threshold=0.05),
    # Few folds and short training, for the sake of speed.
    "corrected": CardinalityAwareClassifier(
        base, size_penalty=0.05, cv=3, max_epochs=10, random_state=0
    ),
}

# %%
# All labels of all rows, in groups of like probability: how often each was the true one.

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
edges = np.array([0, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1])
ax.plot([0, 1], [0, 1], ":", color="0.4", label="right probabilities")
for (name, model), style in zip(models.items(), ["s--", "o-"], strict=True):
    proba = model.fit(X, y).predict_proba(X_new)
    is_true = model.classes_ == y_new[:, None]
    group = np.digitize(proba.ravel(), edges[1:-1])
    counts = np.bincount(group)
    said = np.bincount(group, proba.ravel()) / counts
    ax.plot(said, np.bincount(group, is_true.ravel()) / counts, style, label=name)
    y_set = model.predict_set(X_new)
    print(
        f"{name}: log-loss {log_loss(y_new, proba):.2f}, the price 0.05 gives "
        f"coverage {coverage_score(y_new, y_set):.3f} with {mean_set_size(y_new, y_set):.2f} labels"
    )
ax.set(
    xlabel="Probability given to a label",
    ylabel="Fraction of these labels that are true",
    title="Corrected probabilities mean what they say",
)
ax.grid(color="0.92")
ax.legend(loc="upper left")
plt.show()
