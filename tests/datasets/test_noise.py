"""Label noise: labels change by the transition matrix that is asked for."""

import numpy as np
import pandas as pd
import pytest

from sklearn_setpred.datasets import CONFUSED_PAIRS, make_noisy_labels

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
