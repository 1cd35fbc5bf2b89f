from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from toy_assays import assay, built, world
from toy_training import RINGS, TAILS

from molmeta import envs
from molmeta.campaigns.acquisition import ACQUISITIONS
from molmeta.curation.curate import curate
from molmeta.curation.tables import read_table
from molmeta.envs.comparing import compare, means
from molmeta.envs.learning import Chooser, PolicyTraining, learn, load_policy, save_policy
from molmeta.errors import ConfigError, EpisodeError, ModelError
from molmeta.runtime.tensorfiles import write_tensors

SEARCH = envs.Search(window=60, start=8, batch=5, rounds=3, share=0.2)
COLUMN = {name: place for place, name in enumerate(envs.FEATURES)}


def made(*places, search=SEARCH, learner="tanimoto_gp"):
    return envs.AssaySearch(
        built(learner), [assay(place) for place in places or (0, 1)], world(), search=search
    )


@pytest.fixture
def env():
    return made()


def column(observation, name):
    return observation[:, COLUMN[name]]


def first_open(info):
    return int(np.flatnonzero(info["action_mask"])[0])


def hidden(env):
    return env._campaign.labels


@pytest.fixture
def table(tmp_path):
    pairs = [(f"{tail}{ring}", int(ring == RINGS[0])) for tail in TAILS for ring in RINGS]
    path = tmp_path / "ring.csv"
    pd.DataFrame(pairs, columns=["smiles", "active"]).to_csv(path, index=False)
    return path


def test_gymnasium_makes_it_from_tables_and_finds_nothing_wrong(table):
    env = gymnasium.make(envs.ID, tables=[str(table)], window=40, start=8, batch=4, rounds=2)
    check_env(env.unwrapped)
    assert env.reset(seed=0)[1]["assay"] == "ring"


def test_the_reward_of_an_episode_is_its_hits(env):
    _, info = env.reset(seed=1)
    before, total, done = info["n_open_active"], 0.0, False
    while not done:
        _, reward, done, _, info = env.step(first_open(info))
        total += reward
    assert total == before - info["n_open_active"] > 0


def test_an_episode_ends_with_its_budget(env):
    _, info = env.reset(seed=0)
    steps, done = 0, False
    while not done:
        _, _, done, _, info = env.step(first_open(info))
        steps += 1
    assert steps == SEARCH.batch * SEARCH.rounds


def test_the_start_is_measured_and_holds_both_classes(env):
    observation, info = env.reset(seed=0)
    assert info["action_mask"].sum() == SEARCH.window - SEARCH.start
    found = hidden(env)[column(observation, "open") == 0]
    assert 0 < found.sum() < SEARCH.start


def test_candidates_hold_the_share_of_actives_that_was_asked_for(env):
    assert env.reset(seed=0)[1]["n_active"] == 12


def test_without_a_share_the_assay_s_own_is_kept():
    env = made(0, search=envs.Search(window=60, start=8, batch=5, rounds=3, share=None))
    expected = round(60 * assay(0).n_active / len(assay(0)))
    assert env.reset(seed=0)[1]["n_active"] == expected


def test_only_known_actives_are_shown_as_active(env):
    observation, _ = env.reset(seed=0)
    known = column(observation, "open") == 0
    assert (column(observation, "active")[known] == hidden(env)[known]).all()
    assert not column(observation, "active")[~known].any()


def test_answers_and_predictions_change_only_when_a_plate_is_full(env):
    seen, info = env.reset(seed=0)
    for number in range(1, SEARCH.batch + 1):
        before = seen
        seen, _, _, _, info = env.step(first_open(info))
        same = (column(seen, "probability") == column(before, "probability")).all()
        assert same == (number < SEARCH.batch)


def test_a_compound_on_the_plate_is_closed_and_the_others_see_how_near_they_are(env):
    _, info = env.reset(seed=0)
    place = first_open(info)
    seen, _, _, _, info = env.step(place)
    assert info["action_mask"][place] == 0 == column(seen, "open")[place]
    assert column(seen, "similarity_plate")[place] == 1
    assert 0 < column(seen, "similarity_plate").mean() < 1


def test_a_closed_row_costs_the_action_and_brings_nothing(env):
    seen, info = env.reset(seed=0)
    closed = int(np.flatnonzero(column(seen, "active") == 1)[0])
    later, reward, *_ = env.step(closed)
    assert reward == 0
    assert column(later, "left")[0] < column(seen, "left")[0]
    assert info["n_open_active"] == env._info()["n_open_active"]


