"""Losses: one small object each, by name in ``LOSSES``."""

from sklearn_setpred.losses import (
    _active_passive,
    _base,
    _comp_sum,
    _cost_sensitive,
    _ldam,
    _ldr,
    _margin,
    _robust,
    _spherical,
    _top_k,
)
from sklearn_setpred.losses._active_passive import *
from sklearn_setpred.losses._base import *
from sklearn_setpred.losses._comp_sum import *
from sklearn_setpred.losses._cost_sensitive import *
from sklearn_setpred.losses._ldam import *
from sklearn_setpred.losses._ldr import *
from sklearn_setpred.losses._margin import *
from sklearn_setpred.losses._robust import *
from sklearn_setpred.losses._spherical import *
from sklearn_setpred.losses._top_k import *

__all__ = [
    *_active_passive.__all__,
    *_base.__all__,
    *_comp_sum.__all__,
    *_cost_sensitive.__all__,
    *_ldam.__all__,
    *_ldr.__all__,
    *_margin.__all__,
    *_robust.__all__,
    *_spherical.__all__,
    *_top_k.__all__,
]
