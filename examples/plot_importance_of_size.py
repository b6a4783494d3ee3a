"""
Which pixels keep the sets small?
=================================

``permutation_importance`` of scikit-learn with a scorer of sets: shuffle one pixel among the rows,
and see how much larger the sets become. Where they grow most, the pixel tells digits apart.
"""

# %%

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from sklearn_setpred import CoverageSetClassifier, get_set_scorer

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, random_state=0)
model = CoverageSetClassifier(
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1), target_coverage=0.99, random_state=0
).fit(X, y)


def importance(name):
    """Return the loss of a score by shuffling each pixel, as a picture."""
    found = permutation_importance(
        model, X_new, y_new, scoring=get_set_scorer(name), n_repeats=3, random_state=0
    )
    return found.importances_mean.reshape(8, 8)


# %%
# A few pixels inside the strokes and loops keep the sets small; the rim tells nothing. Some of them
# carry the coverage too: shuffled rows are not like the rows that calibrated.

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.8), layout="constrained")
axes[0].imshow(X.mean(axis=0).reshape(8, 8), cmap="gray_r")
axes[0].set_title("Mean digit")
for ax, (name, title) in zip(
    axes[1:],
    [("neg_mean_set_size", "Labels added"), ("coverage", "Coverage lost")],
    strict=True,
):
    shown = ax.imshow(importance(name), cmap="viridis")
    ax.set_title(title)
    fig.colorbar(shown, ax=ax, shrink=0.7)
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()

# sphinx_gallery_thumbnail_number = 1
