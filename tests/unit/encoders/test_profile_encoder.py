"""The encoder that knows earlier assays: against loops, blind where it must be, safe in a file."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from toy_assays import assay, drawn, world

from molmeta import encoders
from molmeta.assays.records import ActivityRecords, hide_own_targets, times_measured
from molmeta.assays.training_data import TrainingData
from molmeta.encoders.profile import SHRINK, _signs
from molmeta.learners.maml import MAML
from molmeta.learners.protonet import ProtoNet
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.recipes import recipe_of
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.runtime.seeds import torch_seed

ASSAYS = [assay(place) for place in range(4)]
SMALL = {"width": 6, "hidden": 8, "sketch": 16, "assays": 10}


@cache
def molecules():
    """The world with fingerprints as long as the encoder's."""
    bits = world().block("morgan", Bits)
    return Molecules({**world().blocks, "morgan": Bits(bits.positions, bits.offsets, 2048)})


def encoder(remembered=ASSAYS):
    with torch_seed(0, "profile"):
        found = encoders.build("profile", SMALL)
    if remembered:
        found.fit(TrainingData(molecules(), remembered))
    return found.eval()


def flipped(found):
    return replace(found, labels=1 - found.labels)


def signs():
    return _signs(SMALL["assays"], SMALL["sketch"], torch.device("cpu"))


@torch.no_grad()
def encoded(found, some):
    return found(some)


@torch.no_grad()
def test_a_vector_is_the_network_beside_the_sketch_of_the_profile():
    found, few = encoder(), molecules().select(torch.arange(5))
    profiles, dense = found.records.look_up(few), few.block("morgan", Bits).dense()
    ends = profiles.offsets.tolist()
    for row, vector in enumerate(found(few)):
        p = torch.zeros(10)
        entries = slice(ends[row], ends[row + 1])
        p[profiles.assays[entries]] = profiles.values[entries]
        n = ends[row + 1] - ends[row]
        scaled = p / (p.square().sum() + SHRINK).sqrt()
        features = torch.tensor([p.sum() / n, np.log1p(n)], dtype=torch.float32)
        told = torch.cat([scaled @ found.activities, features])
        hidden = found.body[0](dense[row] @ found.embedding + found.from_records(told))
        expected = torch.cat([F.normalize(found.last(hidden), dim=0), scaled @ signs()])
        torch.testing.assert_close(vector, expected, rtol=1e-4, atol=1e-5)


def test_the_sketch_keeps_inner_products_of_profiles():
    wide = encoders.build("profile", {**SMALL, "sketch": 20_000})
    wide.fit(TrainingData(molecules(), ASSAYS))
    few = molecules().select(torch.arange(20))
    profiles = wide.records.look_up(few)
    lengths = (profiles.sums(profiles.values**2) + SHRINK).sqrt()
    exact = profiles.products(profiles) / torch.outer(lengths, lengths)
    kept = encoded(wide.eval(), few)[:, SMALL["width"] :]
    torch.testing.assert_close(kept @ kept.T, exact, rtol=0, atol=0.03)


def test_what_no_assay_measured_has_no_sketch():
    sketch = encoded(encoder([]), molecules())[:, SMALL["width"] :]
    assert not sketch.any()


@pytest.mark.parametrize("kind", [ProtoNet, MAML])
def test_training_is_blind_to_what_the_own_target_has_found(kind):
    episode, losses = drawn(0, n_support=12, n_query=8), []
    for own in (ASSAYS[0], flipped(ASSAYS[0])):
        with torch_seed(0, "learner"):
            learner = kind(encoder([]))
        learner.fit(TrainingData(molecules(), [own, *ASSAYS[1:]]))
        learner.eval()
        losses.append(learner.backward(*hide_own_targets(learner, [episode], molecules())))
    assert losses[0] == losses[1]


def test_assays_of_one_target_are_hidden_together():
    one_target = [replace(found, target="kinase") for found in ASSAYS[:2]]
    records = ActivityRecords()
    records.fill(TrainingData(molecules(), [*one_target, *ASSAYS[2:]]))
    _, own = records.hide_own_targets([drawn(0), drawn(2)], molecules())
    told = records.look_up(own)
    first = told.assays[: told.offsets[len(own) // 2]]
    assert set(first.tolist()) == {2, 3}
    assert set(told.assays[len(first) :].tolist()) == {0, 1, 3}


def test_blinded_episodes_are_of_the_same_molecules():
    records = ActivityRecords()
    records.fill(TrainingData(molecules(), ASSAYS))
    (moved, again), own = records.hide_own_targets([drawn(0), drawn(0)], molecules())
    rows = torch.from_numpy(drawn(0).query)
    bits, expected = own.block("morgan", Bits), molecules().block("morgan", Bits).select(rows)
    assert torch.equal(bits.select(torch.from_numpy(again.query)).positions, expected.positions)
    assert not set(moved.support) & set(again.support)


def test_each_molecule_of_an_episode_hides_the_target_of_the_episode():
    records = ActivityRecords()
    records.fill(TrainingData(molecules(), ASSAYS))
    _, own = records.hide_own_targets([drawn(1)], molecules())
    assert own.hidden_targets.tolist() == [records.target_of["1"]] * len(own)


def test_a_learner_without_records_trains_on_unchanged_molecules():
    episodes, learner = [drawn(0)], ProtoNet(encoders.build("fingerprint", {"width": 4}))
    assert hide_own_targets(learner, episodes, molecules())[1] is molecules()


def test_a_learner_knows_which_molecules_its_encoder_remembers():
    learner = ProtoNet(encoder([ASSAYS[0], ASSAYS[1]]))
    assert times_measured(learner, molecules()).max() == 2


def test_a_file_gives_the_memory_back(tmp_path):
    recipe = recipe_of({"learner": "protonet", "encoder": "profile", "encoder_options": SMALL})
    learner = recipe.build(0)
    learner.fit(TrainingData(molecules(), ASSAYS))
    save(Model(learner.eval(), recipe, {}), tmp_path / "model.safetensors")
    _signs.cache_clear()
    again = load(tmp_path / "model.safetensors").learner.to(torch.device("cpu"))
    expected = encoded(learner.encoder, molecules())
    assert torch.equal(encoded(again.encoder, molecules()), expected)


def test_random_signs_are_the_same_on_every_machine():
    assert signs().abs().unique().tolist() == [0.25]
    assert (signs()[:2, :6] > 0).int().tolist() == [[0, 1, 0, 0, 1, 0], [0, 1, 1, 0, 1, 0]]
