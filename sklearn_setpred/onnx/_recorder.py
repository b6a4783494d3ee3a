"""torch's operations on some rows, written down as an ONNX graph."""

from __future__ import annotations

import numpy as np
import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sklearn_setpred.onnx._graph import Graph
from sklearn_setpred.onnx._operations import OPERATIONS

# Number of rows followed: a prime, so that a size that depends on the rows is a multiple of it.
N_ROWS = 31


class Recorder(TorchDispatchMode):
    """While it is entered, each operation on a tensor that it follows becomes a node of a graph.

    A tensor is followed if it is made of a followed one; all others are constants. So the graph
    holds for other rows if no step but these operations depends on the rows.

    Parameters
    ----------
    checks : bool
        Whether what skl2onnx translates is compared with scikit-learn on the rows followed.
    """

    def __init__(self, *, checks):
        super().__init__()
        self.graph, self.checks = Graph(), checks
        # By the id of the tensor, which stays alive, so that no other tensor gets its id.
        self._followed = {}

    def follow(self, tensor, name):
        """Return the tensor, from now on known by a name in the graph."""
        self._followed[id(tensor)] = name, tensor
        return tensor

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not any(id(value) in self._followed for value in tree_leaves((args, kwargs))):
            return func(*args, **kwargs)
        # The names are such as "aten::add", and end in "_" where the result replaces the argument.
        write = OPERATIONS.get(func._schema.name.partition("::")[2].removesuffix("_"))
        if write is None:
            return self._decomposed(func, args, kwargs)
        results = func(*args, **kwargs)
        names = write(self, results, *_in_order(func, args, kwargs))
        if isinstance(results, torch.Tensor):
            return self.follow(results, names)
        for result, name in zip(results, names, strict=True):
            self.follow(result, name)
        return results

    def _decomposed(self, func, args, kwargs):
        """Run an operation as the simpler ones that torch makes of it."""
        with self:
            results = func.decompose(*args, **kwargs)
            if results is not NotImplemented:
                return results
            if func in decomposition_table:
                return decomposition_table[func](*args, **kwargs)
        raise NotImplementedError(f"{func} of torch has no translation to ONNX")

    def __call__(self, op, *values, **attributes):
        """Add a node that reads tensors, names, or lists and arrays; return its output's name."""
        names = [self.name(value) if torch.is_tensor(value) else value for value in values]
        return self.graph(op, *names, **attributes)

    def name(self, value, dtype=None):
        """Return the name of a tensor or a number, as a torch type if one is given."""
        if id(value) not in self._followed:
            return self.graph.constant(torch.as_tensor(value, dtype=dtype).detach().numpy())
        name, tensor = self._followed[id(value)]
        if dtype in (None, tensor.dtype):
            return name
        return self.graph.cast(name, np.dtype(str(dtype).removeprefix("torch.")))

    def shape(self, tensor):
        """Return the shape of a tensor for any number of rows, as ONNX's Reshape reads it."""
        if tensor.shape[0] == N_ROWS:
            return [-1, *tensor.shape[1:]]
        return [-1 if size and size % N_ROWS == 0 else size for size in tensor.shape]


def _in_order(func, args, kwargs):
    """Return all arguments in the order of the operation's schema, the defaults filled in."""
    others = func._schema.arguments[len(args) :]
    return [*args, *(kwargs.get(one.name, one.default_value) for one in others)]
