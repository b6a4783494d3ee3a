"""
What does the order of a comp-sum loss do?
==========================================

``CompSumClassifier(tau=...)`` leads from losses that insist on every row to losses that let go of a
row whose label looks wrong. The loss itself shows it, and so do digits with wrong labels.
"""

# %%
# The loss depends on the probability p of the given label alone. The weight of a row in the
# gradient is p to the power tau - 1: above order 1, a label that looks impossible hardly counts.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_setpred import CompSumClassifier
from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.losses import CompSum

p = np.linspace(0.02, 0.999, 200)
scores = torch.log(torch.tensor(np.column_stack([p, 1 - p])))
label = torch.zeros(len(p), dtype=torch.long)
styles = {0.5: ":", 1.0: "-", 1.5: "--", 2.0: "-."}

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.8), layout="constrained")
for tau, style in styles.items():
    axes[0].plot(p, CompSum(tau=tau)(scores, label), style, label=f"order {tau:g}")
    axes[1].plot(p, p ** (tau - 1), style)
axes[0].set(ylabel="Loss", ylim=(0, 5), title="Loss of a row")
axes[1].set(ylabel="Weight in the gradient", ylim=(0, 4), title="Pull of a row")
for ax in axes:
    ax.set_xlabel("Probability of the given label")
    ax.grid(color="0.92")
axes[0].legend()

# %%
# Digits with 0 % and 50 % of the training labels redrawn at random, early stopping off to show the
# loss alone at work, two seeds. With right labels the order hardly matters; with wrong ones
# orders between 1 and 2 keep what cross-entropy, order 1, loses.

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, random_state=0)
orders = [0.5, 1.0, 1.5, 1.75]


def accuracy(tau, level, seed):
    """Return the accuracy on clean rows after training with a fraction of wrong labels."""
    noisy = make_noisy_labels(y, "uniform", level, random_state=seed)
    model = CompSumClassifier(
        tau, hidden_layer_sizes=(64,), max_epochs=30, validation_fraction=None, random_state=seed
    )
    return model.fit(X, noisy).score(X_new, y_new)


fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for level, style in [(0.0, "o-"), (0.5, "s--")]:
    found = np.array([[accuracy(tau, level, seed) for seed in range(2)] for tau in orders])
    ax.errorbar(orders, found.mean(1), found.std(1), fmt=style, label=f"{level:.0%} wrong labels")
ax.set(
    xlabel="Order of the loss",
    ylabel="Accuracy on clean rows",
    title="Higher orders let go of wrong labels",
)
ax.grid(color="0.92")
ax.legend(loc="center left")
plt.show()
