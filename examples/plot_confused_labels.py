"""
Which labels are hard to tell apart?
====================================

Labels that share a set are labels that the classifier cannot tell apart. Counting how often two
digits share one gives a map of confusion that needs no wrong prediction.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, train_size=600, stratify=y, random_state=0)
base = LogisticRegression(max_iter=5000)
model = CoverageSetClassifier(base, target_coverage=0.97, calibration_size=0.4, random_state=0)
y_set = model.fit(X, y).predict_set(X_new).astype(int)

# %%
# The product of the sets with themselves counts, for each two labels, the rows whose set has both.

together = y_set.T @ y_set
np.fill_diagonal(together, 0)
pairs = np.argwhere(np.triu(together) >= np.sort(together, axis=None)[-6])
for a, b in sorted(pairs.tolist(), key=lambda pair: -together[*pair]):
    print(f"{a} and {b} share {together[a, b]} sets")

fig, ax = plt.subplots(figsize=(5.6, 5.0), layout="constrained")
shown = ax.imshow(together, cmap="Blues")
ax.set(
    xticks=range(10),
    yticks=range(10),
    xlabel="Digit",
    ylabel="Digit",
    title="How often two digits share a set",
)
fig.colorbar(shown, ax=ax, shrink=0.8, label="Number of sets")
plt.show()
