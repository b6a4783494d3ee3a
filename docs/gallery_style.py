"""How the gallery is ordered, and how its figures look: readable on a narrow screen too."""

import matplotlib.pyplot as plt
from picture_style import STYLE, metadata
from sphinx_gallery.scrapers import matplotlib_scraper
from sphinx_gallery.sorting import ExplicitOrder

# From the first look to questions of detail.
ORDER = [
    "plot_look_at_sets.py",
    "plot_ask_a_human.py",
    "plot_sets_smaller_same_coverage.py",
    "plot_several_coverages.py",
    "plot_coverage_promise.py",
    "plot_conditional_coverage.py",
    "plot_coverage_by_group.py",
    "plot_choose_penalty.py",
    "plot_cost_of_a_label.py",
    "plot_better_probabilities.py",
    "plot_accuracy_cardinality.py",
    "plot_noisy_labels.py",
    "plot_wrong_labels.py",
    "plot_comp_sum_orders.py",
    "plot_confused_labels.py",
    "plot_importance_of_size.py",
]


class AsTold(ExplicitOrder):
    """Sort the examples of a folder by `ORDER`."""

    def __init__(self, src_dir):
        super().__init__([*ORDER, "*"])


def save_figures(block, block_vars, gallery_conf):
    """Save the figures of a block; each file says how large the smallest text of all of them is."""
    figures = [plt.figure(number) for number in plt.get_fignums()]
    said = min(map(metadata, figures), key=lambda of_one: float(*of_one.values()), default={})
    return matplotlib_scraper(block, block_vars, gallery_conf, metadata=said)


def readable_text(gallery_conf, fname):
    """Set the style before each example; the signature is that of sphinx-gallery's resets."""
    plt.rcParams.update(STYLE)
