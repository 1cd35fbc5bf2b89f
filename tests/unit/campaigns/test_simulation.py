from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
import toy_training
from toy_assays import assay, built, world
from toy_training import RINGS, TAILS
from typer.testing import CliRunner

from molmeta import cli
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.training_data import TrainingData
from molmeta.campaigns.campaign import Campaign
from molmeta.campaigns.simulation import (  # fmt: skip
    COLUMNS,
    REFERENCES,
    SimulationPlan,
    actives_in_training,
    replay,
    simulate,
    summary,
)
from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.files import save
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import Bits
from molmeta.report.curves import draw_rounds
from molmeta.runtime.seeds import generator

PLAN = SimulationPlan(start=12, batch=10, rounds=3, policies=("greedy", "thompson"), repeats=2)


def changed(**options):
    return dataclasses.replace(PLAN, **options)


@pytest.fixture(scope="module")
def rows():
    return simulate(built("tanimoto_gp"), [assay(0)], world(), plan=PLAN, model="gp")


@pytest.fixture
def campaign():
    found = Campaign(built("tanimoto_gp"), world(), assay(0).labels)
    found.begin(draw_episode(assay(0), Draw(12), generator(0, "start")).support)
    return found


def test_the_columns_are_the_published_ones(rows):
    assert tuple(rows.columns) == COLUMNS


def test_every_policy_and_the_references_replay_every_start(rows):
    assert set(rows["policy"]) == {*REFERENCES, "greedy", "thompson"}
    counts = rows.groupby(["policy", "repeat"]).size()
    assert (len(counts), set(counts)) == (10, {4})


def test_a_round_measures_a_batch(rows):
    for _, one in rows.groupby(["policy", "repeat"]):
        assert one["measured"].tolist() == [12, 22, 32, 42]


def test_hits_add_up_to_what_was_found(rows):
    for _, one in rows.groupby(["policy", "repeat"]):
        assert one["found"].tolist() == one["hits"].cumsum().tolist()


def test_all_policies_begin_with_the_same_start(rows):
    assert (rows.groupby("repeat")["start_active"].nunique() == 1).all()


def test_enrichment_is_against_what_chance_would_find(rows):
    last = rows[rows["round"] == 3]
    chance = 30 * (last["n_active"] - last["start_active"]) / (300 - 12)
    assert last["enrichment"].to_numpy() == pytest.approx((last["found"] / chance).to_numpy())


def test_no_enrichment_is_said_of_the_start(rows):
    assert rows.loc[rows["round"] == 0, "enrichment"].isna().all()


def test_chance_finds_what_chance_is_expected_to_find():
    plan = changed(repeats=60, policies=(), rounds=1, batch=60)
    found = simulate(built("similarity"), [assay(1)], world(), plan=plan, model="s")
    assert summary(found)["random"] == pytest.approx(1, abs=0.05)


def test_choosing_finds_more_than_chance(rows):
    means = summary(rows)
    assert means["greedy"] > 1.3 > means["random"]


def test_the_same_seed_gives_the_same_rows(rows):
    again = simulate(built("tanimoto_gp"), [assay(0)], world(), plan=PLAN, model="gp")
    assert again.equals(rows)


def test_another_seed_draws_another_start(rows):
    plan = changed(seed=1, policies=("greedy",))
    other = simulate(built("tanimoto_gp"), [assay(0)], world(), plan=plan, model="gp")
    assert other["found"].tolist() != rows[rows["policy"] != "thompson"]["found"].tolist()


def test_one_shot_follows_the_first_ranking_to_the_end(campaign):
    start = campaign.measured.copy()
    places = campaign.open
    with torch.no_grad():
        logits = campaign.adapted()(world().select(torch.from_numpy(places))).numpy()
    best = places[np.argsort(-logits, kind="stable")][:30]
    list(replay(campaign, "one_shot", PLAN, generator(0)))
    assert set(np.flatnonzero(campaign.measured & ~start)) == set(best)


def test_greedy_learns_from_each_round(campaign):
    counted = []

    class Counting(type(campaign.learner)):
        def adapt_library(self, support):
            counted.append(len(support))
            return super().adapt_library(support)

    campaign.learner = Counting()
    list(replay(campaign, "greedy", PLAN, generator(0)))
    assert counted == [12, 22, 32]


def test_a_used_up_assay_ends_early():
    plan = changed(batch=200, policies=())
    found = simulate(built("similarity"), [assay(0)], world(), plan=plan, model="s")
    assert found["round"].max() == 2
    assert found.loc[found["round"] == 2, "enrichment"].to_numpy() == pytest.approx(1)


