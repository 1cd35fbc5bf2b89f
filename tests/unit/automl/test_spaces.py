"""Search spaces follow from the options of a learner and what it declares."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from molmeta import encoders, learners
from molmeta.automl.spaces import space_of
from molmeta.errors import ConfigError
from molmeta.models.recipes import Recipe


@pytest.mark.parametrize("name", learners.names())
def test_every_learner_can_be_tuned(name):
    encoder = "fingerprint" if learners.get(name).meta_trained else ""
    if name == "ensemble":
        with pytest.raises(ConfigError, match="nothing to search"):
            space_of(Recipe(name))
    else:
        assert space_of(Recipe(name, encoder))


@pytest.mark.parametrize("name", learners.names())
def test_what_a_learner_declares_are_options_of_it(name):
    cls = learners.get(name)
    for option, values in cls.search.items():
        assert isinstance(values, (list, tuple))
        if isinstance(values, list) and name != "profile_gp":
            for value in values:
                assert Recipe(name, learner_options={option: value}).build(0)


@pytest.mark.parametrize("name", encoders.names())
def test_every_encoder_can_be_tuned(name):
    assert any(key.startswith("encoder.") for key in space_of(Recipe("protonet", name)))


def test_numbers_flags_and_named_choices_are_searched_around_their_default():
    space = space_of(Recipe("similarity"))
    assert space["learner.mode"] == CategoricalDistribution(["max", "mean", "difference"])
    assert space["learner.steepness"] == FloatDistribution(0.75, 12.0, log=True)


def test_declared_ranges_take_the_place_of_derived_ones():
    assert space_of(Recipe("logistic_regression"))["learner.c"] == FloatDistribution(
        1e-3, 1e2, log=True
    )
    assert space_of(Recipe("random_forest"))["learner.min_samples_leaf"] == IntDistribution(1, 5)


def test_options_that_are_given_stay_as_they_are():
    space = space_of(Recipe("similarity", learner_options={"mode": "max"}))
    assert list(space) == ["learner.steepness"]


def test_seeds_and_targets_are_not_searched():
    assert not {"learner.seed", "learner.target"} & set(space_of(Recipe("single_task")))


def test_meta_trained_learners_search_their_training():
    assert "training.learning_rate" in space_of(Recipe("protonet", "fingerprint"))
    assert "training.learning_rate" not in space_of(Recipe("similarity"))
