"""
Which penalty for the size?
===========================

``CardinalityAwareClassifier`` weighs the size of a set against the chance that it misses:
``1[y not in S] + size_penalty * |S|``. If you do not know what an extra label costs, let a search
find the penalty: the smallest sets among those with enough coverage.
"""

# %%
# ``set_report`` measures coverage and mean size from one ``predict_set`` call,
# ``smallest_set_at`` makes the choice.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.naive_bayes import GaussianNB

from sklearn_setpred import CardinalityAwareClassifier, set_report, smallest_set_at
from sklearn_setpred.inspection import CoverageSizeDisplay

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, train_size=600, random_state=0)

# Few folds and small networks, for the sake of speed.
model = CardinalityAwareClassifier(GaussianNB(), cv=3, max_epochs=10, random_state=0)
penalties = [0.003, 0.01, 0.03, 0.1, 0.3]
search = GridSearchCV(
    model,
    {"size_penalty": penalties},
    scoring=set_report(),
    refit=smallest_set_at(coverage=0.95),
    cv=3,
).fit(X, y)
print(search.best_params_)

# %%
# Each candidate with its standard deviation over the folds. The search takes the leftmost one
# above the line.

results = search.cv_results_
fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
size, coverage = -results["mean_test_neg_mean_set_size"], results["mean_test_coverage"]
ax.errorbar(
    size,
    coverage,
    xerr=results["std_test_neg_mean_set_size"],
    yerr=results["std_test_coverage"],
    fmt="o",
    color="#0072B2",
    label="candidates, by size_penalty",
)
chosen = search.best_index_
ax.plot(size[chosen], coverage[chosen], "o", ms=14, mfc="none", color="#D55E00", label="chosen")
for penalty, x, height in zip(penalties, size, coverage, strict=True):
    ax.annotate(f"{penalty}", (x, height), xytext=(9, -15), textcoords="offset points")
ax.axhline(0.95, color="0.4", linestyle=":", label="target coverage")
ax.set(
    xlabel="Mean set size (labels)",
    ylabel="Coverage",
    title="The leftmost candidate above the line is chosen",
)
ax.grid(color="0.92")
ax.legend(loc="lower right")

# %%
# One fit serves every penalty, so the fitted model can show the whole path on new rows, and take
# another penalty in ``predict_set`` without a new fit.

for penalty in (0.01, 0.1):
    y_set = search.best_estimator_.predict_set(X_new, size_penalty=penalty)
    print(f"size_penalty={penalty}: {y_set.sum(axis=1).mean():.2f} labels")
display = CoverageSizeDisplay.from_estimator(
    search, X_new, y_new, name="new rows", target_coverage=0.95
)
display.ax_.set_title("All penalties of the fitted model")
plt.show()
