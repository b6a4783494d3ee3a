"""
What is a set worth if labels cost money?
=========================================

A reader checks the labels of each set at one minute per label. If the true label is missing, the
case comes back and costs an hour. How many labels should a set hold?
"""

# %%
# In units of a miss, a label costs 1 / 60. With the true probabilities the best rule keeps the
# labels whose probability is above that price.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_setpred import (
    CardinalityAwareClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
)
from sklearn_setpred.metrics import cardinality_aware_loss

PRICE = 1 / 60

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, train_size=300, stratify=y, random_state=0)
forest = RandomForestClassifier(random_state=0)


def minutes(y_set):
    """Return the mean minutes per case."""
    return 60 * cardinality_aware_loss(y_new, y_set, size_penalty=PRICE)


# %%
# Always the same number of labels: few let many cases come back, many are read in vain.

top_k = TopKSetClassifier(forest).fit(X, y)
costs = {f"always {k}": minutes(top_k.predict_set(X_new, k=k)) for k in range(1, 6)}

# %%
# As many labels as the price allows. The forest spreads its probabilities too widely, so that its
# sets are too large; corrected probabilities make the rule pay.
# Few folds and short training, for the sake of speed.

rules = {
    "by price": ThresholdSetClassifier(forest, threshold=PRICE),
    "by price,\ncorrected": CardinalityAwareClassifier(
        forest,
        size_penalty=PRICE,
        cv=3,
        max_epochs=10,
        random_state=0,
    ),
}
for name, rule in rules.items():
    costs[name] = minutes(rule.fit(X, y).predict_set(X_new))

# %%
# Sets of the right size cost less than the best fixed number of labels.

fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
colors = ["#D55E00"] * 5 + ["#E69F00", "#0072B2"]
bars = ax.barh(list(costs), list(costs.values()), color=colors)
ax.bar_label(bars, fmt="%.1f", padding=3)
ax.set(xlabel="Minutes per case", title="Sets by the price of a label, with right probabilities")
ax.invert_yaxis()
ax.margins(x=0.12)
plt.show()
