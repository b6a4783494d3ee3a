"""The HTML repr links to the documentation, once its address is known."""

from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr
from tiny import ESTIMATORS

from sklearn_setpred import CardinalityAwareClassifier, TopKSetClassifier
from sklearn_setpred.estimators import _persistence


@pytest.fixture
def set_address(monkeypatch):
    """Return a function that puts addresses into the metadata of the package."""

    def set_address(*entries):
        message = Message()
        for entry in entries:
            message["Project-URL"] = entry
        monkeypatch.setattr(_persistence, "metadata", lambda name: message)

    return set_address


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_links_to_its_page(name, set_address):
    set_address("Source, https://code.example", "Documentation, https://docs.example/")
    page = f"https://docs.example/generated/sklearn_setpred.{name}.html"
    assert f'href="{page}"' in estimator_html_repr(ESTIMATORS[name])


def test_estimators_inside_keep_their_own_link(set_address):
    set_address("Documentation, https://docs.example")
    html = estimator_html_repr(make_pipeline(TopKSetClassifier(GaussianNB())))
    assert "https://docs.example/generated/sklearn_setpred.TopKSetClassifier.html" in html
    assert "modules/generated/sklearn.naive_bayes.GaussianNB.html" in html


def test_without_an_address_there_is_no_link(set_address):
    set_address("Source, https://code.example")
    assert CardinalityAwareClassifier()._get_doc_link() == ""
    assert "href" not in estimator_html_repr(CardinalityAwareClassifier())


def test_a_package_that_was_never_installed_has_no_link(monkeypatch):
    def metadata(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_persistence, "metadata", metadata)
    assert CardinalityAwareClassifier()._get_doc_link() == ""


def test_a_class_of_the_user_does_not_link_to_our_pages(set_address):
    class MyClassifier(TopKSetClassifier):
        pass

    set_address("Documentation, https://docs.example")
    assert MyClassifier()._get_doc_link() == ""
