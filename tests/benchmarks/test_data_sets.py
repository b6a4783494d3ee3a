"""The data sets of the benchmarks: files, scikit-learn, OpenML."""

from urllib.error import URLError

import data_sets_about
import data_sets_openml
import numpy as np
import pandas as pd
import pytest
from data_sets import load_dataset
from scipy.sparse import csr_array
from sklearn.utils import Bunch


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """Return an empty folder, and make sure that neither environment nor network is asked."""
    monkeypatch.delenv("SETPRED_DATA", raising=False)
    monkeypatch.setattr(data_sets_openml, "fetch_openml", lambda **_: pytest.fail("asked OpenML"))
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
    fraction = np.bincount(first.y_test) / np.bincount(np.r_[first.y_train, first.y_test])
    np.testing.assert_allclose(fraction, 0.25, atol=0.01)


def test_unknown_name_is_answered_by_the_known_ones(data_dir):
    with pytest.raises(ValueError, match=r"name='leter' is unknown; known .*'letter'"):
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
    assert set(data_sets_openml.OPENML) < set(data_sets_about.ABOUT)


@pytest.fixture
def openml(monkeypatch):
    """Let fetch_openml answer with a given frame and target, as OpenML's copy would look."""
    monkeypatch.delenv("SETPRED_DATA", raising=False)

    def answer_with(expected_id, frame, target):
        def fetch(*, data_id, as_frame):
            assert (data_id, as_frame) == (expected_id, True)
            return Bunch(data=pd.DataFrame(frame), target=pd.Series(target, dtype="category"))

        monkeypatch.setattr(data_sets_openml, "fetch_openml", fetch)

    return answer_with


@pytest.mark.parametrize(
    ("name", "data_id", "labels", "first_name"),
    [
        ("letter", 6, list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "A"),
        ("pendigits", 32, list("0123456789"), "0"),
        ("satimage", 182, ["1.", "2.", "3.", "4.", "5.", "7."], "red soil"),
        ("yeast", 181, data_sets_openml._PROTEIN_SITES, "CYT"),
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

    monkeypatch.setattr(data_sets_openml, "fetch_openml", fail)
    with pytest.raises(OSError, match=r"'letter' .*no network.* letter\.npz"):
        load_dataset("letter")
