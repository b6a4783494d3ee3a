"""Data sets: generated problems, files, OpenML, label noise."""

from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.utils import Bunch

from sklearn_setpred.datasets import (
    CONFUSED_PAIRS,
    GaussianClasses,
    _about,
    _openml,
    load_dataset,
    make_confusable_classes,
    make_noisy_labels,
)

# --- generated problems -------------------------------------------------------------------------


def test_posterior_is_bayes_rule_on_gaussian_densities():
    rng = np.random.default_rng(0)
    centers, weights = rng.normal(size=(4, 3)), np.array([0.1, 0.2, 0.3, 0.4])
    X = rng.normal(scale=2, size=(20, 3))
    density = np.exp(-((X[:, None] - centers) ** 2).sum(axis=2) / 2) / (2 * np.pi) ** 1.5
    expected = weights * density / (weights * density).sum(axis=1, keepdims=True)
    posterior = GaussianClasses(centers, weights).posterior(X)
    np.testing.assert_allclose(posterior, expected, rtol=1e-10)


def test_posterior_survives_rows_far_away():
    posterior = GaussianClasses(np.array([[0.0], [1.0]]), np.array([0.5, 0.5])).posterior([[1e6]])
    np.testing.assert_array_equal(posterior, [[0, 1]])


@pytest.fixture(scope="module")
def sample():
    weights = np.linspace(1, 3, 12)
    return make_confusable_classes(20_000, 12, 4, weights=weights, random_state=0)


def test_sampled_classes_have_the_posterior_given_with_them(sample):
    """Calibration: of the rows with posterior about p for a class, a share p is of the class."""
    _, y, posterior = sample
    np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-12)
    is_class = np.eye(12)[y]
    bins = np.digitize(posterior, np.linspace(0, 1, 11)[1:-1])
    for b in range(10):
        p, hit = posterior[bins == b], is_class[bins == b]
        standard_error = np.sqrt((p * (1 - p)).sum()) / p.size
        assert abs(p.mean() - hit.mean()) < 4 * standard_error


def test_priors_are_the_weights_up_to_a_factor(sample):
    _, y, _ = sample
    weights = np.linspace(1, 3, 12) / np.linspace(1, 3, 12).sum()
    standard_error = np.sqrt(weights * (1 - weights) / len(y))
    np.testing.assert_array_less(abs(np.bincount(y) / len(y) - weights), 4 * standard_error)


def test_bayes_rule_beats_a_perturbed_rule(sample):
    _, y, posterior = sample
    noise = np.random.default_rng(0).normal(scale=0.5, size=posterior.shape)
    perturbed = posterior * np.exp(noise)
    accuracy = (posterior.argmax(axis=1) == y).mean()
    assert accuracy > (perturbed.argmax(axis=1) == y).mean() + 0.01
    assert accuracy == pytest.approx(posterior.max(axis=1).mean(), abs=0.015)


def test_confusion_stays_within_groups():
    _, y, posterior = make_confusable_classes(
        2000, 20, classes_per_group=4, group_sep=30, random_state=0
    )
    group_mass = posterior.reshape(2000, 5, 4).sum(axis=2)
    assert group_mass[np.arange(2000), y // 4].min() > 0.999
    assert posterior[np.arange(2000), y].mean() < 0.8


@pytest.mark.parametrize("n_features", [2, 50])
def test_separations_are_root_mean_square_distances(n_features):
    *_, problem = make_confusable_classes(
        1,
        2000,
        n_features,
        classes_per_group=2,
        class_sep=1.5,
        group_sep=6,
        return_problem=True,
        random_state=0,
    )
    first, second = problem.centers[::2], problem.centers[1::2]
    within = np.sqrt(((first - second) ** 2).sum(axis=1).mean())
    between = np.sqrt(((first[::2] - first[1::2]) ** 2).sum(axis=1).mean())
    assert within == pytest.approx(1.5, rel=0.1)
    assert between == pytest.approx(np.hypot(6, 1.5), rel=0.1)


def test_problem_gives_the_posterior_of_the_sample_and_draws_more_rows():
    X, _, posterior, problem = make_confusable_classes(
        50, 7, classes_per_group=3, return_problem=True, random_state=1
    )
    np.testing.assert_array_equal(problem.posterior(X), posterior)
    X_new, y_new = problem.sample(30, random_state=2)
    assert X_new.shape == (30, 10)
    assert y_new.shape == (30,)
    assert y_new.max() < 7


def test_same_seed_same_sample_and_global_generator_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = make_confusable_classes(40, 6, random_state=3)
    second = make_confusable_classes(40, 6, random_state=np.random.RandomState(3))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    make_noisy_labels(first[1], random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_thousand_classes_cost_little():
    _, y, posterior = make_confusable_classes(5000, 1000, 20, random_state=0)
    assert posterior.shape == (5000, 1000)
    assert len(np.unique(y)) > 950


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples=0"),
        ({"n_classes": 1}, "n_classes=1"),
        ({"classes_per_group": 0}, "classes_per_group=0"),
        ({"class_sep": -1.0}, r"class_sep=-1\.0"),
        ({"weights": [1.0, 2.0]}, r"weights has shape \(2,\)"),
        ({"n_classes": 2, "weights": [1.0, 0.0]}, "weights must be positive"),
    ],
)
def test_bad_arguments_of_the_generator_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_confusable_classes(**arguments)


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """Return an empty folder, and make sure that neither environment nor network is asked."""
    monkeypatch.delenv("SETPRED_DATA", raising=False)
    monkeypatch.setattr(_openml, "fetch_openml", lambda **_: pytest.fail("asked OpenML"))
    return tmp_path


