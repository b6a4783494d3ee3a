"""
How much smaller can sets be at the same coverage?
==================================================

Two set predictors are compared fairly at the same coverage: the one with the smaller sets says
more. Here the data are generated, so that the true probabilities, and with them the smallest sets
that any method can give, are known.
"""

# %%
# Thirty classes, in groups of five that are easily confused within, and a random forest.

import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_setpred import CardinalityAwareClassifier, CoverageSetClassifier, TopKSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.inspection import CoverageSizeDisplay, SetSizeDisplay

X, y, posterior = make_confusable_classes(4000, n_classes=30, random_state=0)
X, X_new, y, y_new, _, posterior_new = train_test_split(
    X, y, posterior, test_size=0.5, random_state=0
)

# %%
# Three ways to make sets out of the forest: always the best k labels; all labels above a
# probability (``CoverageSetClassifier`` around the forest); and the same after
# ``CardinalityAwareClassifier`` has learned, from rows that the forest did not see, to correct
# its probabilities. The last two promise a coverage of 90 %.

forest = RandomForestClassifier(random_state=0)
aware = CardinalityAwareClassifier(forest, random_state=0)
models = {
    "k best labels": TopKSetClassifier(forest, k=4),
    "probability threshold": CoverageSetClassifier(forest, target_coverage=0.9, random_state=0),
    "cardinality-aware": CoverageSetClassifier(aware, target_coverage=0.9, random_state=0),
}
for model in models.values():
    model.fit(X, y)

# %%
# Higher and further left is better: more sets hold the true label, at fewer labels per set. The
# lines are all that a method can do, the markers what was asked of it.

ax = None
for name, model in models.items():
    display = CoverageSizeDisplay.from_estimator(model, X_new, y_new, name=name, ax=ax)
    ax = display.ax_
CoverageSizeDisplay.from_predictions(
    y_new, levels=posterior_new, name="true probabilities", ax=ax, target_coverage=0.9, color="0.4"
)
ax.set(xlim=(0.9, 6), ylim=(0.6, 1.0), title="Further left at the same height: fewer labels")
ax.legend(loc="lower right")

# %%
# At the same coverage, the learned sets are the smaller ones.

ax = None
for name in ["probability threshold", "cardinality-aware"]:
    ax = SetSizeDisplay.from_estimator(models[name], X_new, y_new, name=name, ax=ax).ax_
ax.set_ylim(top=0.45)
ax.set_title("Set sizes at 90 % coverage")
plt.show()
