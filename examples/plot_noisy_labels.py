"""
What if some labels are wrong?
==============================

A network trained on cross-entropy learns the wrong labels too. ``LDRClassifier`` asks less of a row
that contradicts the others, and averages five networks. We replace a fraction of the training
labels by random ones, and count on rows whose labels are right.
"""

# %%
# Four classifiers as they come, on the same 450 rows, with two draws of the wrong labels. The three
# of this package keep their best epoch; ``MLPClassifier`` stops early only if it is told to.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sklearn_setpred import CompSumClassifier, LDRClassifier, NeuralClassifier
from sklearn_setpred.datasets import make_noisy_labels
from sklearn_setpred.inspection import TemperatureDisplay

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, train_size=450, random_state=0)

models = {
    "LDRClassifier()": LDRClassifier(random_state=0),
    "CompSumClassifier(tau=1.5)": CompSumClassifier(tau=1.5, random_state=0),
    "NeuralClassifier()": NeuralClassifier(random_state=0),
    "MLPClassifier()": MLPClassifier(max_iter=1000, random_state=0),
}
levels = [0.0, 0.3, 0.6]


def accuracy(model, level):
    """Return the mean accuracy on clean rows after training with a fraction of wrong labels."""
    seeds = (0, 1) if level else (0,)
    draws = [make_noisy_labels(y, "uniform", level, random_state=seed) for seed in seeds]
    return np.mean([model.fit(X, noisy).score(X_new, y_new) for noisy in draws])


# %%
# The more labels are wrong, the more the loss and the mean of several networks bring.

fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
styles = [("#0072B2", "o-"), ("#009E73", "^-."), ("#D55E00", "s--"), ("#CC79A7", "D:")]
for (name, model), (color, style) in zip(models.items(), styles, strict=True):
    found = [accuracy(model, level) for level in levels]
    print(name, np.round(found, 3))
    ax.plot(100 * np.array(levels), found, style, color=color, label=name)
ax.set(
    xlabel="Training labels replaced at random (%)",
    ylabel="Accuracy on clean rows",
    title="Wrong labels cost LDRClassifier the least",
)
ax.grid(color="0.92")
ax.legend(loc="lower left")

# %%
# Its loss gives each row a temperature, which tells how undecided the model is: rows that it gets
# wrong have the higher ones. The model saw 60 % random labels.

display = TemperatureDisplay.from_estimator(
    models["LDRClassifier()"], X_new, y_new, name="new rows"
)
display.ax_.set_title("Wrong predictions have high temperatures")
plt.show()
