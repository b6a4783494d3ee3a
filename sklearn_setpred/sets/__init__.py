"""From scores to ranks, from ranks and levels to sets, from sets to labels.

Arrays of scores are (n, K): one row per sample, one column per class. A set predictor
returns a boolean array of the same shape, or the same as a CSR array.
"""

from sklearn_setpred.sets._frames import sets_to_arrow, sets_to_frame
from sklearn_setpred.sets._labels import label_indices
from sklearn_setpred.sets._ranks import class_ranks, label_ranks, top_k
from sklearn_setpred.sets._sets import prefix_sets, sets_to_labels, threshold_sets
from sklearn_setpred.sets._sizes import (
    SIZE_COSTS,
    class_levels,
    concave_hull_levels,
    size_costs,
    sparse_class_levels,
)

__all__ = [
    "SIZE_COSTS",
    "class_levels",
    "class_ranks",
    "concave_hull_levels",
    "label_indices",
    "label_ranks",
    "prefix_sets",
    "sets_to_arrow",
    "sets_to_frame",
    "sets_to_labels",
    "size_costs",
    "sparse_class_levels",
    "threshold_sets",
    "top_k",
]
