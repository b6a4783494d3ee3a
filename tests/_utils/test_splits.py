"""Splits that the user gives."""

import numpy as np
import pytest

from sklearn_setpred._utils.splits import checked_splits, name_of_cv, splits_within

FIRST, LAST = np.arange(4), np.arange(4, 6)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], "gives no split; an iterator can be read once only"),
        ([(FIRST, LAST + 1)], "the numbers 0 ... 5, got"),
        ([(FIRST, -LAST)], "the numbers 0 ... 5, got"),
        ([(FIRST, LAST / 2)], "the numbers 0 ... 5, got"),
        ([(FIRST, ["a"])], "the numbers 0 ... 5, got"),
        ([(FIRST, np.arange(3, 6))], "tests rows on a model that they train"),
        ([(FIRST, LAST), (FIRST, LAST)], "tests rows more than once"),
    ],
)
def test_splits_that_are_none_are_refused(splits, message):
    with pytest.raises(ValueError, match=f"cv, an iterable of splits, .*{message}"):
        checked_splits(splits, splits, 6)


def test_masks_and_empty_lists_are_rows_too():
    ((train, test), (_, nothing)) = checked_splits([], [(np.arange(6) < 4, LAST), (FIRST, [])], 6)
    assert [train.tolist(), test.tolist()] == [FIRST.tolist(), LAST.tolist()]
    assert nothing.dtype.kind == "i"


def test_an_error_does_not_write_out_all_rows():
    assert len(name_of_cv([(np.arange(1000), np.arange(1000))])) < 40
    assert name_of_cv(5) == "cv=5"


def test_splits_are_told_by_the_places_of_the_rows_that_are_left():
    splits = [(np.array([0, 1, 2]), np.array([3, 4])), (np.array([3, 4]), np.array([0, 1]))]
    within = splits_within(np.array([0, 3, 4]), splits, 5)
    assert [[side.tolist() for side in split] for split in within] == [[[0], [1, 2]], [[1, 2], [0]]]
    assert splits_within(np.array([3, 4]), splits, 5) == []
