"""What is promised of every set predictor, one function for each fact.

Every function named ``check_...`` here is run by ``check_set_predictor``. It takes the trial of an
estimator, raises AssertionError if the promise is not kept, and SkipTest if the estimator does not
make it.
"""

import pickle
from functools import partial
from inspect import signature
from unittest import SkipTest

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from sklearn_setpred.estimator_checks._trial import (
    N_NEW,
    dense,
    needs,
    require,
    require_error,
    require_same,
)
from sklearn_setpred.prediction import predict_set
from sklearn_setpred.scorers import get_set_scorer

_CONTAINERS = (np.asarray, sp.csr_array)


def check_sets_are_boolean_with_a_column_per_class(trial):
    """Check that sets are a 2-D boolean array or CSR array, one column for each of classes_."""
    for name, model, X, _, classes in trial.problems:
        sets = model.predict_set(X)
        kind = type(sets).__name__
        require(isinstance(sets, (np.ndarray, sp.csr_array)), f"{name}: sets are a {kind}")
        require(sets.dtype == bool, f"{name}: sets have dtype {sets.dtype}, not bool")
        shape = (len(X), len(classes))
        require(sets.shape == shape, f"{name}: sets have shape {sets.shape}, not {shape}")
        require_same(np.asarray(model.classes_), classes, f"{name}: classes_")


def check_no_set_is_empty(trial):
    """Check that every set has at least one label."""
    needs(not _may_be_empty(trial), "sets may be empty with allow_empty=True")
    for problem in trial.problems:
        empty = np.flatnonzero(~problem.sets.any(axis=1))
        require(len(empty) == 0, f"{problem.name}: the sets of rows {empty.tolist()} are empty")


def check_predicted_label_is_in_its_set(trial):
    """Check that the predicted label belongs to the set of the row."""
    needs(not _may_be_empty(trial), "sets may be empty with allow_empty=True")
    for problem in trial.problems:
        labels = np.asarray(problem.model.predict(problem.X))
        inside = (problem.sets & (labels[:, None] == problem.classes)).any(axis=1)
        outside = np.flatnonzero(~inside)
        require(len(outside) == 0, f"{problem.name}: not so in rows {outside.tolist()}")


def check_top_k_labels_are_ranked(trial):
    """Check that the top k labels differ, begin with ``predict`` and the top k - 1."""
    for name, model, X, _, classes in trial.problems:
        ranking = model.predict_top_k(X, len(classes))
        require_same(np.sort(ranking, axis=1), np.tile(classes, (len(X), 1)), f"{name}: labels")
        require_same(ranking[:, 0], model.predict(X), f"{name}: first-ranked label and predict")
        for k in range(1, len(classes)):
            require_same(model.predict_top_k(X, k), ranking[:, :k], f"{name}: top {k} labels")


def check_sets_are_prefixes_of_the_ranking(trial):
    """Check that no set holds a label without those ranked before it."""
    _needs_one_ranking(trial)
    for problem in trial.problems:
        ranking = problem.model.predict_top_k(problem.X, len(problem.classes))
        columns = np.searchsorted(problem.classes, ranking)
        ranked = np.take_along_axis(problem.sets, columns, axis=1)
        prefixes = np.logical_and.accumulate(ranked, axis=1)
        require_same(ranked, prefixes, f"{problem.name}: sets in the order of the ranking")


def check_predict_is_the_argmax_of_the_scores(trial):
    """Check that ``predict`` is the argmax of ``predict_proba`` and of ``decision_function``."""
    methods = [m for m in ("predict_proba", "decision_function") if hasattr(trial.numbers.model, m)]
    needs(methods, "it has neither predict_proba nor decision_function")
    for problem in trial.problems:
        for method in methods:
            scores = getattr(problem.model, method)(problem.X)
            scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
            first = problem.classes[scores.argmax(axis=1)]
            predicted = problem.model.predict(problem.X)
            require_same(predicted, first, f"{problem.name}: predict and argmax of {method}")


