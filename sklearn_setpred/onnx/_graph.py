"""ONNX graphs, node by node."""

import numpy as np
from onnx import compose, helper, numpy_helper

OPSET = 20
_IR_VERSION = 10  # as old as the opset, so that runtimes of its time read the file


class Graph:
    """A graph under construction; calling it adds a node and gives the names of its outputs."""

    def __init__(self):
        self.nodes, self.constants = [], []
        self.opsets = {"": OPSET}
        self._n_names = 0

    def __call__(self, op, *inputs, n_outputs=1, **attributes):
        """Add a node; arrays among the inputs become constants."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        outputs = [self._new_name(op) for _ in range(n_outputs)]
        self.nodes.append(helper.make_node(op, names, outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def constant(self, array):
        """Add a constant and return its name."""
        name = self._new_name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def cast(self, name, dtype):
        """Return the name of a value as another type."""
        return self("Cast", name, to=_onnx_type(dtype))

    def include(self, model, x, output):
        """Add a model of one input, here x, and return the name of one of its outputs."""
        model = compose.add_prefix(model, self._new_name("inner") + "_")
        self._rename(x, model.graph.input[0].name)
        self.nodes.extend(model.graph.node)
        self.constants.extend(model.graph.initializer)
        for opset in model.opset_import:
            self.opsets[opset.domain] = max(opset.version, self.opsets.get(opset.domain, 1))
        return model.graph.output[output].name

    def output(self, name, value, dtype, shape):
        """Return a value of the graph as an output of that name, a ValueInfoProto."""
        self._rename(value, name)
        return tensor_info(name, dtype, shape)

    def model(self, inputs, outputs):
        """Return the model with these inputs and outputs, both lists of ValueInfoProto."""
        graph = helper.make_graph(self.nodes, "sklearn_setpred", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid(*pair) for pair in self.opsets.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _new_name(self, stem):
        """Return a name that no other value of the graph has."""
        self._n_names += 1
        return f"{stem}_{self._n_names}"

    def _rename(self, value, name):
        """Rename a value."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))


def tensor_info(name, dtype, shape):
    """Return the description of a tensor, a ValueInfoProto."""
    return helper.make_tensor_value_info(name, _onnx_type(dtype), shape)


def _onnx_type(dtype):
    """Return ONNX's number for a type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
