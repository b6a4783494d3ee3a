"""Graphs, node by node: constants, casts, models inside."""

import numpy as np
from exported import run

from sklearn_setpred.onnx._graph import Graph, tensor_info


def model_of(build):
    """Return the model whose output ``y`` is what a function of a graph names."""
    g = Graph()
    name = build(g)
    return g.model(
        [tensor_info("X", np.float64, ["n", 2])], [g.output("y", name, np.float64, [None, None])]
    )


X = np.array([[1.0, -2.0], [0.5, 3.0]])


def test_arrays_among_the_inputs_become_constants():
    model = model_of(lambda g: g("Add", "X", np.array([10.0, 20.0])))
    np.testing.assert_array_equal(run(model, X)["y"], X + np.array([10, 20]))


def test_a_node_with_several_outputs_gives_a_name_for_each():
    model = model_of(lambda g: g("Split", "X", [1, 1], n_outputs=2, axis=1)[1])
    np.testing.assert_array_equal(run(model, X)["y"], X[:, 1:])


def test_a_cast_rounds_as_the_type_does():
    model = model_of(lambda g: g.cast(g.cast("X", np.float32), np.float64))
    np.testing.assert_array_equal(run(model, X / 3)["y"], (X / 3).astype(np.float32))


def test_a_model_may_be_included_twice():
    doubled = model_of(lambda g: g("Mul", "X", np.array(2.0)))
    model = model_of(lambda g: g.include(doubled, g.include(doubled, "X", 0), 0))
    np.testing.assert_array_equal(run(model, X)["y"], 4 * X)