def test_the_same_seed_begins_the_same_episode(env):
    first, again, other = (env.reset(seed=seed)[0] for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_an_assay_can_be_named(env):
    assert env.reset(options={"assay": "1"})[1]["assay"] == "1"
    with pytest.raises(ConfigError, match="the assay is unknown"):
        env.reset(options={"assay": "2"})


def test_a_small_assay_leaves_rows_empty_and_ends_when_it_is_used_up():
    small = envs.Search(window=400, start=8, batch=100, rounds=3, share=None)
    env = made(0, search=small)
    observation, info = env.reset(seed=0)
    assert not observation[300:, :-1].any()
    done = False
    while not done:
        _, _, done, _, info = env.step(first_open(info))
    assert info["n_open_active"] == 0


@pytest.mark.parametrize(
    "wrong", [{"start": 1}, {"batch": 0}, {"rounds": 0}, {"window": 50}, {"share": 1.0}], ids=str
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ConfigError, match="environment: "):
        envs.Search(**{"start": 16, "batch": 8, "rounds": 5, **wrong})


def test_an_environment_without_assays_is_refused():
    with pytest.raises(EpisodeError, match="environment: "):
        envs.AssaySearch(built("similarity"), [], world())


def test_an_unknown_option_is_refused():
    with pytest.raises(ConfigError, match="'windows' is unknown"):
        envs.from_tables([Path("a.csv")], windows=3)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_acquisition_function_is_a_policy_that_measures_open_compounds(env, name):
    observation, info = env.reset(seed=0)
    policy = envs.acquisition_policy(name)
    for _ in range(8):
        action = policy(observation, np.random.default_rng(0))
        assert info["action_mask"][action] == 1
        observation, _, _, _, info = env.step(action)


def test_greedy_policy_takes_the_open_row_of_highest_probability(env):
    observation, info = env.reset(seed=0)
    chances = np.where(info["action_mask"], column(observation, "probability"), -1)
    action = envs.acquisition_policy("greedy")(observation, np.random.default_rng(0))
    assert action == chances.argmax()


def test_policies_are_compared_on_the_same_episodes(env):
    rows = compare(env, {"trained": Chooser().best}, repeats=2)
    assert set(rows["policy"]) == {*ACQUISITIONS, "trained"}
    assert (rows.groupby(["assay", "repeat"])["by_chance"].nunique() == 1).all()


def test_chance_brings_what_chance_is_expected_to_bring():
    env, policy = made(learner="similarity"), envs.acquisition_policy("random")
    rows = pd.DataFrame([envs.played(env, policy, seed) for seed in range(60)])
    assert rows["hits"].mean() == pytest.approx(rows["by_chance"].mean(), abs=0.6)


def test_an_untrained_policy_chooses_as_greedy_does(env):
    rows = compare(env, {"trained": Chooser().best}, repeats=3)
    hits = {name: one["hits"].tolist() for name, one in rows.groupby("policy")}
    assert hits["trained"] == hits["greedy"]


def test_training_is_the_same_for_the_same_seed(env):
    first, again, other = (
        learn(env, PolicyTraining(steps=2, rollouts=2, seed=seed)).state_dict()
        for seed in (0, 0, 1)
    )
    assert str(first) == str(again) != str(other)


def test_a_policy_that_only_gets_worse_on_other_assays_stays_as_it_began(env):
    spoilt = PolicyTraining(steps=2, rollouts=2, learning_rate=1e4, validate_every=1)
    last, kept = (learn(env, spoilt, valid=valid) for valid in (None, made(2, 3)))
    assert str(kept.state_dict()) == str(learn(env, PolicyTraining(steps=0)).state_dict())
    assert str(last.state_dict()) != str(kept.state_dict())


@pytest.mark.slow
def test_a_policy_learns_to_find_what_the_predictor_hides():
    class Upside(type(built("tanimoto_gp"))):
        """A predictor that says the opposite of what it knows."""

        def adapt_library(self, support):
            predict = self.adapt(support)
            return lambda molecules: -predict(molecules)

    env = envs.AssaySearch(Upside(), [assay(place) for place in range(4)], world(), search=SEARCH)
    chooser = learn(env, PolicyTraining(steps=60, learning_rate=0.3))
    found = means(compare(env, {"trained": chooser.best}, repeats=5))
    assert found["trained"] > found["by_chance"] > found["greedy"]


def test_a_policy_is_read_as_it_was_written(env, tmp_path):
    chooser = learn(env, PolicyTraining(steps=1, rollouts=2))
    save_policy(chooser, tmp_path / "policy.safetensors")
    observation = torch.from_numpy(env.reset(seed=0)[0])
    again = load_policy(tmp_path / "policy.safetensors")
    assert torch.equal(again(observation), chooser(observation))


def test_a_file_that_holds_no_policy_is_refused(tmp_path):
    path = tmp_path / "policy.safetensors"
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "policy", "features": []})
    with pytest.raises(ModelError, match=r"policy\.safetensors"):
        load_policy(path)


def test_without_gymnasium_the_package_says_how_to_install_it():
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "from molmeta.errors import ConfigError\n"
        "try:\n    import molmeta.envs\n"
        "except ConfigError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'molmeta[envs]'" in done.stderr


@pytest.mark.slow
def test_the_comparison_is_one_command(table, tmp_path):
    (tmp_path / "held_out").mkdir()
    curated = tmp_path / "held_out" / "a.parquet"
    curate(read_table(table)).kept.to_parquet(curated)
    words = (
        f"-m molmeta.envs {curated} --valid {tmp_path}/held_out --evaluate {tmp_path}/held_out"
        f" --steps 1 --repeats 1 --output {tmp_path}/policy.safetensors"
    )
    command = [sys.executable, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "trained" in set(pd.read_csv(tmp_path / "policy.csv")["policy"])
    words = (
        f"-m molmeta.envs --policy {tmp_path}/policy.safetensors --evaluate {tmp_path}/held_out"
        f" --repeats 1 --output {tmp_path}/again.csv"
    )
    command = [sys.executable, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "policy.csv").read_text()
