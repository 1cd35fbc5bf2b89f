"""From names and options to a learner."""

import pytest
import torch

from molmeta.errors import ConfigError
from molmeta.models.recipes import Recipe, recipe_of

SMALL = {"width": 4, "layers": 1}


def test_the_same_seed_builds_the_same_weights():
    recipe = Recipe("protonet", "gine", {}, SMALL)
    one, other = (recipe.build(5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_another_seed_builds_other_weights():
    recipe = Recipe("protonet", "gine", {}, SMALL)
    assert not torch.equal(
        recipe.build(0).encoder.atoms.weight, recipe.build(1).encoder.atoms.weight
    )


def test_building_leaves_torch_as_it_was():
    before = torch.get_rng_state()
    Recipe("protonet", "gine", {}, SMALL).build(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_options_reach_learner_and_encoder():
    learner = Recipe("protonet", "gine", {"metric": "euclidean"}, SMALL).build(0)
    assert learner.metric == "euclidean"
    assert learner.encoder.width == 4


def test_an_entry_and_its_recipe_are_two_forms_of_one():
    entry = {"learner": "maml", "encoder": "gine", "encoder_options": SMALL}
    assert recipe_of(recipe_of(entry).to_dict()) == recipe_of(entry)


@pytest.mark.parametrize("entry", [{}, {"encoder": "gine"}, {"learner": "maml", "lerner": 1}])
def test_an_entry_without_learner_or_with_unknown_keys_is_refused(entry):
    with pytest.raises(ConfigError, match=r"recipe: .*'learner'"):
        recipe_of(entry)


UNFIT = {
    "a width that heads do not divide": ("gps", {"width": 10, "heads": 4}),
    "a width that towers do not divide": ("pna", {"width": 10, "towers": 4}),
    "a width that is text": ("gine", {"width": "wide"}),
    "a width below zero": ("gine", {"width": -1}),
    "no hidden width": ("fingerprint", {"hidden": 0}),
    "a dropout above 1": ("gine", {"dropout": 2.0}),
    "layers that cannot be counted": ("gine", {"layers": None}),
    "an encoder that is no text": (5, {}),
    "options that are no mapping": ("gine+fingerprint", []),
}


@pytest.mark.parametrize("name", list(UNFIT))
def test_a_recipe_is_refused_in_one_line_with(name):
    encoder, options = UNFIT[name]
    with pytest.raises(ConfigError) as caught:
        Recipe("protonet", encoder, {}, options).build(0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("learner", ["protonet", "maml", "mann"])
def test_a_learner_without_an_encoder_is_refused(learner):
    with pytest.raises(ConfigError):
        Recipe(learner).build(0)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ConfigError, match="metric is unknown; got 'cosine'"):
        Recipe("protonet", "gine", {"metric": "cosine"}).build(0)
