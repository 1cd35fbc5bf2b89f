"""FS-Mol's own release and MoleculeNet's wide sheets are read as they are published."""

import gzip
import json

import pandas as pd
import pytest
from paths import SHARED

from molmeta.curation.curate import Rules, curate
from molmeta.curation.tables import Layout, read_table
from molmeta.errors import TableError


@pytest.fixture
def shared():
    folder = SHARED
    if not folder.is_dir():
        pytest.skip(f"the development data is absent: {folder}")
    return folder


def molecule(smiles, active, value="100.0", relation="="):
    return {
        "SMILES": smiles,
        "Property": active,
        "Assay_ID": "CHEMBL1",
        "RegressionProperty": value,
        "LogRegressionProperty": "7.0",
        "Relation": relation,
        "AssayType": "B",
        "fingerprints": [0, 1],
        "descriptors": [0.5],
        "graph": {"node_features": [[1]], "adjacency_lists": [[], [], []]},
    }


def release(folder, assays):
    for name, molecules in assays.items():
        lines = "\n".join(map(json.dumps, molecules)) + "\n"
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


def test_the_release_names_assays_after_their_files(tmp_path):
    folder = release(
        tmp_path, {"CHEMBL2": [molecule("C", "1.0")], "CHEMBL1": [molecule("C", "0.0")]}
    )
    assert list(read_table(folder)["assay"]) == ["CHEMBL1", "CHEMBL2"]


def test_the_release_counts_lines_of_each_file(tmp_path):
    folder = release(tmp_path, {"a": [molecule("C", "1.0"), molecule("CC", "0.0")]})
    assert list(read_table(folder)["row"]) == [1, 2]


def test_the_release_is_curated_with_its_labels_and_values(tmp_path):
    chains = ["C" * n + "O" for n in range(1, 11)]
    values = ["10.0"] * 5 + ["100000.0"] * 5
    rows = [
        molecule(s, "1.0" if i < 5 else "0.0", v, "=" if i < 5 else ">")
        for i, (s, v) in enumerate(zip(chains, values, strict=True))
    ]
    kept = curate(read_table(release(tmp_path, {"CHEMBL9": rows}))).kept
    found = {tuple(row) for row in kept[["active", "value", "relation"]].itertuples(index=False)}
    assert found == {(1, 8.0, "="), (0, 4.0, "<")}


def test_a_molecule_without_a_value_is_read(tmp_path):
    folder = release(tmp_path, {"a": [molecule("C", "1.0", None, None)]})
    assert pd.isna(read_table(folder)["value"][0])


@pytest.mark.parametrize("line", ["{", "[]", '{"SMILES": "C"}'])
def test_another_kind_of_line_is_refused(tmp_path, line):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(line.encode()))
    with pytest.raises(TableError, match=r"\.jsonl\.gz: line 1\b"):
        read_table(tmp_path)


def test_a_truncated_file_of_the_release_is_refused(tmp_path):
    release(tmp_path, {"a": [molecule("C", "1.0")]})
    whole = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-9])
    with pytest.raises(TableError, match="damaged or truncated"):
        read_table(tmp_path)


def test_a_folder_without_assays_is_refused(tmp_path):
    with pytest.raises(TableError, match=rf"{tmp_path}: .*\*\.jsonl\.gz"):
        read_table(tmp_path)


WIDE = "smiles,NR-AR,NR-ER,mol_id\nC,1,,T1\nCC,0,1,T2\nCCC,,,T3\n"


def test_a_wide_sheet_gives_a_row_a_measured_cell(tmp_path):
    (tmp_path / "tox.csv").write_text(WIDE)
    rows = read_table(tmp_path / "tox.csv", layout=Layout(kind="wide"))
    cells = [tuple(row) for row in rows[["assay", "row", "active"]].itertuples(index=False)]
    assert cells == [("NR-AR", 2, 1.0), ("NR-AR", 3, 0.0), ("NR-ER", 3, 1.0)]


def test_a_wide_sheet_may_name_its_smiles_otherwise(tmp_path):
    (tmp_path / "tox.csv").write_text(WIDE.replace("smiles", "mol"))
    layout = Layout(kind="wide", columns={"smiles": "mol"})
    assert len(read_table(tmp_path / "tox.csv", layout=layout)) == 3


def test_a_sheet_without_binary_columns_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,ic50\nC,3.5\n")
    with pytest.raises(TableError, match=r"a\.csv: .*'ic50'"):
        read_table(tmp_path / "a.csv", layout=Layout(kind="wide"))


@pytest.mark.shared
def test_tox21_gives_its_twelve_assays(shared):
    path = shared / "moleculenet" / "tox21.parquet"
    rows = read_table(path, layout=Layout(kind="wide"))
    assert (rows["assay"].nunique(), len(rows)) == (12, 77_946)


@pytest.mark.shared
def test_every_row_of_a_fold_of_fsmol_is_accounted_for(shared):
    layout = Layout(columns={"assay": "task", "active": "label"}, unit="nM")
    rows = read_table(shared / "fsmol" / "valid.parquet", layout=layout)
    some = rows[rows["assay"].isin(sorted(rows["assay"].unique())[:1])]
    assays = curate(some, rules=Rules()).assays
    read = assays["n_dropped"] + assays["n_merged"] + assays["n_compounds"]
    assert list(read) == list(assays["n_read"])
    assert set(assays["status"]) == {"ok"}
