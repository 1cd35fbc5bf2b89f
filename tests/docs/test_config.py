from __future__ import annotations

import pytest
import yaml
from paths import DATA, ROOT
from snakemake.utils import update_config

from molmeta.curation.tables import SPLITS
from molmeta.workflow.config import Config
from molmeta.workflow.names import check_names

CONFIGS = (
    "config/config.yaml", "config/fsmol.yaml", "config/fsmol_learners.yaml",
    "config/fsmol_graphs.yaml", "config/fsmol_values.yaml", "tests/e2e/config_small.yaml",
    "tests/e2e/config_screens.yaml",
)  # fmt: skip
MAIN = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
SCHEMA = Config.model_json_schema()


def values(path):
    """Values of a config; the further ones of FS-Mol add to config/fsmol.yaml, as in a run."""
    config = yaml.safe_load((ROOT / path).read_text())
    if path.startswith("config/fsmol_"):
        base = values("config/fsmol.yaml")
        update_config(base, config)
        return base
    return config


def leaves(name, value):
    """Names of the keys of nested mappings that hold no mapping themselves."""
    if not isinstance(value, dict) or not value:
        return [name]
    return [leaf for key, inner in value.items() for leaf in leaves(f"{name}.{key}", inner)]


@pytest.mark.parametrize("path", CONFIGS)
def test_every_config_is_valid_and_names_what_exists(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    check_names(Config.from_mapping(values(path)), [("test", "CHEMBL4005_Ki")])


def test_defaults_are_the_values_in_the_config():
    # The thresholds are those of the bundled assays: other assays have none by default.
    bundled = {**MAIN, "curation": {**MAIN["curation"], "thresholds": {}}}
    assert Config().model_dump() == Config.from_mapping(bundled).model_dump()


def test_the_config_shows_every_key_but_those_of_models():
    shown = {leaf for key, value in MAIN.items() for leaf in leaves(key, value)}
    missing = {leaf for key, value in Config().model_dump().items() for leaf in leaves(key, value)}
    missing -= {leaf for leaf in missing if leaf.startswith(("models.", "layout.about."))}
    assert missing - shown - {"curation.thresholds"} == set()


def test_every_key_of_the_config_has_a_comment():
    text = (ROOT / "config" / "config.yaml").read_text()
    for key in Config.model_fields:
        before = text.split(f"\n{key}:")[0]
        assert before.rstrip().splitlines()[-1].lstrip().startswith("#"), key


@pytest.mark.parametrize("group", ["Config", *SCHEMA["$defs"]])
def test_every_option_has_a_description_and_no_others_are_allowed(group):
    node = SCHEMA if group == "Config" else SCHEMA["$defs"][group]
    assert [name for name, key in node["properties"].items() if "description" not in key] == []
    assert node["additionalProperties"] is False


def test_thresholds_are_of_assays_that_ship():
    folder = DATA / "assays"
    tables = {path.stem for split in SPLITS for path in (folder / split).glob("*.csv")}
    assert set(MAIN["curation"]["thresholds"]) <= tables
