"""Losses: one small object each, by name in ``LOSSES``."""

from sklearn_setpred.losses._active_passive import NCEAGCE, NCEAUL, NCERCE
from sklearn_setpred.losses._base import LOSSES, Limit, Loss, get_loss
from sklearn_setpred.losses._comp_sum import GCE, MAE, TGCE, CompSum, CrossEntropy, SumExponential
from sklearn_setpred.losses._cost_sensitive import (
    CostSensitiveCompSum,
    CostSensitiveConstrained,
    check_costs,
)
from sklearn_setpred.losses._ldam import LDAM
from sklearn_setpred.losses._ldr import ALDRKL, LDRKL, LDRTopK
from sklearn_setpred.losses._margin import CrammerSinger, WestonWatkins
from sklearn_setpred.losses._robust import MSE, RLL, SCE, JensenShannon
from sklearn_setpred.losses._spherical import TaylorSoftmax, ZLoss
from sklearn_setpred.losses._top_k import SmoothTopK, TopKCrossEntropy, TopKHinge

__all__ = [
    "ALDRKL",
    "GCE",
    "LDAM",
    "LDRKL",
    "LOSSES",
    "MAE",
    "MSE",
    "NCEAGCE",
    "NCEAUL",
    "NCERCE",
    "RLL",
    "SCE",
    "TGCE",
    "CompSum",
    "CostSensitiveCompSum",
    "CostSensitiveConstrained",
    "CrammerSinger",
    "CrossEntropy",
    "JensenShannon",
    "LDRTopK",
    "Limit",
    "Loss",
    "SmoothTopK",
    "SumExponential",
    "TaylorSoftmax",
    "TopKCrossEntropy",
    "TopKHinge",
    "WestonWatkins",
    "ZLoss",
    "check_costs",
    "get_loss",
]
