"""
Does every group of rows get the coverage that was promised?
============================================================

A promise on average may be kept by one group of rows at the expense of another. Here half of the
pictures come from a bad scanner; ``conditional="strata"`` gives each scanner a level of its own.
"""

# %%
# The bad scanner adds noise. The classifier sees all pictures and is not told the scanner.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.inspection import ConditionalCoverageDisplay
from sklearn_setpred.metrics import mean_set_size

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
scanner = rng.choice(["good", "bad"], len(y))
X += np.where(scanner == "bad", 5.0, 0.0)[:, None] * rng.normal(size=X.shape)
X, X_new, y, y_new, scanner, scanner_new = train_test_split(
    X, y, scanner, test_size=0.5, random_state=0
)

# %%
# The same classifier and the same calibration rows, with one level for all and one for each.

forest = RandomForestClassifier(random_state=0)
options = {"target_coverage": 0.95, "calibration_size": 0.4, "random_state": 0}
on_average = CoverageSetClassifier(forest, **options).fit(X, y)
by_group = CoverageSetClassifier(forest, conditional="strata", **options)
by_group.fit(X, y, strata=scanner)
sets = {
    "one level": on_average.predict_set(X_new),
    "a level each": by_group.predict_set(X_new, strata=scanner_new),
}

# %%
# Points are coverages, bars 95 % intervals. With one level the pictures of the good scanner are
# covered more often than promised, those of the bad one less. A level each mends it: the sets
# become smaller for the good scanner and larger for the bad one.

ax = None
for name, y_set in sets.items():
    sizes = {
        which: round(mean_set_size(y_new[rows], y_set[rows], classes=by_group.classes_), 2)
        for which in ("good", "bad")
        for rows in [scanner_new == which]
    }
    print(f"{name}: labels per set {sizes}")
    display = ConditionalCoverageDisplay.from_predictions(
        y_new, y_set, by="strata", strata=scanner_new, name=name, ax=ax, target_coverage=0.95
    )
    ax = display.ax_
ax.set_ylabel("Scanner")
ax.figure.suptitle("A level for each scanner keeps the promise to both")
plt.show()
