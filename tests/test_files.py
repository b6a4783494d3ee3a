"""`save` and `load`: what is written is read, a file that was there survives, damage is told."""

import io
import json
import multiprocessing
import os
import random
import re
import stat
import time
import zipfile

import numpy as np
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tiny import ESTIMATORS, EXPERTS, NETWORKS, labelled_rows

import sklearn_setpred
from sklearn_setpred import (
    CardinalityAwareClassifier,
    CoverageSetClassifier,
    NeuralClassifier,
    ThresholdSetClassifier,
    TopKSetClassifier,
    load,
    predict_set,
    save,
    set_report,
    smallest_set_at,
    top_k_scorer,
)
from sklearn_setpred.files import LoadError

X, y = labelled_rows()
# What a fitted search keeps and skops does not trust.
SPLITTER = ["sklearn.model_selection._split.StratifiedKFold"]
BAYES = TopKSetClassifier(GaussianNB(), k=2)
AWARE = ESTIMATORS["CardinalityAwareClassifier"]
KEPT = {
    **ESTIMATORS,
    "experts": CardinalityAwareClassifier(**EXPERTS),
    "a rule of costs": clone(AWARE).set_params(surrogate="cost_sensitive_comp_sum"),
    "thresholds": clone(AWARE).set_params(thresholds=[0.1, 0.5]),
    "a coverage around": CoverageSetClassifier(AWARE, target_coverage=0.8, random_state=0),
    "a coverage inside": clone(AWARE).set_params(target_coverage=0.8),
    "a mean of networks": clone(NETWORKS[0]).set_params(cv=2),
    "a pipeline": make_pipeline(StandardScaler(), BAYES),
    "a frozen one": TopKSetClassifier(FrozenEstimator(GaussianNB().fit(X, y)), k=2),
    "a search": GridSearchCV(
        ThresholdSetClassifier(GaussianNB()),
        {"threshold": [0.05, 0.2]},
        cv=2,
        scoring=set_report(
            top=sklearn_setpred.make_set_scorer(sklearn_setpred.metrics.coverage_score)
        ),
        refit=smallest_set_at(coverage=0.5),
    ),
    "a search by rank": GridSearchCV(BAYES, {"k": [1, 2]}, cv=2, scoring=top_k_scorer(1)),
}


def scaled(sizes):
    """A cost of sizes that is none of ours."""
    return np.sqrt(sizes)


class Wide(torch.nn.Sequential):
    """A module that is none of ours."""

    def __init__(self, n_features, n_classes):
        super().__init__(torch.nn.Linear(n_features, 5), torch.nn.Linear(5, n_classes))


class Computing(Wide):
    """A module that computes while it is built."""

    def __init__(self, n_features, n_classes):
        torch.linspace(0, 1, 3)[0].item()
        super().__init__(n_features, n_classes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


# --------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("name", KEPT)
def test_what_is_loaded_predicts_as_what_was_saved(name, path):
    fitted = clone(KEPT[name]).fit(X, y)
    assert save(fitted, path) is None
    read = load(path, trusted=SPLITTER if "search" in name else ())
    np.testing.assert_array_equal(predict_set(read, X), predict_set(fitted, X))
    np.testing.assert_array_equal(read.predict_proba(X), fitted.predict_proba(X))
    assert type(read) is type(fitted)
    assert os.listdir(path.parent) == [path.name]


def test_an_estimator_that_is_not_fitted_is_kept_too(path):
    save(BAYES, str(path))
    assert repr(load(str(path))) == repr(BAYES)


def test_what_imputes_needs_no_trust(path):
    fitted = TopKSetClassifier(make_pipeline(SimpleImputer(), GaussianNB())).fit(X, y)
    save(fitted, path)
    np.testing.assert_array_equal(load(path).predict_set(X), fitted.predict_set(X))


@pytest.mark.parametrize("module", [Wide, Computing])
def test_a_module_of_the_users_is_trusted_by_name_or_itself(module, path):
    fitted = NeuralClassifier(module=module, max_epochs=1, random_state=0).fit(X, y)
    save(fitted, path)
    name = f"{module.__module__}.{module.__name__}"
    with pytest.raises(LoadError, match=re.escape(name)):
        load(path)
    for trusted in ([name], [module]):
        read = load(path, trusted=trusted)
        np.testing.assert_array_equal(read.predict_proba(X), fitted.predict_proba(X))


# ----------------------------------------------------------------- types in a file


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (TopKSetClassifier(DecisionTreeClassifier(max_depth=2)), "sklearn.tree._tree.Tree"),
        (TopKSetClassifier(HistGradientBoostingClassifier(max_iter=2)), "TreePredictor"),
        (clone(AWARE).set_params(size_cost=scaled), "test_files.scaled"),
    ],
)
def test_a_type_that_is_not_trusted_is_named_with_the_way_out(estimator, name, path):
    save(estimator.fit(X, y), path)
    with pytest.raises(LoadError, match=rf"{name}.*trusted=") as refused:
        load(path)
    trusted = eval(str(refused.value).rpartition("trusted=")[2].rstrip("."))
    np.testing.assert_array_equal(load(path, trusted=trusted).predict(X), estimator.predict(X))


