"""Configuration of the documentation site: ``make docs`` builds it.

The pages are plain Markdown that also reads well on a code host; what only a site needs is added
here: the contents, a page for every public name, and links to these pages.
"""

import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

import sklearn_setpred

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import losses_page  # noqa: E402
import public_names  # noqa: E402
import tools_page  # noqa: E402

project = "sklearn_setpred"
copyright = "the sklearn_setpred developers"
version = release = sklearn_setpred.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
myst_heading_anchors = 3
autosummary_generate = False  # the pages of names are written below
autodoc_default_options = {"members": True, "inherited-members": True}
# Types stand in the docstrings, in words.
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_setpred {release}"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 2,
}
html_copy_source = False
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"demo\.py",
    "capture_repr": (),
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("sklearn_setpred",),
    "reference_url": {"sklearn_setpred": None},
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

# What is appended to a page from the code, so that no page that is committed can be out of date.
TABLES = {
    "api": public_names.tables,
    "losses": losses_page.tables,
    "sklearn_tools": tools_page.tables,
}
PAGES_OF_NAMES = public_names.pages()
# The pages that stand below a page. They are named here and not in the page, which a code host
# would show as code.
CONTENTS = {
    "index": ["user_guide", "auto_examples/index", "api", "losses", "benchmarks", "whats_new"],
    "user_guide": ["frames", "own_loss", "sklearn_tools", "promises", "decisions"],
    "benchmarks": ["set_size", "strong_peers", "label_noise", "performance"],
    "label_noise": ["label_noise_tables"],
    "api": [f"generated/{full_name}" for full_name in PAGES_OF_NAMES],
}
FULL_NAMES = {full_name.rpartition(".")[2]: full_name for full_name in PAGES_OF_NAMES}


def write_pages_of_names(app):
    """Write the page of every public name, and nothing else, into docs/generated."""
    folder = DOCS / "generated"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for full_name, page in PAGES_OF_NAMES.items():
        (folder / f"{full_name}.rst").write_text(page, encoding="utf-8")


def add_contents(app, docname, source):
    """Append to a page its tables, and for the navigation the list of the pages below it."""
    if docname in TABLES:
        source[0] += TABLES[docname]()
    if docname in CONTENTS:
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *CONTENTS[docname], "```\n"])


def link_gallery(app, docname, source):
    """Let links to the examples lead to their pages in the gallery, not to the scripts."""
    source[0] = re.sub(r"\(\.\./examples/(plot_\w+)\.py\)", r"(auto_examples/\1.rst)", source[0])


def skip_foreign(app, what, name, documented, skip, options):
    """Leave out the methods that scikit-learn defines, such as ``get_params``."""
    module = getattr(documented, "__module__", None) or ""
    return skip or module.startswith("sklearn.")


def quote_fitted_attributes(app, what, name, documented, options, lines):
    """Quote names like ``n_features_in_`` in shapes, where the underscore would make a link."""
    for i, line in enumerate(lines):
        if " of shape (" in line:
            lines[i] = re.sub(r"\b(\w+_)(?=[,)])", r"``\1``", line)


class LinkPublicNames(SphinxTransform):
    """Make a link of every public name that stands as code in a Markdown page."""

    default_priority = 500

    def apply(self):
        """Wrap the names into references."""
        docname = self.env.docname
        if docname.startswith("generated/"):
            return
        for code in list(self.document.findall(nodes.literal)):
            name = re.sub(r"\(.*\)$", "", code.astext())
            in_text = not isinstance(code.parent, nodes.title | nodes.reference | pending_xref)
            if in_text and name in FULL_NAMES:
                link = {"refdomain": "py", "reftype": "obj", "reftarget": FULL_NAMES[name]}
                code.replace_self(
                    pending_xref("", code.deepcopy(), **link, refexplicit=True, refdoc=docname)
                )


def setup(app):
    """Connect what is added to the pages."""
    app.connect("builder-inited", write_pages_of_names, priority=100)
    app.connect("source-read", add_contents)
    app.connect("source-read", link_gallery)
    # Before numpydoc, which reads the lines.
    app.connect("autodoc-process-docstring", quote_fitted_attributes, priority=100)
    app.connect("autodoc-skip-member", skip_foreign)
    app.add_transform(LinkPublicNames)
