"""The split for new chemistry: groups stay whole, and no compound of one is trained on."""

import importlib.util

import numpy as np
import pytest
from paths import ROOT

from molmeta.assays.assay import Assay


def loaded(name):
    path = ROOT / "studies" / "new_chemistry" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"new_chemistry_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = loaded("split")
RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNCC1", "c1ccoc1", "C1COCCN1")


def assay(number, target, ring):
    """An assay of twelve compounds of its own, on one ring system."""
    smiles = tuple("C" * (1 + k) + ring for k in range(12))
    rows = 12 * number + np.arange(12, dtype=np.int64)
    labels = (np.arange(12) % 2).astype(np.float32)
    return Assay(f"a{number:02}", target, "", smiles, rows, labels, np.full(12, np.nan))


def chain(number):
    """A ring system that no other number has."""
    return RINGS[number % 7] + "C(=O)N" + RINGS[number // 7]


ASSAYS = [assay(number, f"target {number // 2}", chain(number)) for number in range(40)]


@pytest.fixture(scope="module")
def parts():
    return script.split(ASSAYS, {"a00"})


def test_a_group_is_in_one_part(parts):
    assert parts.groupby("group")["part"].nunique().max() == 1


def test_assays_of_one_target_are_in_one_group(parts):
    group = parts["group"].to_numpy()
    assert (group[::2] == group[1::2]).all()
    assert len(set(group)) == 20


def test_assays_of_one_scaffold_are_in_one_group():
    pair = [assay(0, "x", RINGS[0]), assay(1, "y", RINGS[0]), assay(2, "z", RINGS[1])]
    first, second, third = script.groups(pair)
    assert first == second != third


def test_both_halves_are_set_aside(parts):
    assert set(parts["part"]) == {"train", "select", "report"}


def test_the_group_of_the_panel_is_trained_on(parts):
    part = parts.set_index("assay")["part"]
    assert part["a00"] == part["a01"] == "train"


def test_compounds_of_assays_set_aside_are_removed():
    aside, *others = ASSAYS[:3]
    rows = np.concatenate([aside.rows[:2], others[0].rows[2:]])
    overlapping = Assay("b", "", "", others[0].smiles, rows, others[0].labels, others[0].values)
    (kept,) = script.without([overlapping], [aside])
    assert kept.rows.tolist() == others[0].rows[2:].tolist()
