"""Generated problems: the posterior is Bayes' rule, and the sample follows it."""

import numpy as np
import pytest

from sklearn_setpred.datasets import GaussianClasses, make_confusable_classes, make_noisy_labels


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