OF_THE_PACKAGE = [
    "sklearn_setpred._networks.training.Net",  # skorch reads pickles
    "sklearn_setpred._networks.modules.MLP",  # takes memory when it is made
    "sklearn_setpred._networks.network.choose_device",
    "sklearn_setpred.estimators._base.indexable",
    "sklearn_setpred._cardinality.learning.learn",
    "sklearn_setpred.prediction.predict_set",
    "sklearn_setpred.files.save",
]


@pytest.mark.parametrize("name", OF_THE_PACKAGE)
def test_of_this_package_only_what_estimators_are_made_of_is_trusted(name, path):
    save(BAYES, path)
    own = "sklearn_setpred.estimators._set_classifiers.TopKSetClassifier"
    (module, _, attribute), (own_module, _, own_class) = name.rpartition("."), own.rpartition(".")
    rewrite(path, lambda text: text.replace(own_module, module).replace(own_class, attribute))
    with pytest.raises(LoadError, match=re.escape(name)):
        load(path)


def test_a_type_of_another_version_is_told_as_such(path):
    save(BAYES, path)
    rewrite(path, lambda text: text.replace("TopKSetClassifier", "BottomKSetClassifier"))
    with pytest.raises(LoadError, match=r"BottomKSetClassifier.*version that saved it"):
        load(path)


@pytest.mark.parametrize("cost", [lambda sizes: sizes, np.vectorize(lambda size: size)])
def test_what_no_file_can_hold_is_told_before_the_file_is_touched(cost, path):
    path.write_text("what was there")
    with pytest.raises(TypeError, match="lambda"):
        save(clone(AWARE).set_params(size_cost=cost), path)
    assert path.read_text() == "what was there"


def test_nothing_but_an_estimator_is_saved_or_loaded(path):
    with pytest.raises(TypeError, match="no estimator"):
        save({"model": BAYES}, path)
    skops.io.dump({"model": 1}, path)
    with pytest.raises(LoadError, match="no estimator, but dict"):
        load(path)


# -------------------------------------------------------------------------- versions


