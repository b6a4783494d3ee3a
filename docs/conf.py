"""Configuration of the documentation site: ``make docs`` builds it.

The pages are plain Markdown that also reads well on a code host; what only a site needs is added
here: the contents, a page for every public name, and links to these pages.
"""

import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.utils.discovery import all_estimators, all_functions
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
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autosummary_generate = False  # the pages of names are written below
myst_html_meta = {
    "description": "Prediction sets for scikit-learn: classifiers that predict small sets of "
    "labels, with a coverage guarantee (conformal prediction), under label noise, for many classes"
}
autodoc_default_options = {"members": True, "inherited-members": True}
# Types stand in the docstrings, in words.
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_setpred"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
# Names of methods and attributes without their class, so that they fit beside the page.
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"(demo|data_parallel)\.py",
    "capture_repr": (),
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("sklearn_setpred",),
    "reference_url": {"sklearn_setpred": None},
    "within_subsection_order": "gallery_style.AsTold",
    "image_scrapers": ("gallery_style.save_figures",),
    "reset_modules": ("matplotlib", "gallery_style.readable_text"),
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


def pages_by_module():
    """Return the pages of names, listed under their modules."""
    listed = {}
    for full_name in PAGES_OF_NAMES:
        module = full_name.rpartition(".")[0]
        listed.setdefault(module, []).append(f"generated/{full_name}")
    return listed


API = "API reference <api>"
# The pages that stand below a page, each list under its caption. They are named here and not in
# the page, which a code host would show as code.
CONTENTS = {
    "index": {
        "": ["get_started", "guide", "howto", "auto_examples/index", API, "benchmarks"],
    },
    "get_started": {"": ["choosing", "concepts", "glossary", "whats_new"]},
    "guide": {
        "Ideas": [
            "ideas/cardinality",
            "ideas/coverage",
            "ideas/costs",
            "ideas/label_noise",
            "ideas/comp_sum",
            "ideas/networks",
            "ideas/metrics",
            "ideas/search",
            "ideas/many_classes",
            "ideas/speed",
            "ideas/persistence",
        ],
        "The three papers": ["papers/cardinality_aware", "papers/ldr", "papers/comp_sum"],
        "Tables": ["losses", "sklearn_tools"],
    },
    "howto": {
        "Data": ["howto/frames", "howto/imbalance", "howto/tabular_models"],
        "Sets": ["howto/several_coverages", "howto/explain_set", "howto/importance"],
        "Training": ["own_loss", "howto/callbacks", "howto/optuna", "howto/mlflow"],
        "Use": [
            "howto/serve",
            "howto/more_than_one_machine",
            "howto/from_mapie",
            "howto/from_crepes",
            "howto/reproduce",
        ],
    },
    "api": pages_by_module(),
}
# Long tables and pages for developers, which other pages link to and the navigation leaves out.
OUTSIDE = [
    *("set_size", "strong_peers", "label_noise", "label_noise_tables", "performance"),
    *("promises_measured", "promises", "decisions"),
]
# No side bar where there is nothing to navigate to.
ALONE = ("index", "benchmarks", *OUTSIDE)
html_sidebars = {page: [] for page in ALONE}
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
    for caption, pages in CONTENTS.get(docname, {}).items():
        options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
        source[0] += "\n".join(["\n```{toctree}", *options, "", *pages, "```\n"])
    if docname in OUTSIDE:
        source[0] = f"---\norphan: true\n---\n{source[0]}"


EXAMPLE = r"\((?:\.\./)+examples/(plot_\w+|index)\.py(?:#(\d+))?\)"
# A paragraph that is a link to an example, and nothing else; its text describes the picture.
PICTURE = re.compile(r"^\[([^\]]+)\]" + EXAMPLE + r"$", re.MULTILINE)


def show_picture(match):
    """Return the first figure of an example, or the one after the #, as a link to its page."""
    text, example, number = match.groups()
    image = f"/auto_examples/images/sphx_glr_{example}_{int(number or 1):03d}.png"
    return f"[![{' '.join(text.split())}]({image})](/auto_examples/{example}.rst)"


def link_gallery(app, docname, source):
    """Let links to the examples lead to their pages in the gallery, or show their picture."""
    text = source[0].replace("GALLERY_HEADER.rst)", "index.py)")
    text = PICTURE.sub(show_picture, text)
    source[0] = re.sub(EXAMPLE, r"(/auto_examples/\1.rst)", text)


def write_mathml(self, node):
    """Write a formula as MathML, which browsers draw without a script."""
    self.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def skip_foreign(app, what, name, documented, skip, options):
    """Leave out the methods that scikit-learn defines, such as ``get_params``."""
    module = getattr(documented, "__module__", None) or ""
    return skip or module.startswith("sklearn.")


def quote_fitted_attributes(app, what, name, documented, options, lines):
    """Quote names like ``n_features_in_`` in shapes, where the underscore would make a link."""
    for i, line in enumerate(lines):
        if " of shape (" in line:
            lines[i] = re.sub(r"\b(\w+_)(?=[,)])", r"``\1``", line)


def sklearn_names():
    """Return the full names of scikit-learn's estimators and functions, by their last part."""
    found = {}
    for name, value in [*all_estimators(), *all_functions()]:
        module = value.__module__.partition("._")[0]
        if getattr(sys.modules.get(module), name, None) is value:
            found[name] = f"{module}.{name}"
    return found


def sklearn_page(full_name):
    """Return the address of a name in the documentation of scikit-learn."""
    return f"https://scikit-learn.org/stable/modules/generated/{full_name}.html"


def link_sklearn(app, env, node, contents):
    """Let references to names of scikit-learn lead to its pages, without a file to download."""
    target = node["reftarget"]
    if target not in SKLEARN_NAMES.values():
        return None
    return nodes.reference("", "", contents, refuri=sklearn_page(target), internal=False)


SKLEARN_NAMES = sklearn_names()


class LinkPublicNames(SphinxTransform):
    """Make a link of every name of ours and scikit-learn's that is code in a Markdown page."""

    default_priority = 500

    def apply(self):
        """Wrap the names into references."""
        docname = self.env.docname
        if docname.startswith("generated/"):
            return
        for code in list(self.document.findall(nodes.literal)):
            name = re.sub(r"\(.*\)$", "", code.astext())
            in_text = not isinstance(code.parent, nodes.title | nodes.reference | pending_xref)
            # `clone` and `normalize` are words and parameters as well.
            is_of_sklearn = name in SKLEARN_NAMES and ("_" in name or not name.islower())
            if in_text and is_of_sklearn and name not in FULL_NAMES:
                page = sklearn_page(SKLEARN_NAMES[name])
                code.replace_self(nodes.reference("", "", code.deepcopy(), refuri=page))
            elif in_text and name in FULL_NAMES:
                link = {"refdomain": "py", "reftype": "obj", "reftarget": FULL_NAMES[name]}
                code.replace_self(
                    pending_xref("", code.deepcopy(), **link, refexplicit=True, refdoc=docname)
                )


def setup(app):
    """Connect what is added to the pages."""
    app.add_html_math_renderer("mathml", (write_mathml, None), (write_mathml, None))
    app.connect("builder-inited", write_pages_of_names, priority=100)
    app.connect("source-read", add_contents)
    app.connect("source-read", link_gallery)
    # Before numpydoc, which reads the lines.
    app.connect("autodoc-process-docstring", quote_fitted_attributes, priority=100)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("missing-reference", link_sklearn)
    app.add_transform(LinkPublicNames)
