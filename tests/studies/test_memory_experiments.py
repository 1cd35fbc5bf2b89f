"""The first experiments of the memory learners, reduced until they train in seconds."""

import importlib.util
import sys
from dataclasses import replace

import pytest
import torch
from paths import ROOT

FOLDER = ROOT / "studies" / "first_experiments"


def example(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


copy_task, associative = example("copy_task"), example("associative")
COPY = copy_task.Plan(longest=4, slots=12, slot_width=8, controller=32, steps=1200)
ASSOCIATE = associative.Plan(classes=2, labels=4, sights=3, controller=32, slots=16, steps=300)


def wrong(model):
    """Share of the bits that are wrong at each length; a guess is a half."""
    found = copy_task.judge(model, COPY, (1, 2, 3, 4))
    return found["bit_errors"] / (COPY.bits * found["length"])


def named(model):
    """Share named rightly at the first sight and, on average, at later ones; a guess is .25."""
    found = associative.judge(model, ASSOCIATE)["accuracy"]
    return found[0], found[1:].mean()


@pytest.mark.slow
def test_a_short_training_lets_the_machine_say_sequences_again():
    before, _ = copy_task.train(replace(COPY, steps=1), 0)
    after, _ = copy_task.train(COPY, 0)
    assert wrong(before).min() > 0.3
    assert wrong(after).max() < 0.05


@pytest.mark.slow
def test_a_short_training_lets_a_class_be_named_after_one_sight():
    before = associative.train(replace(ASSOCIATE, steps=1), 0)
    after = associative.train(ASSOCIATE, 0)
    assert named(before)[1] < 0.4
    assert named(after)[1] > 0.7
    assert named(after)[0] < 0.4


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_a_copying_run_is_the_same_every_time():
    first, second = (copy_task.train(replace(COPY, steps=5), 1)[0] for _ in range(2))
    assert torch.equal(weights(first), weights(second))


def test_an_associating_run_is_the_same_every_time():
    first, second = (associative.train(replace(ASSOCIATE, steps=5), 1) for _ in range(2))
    assert torch.equal(weights(first), weights(second))