def test_another_version_is_told(path, monkeypatch):
    save(clone(NETWORKS[0]).fit(X, y), path)
    monkeypatch.setattr(sklearn_setpred, "__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning, match="NeuralClassifier .*using version 99.0"):
        load(path)
    with pytest.raises(InconsistentVersionWarning):  # warnings are errors here
        load(path)


# -------------------------------------------------------- the file that was there


def failing_at(step):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt(step)

    return fail


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_file_and_no_other(step, path, monkeypatch):
    save(BAYES, path)
    before = path.read_bytes()
    monkeypatch.setattr(os, step, failing_at(step))
    with pytest.raises(KeyboardInterrupt):
        save(clone(BAYES).fit(X, y), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_new_file_has_the_usual_rights_and_an_old_one_keeps_its_own(path):
    save(BAYES, path)
    plain = path.parent / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    save(BAYES, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_goes_on_pointing_to_the_file(path):
    save(BAYES, path)
    link = path.parent / "current"
    link.symlink_to(path.name)
    save(clone(BAYES).set_params(k=3), link)
    assert link.is_symlink()
    assert load(path).k == 3


@pytest.mark.parametrize("call", [lambda path: save(BAYES, path), load])
def test_a_folder_that_does_not_exist_is_an_os_error(call, tmp_path):
    with pytest.raises(FileNotFoundError):
        call(tmp_path / "nowhere" / "model.skops")


@pytest.mark.parametrize("call", [lambda path: save(BAYES, path), load])
def test_what_is_no_path_is_told(call):
    for path in (io.BytesIO(), None, 3):
        with pytest.raises(TypeError, match=r"path=.* must be a str or a path, got"):
            call(path)


def test_no_folder_and_no_device_is_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, os.devnull):
        with pytest.raises(OSError, match="is no file but a folder or device"):
            save(BAYES, path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_long_name_is_a_name(tmp_path):
    path = tmp_path / ("ä" * 125)
    save(clone(BAYES), path)
    assert load(path).k == 2


@pytest.mark.parametrize("trusted", ["sklearn.tree._tree.Tree", 5, True])
def test_trusted_is_a_list(trusted, path):
    save(clone(BAYES), path)
    with pytest.raises(TypeError, match=r"trusted=.* must be a list"):
        load(path, trusted=trusted)


def save_again_and_again(path, started):
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(40_000, 25)), rng.integers(0, 3, 40_000)
    model = TopKSetClassifier(FrozenEstimator(KNeighborsClassifier().fit(rows, labels)))
    model.fit(rows, labels)
    while True:
        save(model, path)
        started.set()


def wait_for_a_file_beside(path):
    deadline = time.monotonic() + 60
    while not any(path.parent.glob(".*.tmp")):
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_fifty_kills_while_saving_cost_no_file(path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sklearn_setpred.files", "skops.io", "sklearn.neighbors"])
    moments, n_left = random.Random(0), 0
    for kill in range(50):
        started = context.Event()
        process = context.Process(target=save_again_and_again, args=(path, started))
        process.start()
        assert started.wait(60)
        if kill % 2:  # while it writes, or at any moment
            wait_for_a_file_beside(path)
        time.sleep(moments.uniform(0, 0.004 if kill % 2 else 0.1))
        process.kill()
        process.join()
        assert load(path).predict_set(np.zeros((1, 25))).shape == (1, 3)
        left = [*path.parent.glob(".*.tmp")]
        n_left += len(left)
        for file in left:
            file.unlink()
    assert n_left > 0  # so some were killed before their file was in its place


# --------------------------------------------------------------------- damaged files


def rewrite(path, change=lambda text: text, members=None):
    """Change the text of a file's schema, and some of its members by name."""
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    kept["schema.json"] = change(kept["schema.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (kept | (members or {})).items():
            archive.writestr(name, data)


def arrays_of(path):
    """Return the names and the bytes of the arrays in a file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".npy")}


@pytest.mark.parametrize(
    "data",
    [b"", b"no model", b"PK\x03\x04", b"\x80\x04K\x01.", b"PK\x05\x06" + bytes(18)],
    ids=["empty", "text", "half a zip", "pickle", "empty zip"],
)
def test_another_file_is_refused(data, path):
    path.write_bytes(data)
    with pytest.raises(LoadError, match=re.escape(str(path))):
        load(path)


def test_a_file_that_ends_too_early_is_refused(path):
    save(clone(NETWORKS[0]).fit(X, y), path)
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(LoadError):
            load(path)


def widened(field, value):
    """Return a change of a schema that gives a network another width."""

    def change(text):
        schema = json.loads(text)
        state = schema["content"]["content"]["net_"]["content"]["content"]
        state[field] = {**state[field], "content": json.dumps(value), "__id__": None}
        return json.dumps(schema)

    return change


def with_header(data, shape):
    """Return the bytes of an array whose header promises another shape."""
    array = np.load(io.BytesIO(data))
    file = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
    return file.getvalue() + array.tobytes()


def peak_of(call):
    """Return the memory, in bytes, by which a call raises the peak of the process."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def assert_refused_without_memory(path, match="damaged", **options):
    def refused():
        with pytest.raises(LoadError, match=match):
            load(path, **options)

    assert peak_of(refused) < 2**28


@pytest.mark.parametrize("field", ["n_features", "n_outputs"])
@pytest.mark.parametrize("width", [10**7, 10**9, 2**62, 10**30, -1, "wide"])
def test_widths_that_the_weights_do_not_have_take_no_memory(field, width, path):
    save(clone(NETWORKS[0]).fit(X, y), path)
    rewrite(path, widened(field, width))
    assert_refused_without_memory(path)


def test_members_that_the_weights_do_not_have_take_no_memory(path):
    save(clone(NETWORKS[0]).set_params(cv=2).fit(X, y), path)
    rewrite(path, lambda text: text.replace('"content": "2"', '"content": "1000000000000"'))
    assert_refused_without_memory(path)


def test_headers_that_promise_more_than_the_file_holds_take_no_memory(path):
    save(clone(NETWORKS[0]).fit(X, y), path)
    whole = path.read_bytes()
    for name, data in arrays_of(path).items():
        rewrite(path, members={name: with_header(data, (10**10,))})
        assert_refused_without_memory(path)
        path.write_bytes(whole)


def test_members_that_are_compressed_take_no_memory(path):
    save(BAYES, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(2**28))
    assert_refused_without_memory(path)


def test_a_sparse_array_that_promises_more_than_it_holds_takes_no_memory(path):
    import scipy.sparse as sp

    neighbours = KNeighborsClassifier().fit(sp.csr_array(X), y)
    save(TopKSetClassifier(FrozenEstimator(neighbours)).fit(X, y), path)
    trusted = ["scipy.sparse._csr.csr_array"]
    assert load(path, trusted=trusted).predict(X[:1]) in y
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".npz"))
        member = archive.read(name)
    packed, changed = zipfile.ZipFile(io.BytesIO(member)), io.BytesIO()
    with zipfile.ZipFile(changed, "w") as parts:
        for part in packed.namelist():
            parts.writestr(part, with_header(packed.read(part), (10**10,)))
    rewrite(path, members={name: changed.getvalue()})
    assert_refused_without_memory(path, trusted=trusted)


def mutated(data, rng):
    """Return the bytes with some changed, some cut out, or some put in."""
    start, n = int(rng.integers(len(data))), int(rng.integers(1, 9))
    noise = rng.bytes(n)
    kind = rng.integers(3)
    end = start if kind == 0 else start + n
    return data[:start] + (noise if kind < 2 else b"") + data[end:]


def mutated_text(text, rng):
    """Return a schema with one of its values replaced by another one, or by nonsense."""
    values = re.findall(r'"(?:[^"\\]|\\.)*"|\d+', text)
    old = values[rng.integers(len(values))]
    new = [values[rng.integers(len(values))], "null", "-1", "[]", "{}", "1e999"][rng.integers(6)]
    place = [match.start() for match in re.finditer(re.escape(old), text)]
    at = place[rng.integers(len(place))]
    return text[:at] + new + text[at + len(old) :]


def assert_loads_or_is_refused(path):
    try:
        read = load(path)
    except LoadError:
        return
    assert hasattr(read, "get_params")


def damage(path, n, rng):
    """Load n mutants of a file: half of them of its bytes, half of its schema, well packed."""
    whole = path.read_bytes()
    for _ in range(n // 2):
        path.write_bytes(mutated(whole, rng))
        assert_loads_or_is_refused(path)
        path.write_bytes(whole)
        rewrite(path, lambda text: mutated_text(text, rng))
        assert_loads_or_is_refused(path)


@pytest.mark.filterwarnings("ignore")
def test_a_mutated_file_is_loaded_or_refused(path, rng):
    save(clone(NETWORKS[0]).fit(X, y), path)
    damage(path, 20, rng)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["NeuralClassifier", "CardinalityAwareClassifier", "a search"])
def test_a_hundred_mutated_files_are_loaded_or_refused(name, path, rng):
    save(clone(KEPT[name]).fit(X, y), path)
    assert peak_of(lambda: damage(path, 100, rng)) < 2**29