def check_sets_of_k_labels_are_the_top_k(trial):
    """Check that ``predict_set(X, k=k)`` holds exactly the labels of ``predict_top_k(X, k)``."""
    needs(_accepts(trial.numbers.model, "k"), "predict_set takes no k")
    for name, model, X, _, classes in trial.problems:
        for k in range(1, len(classes) + 1):
            expected = (model.predict_top_k(X, k)[:, :, None] == classes).any(axis=1)
            require_same(dense(model.predict_set(X, k=k)), expected, f"{name}: k={k}")


def check_sets_are_those_of_one_level(trial):
    """Check that for some t the sets are ``set_levels(X) >= t``, the first label added."""
    _needs_one_ranking(trial)
    needs(hasattr(trial.numbers.model, "set_levels"), "it has no set_levels")
    for problem in trial.problems:
        levels, sets = problem.model.set_levels(problem.X).astype(float), problem.sets
        require(levels.shape == sets.shape, f"{problem.name}: levels have shape {levels.shape}")
        require(not np.isnan(levels).any(), f"{problem.name}: levels hold NaN")
        first = problem.model.predict(problem.X)[:, None] == problem.classes
        inside = levels[sets & ~first].min(initial=np.inf)
        outside = levels[~sets].max(initial=-np.inf)
        message = (
            f"{problem.name}: a label of level {inside} is in its set, one of {outside} is not"
        )
        require(outside < inside or outside == -np.inf, message)


def check_call_time_levels_cut_the_levels(trial):
    """Check that ``predict_set(X, size_penalty=t)``, or threshold=t, is ``set_levels(X) >= t``.

    So sets are nested in t. The first label is added.
    """
    model, X = trial.numbers.model, trial.numbers.X
    keywords = [name for name in ("size_penalty", "threshold") if _accepts(model, name)]
    needs(
        keywords and hasattr(model, "set_levels"),
        "predict_set takes no level, or there is no set_levels",
    )
    levels = model.set_levels(X)
    first = (model.predict(X)[:, None] == model.classes_) & (not _may_be_empty(trial))
    some = np.append(levels[np.isfinite(levels) & (levels >= 0)], 0.5)
    for level in np.quantile(some, [0.0, 0.3, 0.6, 0.9], method="nearest"):
        for keyword in keywords:
            sets = dense(model.predict_set(X, **{keyword: level}))
            require_same(sets, (levels >= level) | first, f"{keyword}={level}")


def check_a_row_alone_has_the_same_set(trial):
    """Check that a row alone has the set, of shape (1, n_classes), that it has in a batch."""
    model, X = trial.numbers.model, trial.numbers.X
    alone = [dense(model.predict_set(X[i : i + 1])) for i in range(8)]
    require_same(np.vstack(alone), trial.numbers.sets[:8], "rows alone and in a batch")


def check_the_order_of_rows_is_immaterial(trial):
    """Check that rows in another order have the same sets."""
    order = np.random.default_rng(0).permutation(N_NEW)
    sets = dense(trial.numbers.model.predict_set(trial.numbers.X[order]))
    require_same(sets, trial.numbers.sets[order], "rows in another order")


def check_other_names_of_the_same_order_give_the_same_sets(trial):
    """Check that the sets do not change with strings that sort like the integers they replace."""
    require_same(trial.strings.sets, trial.numbers.sets, "string and integer labels")


def check_a_fit_can_be_repeated(trial):
    """Check that two fits with the same random state predict the same sets."""
    require_same(trial.repeated[0].sets, trial.numbers.sets, "two fits with random_state=0")


def check_global_random_states_are_untouched(trial):
    """Check that neither ``fit`` nor ``predict_set`` draws from a global generator."""
    _, before, after = trial.repeated
    changed = [name for name in after if after[name] != before.get(name)]
    require(not changed, f"changed: {changed}")


