"""
What if some labels are wrong?
==============================

A network trained on cross-entropy learns the wrong labels too. The losses of ``LDRClassifier``
and of ``CompSumClassifier`` above order 1 ask less of a row that contradicts the others. We replace
a share of the training labels by random ones, and count on rows whose labels are right.
"""

# %%
# Networks of the same shape, trained for the same time on the same labels. Early stopping is off,
# to show the losses at work; it is the first remedy, and on by default.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_setpred import CompSumClassifier, LDRClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.inspection import TemperatureDisplay
from sklearn_setpred.metrics import top_k_accuracy_score

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, random_state=0)

network = {
    "hidden_layer_sizes": (64,),
    "max_epochs": 60,
    "early_stopping": False,
    "random_state": 0,
}
models = {
    "cross-entropy": NeuralClassifier(**network),
    "comp-sum, order 1.7": CompSumClassifier(tau=1.7, **network),
    "adaptive LDR-KL": LDRClassifier(**network),
}
levels = [0.0, 0.3, 0.6]
noisy_labels = [make_noisy_labels(y, "uniform", level, random_state=0) for level in levels]


def accuracies(model):
    """Return the top-1 and the top-2 accuracy at each level of noise."""
    scores = [model.fit(X, noisy).predict_proba(X_new) for noisy in noisy_labels]
    return [[top_k_accuracy_score(y_new, score, k=k) for score in scores] for k in (1, 2)]


# %%
# The share of new rows whose right label comes first, and whose right label is among the first
# two.

fig, axes = plt.subplots(1, 2, figsize=(8.4, 4.0), sharey=True, layout="constrained")
styles = [("#0072B2", "o-"), ("#D55E00", "s--"), ("#009E73", "^-.")]
for (name, model), (color, style) in zip(models.items(), styles, strict=True):
    for ax, accuracy in zip(axes, accuracies(model), strict=True):
        ax.plot(100 * np.array(levels), accuracy, style, color=color, label=name)
for ax, title in zip(axes, ["first label", "first two labels"], strict=True):
    ax.set(xlabel="Training labels replaced at random (%)", title=title)
    ax.grid(color="0.92")
axes[0].set_ylabel("Share of right labels on clean rows")
axes[0].legend(loc="lower left")

# %%
# The adaptive loss gives each row a temperature. It tells how undecided the model is: rows that it
# gets wrong have the higher ones. The model saw 60 % random labels.

TemperatureDisplay.from_estimator(models["adaptive LDR-KL"], X_new, y_new, name="new rows")
plt.show()
