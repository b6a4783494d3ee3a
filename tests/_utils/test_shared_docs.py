"""Names alone in a docstring become the full entries of shared parameters and attributes."""

import inspect
import subprocess
import sys

import pytest
from numpydoc.docscrape import FunctionDoc

from sklearn_setpred._utils.shared_docs import ATTRIBUTES, PARAMETERS, fill_docstring


@fill_docstring
class Network:
    """Do something with rows.

    Parameters
    ----------
    tau : float, default=1.0
        A parameter of its own.
    hidden_layer_sizes, module
    learning_rate
    max_epochs : int, default=7
        Written out here.

    Attributes
    ----------
    classes_, loss_
    tau_ : float
        An attribute of its own.

    Notes
    -----
    module
    """

    def __init__(
        self,
        tau=1.0,
        hidden_layer_sizes=(64,),
        module="resnet",
        learning_rate=0.5,
        max_epochs=7,
    ):
        pass


@pytest.fixture(scope="module")
def documentation():
    return FunctionDoc(Network, doc=inspect.getdoc(Network))


def test_every_parameter_has_an_entry_in_the_order_of_the_call(documentation):
    names = [entry.name for entry in documentation["Parameters"]]
    assert names == [*inspect.signature(Network).parameters]
    assert all(entry.desc for entry in documentation["Parameters"])


def test_defaults_are_those_of_the_class(documentation):
    types = {entry.name: entry.type for entry in documentation["Parameters"]}
    assert types["hidden_layer_sizes"] == "int or tuple of int or None, default=(64,)"
    assert types["module"].endswith('default="resnet"')
    assert types["learning_rate"] == "float or None, default=0.5"


def test_entries_that_are_written_out_stay(documentation):
    texts = {entry.name: entry.desc for entry in documentation["Parameters"]}
    assert texts["tau"] == ["A parameter of its own."]
    assert texts["max_epochs"] == ["Written out here."]


def test_attributes_are_filled_and_other_sections_are_not(documentation):
    attributes = {entry.name: entry.type for entry in documentation["Attributes"]}
    assert attributes == {
        "classes_": "ndarray of shape (n_classes,)",
        "loss_": "Loss",
        "tau_": "float",
    }
    assert documentation["Notes"] == ["module"]


def test_a_name_without_a_text_is_an_error():
    class Unknown:
        """Do nothing.

        Parameters
        ----------
        nothing
        """

    with pytest.raises(KeyError, match="nothing"):
        fill_docstring(Unknown)


@pytest.mark.parametrize("texts", [PARAMETERS, ATTRIBUTES])
def test_shared_texts_are_sentences(texts):
    entries = FunctionDoc(None, doc=f"Do.\n\nParameters\n----------{texts}")["Parameters"]
    for entry in entries:
        assert entry.type
        assert entry.desc[-1].endswith(".")


def test_without_docstrings_a_class_stays_as_it_is():
    code = (
        "from sklearn_setpred._utils.shared_docs import fill_docstring\n"
        "@fill_docstring\nclass A:\n    'Do.'\nassert True\nprint(A.__doc__)"
    )
    run = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("None\n", "")
