"""Many decision trees as one table of nodes: small in memory, and as fast for one row as for many.

scikit-learn keeps an object for each tree, with a value for every class in every node; a row
takes a call for each tree. Here all trees of an expert are arrays, walked down together.
"""

import numpy as np
import scipy.sparse as sp

# So many (row, tree) pairs are walked down together, which fits in the processor's cache.
_PAIRS = 2**14
# After so many steps down, the pairs that have reached a leaf are put aside.
_LEVELS = 4


class TreeTable:
    """The values of the leaves that a row falls into, summed over trees and multiplied by a scale.

    Parameters
    ----------
    trees : list of tuple of ndarray
        Of each tree: feature, threshold, left and right child of its nodes, each (n_nodes,), and
        the values (n_nodes, n_outputs). A row goes left where its feature is at most the
        threshold. Leaves have a negative left child.
    scale : float
        1 / n_trees for a forest, 1 for boosting.

    Attributes
    ----------
    roots : ndarray of shape (n_trees,), int32
    depth : int
        The longest way from a root to a leaf.
    feature, threshold : ndarray of shape (n_nodes,)
    children : ndarray of shape (2 n_nodes,), int32
        Right and left child of every node; leaves lead back to themselves.
    values : csr_array of shape (n_nodes, n_outputs), float32
        Zero but in leaves.
    """

    def __init__(self, trees, scale):
        sizes = [len(tree[0]) for tree in trees]
        self.roots = (np.cumsum(sizes) - sizes).astype(np.int32)
        pieces = [_nodes(*tree, root) for tree, root in zip(trees, self.roots, strict=True)]
        feature, threshold, children, values, depths = zip(*pieces, strict=True)
        self.feature, self.threshold = np.concatenate(feature), np.concatenate(threshold)
        self.children = np.concatenate(children)
        self.values, self.depth = sp.csr_array(sp.vstack(values)), max(depths)
        self.scale = scale

    @classmethod
    def mean_of(cls, tables):
        """Return the table whose outputs are the mean of the outputs of several of one scale."""
        mean = cls.__new__(cls)
        sizes = np.array([len(table.feature) for table in tables])
        begins = (np.cumsum(sizes) - sizes).astype(np.int32)
        shifted = list(zip(tables, begins, strict=True))
        mean.roots = np.concatenate([table.roots + begin for table, begin in shifted])
        mean.children = np.concatenate([table.children + begin for table, begin in shifted])
        mean.feature = np.concatenate([table.feature for table in tables])
        mean.threshold = np.concatenate([table.threshold for table in tables])
        mean.values = sp.csr_array(sp.vstack([table.values for table in tables]))
        mean.depth = max(table.depth for table in tables)
        mean.scale = tables[0].scale / len(tables)
        return mean

    def __getstate__(self):
        nodes, (right, left) = np.arange(len(self.feature)), self.children.reshape(-1, 2).T
        is_split, values = left != nodes, self.values
        return {
            "scale": self.scale,
            "depth": self.depth,
            "roots": self.roots,
            "is_split": np.packbits(is_split),
            "feature": _packed(self.feature[is_split]),
            "threshold": _packed(self.threshold[is_split]),
            "left": _packed((left - nodes)[is_split]),
            "right": _packed((right - nodes)[is_split]),
            "shape": values.shape,
            "n_values": _packed(np.diff(values.indptr)),
            "columns": _packed(values.indices),
            "values": _packed(values.data),
        }

    def __setstate__(self, state):
        self.scale, self.depth, self.roots = state["scale"], state["depth"], state["roots"]
        n_nodes, n_outputs = state["shape"]
        is_split = np.unpackbits(state["is_split"], count=n_nodes).astype(bool)
        self.feature = np.zeros(n_nodes, dtype=np.int32)
        self.threshold = np.zeros(n_nodes, dtype=np.float32)
        children = np.repeat(np.arange(n_nodes, dtype=np.int32)[:, None], 2, axis=1)
        self.feature[is_split] = _unpacked(state["feature"])
        self.threshold[is_split] = _unpacked(state["threshold"])
        children[is_split, 0] += _unpacked(state["right"]).astype(np.int32)
        children[is_split, 1] += _unpacked(state["left"]).astype(np.int32)
        self.children = children.ravel()
        columns = _unpacked(state["columns"]).astype(np.int32)
        ends = np.append(0, np.cumsum(_unpacked(state["n_values"]))).astype(np.int32)
        pieces = _unpacked(state["values"]), columns, ends
        self.values = sp.csr_array(pieces, shape=(n_nodes, n_outputs))

    def __call__(self, X):
        """Return the scaled sums of leaf values, float64 of shape (n, n_outputs)."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        n, n_trees = len(X), len(self.roots)
        sums = np.zeros((n, self.values.shape[1]))
        step = max(1, _PAIRS // max(n, 1))
        for i in range(0, n_trees, step):
            sums += self._sums(self._leaves(X, self.roots[i : i + step]))
        return self.scale * sums

    def _sums(self, leaves):
        """Return the sums of the values of some leaves of each row, (n, n_outputs)."""
        (n, n_leaves), n_outputs = leaves.shape, self.values.shape[1]
        begins, ends = self.values.indptr.take(leaves), self.values.indptr.take(leaves + 1)
        lengths = (ends - begins).ravel()
        # The entries of a leaf follow its first one; the entries of all leaves are one list.
        shift = begins.ravel() - (np.cumsum(lengths) - lengths)
        entry = np.repeat(shift, lengths)
        entry += np.arange(len(entry))
        row = np.repeat(np.arange(n) * n_outputs, lengths.reshape(n, n_leaves).sum(axis=1))
        cell = row + self.values.indices.take(entry)
        sums = np.bincount(cell, self.values.data.take(entry), minlength=n * n_outputs)
        return sums.reshape(n, n_outputs)

    def _leaves(self, X, roots):
        """Return the leaf of each row in each tree, (n, len(roots))."""
        node = np.tile(roots, len(X))
        begin = np.repeat(np.arange(len(X)) * X.shape[1], len(roots))  # of each row in X.ravel()
        values, leaves, under_way = X.ravel(), node.copy(), np.arange(len(node))
        for level in range(self.depth):
            goes_left = values.take(begin + self.feature.take(node)) <= self.threshold.take(node)
            node, before = self.children.take(2 * node + goes_left), node
            if level % _LEVELS == 0:  # a pair that did not move has arrived
                leaves[under_way], moved = node, node != before
                under_way, begin, node = under_way[moved], begin[moved], node[moved]
        leaves[under_way] = node
        return leaves.reshape(len(X), len(roots))


def _packed(array):
    """Return an array for a file: as it is, or its distinct values and the place of each entry.

    The smaller of the two is returned, integers in the smallest type that holds them.
    """
    values, places = np.unique(array, return_inverse=True)
    values, places = _narrow(values), _narrow(places)
    plain = _narrow(array)
    return (values, places) if values.nbytes + places.nbytes < plain.nbytes else (plain, None)


def _unpacked(packed):
    """Return the array that `_packed` was given."""
    values, places = packed
    return values if places is None else values[places]


def _narrow(array):
    """Return integers, not negative, in the smallest type that holds them; floats as they are."""
    return (
        array if array.dtype.kind == "f" else array.astype(np.min_scalar_type(array.max(initial=0)))
    )


def _nodes(feature, threshold, left, right, values, root):
    """Return the nodes of one tree as `TreeTable` keeps them, and its depth."""
    is_leaf, itself = left < 0, np.arange(len(left))
    left, right = (np.where(is_leaf, itself, child) for child in (left, right))
    values = sp.csr_array(np.where(is_leaf[:, None], values, 0.0), dtype=np.float32)
    return (
        np.where(is_leaf, 0, feature).astype(np.int32),
        _rounded_down(np.where(is_leaf, 0.0, threshold)),
        (root + np.column_stack([right, left])).astype(np.int32).ravel(),
        values,
        _depth(left, right),
    )


def _rounded_down(threshold):
    """Return the greatest float32 that is no more: the same rows of float32 go left."""
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _depth(left, right):
    """Return the number of steps from the root after which all leaves are reached."""
    level, depth = np.array([0]), 0
    while len(level := level[left[level] != level]):
        level, depth = np.concatenate([left[level], right[level]]), depth + 1
    return depth


def forest_table(fitted, n_outputs):
    """Return the table of a fitted forest: the probabilities of its classes, which are codes."""
    trees = [_classification_tree(one.tree_, fitted.classes_, n_outputs) for one in fitted]
    return TreeTable(trees, 1.0 / len(trees))


def _classification_tree(tree, columns, n_outputs):
    """Return one tree of a forest, its values the fractions of the classes."""
    values = np.zeros((tree.node_count, n_outputs))
    counts = tree.value[:, 0, :]
    values[:, columns] = counts / counts.sum(axis=1, keepdims=True)
    return tree.feature, tree.threshold, tree.children_left, tree.children_right, values


def boosting_table(fitted, n_outputs):
    """Return the table of fitted boosting: the scores of its classes, which are codes.

    The starting scores come first, as a tree without a split; a class that the model has not seen
    starts at a tenth of the rarest one.
    """
    start = fitted._baseline_prediction.ravel()
    columns = np.asarray(fitted.classes_)
    scored = columns[1:] if len(columns) == 2 else columns  # of two classes, the second
    scores = np.full((1, n_outputs), min(0.0, start.min()) - np.log(10.0))
    scores[0, columns] = 0.0
    scores[0, scored] = start
    root = np.zeros(1, dtype=np.int64), np.zeros(1), np.array([-1]), np.array([-1]), scores
    trees = [
        _boosted_tree(one.nodes, column, n_outputs)
        for iteration in fitted._predictors
        for one, column in zip(iteration, scored, strict=True)
    ]
    return TreeTable([root, *trees], 1.0)


def _boosted_tree(nodes, column, n_outputs):
    """Return one tree of boosting, whose leaves add to the score of one class."""
    is_leaf = nodes["is_leaf"].astype(bool)
    values = np.zeros((len(nodes), n_outputs))
    values[:, column] = nodes["value"]
    left, right = (
        np.where(is_leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")
    )
    return nodes["feature_idx"], nodes["num_threshold"], left, right, values