def write(data_dir, name="mine", **arrays):
    file = {
        "X_train": np.array([[1, 2], [3, 4], [5, 6]], dtype=np.uint8),
        "y_train": np.array([0, 1, 0], dtype=np.int32),
        "X_test": np.array([[0.5, 0.25]], dtype=np.float16),
        "y_test": np.array([1], dtype=np.int32),
        "label_names": np.array(["no", "yes"]),
    }
    np.savez(data_dir / f"{name}.npz", **(file | arrays))


def test_file_of_the_folder_is_read_and_types_are_settled(data_dir):
    write(data_dir, superclass_of_label=np.array([0, 0]), X_val=np.eye(2, dtype=np.float16))
    data = load_dataset("mine", data_dir=data_dir)
    assert isinstance(data, Bunch)
    assert data.X_train.dtype == data.X_test.dtype == data.X_val.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    np.testing.assert_array_equal(data.X_train, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(data.target_names[data.y_train], ["no", "yes", "no"])
    np.testing.assert_array_equal(data.superclass_of_label, [0, 0])
    assert "mine" in data.DESCR


def test_folder_of_the_environment_is_used_and_a_file_wins_over_openml(data_dir, monkeypatch):
    write(data_dir, "letter")
    monkeypatch.setenv("SETPRED_DATA", str(data_dir))
    assert load_dataset("letter").X_train.shape == (3, 2)


def test_csr_pieces_become_a_csr_array(data_dir):
    X = csr_array(np.array([[0, 0.5], [0, 0], [1, 2]]))
    pieces = {
        "X_train_data": X.data.astype(np.float16),
        "X_train_indices": X.indices.astype(np.uint16),
        "X_train_indptr": X.indptr,
        "X_train_shape": np.array(X.shape),
    }
    write(data_dir, **pieces)
    data = load_dataset("mine", data_dir=data_dir)
    assert data.X_train.dtype == np.float32
    np.testing.assert_array_equal(data.X_train.toarray(), X.toarray())
    assert not set(pieces) & set(data)


def test_rows_without_a_single_label_are_set_apart(data_dir):
    Y = np.array([[1, 0], [1, 1], [0, 1]], dtype=bool)
    write(data_dir, Y_train=Y, y_train=np.array([0, -1, 1]), id_train=np.array([7, 8, 9]))
    data = load_dataset("mine", data_dir=data_dir)
    np.testing.assert_array_equal(data.X_train, [[1, 2], [5, 6]])
    np.testing.assert_array_equal(data.y_train, [0, 1])
    np.testing.assert_array_equal(data.id_train, [7, 9])
    np.testing.assert_array_equal(data.X_multilabel_train, [[3, 4]])
    np.testing.assert_array_equal(data.Y_multilabel_train, [[True, True]])
    assert "Y_train" not in data
    assert "X_multilabel_test" not in data


def test_rows_without_a_single_label_need_the_matrix_of_their_labels(data_dir):
    write(data_dir, y_train=np.array([0, -1, 1]))
    with pytest.raises(ValueError, match="must then hold the boolean matrix Y_train"):
        load_dataset("mine", data_dir=data_dir)


def test_digits_come_offline_with_a_fixed_stratified_split(data_dir):
    first, second = load_dataset("digits"), load_dataset("digits", data_dir=data_dir)
    np.testing.assert_array_equal(first.X_test, second.X_test)
    assert len(first.X_train) + len(first.X_test) == 1797
    share = np.bincount(first.y_test) / np.bincount(np.r_[first.y_train, first.y_test])
    np.testing.assert_allclose(share, 0.25, atol=0.01)


def test_unknown_name_is_answered_by_the_nearest_known(data_dir):
    with pytest.raises(ValueError, match="name='leter' is unknown; did you mean 'letter'"):
        load_dataset("leter")


def test_a_known_set_that_is_not_here_says_where_it_is_to_be_had(data_dir):
    with pytest.raises(FileNotFoundError, match=r"clinc150_minilm\.npz.*oos-eval"):
        load_dataset("clinc150_minilm", data_dir=data_dir)


def test_a_folder_that_does_not_exist_is_named(data_dir):
    with pytest.raises(FileNotFoundError, match=r"data_dir='.*nowhere' is not a folder"):
        load_dataset("letter", data_dir=data_dir / "nowhere")


def test_a_file_that_lacks_an_array_is_named(data_dir):
    np.savez(data_dir / "mine.npz", X_train=np.eye(2))
    with pytest.raises(ValueError, match=r"mine\.npz lacks \['X_test', 'label_names', 'y_test'"):
        load_dataset("mine", data_dir=data_dir)


def test_every_set_of_openml_is_described():
    assert set(_openml.OPENML) < set(_about.ABOUT)


# --- OpenML -------------------------------------------------------------------------------------


@pytest.fixture
def openml(monkeypatch):
    """Let fetch_openml answer with a given frame and target, as OpenML's copy would look."""
    monkeypatch.delenv("SETPRED_DATA", raising=False)

    def answer_with(expected_id, frame, target):
        def fetch(*, data_id, as_frame):
            assert (data_id, as_frame) == (expected_id, True)
            return Bunch(data=pd.DataFrame(frame), target=pd.Series(target, dtype="category"))

        monkeypatch.setattr(_openml, "fetch_openml", fetch)

    return answer_with


@pytest.mark.parametrize(
    ("name", "data_id", "labels", "first_name"),
    [
        ("letter", 6, list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "A"),
        ("pendigits", 32, list("0123456789"), "0"),
        ("satimage", 182, ["1.", "2.", "3.", "4.", "5.", "7."], "red soil"),
        ("yeast", 181, _openml._PROTEIN_SITES, "CYT"),
    ],
)
def test_openml_copy_gets_our_codes_and_a_stratified_split(
    openml, name, data_id, labels, first_name
):
    codes = np.tile(np.arange(len(labels)), 10)
    openml(data_id, {"row": np.arange(len(codes))}, np.array(labels)[codes])
    data = load_dataset(name)
    assert data.X_train.dtype == np.float32
    np.testing.assert_array_equal(data.y_train, codes[data.X_train[:, 0].astype(int)])
    np.testing.assert_array_equal(data.y_test, codes[data.X_test[:, 0].astype(int)])
    assert len(data.y_train) + len(data.y_test) == len(codes)
    assert np.ptp(np.bincount(data.y_test)) == 0
    assert data.target_names[0] == first_name
    assert "not the official" in data.DESCR


def test_vowel_is_split_by_speaker_and_only_numeric_columns_are_features(openml):
    frame = {
        "Train_or_Test": ["Train", "Test", "Train"],
        "Speaker_Number": ["Andrew", "Wendy", "Rose"],
        "Sex": ["Male", "Female", "Female"],
        "Feature_0": [-1.0, 0.0, 1.0],
    }
    openml(307, frame, ["hid", "hed", "hAd"])
    data = load_dataset("vowel")
    np.testing.assert_array_equal(data.X_train, [[-1], [1]])
    np.testing.assert_array_equal(data.X_test, [[0]])
    np.testing.assert_array_equal(data.y_train, [0, 3])
    np.testing.assert_array_equal(data.y_test, [10])


def test_fashion_mnist_keeps_its_official_split(openml):
    openml(40996, {"pixel1": np.arange(70_000) % 256}, (np.arange(70_000) % 10).astype(str))
    data = load_dataset("fashion_mnist")
    assert (len(data.X_train), len(data.X_test)) == (60_000, 10_000)
    np.testing.assert_array_equal(data.y_test, np.arange(10_000) % 10)
    assert data.target_names[9] == "Ankle boot"


def test_labels_that_openml_should_not_have_are_named(openml):
    openml(32, {"row": [0, 1]}, ["0", "zero"])
    with pytest.raises(ValueError, match="'zero'"):
        load_dataset("pendigits")


def test_without_network_the_error_names_the_file_that_would_do(data_dir, monkeypatch):
    def fail(**_):
        raise URLError("no network")

    monkeypatch.setattr(_openml, "fetch_openml", fail)
    with pytest.raises(OSError, match=r"'letter' .*no network.* letter\.npz"):
        load_dataset("letter")


# --- label noise --------------------------------------------------------------------------------

K, LEVEL = 6, 0.3
PAIRS = [(0, 3), (5, 1)]
SWAP = np.array([3, 5, 2, 0, 4, 1])
TRANSITIONS = {
    "uniform": (1 - LEVEL) * np.eye(K) + LEVEL / K,
    "class_dependent": (1 - LEVEL) * np.eye(K) + LEVEL * np.roll(np.eye(K), 1, axis=1),
    "pair": (1 - LEVEL) * np.eye(K) + LEVEL * np.eye(K)[SWAP],
}


@pytest.mark.parametrize("noise", TRANSITIONS)
def test_labels_change_by_the_transition_matrix(noise):
    n = 4000
    y = np.repeat(np.arange(K), n)
    pairs = PAIRS if noise == "pair" else None
    y_noisy = make_noisy_labels(y, noise, LEVEL, pairs=pairs, random_state=0)
    shares = np.array([np.bincount(y_noisy[y == k], minlength=K) for k in range(K)]) / n
    expected = TRANSITIONS[noise]
    np.testing.assert_array_equal(shares[expected == 0], 0)
    np.testing.assert_array_equal(shares[expected == 1], 1)
    standard_error = np.sqrt(expected * (1 - expected) / n)
    np.testing.assert_array_less(abs(shares - expected), 4 * standard_error + 1e-12)


@pytest.mark.parametrize("noise", TRANSITIONS)
def test_level_0_changes_nothing(noise):
    y = np.arange(K)
    pairs = PAIRS if noise == "pair" else None
    np.testing.assert_array_equal(make_noisy_labels(y, noise, 0, pairs=pairs), y)


def test_level_1_changes_every_label_but_those_in_no_pair():
    y = np.arange(K)
    np.testing.assert_array_equal(make_noisy_labels(y, "pair", 1, pairs=PAIRS), SWAP)
    next_class = make_noisy_labels(y, "class_dependent", 1)
    np.testing.assert_array_equal(next_class, [1, 2, 3, 4, 5, 0])


@pytest.mark.parametrize(
    "labels",
    [["b", "a", "c", "a"], np.array([3, 1, 5, 1], dtype=np.int8), pd.Series(["b", "a", "c", "a"])],
)
def test_labels_keep_their_type(labels):
    y = np.asarray(labels)
    y_noisy = make_noisy_labels(labels, "class_dependent", 1)
    assert y_noisy.dtype == y.dtype
    np.testing.assert_array_equal(y_noisy, y[[2, 0, 1, 0]])


def test_classes_that_are_not_in_y_take_part():
    y_noisy = make_noisy_labels(["a"] * 5, "class_dependent", 1, classes=["a", "banana"])
    assert set(y_noisy) == {"banana"}


def test_pairs_of_the_paper_are_the_letters_that_look_alike():
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    pairs = {"".join(letters[list(pair)]) for pair in CONFUSED_PAIRS["letter"]}
    assert pairs == {"BD", "CG", "EF", "HN", "IL", "KX", "MW", "OQ", "PR", "UV"}


@pytest.mark.parametrize(("name", "n_classes"), [("letter", 26), ("news20", 20), ("vowel", 11)])
def test_pairs_of_the_paper_are_accepted(name, n_classes):
    y = np.arange(n_classes)
    y_noisy = make_noisy_labels(y, "pair", 1, pairs=CONFUSED_PAIRS[name])
    assert (y_noisy != y).sum() == 2 * len(CONFUSED_PAIRS[name])
    np.testing.assert_array_equal(y_noisy[y_noisy], y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": "unifrom"}, "did you mean 'uniform'"),
        ({"level": 1.5}, r"level=1\.5"),
        ({"noise": "pair"}, "noise='pair' needs pairs"),
        ({"pairs": [(0, 1)]}, "noise='pair' needs pairs"),
        ({"noise": "pair", "pairs": [(0, 1), (1, 2)]}, "holds a label twice"),
        ({"noise": "pair", "pairs": [(0, 9)]}, r"pairs holds \[9\]"),
        ({"noise": "pair", "pairs": [0, 1]}, "pairs has shape"),
        ({"classes": [0, 1]}, r"y holds \[2\]"),
        ({"classes": ["0", "1", "2"]}, "y holds"),
        ({"y": []}, "y holds no labels"),
    ],
)
def test_bad_arguments_of_the_noise_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_noisy_labels(**({"y": [0, 1, 2]} | arguments))
