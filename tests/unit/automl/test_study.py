"""Storages of searches: shared, resumed, and refused where they cannot be used."""

import sqlite3
from contextlib import closing

import pytest

from molmeta.automl.portfolio import fitting, portfolio
from molmeta.automl.spaces import space_of
from molmeta.automl.study import earlier_settings, enqueue_next, open_study
from molmeta.errors import ConfigError, ModelError
from molmeta.models.recipes import Recipe


@pytest.fixture
def storage(tmp_path):
    return str(tmp_path / "study.db")


def test_a_study_resumes(storage):
    first = open_study(storage, "one")
    first.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert len(open_study(storage, "one").trials) == 2


def test_a_study_without_a_storage_is_in_memory():
    assert open_study("", "one").trials == []


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 50])
def test_a_damaged_storage_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "study.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"--storage: .* cannot be used") as caught:
        open_study(str(path), "one")
    assert "\n" not in str(caught.value)


def test_a_locked_storage_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("molmeta.automl.study.SQLITE_SECONDS", 0.1)
    path = tmp_path / "study.db"
    open_study(str(path), "one")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="locked"):
            open_study(str(path), "two")


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE studies (compound TEXT)")
    with pytest.raises(ConfigError, match="--storage"):
        open_study(str(path), "one")


def test_an_unknown_kind_of_database_is_refused():
    with pytest.raises(ConfigError, match="--storage"):
        open_study("nosuchdatabase://host/name", "one")


def test_the_best_settings_of_an_earlier_study_come_first(storage):
    study = open_study(storage, "one")
    study.set_user_attr("learner", "similarity")
    study.optimize(lambda trial: trial.suggest_float("learner.steepness", 1, 2), n_trials=8)
    found = earlier_settings(storage, "similarity")
    values = [one["learner.steepness"] for one in found]
    assert values == sorted(values, reverse=True)
    assert values[0] == study.best_value
    assert earlier_settings(storage, "protonet") == []


def test_settings_are_tried_first_and_only_once(storage):
    study = open_study(storage, "one")
    for _ in range(3):
        enqueue_next(study, [{"x": 0.25}, {}, {"x": 0.5}])
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    first, second, third = (trial.params["x"] for trial in study.trials)
    assert (first, second) == (0.25, 0.5)
    assert third not in (0.25, 0.5)


def test_a_setting_keeps_only_what_is_searched_and_allowed():
    space = space_of(Recipe("similarity"))
    setting = {"learner.mode": "mean", "learner.steepness": 1e6, "encoder.width": 3}
    assert fitting(setting, space) == {"learner.mode": "mean"}


@pytest.mark.parametrize("learner", ["tanimoto_gp", "logistic_regression", "protonet"])
def test_the_portfolio_has_settings_that_can_be_tried(learner):
    encoder = "fingerprint" if learner == "protonet" else ""
    space = space_of(Recipe(learner, encoder))
    found = list(portfolio(learner, space))
    assert found
    assert all(found)


def test_a_damaged_portfolio_is_refused(tmp_path):
    path = tmp_path / "portfolio.json"
    path.write_text("{")
    with pytest.raises(ModelError, match="portfolio cannot be read"):
        list(portfolio("similarity", {}, path))
