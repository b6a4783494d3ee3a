"""Operations on the tensors that are followed become nodes; all else is constant."""

import numpy as np
import pytest
import torch
from exported import recorded, run

from sklearn_setpred.onnx._recorder import N_ROWS, Recorder

ROWS = torch.arange(8.0).reshape(4, 2)


def test_what_is_made_of_other_tensors_is_a_constant():
    weight = torch.tensor([[2.0], [3.0]])
    model = recorded(lambda x: x @ (weight + 1), ROWS)
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Identity"]
    np.testing.assert_array_equal(run(model, ROWS.numpy())["out_0"], ROWS @ (weight + 1))


@pytest.mark.parametrize("n", [1, 4, N_ROWS, 2 * N_ROWS])
def test_sizes_that_depend_on_the_rows_follow_their_number(n):
    rows = np.ones((n, 2), dtype=np.float32)
    model = recorded(lambda x: x.reshape(-1), ROWS)
    assert run(model, rows)["out_0"].shape == (2 * n,)


def test_an_operation_that_replaces_its_argument_is_followed():
    model = recorded(lambda x: (x + 0).mul_(3.0), ROWS)
    np.testing.assert_array_equal(run(model, ROWS.numpy())["out_0"], 3 * ROWS)


def test_an_operation_without_a_translation_is_named():
    recorder = Recorder(checks=False)
    told = pytest.raises(NotImplementedError, match=r"aten.median.dim of torch has no translation")
    with told, torch.no_grad(), recorder:
        recorder.follow(ROWS.clone(), "X").median(dim=1)
