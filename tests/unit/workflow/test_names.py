"""Whatever a configuration names in vain is refused, with the closest name that exists."""

from __future__ import annotations

import pytest

from molmeta.errors import ConfigError
from molmeta.workflow.config import Config
from molmeta.workflow.names import check_names

TABLES = [("test", "mine"), ("train", "other")]
MODEL = {"learner": "protonet", "encoder": "gine", "encoder_options": {"width": 8, "layers": 1}}
SCREEN = {"name": "s", "support": "test/mine", "library": "library.smi", "model": "first"}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Give a function that checks a small valid configuration with some keys changed."""
    monkeypatch.chdir(tmp_path)
    for name in ("library.smi", "mine.csv", "controls.csv"):
        (tmp_path / name).write_text("")

    def run(**changes):
        valid = {
            "featurizers": ["graph"],
            "models": {"first": MODEL},
            "baselines": ["similarity"],
            "examples": "first/0",
            "screens": [SCREEN],
        }
        check_names(Config.from_mapping({**valid, **changes}), TABLES)

    return run


def models(**changes):
    return {"models": {"first": {**MODEL, **changes}}}


def screens(**changes):
    return {"screens": [{**SCREEN, **changes}]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"baselines": ["pretrained", "similarity:mode=mean"]},
        {"examples": "similarity/0"},
        {"models": {"first": MODEL, "second": {**MODEL, "init": "first"}}},
        screens(support="mine.csv"),
        screens(model="pretrained"),
        screens(model="similarity"),
        screens(plate={"controls": "controls.csv"}),
    ],
    ids=str,
)
def test_names_that_exist_pass(check, changes):
    check(**changes)


@pytest.mark.parametrize(
    ("changes", "place", "wrong", "closest"),
    [
        ({"featurizers": ["grpah"]}, "featurizers", "grpah", "graph"),
        (models(learner="protonets"), "models.first", "protonets", "protonet"),
        (models(encoder="gin"), "models.first", "gin", "gine"),
        (models(encoder="gine+pan", encoder_options={}), "models.first", "pan", "pna"),
        (models(encoder="gine+pna", encoder_options={"pan": {}}), "models.first", "pan", "pna"),
        (models(learner_options={"metrik": 1}), "models.first", "metrik", "metric"),
        (models(encoder_options={"widht": 8}), "models.first", "widht", "width"),
        (models(init="frist"), "models.first", "frist", "first"),
        ({"baselines": ["similarty"]}, "baselines", "similarty", "similarity"),
        ({"baselines": ["similarity:mod=mean"]}, "baselines", "mod", "mode"),
        ({"baselines": ["pretraind"]}, "baselines", "pretraind", "pretrained"),
        ({"examples": "frist/0"}, "examples", "frist/0", "first/0"),
        ({"examples": "first/7"}, "examples", "first/7", "first/0"),
        (screens(model="frist"), "screens[0].model", "frist", "first"),
        (screens(support="test/mime"), "screens[0].support", "test/mime", "test/mine"),
        (screens(support="mime.csv"), "screens[0].support", "mime.csv", "mine.csv"),
        (screens(library="libary.smi"), "screens[0].library", "libary.smi", "library.smi"),
        (
            screens(plate={"controls": "control.csv"}),
            "screens[0].plate.controls", "control.csv", "controls.csv",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_name_in_vain_is_refused_with_the_closest(check, changes, place, wrong, closest):
    with pytest.raises(ConfigError) as caught:
        check(**changes)
    message = str(caught.value)
    assert message.startswith(f"config: {place}: ")
    assert f"'{wrong}'" in message
    assert f"'{closest}'" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (models(learner="similarity"), "models.first"),
        (models(learner_options={"metric": "cosine"}), "models.first"),
        (models(init="first"), "models"),
        ({"models": {"similarity": MODEL}, "examples": "similarity/0"}, "baselines"),
        ({"baselines": ["protonet"]}, "baselines"),
        ({"baselines": ["shipped"]}, "baselines"),
        (screens(library="nothing/like/it.smi"), "screens[0].library"),
        (screens(model="gone.safetensors"), "screens[0].model"),
    ],
    ids=str,
)
def test_what_cannot_run_is_refused_before_any_job(check, changes, place):
    with pytest.raises(ConfigError) as caught:
        check(**changes)
    assert str(caught.value).startswith(f"config: {place}: ")
