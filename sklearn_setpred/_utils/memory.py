"""How much memory one step may take, in bytes, and the slices of rows that keep to it."""

_MIB, _GIB = 2**20, 2**30

# Temporary arrays of one batch of scores.
BATCH = 4 * _MIB
# The largest array that a method returns; beyond it, the error names the sparse form.
LARGEST_RESULT = 8 * _GIB
# Out-of-fold log-probabilities of all experts together, and the probabilities (2e8) of the rows
# that a built-in classifier learns from; beyond it, rows are sampled and splits are fewer.
OUT_OF_FOLD = 1_600_000_000
# Nodes of the trees that grow at once:
TREES = 256 * _MIB

# Networks, whose cells are float32. Rows shuffled at a time on the device:
SHUFFLED_ROWS = 16 * _MIB
# Scores made at a time:
NETWORK_SCORES = 64 * _MIB


def most_rows(n_classes, bytes_per_cell=8):
    """Return how many rows of probabilities `OUT_OF_FOLD` holds, at least one."""
    return max(1, OUT_OF_FOLD // (bytes_per_cell * n_classes))


def row_slices(n_rows, bytes_per_row, budget, *, least=1):
    """Return slices that cut rows into batches within a budget, of ``least`` rows or more each.

    The last batch may have fewer rows.
    """
    step = max(least, budget // bytes_per_row)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