def test_a_round_is_diverse_where_asked(campaign):
    before = campaign.measured.copy()
    list(replay(campaign, "greedy", changed(rounds=1, batch=5, max_similarity=0.3), generator(0)))
    dense = world().block("morgan", Bits).dense()[np.flatnonzero(campaign.measured & ~before)]
    shared = dense @ dense.t()
    either = dense.sum(1, keepdim=True) + dense.sum(1) - shared
    assert (shared / either).fill_diagonal_(0).max() <= 0.3


def test_a_round_is_filled_where_too_little_is_dissimilar(campaign):
    list(replay(campaign, "greedy", changed(max_similarity=0.01), generator(0)))
    assert campaign.measured.sum() == 42


def test_an_assay_that_is_too_small_is_left_out_and_told(caplog):
    small = dataclasses.replace(
        assay(1), name="small", rows=np.arange(10), labels=np.eye(10, dtype=np.float32)[0]
    )
    plan = changed(policies=(), repeats=1)
    found = simulate(built("similarity"), [assay(0), small], world(), plan=plan, model="s")
    assert set(found["assay"]) == {"0"}
    assert "left out: assay 'small'" in caplog.text


def test_no_assay_that_is_large_enough_is_refused():
    with pytest.raises(EpisodeError, match="no assay is large enough"):
        simulate(built("similarity"), [assay(0)], world(), plan=changed(start=300), model="s")


@pytest.mark.parametrize(
    "wrong",
    [{"start": 1}, {"batch": 0}, {"rounds": 0}, {"repeats": 0}, {"policies": ("best",)},
     {"max_similarity": 1.1}],
    ids=str,
)  # fmt: skip
def test_a_plan_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError):
        changed(**wrong)


def test_a_compound_is_measured_once(campaign):
    with pytest.raises(EpisodeError, match="measured twice"):
        campaign.measure(np.flatnonzero(campaign.measured)[:1])


def test_the_incumbent_is_the_mean_probability_of_the_known_actives(campaign):
    predictor = campaign.adapted()
    with torch.no_grad():
        logits = predictor(world().select(torch.from_numpy(campaign.with_label(1))))
    view = campaign.assess(campaign.open, predictor)
    assert view.incumbent == pytest.approx(float(logits.double().sigmoid().mean()))


def test_the_picture_has_a_line_for_each_policy(rows, tmp_path):
    draw_rounds(rows, tmp_path / "rounds.svg")
    text = "".join(ElementTree.parse(tmp_path / "rounds.svg").getroot().itertext())
    assert all(name in text for name in (*REFERENCES, "greedy", "thompson"))


def test_the_command_writes_a_table_and_a_picture(tmp_path):
    table, output = tmp_path / "a.csv", tmp_path / "out" / "rounds.csv"
    pairs = [(f"{tail}{ring}", int(ring == RINGS[0])) for tail in TAILS for ring in RINGS]
    pd.DataFrame(pairs, columns=["smiles", "active"]).to_csv(table, index=False)
    words = f"simulate {table} --model similarity --start 8 --batch 4 --rounds 2 --output {output}"
    done = CliRunner().invoke(cli.build(), words.split(), prog_name="molmeta")
    assert done.exit_code == 0, done.output
    assert tuple(pd.read_csv(output).columns) == COLUMNS
    assert ElementTree.parse(output.with_suffix(".svg")).getroot().tag.endswith("svg")


def test_the_actives_that_training_assays_have_measured_are_counted():
    learner = ProfileGP()
    learner.fit(TrainingData(world(), [assay(0)]))
    met = assay(1)
    assert actives_in_training(learner, [met], world()) == {"1": int(met.labels.sum())}


def test_the_command_replays_without_activity_records(tmp_path):
    smiles = [f"{tail}{ring}" for tail in TAILS for ring in RINGS]
    frame = pd.DataFrame({"smiles": smiles, "active": [int(RINGS[0] in one) for one in smiles]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    learner = ProfileGP()
    learner.fit(TrainingData(toy_training.store().molecules, toy_training.assays()))
    save(Model(learner, Recipe("profile_gp"), {}), tmp_path / "model.safetensors")
    words = (
        f"simulate {tmp_path}/a.csv --model {tmp_path}/model.safetensors --start 8 --batch 4"
        f" --rounds 2 --acquisition greedy --repeats 1 --output {tmp_path}/rounds.csv"
    )
    said = [
        CliRunner().invoke(cli.build(), [*words.split(), *more], prog_name="molmeta").output
        for more in ([], ["--without-records"])
    ]
    assert ": 6 of its actives" in said[0]
    assert ": 0 of its actives" in said[1]
