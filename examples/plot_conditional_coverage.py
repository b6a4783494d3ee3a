"""
Does every class get the coverage that was promised?
====================================================

A coverage of 90 % is a promise on average: easy classes may have more, hard ones less. Where each
class must reach it, ``conditional="class"`` finds one level per class, for somewhat larger
sets.
"""

# %%
# Ten classes, five of them well apart and five easily confused.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.datasets import GaussianClasses
from sklearn_setpred.inspection import ConditionalCoverageDisplay, SetSizeDisplay
from sklearn_setpred.metrics import coverage_gap, coverage_score, mean_set_size

angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
radius = np.repeat([8.0, 1.5], 5)[:, None]
centers = radius * np.column_stack([np.cos(angle), np.sin(angle)])
X, y = GaussianClasses(centers, np.full(10, 0.1)).sample(8000, random_state=0)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# The same classifier and the same calibration rows, with one level for all and one per class.

sets = {}
for name, conditional in [("on average", None), ("for each class", "class")]:
    model = CoverageSetClassifier(
        LogisticRegression(max_iter=1000),
        target_coverage=0.9,
        conditional=conditional,
        random_state=0,
    ).fit(X, y)
    sets[name] = model.predict_set(X_new)
    print(
        f"{name}: coverage {coverage_score(y_new, sets[name]):.3f}, "
        f"mean distance of the classes from 0.9: "
        f"{coverage_gap(y_new, sets[name], target_coverage=0.9):.3f}, "
        f"mean size {mean_set_size(y_new, sets[name]):.2f}"
    )

# %%
# Bars are 95 % intervals: what they reach may be chance. The first five classes stay above 90 %
# either way, because their first label alone covers more.

ax = None
for name, y_set in sets.items():
    ax = ConditionalCoverageDisplay.from_predictions(
        y_new, y_set, name=name, ax=ax, target_coverage=0.9
    ).ax_
ax.figure.suptitle("A level for each class brings all to the target")

# %%
# What it costs.

ax = None
for name, y_set in sets.items():
    ax = SetSizeDisplay.from_predictions(y_new, y_set, name=name, ax=ax).ax_
ax.set_title("The sets become somewhat larger")
plt.show()
