"""How the pictures of all pages look: their text can be read on a screen of 390 pixels.

There a picture is about 350 pixels wide, so that in a figure of `WIDTH` inches 12.5 points are 9
pixels, whatever the resolution. Each file says in its metadata how large its smallest
text is, so that `tests/test_site.py` can measure the text as it is shown.
"""

from matplotlib.text import Text

WIDTH = 6.4
STYLE = {
    "font.size": 12.5,
    "axes.titlesize": 13.5,
    "figure.figsize": (WIDTH, 4.6),
    "savefig.dpi": 110,
}
SMALLEST = "Smallest text in points"


def metadata(figure):
    """Return what the file of a figure says of its text."""
    figure.draw_without_rendering()  # ticks have their labels then
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return {SMALLEST: f"{min(map(points, texts)):.1f}"}


def points(text):
    """Return the size of a text in points; in formulas, of an exponent or index."""
    has_script = "$" in text.get_text() and any(mark in text.get_text() for mark in "^_")
    return text.get_fontsize() * (0.7 if has_script else 1)