def check_csr_rows_give_the_same_sets(trial):
    """Check that CSR and dense rows have the same sets, whichever the fit was on."""
    needs(get_tags(trial.estimator).input_tags.sparse, "it does not accept sparse rows")
    for problem in (trial.numbers, trial.problem("CSR rows", rows=sp.csr_array)):
        sets = [dense(problem.model.predict_set(rows(trial.numbers.X))) for rows in _CONTAINERS]
        require_same(sets[0], sets[1], f"fitted on {problem.name}: dense and CSR rows")


def check_sparse_output_holds_the_same_sets(trial):
    """Check that ``sparse_output=True`` returns a boolean CSR array of the same sets."""
    needs("sparse_output" in trial.estimator.get_params(deep=False), "it has no sparse_output")
    problem = trial.problem("sparse output", sparse_output=True)
    sets = problem.model.predict_set(problem.X)
    require(isinstance(sets, sp.csr_array), f"sets are a {type(sets).__name__}, not a csr_array")
    require(sets.dtype == bool, f"sets have dtype {sets.dtype}, not bool")
    require_same(sets.toarray(), trial.numbers.sets, "sparse and dense sets")


def check_feature_names_are_kept_and_compared(trial):
    """Check that a frame gets the same sets, and a frame with swapped columns an error."""
    pandas = _import_pandas()
    problem = trial.problem("frame", rows=lambda X: pandas.DataFrame(X, columns=["a", "b", "c"]))
    require_same(problem.sets, trial.numbers.sets, "frame and array")
    require_error(
        ValueError, lambda: problem.model.predict_set(problem.X[["c", "a", "b"]]), "swapped columns"
    )


def check_an_unfitted_estimator_is_refused(trial):
    """Check that every set method raises NotFittedError before ``fit``."""
    for method, k in (("predict_set", ()), ("predict_top_k", (1,)), ("set_levels", ())):
        if hasattr(trial.numbers.model, method):
            call = partial(getattr(trial.unfitted(), method), trial.numbers.X, *k)
            require_error(NotFittedError, call, method)


def check_a_pickle_gives_the_same_sets(trial):
    """Check that a pickled and loaded model predicts the same sets."""
    loaded = pickle.loads(pickle.dumps(trial.numbers.model))
    sets = dense(loaded.predict_set(trial.numbers.X))
    require_same(sets, trial.numbers.sets, "sets after a pickle")


def check_the_function_gives_the_same_sets(trial):
    """Check that ``predict_set(pipeline, X)`` returns the sets of the model at the end."""
    model, X = trial.numbers.model, trial.numbers.X
    sets = dense(predict_set(make_pipeline("passthrough", model), X))
    require_same(sets, trial.numbers.sets, "sets through a pipeline")


def check_a_label_unknown_to_the_model_is_a_miss(trial):
    """Check that coverage counts a row with a label never seen in training as a miss."""
    for _, model, X, y, classes in trial.problems:
        scorer = get_set_scorer("coverage")
        y, unknown = y.copy(), np.arange(len(y)) % 3 == 0
        known_share = scorer(model, X[~unknown], y[~unknown]) * np.mean(~unknown)
        y = np.where(unknown, "cow" if classes.dtype.kind == "U" else 6, y)
        coverage = scorer(model, X, y)
        message = f"coverage {coverage} with unknown labels, {known_share} expected"
        require(np.isclose(coverage, known_share), message)


def _accepts(model, keyword):
    """Tell whether ``predict_set`` takes the call-time keyword."""
    return keyword in signature(model.predict_set).parameters


def _may_be_empty(trial):
    """Say whether the estimator may predict empty sets."""
    return getattr(trial.estimator, "allow_empty", False)


def _needs_one_ranking(trial):
    """Skip for sets with a level per class or stratum: the stated exception."""
    needs(
        getattr(trial.estimator, "conditional", None) is None,
        "sets are conditional, not by one level for all",
    )


def _import_pandas():
    """Return pandas, or skip the check where it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise SkipTest("pandas is not installed") from error
    return pandas
