"""What torch's operations are in ONNX.

An entry maps the recorder, the result and the arguments of an operation to the name of the
result, or to the names of several. An operation without an entry is replaced by the simpler ones
that torch makes of it.
"""

import numpy as np
import torch

_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max

_ELEMENTWISE = (
    "Abs Asinh Atan Ceil Cos Cosh Erf Exp Floor Log Neg Reciprocal Relu Round Sigmoid Sign Sin "
    "Sinh Sqrt Tan Tanh"
)
# The names of torch's operations by the name of ONNX's.
_ARITHMETIC = {
    "Add": "add",
    "And": "bitwise_and logical_and",
    "Div": "div",
    "MatMul": "bmm mm",
    "Max": "clamp_min maximum",
    "Min": "clamp_max minimum",
    "Mul": "mul",
    "Or": "bitwise_or logical_or",
    "Pow": "pow",
    "Sub": "sub",
}
_COMPARISONS = {
    "Equal": "eq",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Less": "lt",
    "LessOrEqual": "le",
}
_REDUCTIONS = {
    "ReduceLogSumExp": "logsumexp",
    "ReduceMax": "amax",
    "ReduceMean": "mean",
    "ReduceMin": "amin",
    "ReduceSum": "sum",
}
_SAME = ("_to_copy", "alias", "clone", "convert_element_type", "detach", "lift_fresh")


def _each(kind, names):
    """Return the entries of one kind by torch's names."""
    return {name: kind(op) for op, some in names.items() for name in some.split()}


def _elementwise(op):
    return lambda r, out, x: r(op, x)


def _arithmetic(op):
    def write(r, out, a, b, alpha=1):
        if isinstance(alpha, str):
            raise NotImplementedError(f"{op} in the mode {alpha} has no translation to ONNX")
        b = r.name(b, out.dtype)
        if alpha is not None and alpha != 1:  # torch's a + alpha b
            b = r("Mul", b, r.name(alpha, out.dtype))
        return r(op, r.name(a, out.dtype), b)

    return write


def _comparison(op):
    def write(r, out, a, b):
        dtype = torch.result_type(a, b)
        return r(op, r.name(a, dtype), r.name(b, dtype))

    return write


def _reduction(op):
    def write(r, out, x, dim, *_):
        keeps = out.dim() == x.dim()
        return r(op, r.name(x, out.dtype), np.atleast_1d(dim), keepdims=int(keeps))

    return write


def _log1p(r, out, x):
    """Return log(1 + x) for small x too: the quotient makes up for the rounding of 1 + x."""
    one = r.name(1, out.dtype)
    rounded = r("Add", one, x)
    exact = r("Div", r("Mul", r("Log", rounded), x), r("Sub", rounded, one))
    return r("Where", r("Equal", rounded, one), x, exact)


def _clamp(r, out, x, low=None, high=None):
    name = r.name(x, out.dtype)
    name = name if low is None else r("Max", name, r.name(low, out.dtype))
    return name if high is None else r("Min", name, r.name(high, out.dtype))


def _layer_norm(r, out, x, shape, weight, bias, eps):
    pieces = [torch.ones(shape) if weight is None else weight, *([] if bias is None else [bias])]
    return r("LayerNormalization", x, *pieces, axis=-len(shape), epsilon=eps), "", ""


def _topk(r, out, x, k, dim, largest, _):
    return r("TopK", x, [k], n_outputs=2, axis=dim, largest=int(largest))


def _scatter(r, out, x, dim, index, source):
    if not isinstance(source, torch.Tensor):
        source = r("Expand", r.name(source, out.dtype), r("Shape", index))
    return r("ScatterElements", x, index, source, axis=dim)


def _index(r, out, x, indices):
    ((axis, index),) = [(i, index) for i, index in enumerate(indices) if index is not None]
    return r("Gather", x, index, axis=axis)


def _slice(r, out, x, dim, start, stop, step):
    if out.shape == x.shape:
        return r.name(x)
    return r("Slice", x, [start or 0], [_LAST if stop is None else stop], [dim], [step])


def _flip(r, out, x, dims):
    backwards = [-1] * len(dims)
    return r("Slice", x, backwards, [_FIRST] * len(dims), dims, backwards)


def _split(r, out, x, _, dim):
    sizes = [piece.shape[dim] for piece in out]
    return r("Split", x, sizes, n_outputs=len(sizes), axis=dim)


def _expand(r, out, x, *_):
    # A 1 keeps the size that is there.
    before = [1] * (out.dim() - x.dim()) + list(x.shape)
    return r("Expand", x, [1 if a == b else b for a, b in zip(before, out.shape, strict=True)])


OPERATIONS = {
    **_each(_elementwise, {op: op.lower() for op in _ELEMENTWISE.split()}),
    **_each(_elementwise, {"Not": "bitwise_not logical_not"}),
    **_each(_arithmetic, _ARITHMETIC),
    **_each(_comparison, _COMPARISONS),
    **_each(_reduction, _REDUCTIONS),
    **dict.fromkeys(_SAME, lambda r, out, x, *_: r.name(x, out.dtype)),
    "rsqrt": lambda r, out, x: r("Reciprocal", r("Sqrt", x)),
    "exp2": lambda r, out, x: r("Pow", r.name(2, out.dtype), x),
    "expm1": lambda r, out, x: r("Sub", r("Exp", x), r.name(1, out.dtype)),
    "log1p": _log1p,
    "clamp": _clamp,
    "ne": lambda r, out, a, b: r("Not", _comparison("Equal")(r, out, a, b)),
    "where": lambda r, out, c, a, b: r("Where", c, r.name(a, out.dtype), r.name(b, out.dtype)),
    "gelu": lambda r, out, x, approximate: r("Gelu", x, approximate=approximate),
    "_softmax": lambda r, out, x, dim, _: r("Softmax", x, axis=dim),
    "_log_softmax": lambda r, out, x, dim, _: r("LogSoftmax", x, axis=dim),
    "native_layer_norm": _layer_norm,
    "addmm": lambda r, out, c, a, b, *factors: r("Gemm", a, b, c),
    "cumsum": lambda r, out, x, dim, _: r("CumSum", r.name(x, out.dtype), np.int64(dim)),
    "argmax": lambda r, out, x, dim, keeps: r("ArgMax", x, axis=dim, keepdims=int(keeps)),
    "topk": _topk,
    # The stable sort has an option more, which comes first.
    "sort": lambda r, out, x, *o: _topk(r, out, x, x.shape[o[-2]], o[-2], o[-1], True),
    "gather": lambda r, out, x, dim, index, _: r("GatherElements", x, index, axis=dim),
    "scatter": _scatter,
    "index": _index,
    "select": lambda r, out, x, dim, index: r("Gather", x, np.int64(index), axis=dim),
    "embedding": lambda r, out, table, index, *_: r("Gather", table, index),
    "slice": _slice,
    "flip": _flip,
    "split": _split,
    "split_with_sizes": _split,
    "cat": lambda r, out, tensors, dim: r("Concat", *tensors, axis=dim),
    "expand": _expand,
    "full_like": lambda r, out, x, value, *_: r("Expand", r.name(value, out.dtype), r("Shape", x)),
    "view": lambda r, out, x, _: r("Reshape", x, r.shape(out)),
    "_unsafe_view": lambda r, out, x, _: r("Reshape", x, r.shape(out)),
    "unsqueeze": lambda r, out, x, dim: r("Unsqueeze", x, [dim]),
    "squeeze": lambda r, out, x, dim: r("Squeeze", x, np.atleast_1d(dim)),
    "permute": lambda r, out, x, dims: r("Transpose", x, perm=dims),
}
