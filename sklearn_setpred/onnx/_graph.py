"""ONNX graphs, node by node, and the pieces that all estimators share."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
_IR_VERSION = 10  # as old as the opset, so that runtimes of its time read the file
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "gelu": "Gelu"}


class Graph:
    """A graph under construction; calling it adds a node and gives the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []
        self.opsets = {"": OPSET}
        self._n_names = 0

    def __call__(self, op, *inputs, n_outputs=1, **attributes):
        """Add a node; arrays among the inputs become constants. Give its last output."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        outputs = [self.new_name(op) for _ in range(n_outputs)]
        self.nodes.append(helper.make_node(op, names, outputs, **attributes))
        return outputs[-1]

    def constant(self, array):
        """Add a constant and give its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(array), self.new_name("constant")))
        return self.constants[-1].name

    def new_name(self, stem):
        """Return a name that no other value of the graph has."""
        self._n_names += 1
        return f"{stem}_{self._n_names}"

    def output(self, name, value, data_type, shape):
        """Return a value of the graph as an output of that name, a ValueInfoProto."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        return helper.make_tensor_value_info(name, data_type, shape)

    def model(self, inputs, outputs):
        """Return the model with these inputs and outputs, both lists of ValueInfoProto."""
        graph = helper.make_graph(self.nodes, "sklearn_setpred", inputs, outputs, self.constants)
        opsets = [
            helper.make_opsetid(*domain_and_version) for domain_and_version in self.opsets.items()
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def softmax(g, scores):
    """Return softmax over the classes."""
    return g("Softmax", scores, axis=1)


def log_softmax(g, scores):
    """Return log-softmax over the classes."""
    return g("LogSoftmax", scores, axis=1)


def row_sum(g, values):
    """Return the sums of the rows, (n, 1)."""
    return g("ReduceSum", values, [1], keepdims=1)


def sorted_rows(g, values, n_columns):
    """Return the values of each row, the largest first, and their columns."""
    columns = g("TopK", values, [n_columns], n_outputs=2, axis=1)
    return g.nodes[-1].output[0], columns


def class_ranks(g, scores, n_classes):
    """Return the rank of each class: ``TopK`` gives ties to the lower column, as we do."""
    _, order = sorted_rows(g, scores, n_classes)
    # The inverse of a permutation is what sorts it.
    places = g("TopK", order, [n_classes], n_outputs=2, axis=1, largest=0)
    return g("Add", places, np.int64(1))


def network_scores(g, network, x):
    """Return the scores of one of our networks, float64; inside it computes in float32."""
    standardization = network.standardization
    shifted = g("Sub", x, standardization.mean)
    h = g("Cast", g("Div", shifted, standardization.scale), to=TensorProto.FLOAT)
    members = [_member_scores(g, build, weights, h) for build, weights in _members(network)]
    return g("Cast", g("Mean", *members), to=TensorProto.DOUBLE)


def _member_scores(g, build, weights, h):
    """Return the scores of one multilayer perceptron, float32."""
    for i, (weight, bias) in enumerate(_layers(weights)):
        h = h if i == 0 else g(_ACTIVATIONS[build.activation], h)
        h = g("Gemm", h, weight, bias)
    return h


def _members(network):
    """Return the builder and the weights by name of each module whose scores are averaged."""
    build, weights = network.build, network.weights()
    if not hasattr(build, "n_members"):
        return [(_ours(build), weights)]
    prefixes = [f"members.{i}." for i in range(build.n_members)]
    return [
        (_ours(build.build), {n.removeprefix(p): w for n, w in weights.items() if n.startswith(p)})
        for p in prefixes
    ]


def _ours(build):
    """Return the builder; raise if it makes a user's module."""
    if not hasattr(build, "activation"):
        raise ValueError(
            f"module={build.module!r} is not ours to translate; export it with "
            "torch.onnx.export(estimator.net_.module, ...)."
        )
    return build


def _layers(weights):
    """Return the weight (n_inputs, n_outputs) and the bias of each layer."""
    yield weights["first.weight"], weights["first.bias"]
    for name in weights:
        if name.startswith("rest.") and name.endswith(".weight"):
            yield weights[name].T.copy(), weights[name.removesuffix("weight") + "bias"]
