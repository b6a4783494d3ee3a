"""
Which rows get large sets?
==========================

A classifier names one digit for every picture, even where two are just as likely. A set holds as
many labels as the picture leaves open: one for most, more for those that a human would look at
twice. We ask for sets that hold the right digit in 98 of 100 pictures, and look at the largest.
"""

# %%
# Any classifier goes into ``CoverageSetClassifier``; a fifth of the training rows is set aside to
# find how much a set must hold.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier, sets_to_labels
from sklearn_setpred.inspection import SetSizeDisplay
from sklearn_setpred.metrics import coverage_score

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.4, random_state=0)

forest = RandomForestClassifier(random_state=0)
model = CoverageSetClassifier(forest, target_coverage=0.98, random_state=0).fit(X, y)
y_set = model.predict_set(X_new)
print(f"coverage {coverage_score(y_new, y_set):.3f}, first label {model.score(X_new, y_new):.3f}")

# %%
# Most sets hold one label.

display = SetSizeDisplay.from_predictions(y_new, y_set, name="98 % coverage")
display.ax_.set_title("Most pictures leave no doubt")

# %%
# The twelve largest: above each picture its set, below it the true label.

largest = np.argsort(-y_set.sum(axis=1), kind="stable")[:12]
labels = sets_to_labels(y_set[largest], model.classes_)

fig, axes = plt.subplots(3, 4, figsize=(6.4, 5.6), layout="constrained")
for ax, row, in_set in zip(axes.flat, largest, labels, strict=True):
    ax.imshow(X_new[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(", ".join(map(str, in_set)))
    ax.set(xlabel=f"is {y_new[row]}", xticks=[], yticks=[])
fig.suptitle("The twelve largest sets, and the true digits")
plt.show()

# sphinx_gallery_thumbnail_number = 2
