"""Metrics of sets of labels: coverage, size, both in one number, calibration.

Metrics on sets have the signature ``(y_true, y_set, *, classes=None, sample_weight=None)``.
Names ending in ``_score`` are better when higher, in ``_loss`` or ``_error`` when lower; the
others describe.
"""

from sklearn_setpred.metrics import (
    _coverage,
    _excess_risk,
    _monitor,
    _recalibration,
    _scores,
    _size,
    _slab,
    _utility,
)
from sklearn_setpred.metrics._coverage import *
from sklearn_setpred.metrics._excess_risk import *
from sklearn_setpred.metrics._monitor import *
from sklearn_setpred.metrics._recalibration import *
from sklearn_setpred.metrics._scores import *
from sklearn_setpred.metrics._size import *
from sklearn_setpred.metrics._slab import *
from sklearn_setpred.metrics._utility import *

__all__ = [
    *_coverage.__all__,
    *_excess_risk.__all__,
    *_monitor.__all__,
    *_recalibration.__all__,
    *_scores.__all__,
    *_size.__all__,
    *_slab.__all__,
    *_utility.__all__,
]
