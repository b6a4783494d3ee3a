"""Checks of parameters give the value back, or an error with name, value and way out."""

from fractions import Fraction

import numpy as np
import pytest

from sklearn_setpred._utils.validation import check_integer, check_k, check_number, check_option


def test_a_known_option_is_given_back():
    assert check_option("size_cost", "log", ["log", "linear"]) == "log"
    assert check_option("size_cost", "log", {"log": np.log}) == "log"


@pytest.mark.parametrize("value", ["lgo", "LOG", "loga"])
def test_an_unknown_option_is_told_the_nearest_one(value):
    hint = "did you mean 'log'? " if value != "LOG" else ""
    message = f"size_cost={value!r} is unknown; {hint}Known values: ['linear', 'log']"
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the whole message is compared
        check_option("size_cost", value, ["linear", "log"])
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [None, 3, np.log, "nothing of this kind"])
def test_what_resembles_no_option_is_told_them_all(value):
    with pytest.raises(ValueError, match=r"is unknown; Known values: \['linear', 'log'\]"):
        check_option("size_cost", value, ["linear", "log"])


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.25), np.int64(1), Fraction(1, 3)])
def test_numbers_in_a_closed_interval_are_given_back(value):
    assert check_number("threshold", value, low=0, high=1) is value


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf, -np.inf])
def test_numbers_outside_of_a_closed_interval_are_refused(value):
    with pytest.raises(ValueError, match=r"^threshold=.* is not in \[0, 1\]\.$") as caught:
        check_number("threshold", value, low=0, high=1)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_the_ends_of_an_open_interval_are_refused(value):
    with pytest.raises(ValueError, match=rf"^share={value} is not in \(0, 1\)\.$"):
        check_number("share", value, low=0, high=1, is_open=True)
    assert check_number("share", 0.5, low=0, high=1, is_open=True) == 0.5


def test_an_interval_may_lack_an_end():
    assert check_number("x", -1e300, high=0) == -1e300
    assert check_number("x", 1e300, low=0) == 1e300
    assert check_number("x", 1e300) == 1e300
    for bounds, interval in (({"low": 2}, r"\[2, inf\)"), ({"high": 0}, r"\(-inf, 0\]")):
        with pytest.raises(ValueError, match=f"x=1 is not in {interval}"):
            check_number("x", 1, **bounds)
    with pytest.raises(ValueError, match=r"x=inf is not in \(-inf, inf\)"):
        check_number("x", float("inf"))


@pytest.mark.parametrize("value", [None, "1", [1], 1j, True, np.True_, np.ones(1)])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match=f"^x=.*must be a number, got {type(value).__name__}"):
        check_number("x", value)


@pytest.mark.parametrize("value", [1, 7, np.int32(3), np.uint8(2)])
def test_integers_are_given_back(value):
    assert check_integer("batch_size", value) is value


@pytest.mark.parametrize("value", [1.0, np.float64(2), "1", None, True, np.False_])
def test_what_is_no_integer_is_a_type_error(value):
    with pytest.raises(TypeError, match=f"batch_size=.*an integer, got {type(value).__name__}"):
        check_integer("batch_size", value)


@pytest.mark.parametrize("value", [0, -1, 11])
def test_integers_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match=rf"batch_size={value} is not in \[1, 10\]"):
        check_integer("batch_size", value, high=10)


def test_no_k_means_five_or_all_classes():
    assert check_k(None, 10) == 5
    assert check_k(None, 3) == 3


def test_k_lies_between_one_and_the_number_of_classes():
    assert [check_k(k, 3) for k in (1, np.int64(2), 3)] == [1, 2, 3]
    with pytest.raises(ValueError, match="k=4 is above the number of classes, 3; lower k"):
        check_k(4, 3)
    with pytest.raises(ValueError, match="k=0"):
        check_k(0, 3)
    with pytest.raises(TypeError, match=r"k=2.0 must be an integer"):
        check_k(2.0, 3)
