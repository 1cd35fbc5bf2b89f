"""What is said of each hit: checked by hand on compounds that everybody knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from molmeta.models.named import baseline
from molmeta.molecules.compounds import parse
from molmeta.screening.annotations import (
    EXPLAINING_COLUMNS,
    alerts,
    annotator,
    inside_domain,
    new,
)
from molmeta.screening.hitfiles import candidate_tables, write_tables
from molmeta.screening.hits import COLUMNS, ScoredCompound, Support

SUPPORT = Support(["CCOc1ccccc1", "CCCCN"], [1, 0])
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture(scope="module")
def annotate():
    return annotator(baseline("similarity"))


def described(annotate, *smiles, similarity=0.1):
    table = {"smiles": smiles, "nearest_active_similarity": similarity}
    return annotate(pd.DataFrame(table)).iloc[0]


def test_columns_come_after_those_that_were_there(annotate, tmp_path):
    hits = iter([ScoredCompound(0.9, -1, "a", ASPIRIN)])
    write_tables(tmp_path / "hits.csv", candidate_tables(hits, SUPPORT, annotate=annotate))
    assert [*pd.read_csv(tmp_path / "hits.csv").columns] == [*COLUMNS, *EXPLAINING_COLUMNS]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("scaffold", "c1ccccc1"), ("molecular_weight", 180.16), ("tpsa", 63.6), ("hbd", 1),
        ("hba", 3), ("rotatable_bonds", 2), ("logp", 1.31),
    ],
)  # fmt: skip
def test_properties_of_aspirin_are_rdkits(annotate, column, value):
    assert described(annotate, ASPIRIN)[column] == value


def test_properties_are_those_of_the_parent_of_a_salt(annotate):
    assert described(annotate, "[Na+].CC(=O)[O-]")["molecular_weight"] == 60.05


def test_catechol_is_an_alert_of_pains():
    assert alerts(parse("Oc1ccccc1O")) == "PAINS:catechol_A(92);NIH:ortho_hydroquinone"


def test_alerts_of_both_catalogs_are_joined():
    assert alerts(parse("CC1=CC(=O)C=CC1=O")) == "PAINS:quinone_A(370);NIH:bis_keto_olefin"


def test_harmless_compound_has_no_alert():
    assert alerts(parse("CCO")) == ""


@pytest.mark.parametrize(("similarity", "inside"), [(0.4, True), (0.39, False), (np.nan, False)])
def test_the_domain_is_similarity_to_the_support(similarity, inside):
    assert inside_domain(np.array([similarity])).tolist() == [inside]


def test_compound_that_resembles_an_inactive_only_is_inside(annotate):
    table = {"nearest_active_similarity": [np.nan], "nearest_inactive_similarity": [0.9]}
    found = annotate(pd.DataFrame({"smiles": ["CCO"], **table}))
    assert found["inside_domain"].tolist() == [1]


def test_compound_without_description_stays_with_empty_cells(annotate):
    found = described(annotate, "O=[N+]([O-])[O-].[Na+]")
    assert found["scaffold"] == ""
    assert np.isnan(found["hbd"])


def test_gap_changes_no_type_of_a_column(annotate):
    whole = annotate(pd.DataFrame({"smiles": ["CCO"]})).dtypes
    gap = annotate(pd.DataFrame({"smiles": ["CCO", "NN.OB1OB(OB2OB(O)O2)O1"]})).dtypes
    assert whole.equals(gap)


def test_no_hits_give_an_empty_table_with_all_columns(annotate):
    found = annotate(pd.DataFrame({"smiles": []}))
    assert [*found.columns] == ["smiles", *EXPLAINING_COLUMNS]


def test_measured_compounds_and_their_isomers_are_recognised():
    measured = ["N[C@@H](C)C(=O)O", "CCOc1ccccc1"]
    smiles = ["C[C@@H](N)C(=O)O", "C[C@H](N)C(=O)O", "CCOc1ccccc1.Cl", "CCO"]
    hits = pd.DataFrame({"smiles": smiles, "nearest_active_similarity": [1.0, 1.0, 1.0, 0.4]})
    found = annotator(baseline("similarity"), measured)(hits)
    assert sorted(found["measured"][:2]) == ["isomer", "yes"]
    assert found["measured"].tolist()[2:] == ["yes", ""]
    assert new(found)["smiles"].tolist().count("CCOc1ccccc1.Cl") == 0
