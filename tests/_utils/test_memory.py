"""Slices of rows keep to a budget in bytes."""

import numpy as np
import pytest

from sklearn_setpred._utils.memory import row_slices


@pytest.mark.parametrize(("n_rows", "bytes_per_row", "budget"), [(10, 8, 24), (9, 1, 3), (1, 5, 5)])
def test_slices_cut_the_rows_in_order_and_keep_to_the_budget(n_rows, bytes_per_row, budget):
    rows = np.arange(n_rows)
    batches = [rows[batch] for batch in row_slices(n_rows, bytes_per_row, budget)]
    np.testing.assert_array_equal(np.concatenate(batches), rows)
    assert max(map(len, batches)) * bytes_per_row <= budget
    assert {len(batch) for batch in batches[:-1]} <= {budget // bytes_per_row}


@pytest.mark.parametrize("least", [1, 4])
def test_a_batch_has_the_least_rows_whatever_they_take(least):
    sizes = [batch.stop - batch.start for batch in row_slices(8, 1000, 10, least=least)]
    assert sizes == [least] * (8 // least)


def test_no_rows_are_no_batch():
    assert row_slices(0, 8, 64) == []
