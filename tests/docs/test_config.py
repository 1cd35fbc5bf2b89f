from __future__ import annotations

from dataclasses import asdict, fields

import pytest
import yaml
from jsonschema import Draft202012Validator
from paths import DATA, ROOT

from molmeta import encoders, learners, registry
from molmeta.campaigns.acquisition import ACQUISITIONS
from molmeta.campaigns.plates import SIZES
from molmeta.campaigns.suggest import PlatePlan
from molmeta.curation.curate import Rules
from molmeta.curation.tables import COLUMNS, SPLITS, Layout
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.models.recipes import recipe_of
from molmeta.training.task import Training

SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
CONFIGS = (
    "config/config.yaml", "config/fsmol.yaml", "config/fsmol_learners.yaml",
    "config/fsmol_values.yaml",
    "tests/e2e/config_small.yaml",
)  # fmt: skip
MAIN = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
TRAINING = SCHEMA["$defs"]["model"]["properties"]["training"]["properties"]
RECIPES = {
    f"{path} {name}": recipe
    for path in CONFIGS
    for name, recipe in yaml.safe_load((ROOT / path).read_text())["models"].items()
}


def test_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", CONFIGS)
def test_config_is_valid(path):
    config = yaml.safe_load((ROOT / path).read_text())
    assert not list(Draft202012Validator(SCHEMA).iter_errors(config))


def test_defaults_of_the_schema_are_the_shipped_config():
    # The thresholds are those of the bundled assays, and no default for those of others.
    bundled = {**MAIN, "curation": {**MAIN["curation"], "thresholds": {}}}
    assert _defaults(SCHEMA) == bundled


def test_every_key_has_a_description_and_every_object_is_closed():
    assert not list(_open_or_silent(SCHEMA, "config"))
    for name, node in SCHEMA["$defs"].items():
        assert not list(_open_or_silent(node, name))


def test_every_key_of_the_config_has_a_sentence():
    text = (ROOT / "config" / "config.yaml").read_text()
    for key in SCHEMA["properties"]:
        before = text.split(f"\n{key}:")[0]
        assert before.rstrip().splitlines()[-1].lstrip().startswith("#"), key


def test_curation_keys_are_the_rules():
    keys = SCHEMA["properties"]["curation"]["properties"]
    assert {name: key["default"] for name, key in keys.items()} == asdict(Rules())


def test_layout_keys_are_the_layout():
    keys = SCHEMA["properties"]["layout"]["properties"]
    assert {name: key["default"] for name, key in keys.items()} == asdict(Layout())
    assert set(keys["columns"]["properties"]) == set(COLUMNS)


def test_plate_keys_are_those_of_a_plate():
    keys = SCHEMA["$defs"]["plate"]["properties"]
    plan = asdict(PlatePlan())
    assert {name: key["default"] for name, key in keys.items()} == {
        "wells": plan["plate"],
        **{name: plan[name] for name in ("acquisition", "explore", "max_similarity")},
        **dict.fromkeys(("controls", "exclude")),
    }
    assert set(keys["wells"]["enum"]) == set(SIZES)
    assert set(keys["acquisition"]["enum"]) == set(ACQUISITIONS)


def test_training_keys_are_the_options_of_training():
    assert set(TRAINING) == {field.name for field in fields(Training)}


def test_evaluation_keys_are_the_plan():
    keys = set(SCHEMA["properties"]["evaluation"]["properties"]) - {"query"}
    assert keys | {"n_query", "split"} == {field.name for field in fields(EvaluationPlan)}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_names_what_there_is(name):
    recipe = RECIPES[name]
    entry = {key: value for key, value in recipe.items() if key not in ("training", "init")}
    found = recipe_of(entry)
    registry.bind(learners.get(found.learner), found.learner_options, name)
    assert {part for part in found.encoder.split("+") if part} <= set(encoders.names())
    assert Training(**recipe.get("training", {})).steps > 0 or "init" in recipe


def test_thresholds_are_of_assays_that_ship():
    folder = DATA / "assays"
    tables = {path.stem for split in SPLITS for path in (folder / split).glob("*.csv")}
    assert set(MAIN["curation"]["thresholds"]) <= tables


def _defaults(node: dict) -> object:
    keys = node.get("properties", {})
    if node.get("additionalProperties") is False and keys and node.get("default", {}) == {}:
        return {name: _defaults(key) for name, key in keys.items() if "default" in key}
    return node["default"]


def _open_or_silent(node: dict, where: str):
    for name, key in node.get("properties", {}).items():
        target = SCHEMA["$defs"][key["$ref"].split("/")[-1]] if "$ref" in key else key
        if "description" not in {**target, **key}:
            yield f"{where}.{name} is silent"
        yield from _open_or_silent(target, f"{where}.{name}")
    if node.get("properties") and node.get("additionalProperties") is not False:
        yield f"{where} is open"
