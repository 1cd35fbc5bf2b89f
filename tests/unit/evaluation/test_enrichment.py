"""Screens with known answers, the same draws of them for every model, and their comparison."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toy_assays import assay, world

from molmeta.assays.records import times_measured
from molmeta.assays.screens import Screen, distinct, read_screens, screens_of
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError, EpisodeError, TableError
from molmeta.evaluation.enrichment import (
    EnrichmentPlan,
    compared,
    enrich,
    new_compounds,
    unknown_targets,
    without_memory,
)
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.named import baseline
from molmeta.molecules.store import update

PLAN = EnrichmentPlan((2, 4), (1, 2), draws=2)
ACTIVES = ["c1ccccc1S(=O)(=O)N" + "C" * n for n in range(12)]
INACTIVES = ["O" + "C" * n for n in range(1, 31)]


def rows(target, smiles, active, source="S"):
    return pd.DataFrame({"source": source, "target": target, "active": active, "smiles": smiles})


def read(tmp_path, *parts, **options):
    path = tmp_path / "screens.csv"
    pd.concat(parts).to_csv(path, index=False)
    return read_screens([path], **options)


@pytest.fixture
def frame(tmp_path):
    return read(tmp_path, rows("A", ACTIVES, 1), rows("zinc", INACTIVES, 0))


@pytest.fixture
def judged(frame):
    store = update(None, distinct(frame), ("morgan",))
    learners = {name: baseline(name).learner for name in ("similarity", "tanimoto_gp")}
    return enrich(learners, list(screens_of(frame, store)), store.molecules, plan=PLAN)


def test_a_target_without_actives_lends_its_compounds(frame):
    assert frame.groupby("target")["active"].value_counts().to_dict() == {
        ("A", 1): len(ACTIVES),
        ("A", 0): len(INACTIVES),
    }


def test_decoys_are_lent_within_their_source_only(tmp_path):
    other = rows("B", [*ACTIVES[:3], *INACTIVES[:3]], [1] * 3 + [0] * 3, source="T")
    found = read(tmp_path, rows("A", ACTIVES, 1), rows("zinc", INACTIVES, 0), other)
    assert (found["target"] == "B").sum() == 6


def test_a_compound_that_is_listed_as_both_counts_once_as_active(tmp_path):
    found = read(tmp_path, rows("A", ["OCC", "CCO", "CCN"], [0, 1, 0]))
    assert sorted(found[["smiles", "active"]].to_records(index=False).tolist()) == [
        ("CCN", 0),
        ("CCO", 1),
    ]


def test_thinned_decoys_are_the_same_wherever_they_stand(tmp_path):
    parts = [rows(t, [*ACTIVES, *INACTIVES], [1] * 12 + [0] * 30) for t in ("A", "B")]
    found = read(tmp_path, *parts, decoys=7)
    kept = found[found["active"] == 0].groupby("target")["smiles"].apply(set)
    assert kept["A"] == kept["B"]
    assert len(kept["A"]) == 7


def test_what_does_not_parse_is_left_out(tmp_path):
    found = read(tmp_path, rows("A", ["CCO", "no molecule", "CCN"], [1, 1, 0]))
    assert len(found) == 2


def test_a_table_without_the_columns_is_refused(tmp_path):
    with pytest.raises(TableError, match="source, target, active, smiles"):
        read(tmp_path, pd.DataFrame({"smiles": ["CCO"]}))


def test_a_table_without_source_and_target_is_one_target_named_by_its_file(tmp_path):
    found = read(tmp_path, pd.DataFrame({"smiles": ["CCO", "CCN"], "active": [1, 0]}))
    assert set(zip(found["source"], found["target"], strict=True)) == {("screens", "screens")}
    assert found["active"].tolist() == [1, 0]


def test_a_table_with_a_target_and_no_source_is_refused(tmp_path):
    table = rows("A", ["CCO", "CCN"], [1, 0]).drop(columns="source")
    with pytest.raises(TableError, match="source, target, active, smiles"):
        read(tmp_path, table)


def test_a_table_without_actives_is_refused(tmp_path):
    with pytest.raises(TableError, match="no target has actives"):
        read(tmp_path, rows("A", INACTIVES, 0))


def test_there_is_a_row_for_each_model_support_and_draw(judged):
    kinds = judged.groupby("model")[["actives", "per_active", "draw"]].apply(
        lambda group: set(map(tuple, group.to_numpy().tolist()))
    )
    asked = {(n, k, d) for n, k in PLAN.kinds for d in range(2)}
    assert asked == kinds["similarity"] == kinds["tanimoto_gp"]


def test_the_library_is_what_the_support_leaves(judged):
    given = judged["actives"] * judged["per_active"].clip(lower=0)
    given = np.maximum(given, 1)
    assert (judged["n_library"] == 42 - judged["actives"] - given).all()
    assert (judged["n_active"] == 12 - judged["actives"]).all()


def test_actives_unlike_their_decoys_are_found_first(judged):
    assert judged["auroc"].min() > 0.95


def test_the_same_seed_gives_the_same_rows(frame, judged):
    store = update(None, distinct(frame), ("morgan",))
    learners = {"similarity": baseline("similarity").learner}
    again = enrich(learners, list(screens_of(frame, store)), store.molecules, plan=PLAN)
    first = judged[judged["model"] == "similarity"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)


def test_a_target_that_was_judged_before_is_not_judged_again(frame, judged):
    store = update(None, distinct(frame), ("morgan",))
    screens = list(screens_of(frame, store))
    found = enrich({}, screens, store.molecules, plan=PLAN, keep=lambda *_: judged)
    pd.testing.assert_frame_equal(found, judged)


def test_a_target_too_small_for_the_support_is_refused(frame):
    store = update(None, distinct(frame), ("morgan",))
    with pytest.raises(EpisodeError, match="too few actives"):
        enrich({}, list(screens_of(frame, store)), store.molecules, plan=EnrichmentPlan((12,)))


def test_a_plan_without_draws_is_refused():
    with pytest.raises(ConfigError, match="--draws"):
        EnrichmentPlan(draws=0)


@torch.no_grad()
def test_without_memory_a_learner_knows_nothing_of_any_compound_and_stays_as_it_is():
    learner = ProfileGP()
    learner.fit(TrainingData(world(), [assay(0)]))
    assert times_measured(without_memory(learner), world()).sum() == 0
    assert times_measured(learner, world()).min() == 1


def scored(model, target, value, known=0):
    metrics = dict.fromkeys(("ef1", "ef5", "bedroc20", "auroc"), value)
    place = {"source": "S", "target": target, "actives": 5, "per_active": 1, "draw": 0}
    return {"model": model, **place, **metrics, "n_known_active": known}


def test_a_model_is_compared_with_the_best_of_the_others():
    table = pd.DataFrame(
        [
            scored(model, target, value + extra)
            for target, extra in (("A", 0.0), ("B", 1.0))
            for model, value in (("mine", 3.0), ("good", 2.0), ("bad", 1.0))
        ]
    )
    found = compared(table, "mine").set_index("metric").loc["ef1"]
    assert found["baseline"] == "good"
    assert (found["difference"], found["low"], found["high"]) == (1.0, 1.0, 1.0)


def test_a_target_known_to_any_memory_is_left_out_for_all_models():
    table = pd.DataFrame(
        [scored("mine", "A", 1.0, known=2), scored("good", "A", 1.0), scored("good", "B", 1.0)]
    )
    assert list(unknown_targets(table)["target"]) == ["B"]


def test_what_was_met_in_training_can_be_left_out_of_screens():
    learner, measured = ProfileGP(), assay(0)
    part = replace(
        measured, rows=np.arange(100), labels=measured.labels[:100], values=measured.values[:100]
    )
    learner.fit(TrainingData(world(), [part]))
    screen = Screen("S", "A", np.arange(300), measured.labels)
    (left,) = new_compounds([screen], learner, world(), plan=PLAN)
    assert left.rows.tolist() == list(range(100, 300))
    assert left.labels.tolist() == measured.labels[100:].tolist()


def test_a_target_with_too_few_new_compounds_is_left_out():
    learner = ProfileGP()
    learner.fit(TrainingData(world(), [assay(0)]))
    screen = Screen("S", "A", np.arange(300), assay(0).labels)
    assert new_compounds([screen], learner, world(), plan=PLAN) == []
