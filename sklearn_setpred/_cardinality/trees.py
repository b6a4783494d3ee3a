"""Many decision trees as one table of nodes: small in memory, and as fast for one row as for many.

scikit-learn keeps an object for each tree, with a value for every class in every node; a row
takes a call for each tree. Here all trees of an expert are arrays, walked down together.
"""

import numpy as np
import scipy.sparse as sp

# So many (row, tree) pairs are walked down together, which fits in the processor's cache.
_PAIRS = 2**14


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
        values = self.values
        pieces = values.data, values.indices, values.indptr, values.shape
        return vars(self) | {"values": pieces}  # files hold arrays, and no type of scipy

    def __setstate__(self, state):
        *pieces, shape = state["values"]
        vars(self).update(state, values=sp.csr_array(tuple(pieces), shape=shape))

    def __call__(self, X):
        """Return the scaled sums of leaf values, float64 of shape (n, n_outputs)."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        n, n_trees = len(X), len(self.roots)
        sums = np.zeros((n, self.values.shape[1]))
        step = max(1, _PAIRS // max(n, 1))
        for i in range(0, n_trees, step):
            leaves = self._leaves(X, self.roots[i : i + step])
            ends = np.arange(n + 1) * leaves.shape[1]
            ones = np.ones(leaves.size, dtype=np.float32)
            chosen = sp.csr_array((ones, leaves.ravel(), ends), shape=(n, len(self.feature)))
            sums += (chosen @ self.values).toarray()
        return self.scale * sums

    def _leaves(self, X, roots):
        """Return the leaf of each row in each tree, (n, len(roots))."""
        shape = len(X), len(roots)
        node = np.tile(roots, len(X))
        begin = np.repeat(np.arange(len(X)) * X.shape[1], len(roots))  # of each row in X.ravel()
        values = X.ravel()
        for _ in range(self.depth):
            goes_left = values.take(begin + self.feature.take(node)) <= self.threshold.take(node)
            node = self.children.take(2 * node + goes_left)
        return node.reshape(shape)


def _nodes(feature, threshold, left, right, values, root):
    """Return the nodes of one tree as `TreeTable` keeps them, and its depth."""
    is_leaf, itself = left < 0, np.arange(len(left))
    left, right = (np.where(is_leaf, itself, child) for child in (left, right))
    values = sp.csr_array(np.where(is_leaf[:, None], values, 0.0), dtype=np.float32)
    return (
        np.where(is_leaf, 0, feature).astype(np.int32),
        _rounded_down(threshold),
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
