"""Model files of earlier formats: loaded under present names, with the options they had."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_training import recipe

from molmeta.models.conversion import FORMAT, converted
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.pretrained import load_pretrained
from molmeta.models.recipes import Recipe
from molmeta.runtime.tensorfiles import read_tensors

EARLIER_NAMES = {
    "maml": {"encoder.": "scorer.encoder.", "head.": "scorer.head."},
    "profile_gp": {"records.": "memory."},
}
EVALUATION_STEPS = {"maml": 5, "fomaml": 10, "anil": 10, "metasgd": 1, "reptile": 50}


def earlier(path, name, learner_options=None):
    """Write a model as format 1 did, and return it."""
    saved = Model(recipe(name).build(3).eval(), recipe(name), {})
    save(saved, path)
    tensors, (_, header) = load_file(path), read_tensors(path, "model")
    for new, old in EARLIER_NAMES.get(name, {"": ""}).items():
        tensors = {re.sub(f"^{new}", old, key): tensor for key, tensor in tensors.items()}
    options = learner_options or {}
    header |= {"format": 1, "recipe": {**header["recipe"], "learner_options": options}}
    save_file(tensors, path, {"molmeta": json.dumps(header)})
    return saved


@pytest.mark.parametrize("name", list(EARLIER_NAMES))
def test_tensors_are_loaded_under_their_earlier_names(tmp_path, name):
    saved = earlier(tmp_path / "0.safetensors", name)
    assert load_file(tmp_path / "0.safetensors").keys() != saved.learner.state_dict().keys()
    found = load(tmp_path / "0.safetensors").learner.state_dict()
    assert all(torch.equal(found[key], one) for key, one in saved.learner.state_dict().items())


@pytest.mark.parametrize("name", list(EVALUATION_STEPS))
def test_options_left_at_an_earlier_default_keep_it(tmp_path, name):
    earlier(tmp_path / "0.safetensors", name)
    assert load(tmp_path / "0.safetensors").learner.evaluation_steps == EVALUATION_STEPS[name]


@pytest.mark.parametrize(
    ("earlier_name", "name"),
    [
        ("encoder.parts.1.memory.keys", "encoder.parts.1.records.keys"),
        ("encoder.told.bias", "encoder.from_records.bias"),
        ("log_learnt", "log_encoder_weight"),
    ],
)
def test_a_tensor_has_its_present_name(earlier_name, name):
    header = {"format": 1, "recipe": Recipe("profile_gp").to_dict()}
    assert list(converted({earlier_name: torch.zeros(1)}, header)[0]) == [name]


def test_an_option_has_its_present_name():
    recipe = Recipe("profile_gp", learner_options={"learnt": 0.3}).to_dict()
    _, header = converted({}, {"format": 1, "recipe": recipe})
    assert header["recipe"]["learner_options"] == {"encoder_weight": 0.3}


def test_the_pretrained_model_has_the_weight_of_its_encoder():
    assert load_pretrained().learner.encoder_weight == 0.3


def test_options_that_were_set_stay_as_they_were(tmp_path):
    earlier(tmp_path / "0.safetensors", "fomaml", {"evaluation_steps": 7})
    assert load(tmp_path / "0.safetensors").learner.evaluation_steps == 7


def test_a_converted_model_is_saved_in_the_present_format(tmp_path):
    earlier(tmp_path / "0.safetensors", "anil")
    save(load(tmp_path / "0.safetensors"), tmp_path / "1.safetensors")
    _, header = read_tensors(tmp_path / "1.safetensors", "model")
    assert header["format"] == FORMAT
    assert load(tmp_path / "1.safetensors").learner.evaluation_steps == 10
