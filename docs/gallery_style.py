"""How the figures of the gallery look, so that their text can be read on a narrow screen too."""

import matplotlib.pyplot as plt

STYLE = {"font.size": 12, "axes.titlesize": 13, "legend.fontsize": 11, "savefig.dpi": 110}


def readable_text(gallery_conf, fname):
    """Set the style before each example; the signature is that of sphinx-gallery's resets."""
    plt.rcParams.update(STYLE)
