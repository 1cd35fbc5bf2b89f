"""Decoys: how many, whose, what a learner is told of them, and how training uses them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_training import recipe, store, task

from molmeta.assays.assay import Assay
from molmeta.assays.decoys import Decoys
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.records import ActivityRecords
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError
from molmeta.evaluation.contestants import Contestant
from molmeta.evaluation.enrichment import enrich
from molmeta.models.recipes import Recipe
from molmeta.runtime.seeds import generator
from molmeta.training.loop import train
from molmeta.training.sampler import Sampler
from molmeta.training.validation import HIDDEN

ROWS = {"one": range(12), "two": range(10, 30), "three": range(28, 48)}


def assay(name, target=""):
    rows = np.array(ROWS[name], np.int64)
    labels = (np.arange(len(rows)) % 2).astype(np.float32)
    values = np.full(len(rows), np.nan, np.float32)
    return Assay(name, target, name, ("C",) * len(rows), rows, labels, values)


ASSAYS = tuple(map(assay, ROWS))


def drawn(name="one", n_support=4):
    found = assay(name)
    rng = generator(0, "test")
    return draw_episode(found, Draw(n_support, n_query=4), rng).at(found.rows), found.rows


def diluted(share, decoys=None):
    episode, rows = drawn()
    decoys = Decoys.of(ASSAYS).shuffled(generator(1)) if decoys is None else decoys
    return episode, decoys.diluted(episode, rows, share)


def test_actives_are_the_share_that_was_asked_for():
    _, found = diluted(0.2)
    for labels in (found.support_labels, found.query_labels):
        assert (len(labels), labels.sum()) == (10, 2)


def test_molecules_of_the_episode_stand_first_and_decoys_after_them_are_inactive():
    episode, found = diluted(0.2)
    assert found.support[:4].tolist() == episode.support.tolist()
    assert found.query_labels[:4].tolist() == episode.query_labels.tolist()
    assert not found.support_labels[4:].any()
    assert np.isnan(found.support_values[4:]).all()


def test_decoys_are_of_other_assays_and_none_is_there_twice():
    _, found = diluted(0.1)
    decoys = np.concatenate([found.support[4:], found.query[4:]])
    assert not set(decoys.tolist()) & set(ROWS["one"])
    assert len(set(decoys.tolist())) == len(decoys) == 32


def test_each_decoy_is_lent_by_an_assay_that_measured_it():
    _, found = diluted(0.2)
    lent = zip(found.support[4:], found.decoy_assays[0], strict=True)
    assert all(int(row) in ROWS[name] for row, name in lent)


def test_an_episode_with_fewer_actives_is_left_as_it_is():
    episode, found = diluted(0.6)
    assert found.support.tolist() == episode.support.tolist()
    assert found.decoy_assays == ((), ())


def test_all_decoys_there_are_will_do():
    _, found = diluted(0.01)
    assert len(found.support) + len(found.query) == 8 + 36


def test_another_order_lends_other_decoys():
    _, one = diluted(0.2)
    _, other = diluted(0.2, Decoys.of(ASSAYS).shuffled(generator(2)))
    assert set(one.support.tolist()) != set(other.support.tolist())


def test_an_assay_is_hidden_among_the_compounds_of_the_others():
    screen = Decoys.of(ASSAYS).screen(ASSAYS[0])
    assert sorted(screen.rows.tolist()) == list(range(48))
    assert screen.labels.sum() == ASSAYS[0].n_active
    assert screen.labels[:12].tolist() == ASSAYS[0].labels.tolist()


def sampler(prevalence):
    return Sampler(ASSAYS, (4,), 4, None, 0, prevalence)


def test_shares_of_the_steps_fill_the_range():
    steps = [sampler((0.1, 0.5)).episodes(step, 2) for step in range(40)]
    sizes = np.array([len(found.support) for found, _ in steps])
    assert sizes.min() >= 4
    assert sizes.max() <= 20
    assert len(set(sizes.tolist())) > 8
    assert all(len(one.support) == len(other.support) for one, other in steps)


def test_episodes_of_a_step_share_their_decoys():
    episodes = [e for e in sampler((0.3, 0.3)).episodes(1, 12) if e.assay == "one"]
    assert len(episodes) > 1
    assert len({tuple(sorted((*e.support[4:], *e.query[4:]))) for e in episodes}) == 1


def test_without_prevalence_nothing_is_drawn_otherwise():
    plain, other = sampler(None).episodes(3, 4), sampler((0.2, 0.2)).episodes(3, 4)
    assert [e.support.tolist() for e in plain] == [e.support[:4].tolist() for e in other]


def test_a_decoy_is_not_told_what_its_lender_found():
    records = ActivityRecords()
    records.fill(TrainingData(store().molecules, ASSAYS))
    episode, _ = drawn()
    lent = replace(
        episode,
        support=np.append(episode.support, [10, 11]),
        support_labels=np.append(episode.support_labels, [0, 0]),
        decoy_assays=(("two", "one"), ()),
    )
    (moved,), own = records.hide_own_targets([lent], store().molecules)
    told = records.look_up(own.select(torch.from_numpy(moved.support[4:])))
    assert told.counts.tolist() == [1, 1]
    assert told.assays.tolist() == [0, 1]


def learnt(chosen=None, **options):
    found = replace(
        task(chosen, supports=(4,), n_query=4, prevalence=(0.2, 0.4), **options),
        train=ASSAYS[1:],
        valid=[replace(ASSAYS[0], labels=np.arange(12) > 0), ASSAYS[2]],
    )
    return found, *train(found)


def test_the_best_step_is_that_of_the_highest_bedroc():
    asked, model, log = learnt()
    screens = [Decoys.of(asked.valid).screen(one) for one in asked.valid]
    plan = replace(HIDDEN, draws=1, seed=0)
    rows = enrich({"": Contestant(model.learner)}, screens, store().molecules, plan=plan)
    scores = rows.groupby("target")["bedroc20"].mean()
    assert model.history["validation_bedroc20"] == pytest.approx(log["valid"].max())
    assert log["valid"].max() == pytest.approx(scores.mean(), abs=1e-6)


def test_learners_of_values_refuse_decoys():
    valued = Recipe("cnp", "fingerprint", {"target": "value"}, {"width": 8, "hidden": 8})
    with pytest.raises(ConfigError, match="decoys have no values"):
        learnt(valued)


@pytest.mark.parametrize("name", ["protonet", "maml", "multitask", "profile_gp"])
def test_learners_of_every_kind_learn_from_decoys(name):
    chosen = recipe(name) if name != "profile_gp" else Recipe("profile_gp", "", {}, {})
    _, _, log = learnt(chosen, steps=2)
    assert np.isfinite(log["loss"]).all()
