# What `__init__` imports on first use, for type checkers.

from sklearn_setpred import datasets as datasets
from sklearn_setpred import files as files
from sklearn_setpred import inspection as inspection
from sklearn_setpred import losses as losses
from sklearn_setpred import metrics as metrics
from sklearn_setpred import onnx as onnx
from sklearn_setpred.estimators._cardinality_aware import (
    CardinalityAwareClassifier as CardinalityAwareClassifier,
)
from sklearn_setpred.estimators._comp_sum import CompSumClassifier as CompSumClassifier
from sklearn_setpred.estimators._coverage import CoverageSetClassifier as CoverageSetClassifier
from sklearn_setpred.estimators._ldr import LDRClassifier as LDRClassifier
from sklearn_setpred.estimators._neural import NeuralClassifier as NeuralClassifier
from sklearn_setpred.estimators._set_classifiers import (
    ThresholdSetClassifier as ThresholdSetClassifier,
)
from sklearn_setpred.estimators._set_classifiers import TopKSetClassifier as TopKSetClassifier
from sklearn_setpred.files import load as load
from sklearn_setpred.files import save as save
from sklearn_setpred.prediction import cross_val_predict_set as cross_val_predict_set
from sklearn_setpred.prediction import explain_set as explain_set
from sklearn_setpred.prediction import predict_set as predict_set
from sklearn_setpred.prediction import predict_set_size as predict_set_size
from sklearn_setpred.prediction import predict_top_k as predict_top_k
from sklearn_setpred.prediction import set_levels as set_levels
from sklearn_setpred.scorers import SetScorer as SetScorer
from sklearn_setpred.scorers import get_set_scorer as get_set_scorer
from sklearn_setpred.scorers import get_set_scorer_names as get_set_scorer_names
from sklearn_setpred.scorers import largest_coverage_at as largest_coverage_at
from sklearn_setpred.scorers import make_set_scorer as make_set_scorer
from sklearn_setpred.scorers import set_report as set_report
from sklearn_setpred.scorers import smallest_set_at as smallest_set_at
from sklearn_setpred.scorers import top_k_scorer as top_k_scorer
from sklearn_setpred.sets import sets_to_frame as sets_to_frame
from sklearn_setpred.sets import sets_to_labels as sets_to_labels

__version__: str
