"""
Which labels are wrong?
=======================

A model that was trained without a row doubts its label if the other rows contradict it. So the
labels that deserve a second look come first, and most of what is wrong is found by looking at few.
Sets gain most of all: wrong labels among the calibration rows make every set larger.
"""

# %%
# Digits, of whose labels 15 % are replaced at random. ``label_quality`` gives for each row the
# probability of its label, by a network that never saw it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier, LDRClassifier
from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.inspection import label_quality
from sklearn_setpred.metrics import coverage_score, mean_set_size

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X / 16, y, train_size=900, random_state=0)
noisy = make_noisy_labels(y, "uniform", 0.15, random_state=0)
is_wrong = noisy != y

quality = label_quality(LDRClassifier(cv=None, random_state=0), X, noisy)
most_doubtful = np.argsort(quality)

# %%
# The sixteen most doubtful images, with the labels that they were given.

fig, axes = plt.subplots(2, 8, figsize=(6.4, 2.3), layout="constrained")
for ax, row in zip(axes.flat, most_doubtful, strict=False):
    ax.imshow(X[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"“{noisy[row]}”", color="#D55E00" if is_wrong[row] else "black")
    ax.axis("off")
fig.suptitle("Most doubtful labels")

# %%
# Somebody looks at the first labels of the list and repairs the wrong ones. We compare with looking
# at as many rows drawn at random.


def sets_after(looked_at):
    """Return coverage and mean size of sets on new rows, some labels being repaired."""
    labels = noisy.copy()
    labels[looked_at] = y[looked_at]
    model = CoverageSetClassifier(LogisticRegression(), target_coverage=0.95, random_state=0)
    y_set = model.fit(X, labels).predict_set(X_new)
    return coverage_score(y_new, y_set), mean_set_size(y_new, y_set)


numbers = [0, 50, 100, 150, 200]
orders = {
    "the most doubtful first": most_doubtful,
    "in random order": np.random.RandomState(0).permutation(len(y)),
}
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
styles = [("#0072B2", "o-"), ("#D55E00", "s--")]
for (name, order), (color, style) in zip(orders.items(), styles, strict=True):
    coverages, sizes = zip(*(sets_after(order[:n]) for n in numbers), strict=True)
    found = [int(is_wrong[order[:n]].sum()) for n in numbers]
    print(f"{name}: {found} of {is_wrong.sum()} wrong labels repaired,")
    print(f"  sizes {np.round(sizes, 2)}, coverage {np.round(coverages, 3)}")
    ax.plot(numbers, sizes, style, color=color, label=name)
ax.set(
    xlabel="Labels looked at, of 900",
    ylabel="Mean set size at a target of 95 %",
    title="Few second looks make sets small again",
)
ax.grid(color="0.92")
ax.legend()
plt.show()
