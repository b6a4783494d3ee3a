"""What the parameters of estimators ask of a network, and which of them are refused."""

import numpy as np
import pytest

from sklearn_setpred import CardinalityAwareClassifier, NeuralClassifier
from sklearn_setpred._networks.modules import KINDS, KindBuilder, ModuleBuilder
from sklearn_setpred._networks.options import builder, check_widths, training_options


def users_module(n_features, n_outputs):
    raise AssertionError("built")


@pytest.mark.parametrize(
    ("kind", "widths", "dropout", "learning_rate"),
    [
        ("mlp", (256,), 0.0, 0.01),
        ("resnet", (160, 160), 0.15, 0.005),
        ("periodic", (160, 160), 0.15, 0.005),
    ],
)
def test_none_means_what_suits_the_kind(kind, widths, dropout, learning_rate):
    options = training_options(NeuralClassifier(module=kind))
    assert options.build == KindBuilder(kind, widths, dropout, zero_start=False)
    assert options.learning_rate == learning_rate


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_is_taken(kind):
    options = training_options(
        NeuralClassifier(module=kind, hidden_layer_sizes=(4, 3), dropout=0, learning_rate=0.3)
    )
    assert options.build == KindBuilder(kind, (4, 3), 0.0)
    assert options.learning_rate == 0.3


def test_options_are_the_estimators_parameters_by_name():
    given = {"weight_decay": 0.5, "batch_size": 7, "max_epochs": 3, "device": "cpu", "verbose": 1}
    callbacks = [("mine", None)]
    options = training_options(NeuralClassifier(**given, callbacks=callbacks))
    assert {name: getattr(options, name) for name in given} == given
    assert options.callbacks is callbacks
    assert options.scale_free is False


def test_parameters_that_an_estimator_lacks_keep_their_defaults():
    options = training_options(CardinalityAwareClassifier(max_epochs=4))
    defaults = training_options(NeuralClassifier(max_epochs=4))
    assert options == defaults


def test_a_users_module_has_the_step_size_of_an_mlp():
    options = training_options(NeuralClassifier(module=users_module))
    assert options.build == ModuleBuilder(users_module)
    assert options.learning_rate == KINDS["mlp"].learning_rate


@pytest.mark.parametrize(("given", "widths"), [(8, (8,)), ((8, 6), (8, 6)), ([np.int64(8)], (8,))])
def test_an_integer_is_one_hidden_layer(given, widths):
    assert check_widths(given) == widths
    assert check_widths(()) == ()


@pytest.mark.parametrize("kind", ["resnet", "periodic"])
def test_a_residual_network_has_a_block(kind):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(\) has no layer.*at least 1"):
        builder(kind, hidden_layer_sizes=())


@pytest.mark.parametrize("dropout", [-0.1, 1, 1.0, 1.5, np.nan])
def test_a_dropout_outside_of_its_range_is_refused(dropout):
    with pytest.raises(ValueError, match=f"dropout={dropout}"):
        builder("mlp", dropout=dropout)


@pytest.mark.parametrize(("name", "value"), [("dropout", 0.1), ("hidden_layer_sizes", (8,))])
def test_a_users_module_builds_its_own_layers(name, value):
    with pytest.raises(ValueError, match=rf"{name}=.*module=.*builds its own layers"):
        builder(users_module, **{name: value})


@pytest.mark.parametrize("kind", ["resnett", None, 3])
def test_an_unknown_kind_names_the_known_ones(kind):
    hint = ".*did you mean 'resnet'" if kind == "resnett" else r".*\['mlp', 'resnet', 'periodic'\]"
    with pytest.raises(ValueError, match=f"module={kind!r} is unknown{hint}"):
        builder(kind)
