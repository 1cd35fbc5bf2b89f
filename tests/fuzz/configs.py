"""Configurations of the workflow with values that no key expects."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from paths import DATA, ROOT

from molmeta.workflow.config import Config
from molmeta.workflow.names import check_names
from molmeta.workflow.sources import find_sources
from tests.fuzz.cases import Case

if TYPE_CHECKING:
    from random import Random

BASES = ("config/config.yaml", "config/fsmol.yaml", "tests/e2e/config_small.yaml")
VALUES = (
    "", "null", "-1", "0", "1", "2.5", "99999999999", "1e308", ".nan", ".inf", "1" + "0" * 30,
    "true",     "[]", "{}", "[[[[]]]]", "{a: {a: {a: {}}}}", "x", "'../x'", "'a/b'",
    '"a\\nb"', '"\\0"', "2026-01-01",
    "protonet", "gine+fingerprint", "pretrained", "'similarity:mode=mean'", "[16, 16]", "[1, two]",
    "{width: 1000000000}", "{layers: 1e9}", "{1: 2}", "!!binary aGk=", "0x10", "1_000",
    "'" + "x" * 3000 + "'",
)  # fmt: skip
KEYS = (
    "tables",
    "models",
    "threads",
    "width",
    "n",
    "__class__",
    "1",
    "curation",
    "top",
    "é",
    "x" * 200,
)
TEXTS = (
    "{", "- a\n- b", "a: [", "&a [*a]", "[" * 3000, "a: &b {c: *b}",
    "\x00", "? a\n: b", "\t", "!!python/name:os.system x",
)  # fmt: skip


def config_case(rng: Random) -> Case:
    edits: list[Any] = []
    for _ in range(rng.randint(1, 4)):
        place, value = rng.randrange(10**6), rng.choice(VALUES)
        edits.append([place, rng.choice(KEYS) if rng.random() < 0.15 else "", value])
    text = rng.choice(TEXTS) if rng.random() < 0.03 else ""
    return Case("config", edits, {"base": rng.choice(BASES), "text": text})


def content_of(case: Case) -> bytes:
    if case.options["text"]:
        return str(case.options["text"]).encode()
    config: Any = copy.deepcopy(_base(case.options["base"]))
    for place, key, value in case.pieces:
        slots = list(_slots(config))
        holder, old = slots[place % len(slots)]
        if key and isinstance(holder, dict):
            holder[key] = yaml.safe_load(value)
        else:
            holder[old] = yaml.safe_load(value)
    return yaml.safe_dump(config).encode()


def read_config(text: str) -> None:
    from molmeta.cli._options import mapping

    config = Config.from_mapping(mapping(text, "--config"))
    check_names(config, find_sources(DATA / "assays"))


@cache
def _base(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def _slots(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _slots(inner)
