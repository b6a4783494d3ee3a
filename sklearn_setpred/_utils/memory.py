"""How much memory one step may take, in bytes, and the slices of rows that keep to it."""

_MIB, _GIB = 2**20, 2**30

# Temporary arrays of one batch of scores.
BATCH = 8 * _MIB
# The largest array that a method returns; beyond it, the error names the sparse form.
LARGEST_RESULT = 8 * _GIB
# Out-of-fold probabilities that are held at once; beyond it, one part of the rows is held out.
OUT_OF_FOLD = 1_600_000_000

# Networks, whose cells are float32. Rows shuffled at a time on the device:
SHUFFLED_ROWS = 16 * _MIB
# Scores made at a time, and held-out scores compared at a time:
NETWORK_SCORES = 64 * _MIB
HELD_OUT_SCORES = 128 * _MIB


def row_slices(n_rows, bytes_per_row, budget, *, least=1):
    """Return slices that cut rows into batches within a budget, of ``least`` rows or more each.

    The last batch may have fewer rows.
    """
    step = max(least, budget // bytes_per_row)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
