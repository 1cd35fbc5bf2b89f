"""`molmeta.tune` on curated tables: recipes, pages, storages, and killed workers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import optuna
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

import molmeta
from molmeta import cli
from molmeta.automl import study as studies
from molmeta.automl import tuning
from molmeta.automl.study import judged
from molmeta.errors import ConfigError
from molmeta.models.recipes import recipe_of

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]
SMALL = {"learner": "logistic_regression",
         "training": {"validation_supports": [4], "validation_repeats": 1}}  # fmt: skip


@pytest.fixture
def valid(tmp_path):
    table = tmp_path / "valid.csv"
    pd.DataFrame({"smiles": ACTIVE + INACTIVE, "active": [1] * 6 + [0] * 6}).to_csv(
        table, index=False
    )
    path = tmp_path / "valid.parquet"
    molmeta.curate(table).kept.to_parquet(path)
    return path


def test_the_recipe_and_its_page_are_written(valid, tmp_path):
    output = tmp_path / "recipe.yaml"
    tuned = molmeta.tune(SMALL, [], valid=[valid], trials=5, output=output)
    written = yaml.safe_load(output.read_text())
    assert written == tuned.recipe
    training = written.pop("training")
    assert training["validation_supports"] == [4]
    assert recipe_of(written).build(0)
    page = output.with_suffix(".html").read_text()
    assert "Best recipe" in page
    assert "<svg" in page
    assert " src=" not in page


def test_the_same_storage_resumes(valid, tmp_path):
    storage = tmp_path / "study.db"
    for n in (2, 4):
        tuned = molmeta.tune(SMALL, [], valid=[valid], trials=n, storage=storage)
        assert sum(trial.state.is_finished() for trial in tuned.study.trials) == n


def test_an_earlier_study_gives_the_first_settings(valid, tmp_path):
    first = molmeta.tune(SMALL, [], valid=[valid], trials=3, storage=tmp_path / "a.db")
    second = molmeta.tune(
        SMALL, [], valid=[valid], trials=1, start_from=[tmp_path / "a.db"], use_portfolio=False
    )
    assert second.study.trials[0].params == first.study.best_params


def test_workers_share_a_storage(valid, tmp_path):
    tuned = molmeta.tune(
        SMALL, [], valid=[valid], trials=3, storage=tmp_path / "study.db", workers=2
    )
    assert 3 <= len(tuned.study.trials) <= 4


def _one_trial(storage, started):
    study = studies.open_study(storage, "one")

    def hang(trial):
        trial.suggest_float("x", 0, 1)
        started.put(trial.number)
        time.sleep(60)

    study.optimize(hang, n_trials=1)


def test_a_killed_worker_loses_one_trial_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "HEARTBEAT", 1)
    monkeypatch.setattr(studies, "GRACE", 2)
    storage = str(tmp_path / "study.db")
    before = studies.open_study(storage, "one")
    before.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=_one_trial, args=(storage, queue))
    worker.start()
    queue.get(timeout=60)
    time.sleep(2)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    time.sleep(3)
    after = studies.open_study(storage, "one")
    after.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    complete = [t for t in after.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert len(complete) == 4


def _killed_search(valid, storage, started):
    with pytest.MonkeyPatch.context() as patch:
        real = tuning.score

        def score(task, trial):
            started.put(trial.number)
            if trial.number == 2:
                time.sleep(600)
            return real(task, trial)

        patch.setattr(tuning, "score", score)
        molmeta.tune(SMALL, [], valid=[valid], trials=5, storage=storage)


def test_a_search_that_was_killed_ends_as_one_that_was_not(valid, tmp_path):
    whole = molmeta.tune(SMALL, [], valid=[valid], trials=5, storage=tmp_path / "whole.db")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=_killed_search, args=(valid, tmp_path / "killed.db", queue))
    worker.start()
    while queue.get(timeout=120) != 2:
        pass
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    killed = molmeta.tune(SMALL, [], valid=[valid], trials=5, storage=tmp_path / "killed.db")
    assert len(killed.study.trials) == 6
    assert [t.params for t in judged(killed.study)] == [t.params for t in judged(whole.study)]
    assert killed.recipe == whole.recipe
    again = molmeta.tune(SMALL, [], valid=[valid], trials=5, storage=tmp_path / "killed.db")
    assert len(again.study.trials) == 6


@pytest.mark.parametrize("budget", ["soon", "-3m", "5 weeks"])
def test_a_budget_that_is_no_time_is_refused(valid, budget):
    with pytest.raises(ConfigError, match="--budget: must be a time"):
        molmeta.tune(SMALL, [], valid=[valid], budget=budget)


def test_a_budget_is_needed(valid):
    with pytest.raises(ConfigError, match="--budget: is missing"):
        molmeta.tune(SMALL, [], valid=[valid])


def test_several_workers_need_a_storage(valid):
    with pytest.raises(ConfigError, match="--workers"):
        molmeta.tune(SMALL, [], valid=[valid], trials=1, workers=2)


def test_a_budget_too_short_for_one_trial_is_refused(valid):
    with pytest.raises(ConfigError, match="--budget: no trial was completed"):
        molmeta.tune(SMALL, [], valid=[valid], budget=0.0)


def test_the_command_writes_a_recipe(valid, tmp_path):
    words = ["tune", "logistic_regression", "--valid", str(valid), "--trials", "2"]
    words += ["--set", "training.validation_supports=[4]", "--output", str(tmp_path / "a.yaml")]
    done = CliRunner().invoke(cli.build(), words)
    assert done.exit_code == 0, done.output
    assert "learner.c" not in (tmp_path / "a.yaml").read_text()
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["learner_options"]["c"] > 0


def test_further_workers_load_the_plugins_of_the_command(valid, tmp_path):
    plugin = tmp_path / "my_gp.py"
    plugin.write_text(
        "from molmeta.learners.tanimoto_gp import TanimotoGP as _Base\n\n\n"
        'class MyGp(_Base):\n    """My own."""\n'
    )
    words = ["tune", "my_gp", "--plugin", plugin, "--valid", valid, "--trials", "2"]
    words += ["--workers", "2", "--storage", tmp_path / "study.db"]
    words += ["--set", "training.validation_supports=[4]", "--output", tmp_path / "recipe.yaml"]
    # In a process of its own, as a plugin stays loaded.
    command = [sys.executable, "-m", "molmeta", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "workers failed" not in done.stderr
    assert yaml.safe_load((tmp_path / "recipe.yaml").read_text())["learner"] == "my_gp"
