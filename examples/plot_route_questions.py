"""
Who answers the customer's question?
====================================

A shop sorts questions into twelve departments. The machine may answer the questions that it is
sure about, if it is right in 95 of 100 of them. All others go to the service desk, which sees a
short list of departments instead of twelve.
"""

# %%
# Made-up questions, as an embedding would place them: four topics with three departments each,
# which are hard to tell apart. The departments differ in how often they are asked.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier
from sklearn_setpred.datasets import make_confusable_classes
from sklearn_setpred.inspection import DecisionDisplay
from sklearn_setpred.metrics import coverage_score, mean_set_size

X, department, _ = make_confusable_classes(
    8000, 12, 12, classes_per_group=3, class_sep=3.5, weights=1 / np.arange(3, 15), random_state=0
)
X, X_new, y, y_new = train_test_split(X, department, test_size=0.5, random_state=0)

model = CoverageSetClassifier(
    LogisticRegression(max_iter=1000),
    target_accuracy=0.95,  # of the answers that nobody checks
    target_coverage=0.98,  # of the lists that the service desk sees
    random_state=0,
).fit(X, y)

# %%
# `predict_decision` gives a label where the machine answers alone, and is masked elsewhere.

decision, y_set = model.predict_decision(X_new), model.predict_set(X_new)
desk = decision.mask
print(decision[:10])
print(f"the machine answers {1 - desk.mean():.0%} of the questions")
print(f"accuracy of these {(decision == y_new).mean():.3f}")
print(f"accuracy if it answered all {model.score(X_new, y_new):.3f}")
lists = {"y_set": y_set[desk], "classes": model.classes_}
print(f"the desk's lists: {mean_set_size(y_new[desk], **lists):.1f} departments")
print(f"with the right one among them {coverage_score(y_new[desk], **lists):.3f}")

# %%
# Who sees what: the questions of each department, by who answers them. Where departments are easily
# mistaken, more goes to the desk.

sizes = y_set.sum(axis=1)
parts = {
    "machine": sizes == 1,
    "desk, 2 departments": sizes == 2,
    "desk, 3 or more": sizes >= 3,
}
fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
left = np.zeros(12)
for (name, rows), color in zip(parts.items(), ["#0072B2", "#E69F00", "#D55E00"], strict=True):
    counts = np.bincount(y_new[rows], minlength=12) / np.bincount(y_new, minlength=12)
    ax.barh(np.arange(12), counts, left=left, color=color, label=name)
    left += counts
ax.set(
    xlabel="Fraction of the questions",
    ylabel="Department",
    title="The machine answers what it is shown to know",
    yticks=np.arange(12),
    xlim=(0, 1),
)
ax.invert_yaxis()
fig.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# Is a probability above 0.95 not the same? It is as good as the classifier is honest. After a
# classifier that is too sure of itself, the rule answers more and is wrong more often, and nobody
# tells. The test does not read the probability as one: it asks how often labels were right.


class TooSure(LogisticRegression):
    """Logistic regression that triples its scores."""

    def predict_proba(self, X):
        """Return p^3, renormalised."""
        p = super().predict_proba(X) ** 3
        return p / p.sum(axis=1, keepdims=True)


model = model.set_params(estimator=TooSure(max_iter=1000)).fit(X, y)
above = model.predict_proba(X_new).max(axis=1) >= 0.95
right, decision = model.predict(X_new) == y_new, model.predict_decision(X_new)
print(f"probability above 0.95: {above.mean():.0%} at {right[above].mean():.3f}")
print(f"tested: {1 - decision.mask.mean():.0%} at {(decision == y_new).mean():.3f}")

# %%
# `DecisionDisplay` draws all such points, from the surest questions on. The marked one was tested.

display = DecisionDisplay.from_estimator(model, X_new, y_new, name="too sure of itself")
display.ax_.set_title("The test finds how far one may go")
plt.show()
