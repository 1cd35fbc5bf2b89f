"""Leaks from train into evaluation are counted exactly, and assays that repeat each other found."""

import re

import numpy as np
import pandas as pd
import pytest

from molmeta.curation.audit import COLUMNS, audit
from molmeta.curation.panels import panels
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import compound
from molmeta.molecules.neighbours import has_neighbour

BENZYL = "NCc1ccccc1"
PHENETHYL = "NCCc1ccccc1"
PYRIDYL = "NCc1ccccn1"


def curated(assay, smiles, cluster=""):
    found = [compound(text) for text in smiles]
    return pd.DataFrame(
        {
            "assay": assay,
            "smiles": [c.smiles for c in found],
            "inchikey": [c.inchikey for c in found],
            "active": np.array([i % 2 for i in range(len(found))], dtype=np.int8),
            "target": "t",
            "cluster": cluster or assay,
        }
    )


def audited(train, test, **options):
    tables = {("train", "a"): curated("a", train), ("test", "b"): curated("b", test)}
    return audit(tables, **options).set_index("assay")


def test_an_audit_has_the_stated_columns():
    tables = {("train", "a"): curated("a", ["C", "CC"])}
    assert tuple(audit(tables)) == COLUMNS


def test_shared_compounds_are_counted():
    found = audited([BENZYL, "CCO"], [BENZYL, "CCCCCCN", "CCCCCCCCCl", "O=C1CCCCC1"])
    assert found.loc["b", "exact_overlap"] == 0.25


def test_another_spelling_of_a_compound_is_the_same():
    assert audited(["OCC", "CN"], ["CCO", "CCCCCCCl"]).loc["b", "exact_overlap"] == 0.5


def test_shared_scaffolds_are_counted():
    found = audited([BENZYL, "CCO"], [PHENETHYL, PYRIDYL])
    assert found.loc["b", "scaffold_overlap"] == 0.5


def test_chains_share_no_scaffold():
    assert audited(["CCO", "CCN"], ["CCCO", "CCCN"]).loc["b", "scaffold_overlap"] == 0


def test_near_neighbours_are_counted():
    found = audited(["CCCCCCCCO", "CN"], ["CCCCCCCCCO", "c1ccncc1"])
    assert found.loc["b", "near_overlap"] == 0.5


def test_a_lower_similarity_finds_more_neighbours():
    found = audited([BENZYL, "CN"], [PHENETHYL, PYRIDYL], near=0.2)
    assert found.loc["b", "near_overlap"] == 1


def test_train_assays_have_no_overlap_and_no_mark():
    row = audited([BENZYL, "CCO"], [BENZYL, "CN"]).loc["a"]
    assert row[["exact_overlap", "scaffold_overlap", "near_overlap", "clean"]].isna().all()


def test_an_assay_of_new_compounds_is_clean():
    assert audited([BENZYL, "CCO"], [PHENETHYL, PYRIDYL]).loc["b", "clean"]


def test_an_assay_of_known_compounds_is_not_clean():
    found = audited(
        ["C" * n for n in range(1, 30)], ["CCO", "CC", *["C" * n + "N" for n in range(1, 8)]]
    )
    assert not found.loc["b", "clean"]
    assert re.findall(r"\d+", found.loc["b", "note"]) == ["11"]


def test_a_panel_with_train_is_said():
    note = audited([BENZYL, "CCO"], [BENZYL, "CCO"]).loc["b", "note"]
    assert re.findall(r"\d+", note) == ["1", "100"]


def test_a_panel_that_reaches_train_through_another_assay_is_not_clean():
    tables = {
        ("train", "a"): curated("a", ["CCO", "CCN"]),
        ("test", "b"): curated("b", ["CCN", "CCCl"]),
        ("test", "c"): curated("c", ["CCCl", "CCBr"]),
    }
    row = audit(tables).set_index("assay").loc["c"]
    assert (row["exact_overlap"], row["clean"]) == (0, False)


def test_the_panel_is_the_cluster_of_an_assay_without_one():
    assert audited([BENZYL, "CCO"], [BENZYL, "CCO"]).loc["b", "cluster"] == "panel of a"


def test_a_given_cluster_stays():
    tables = {
        ("train", "a"): curated("a", ["C", "CC"]),
        ("test", "b"): curated("b", ["C", "CC"], cluster="mine"),
    }
    assert audit(tables).set_index("assay").loc["b", "cluster"] == "mine"


def test_an_audit_without_a_train_split_finds_no_leak():
    found = audit({("test", "b"): curated("b", ["C", "CC"])})
    assert found["exact_overlap"][0] == 0
    assert found["clean"][0]


def test_a_similarity_of_zero_is_refused():
    with pytest.raises(ConfigError, match=r"near\b.*\b0\.0\b"):
        audited(["C"], ["CC"], near=0.0)


def measured(**assays):
    pairs = [(assay, key) for assay, keys in assays.items() for key in keys]
    return pd.DataFrame(pairs, columns=["assay", "inchikey"])


def test_assays_of_half_the_same_compounds_are_a_panel():
    assert set(panels(measured(a="wxyz", b="yzuv")).values()) == {"panel of a"}


def test_assays_of_less_than_half_are_alone():
    assert set(panels(measured(a="wxyz", b="zuvt")).values()) == {""}


def test_a_small_part_of_a_large_screen_is_no_panel():
    assert set(panels(measured(a="abcdefgh", b="ab")).values()) == {""}


def test_panels_are_linked_through_others():
    found = panels(measured(a="wx", b="xy", c="yz"))
    assert set(found.values()) == {"panel of a"}


def test_repeated_rows_do_not_make_a_panel():
    assert set(panels(measured(a="xxxx", b="xyzw")).values()) == {""}


def brute_force(queries, references, threshold):
    left, right = (np.unpackbits(p, axis=1).astype(int) for p in (queries, references))
    return [
        any((q & r).sum() > 0 and (q & r).sum() >= threshold * (q | r).sum() - 1e-9 for r in right)
        for q in left
    ]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("density", [0.01, 0.05, 0.3])
def test_neighbours_are_those_of_comparing_all_pairs(threshold, density):
    rng = np.random.default_rng(0)
    bits = rng.random((90, 128)) < density
    bits[60:] = bits[:30] ^ (rng.random((30, 128)) < density / 4)
    packed = np.packbits(bits, axis=1)
    found = has_neighbour(packed[30:], packed[:30], threshold=threshold)
    assert list(found) == brute_force(packed[30:], packed[:30], threshold)
