import csv
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from rdkit.Chem import MolToSmiles, SDMolSupplier

from molmeta.errors import ConfigError, OutputError
from molmeta.screening import hitfiles
from molmeta.screening.hitfiles import candidate_tables, require_suffix, write_tables
from molmeta.screening.hits import COLUMNS, ScoredCompound, Support

SUPPORT = Support(["CCN", "c1ccccc1"], [1, 0])
HITS = [
    ScoredCompound(0.91234567, -5, "=1+1", "CCN"),
    ScoredCompound(0.5, -1, "plain", "c1ccccc1C"),
]


def with_length(table):
    return table.assign(length=table["smiles"].str.len(), note="@home", score=1 / 3)


@pytest.mark.parametrize("name", ["hits.csv", "hits.parquet"])
def test_a_file_has_the_published_columns_first(tmp_path, name):
    path = tmp_path / name
    assert write_tables(path, candidate_tables(iter(HITS), SUPPORT, annotate=with_length)) == 2
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    assert tuple(read(path).columns) == (*COLUMNS, "length", "note", "score")


def test_parquet_keeps_text_and_numbers_as_they_are(tmp_path):
    write_tables(tmp_path / "hits.parquet", candidate_tables(iter(HITS), SUPPORT))
    found = pd.read_parquet(tmp_path / "hits.parquet")
    assert found.loc[0, "id"] == "=1+1"
    assert found.loc[0, "probability"] == HITS[0].probability


def test_no_cell_of_a_csv_is_a_formula_not_even_an_added_one(tmp_path):
    write_tables(tmp_path / "hits.csv", candidate_tables(iter(HITS), SUPPORT, annotate=with_length))
    with (tmp_path / "hits.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["id"], first["note"], first["score"]) == ("'=1+1", "'@home", "0.333333")


@pytest.mark.parametrize("name", ["hits.csv", "hits.parquet"])
def test_a_file_without_hits_has_its_columns(tmp_path, name):
    path = tmp_path / name
    assert write_tables(path, candidate_tables(iter([]), SUPPORT)) == 0
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    assert tuple(read(path).columns) == COLUMNS


@pytest.mark.parametrize("name", ["hits.csv", "hits.parquet"])
def test_many_hits_are_written_block_by_block(tmp_path, name, monkeypatch):
    monkeypatch.setattr(hitfiles, "BLOCK", 4)
    sizes = []
    many = [ScoredCompound(1 - i / 10, -i, f"n{i}", "CCO") for i in range(9)]
    path = tmp_path / name
    n = write_tables(
        path, candidate_tables(iter(many), SUPPORT, annotate=lambda t: (sizes.append(len(t)), t)[1])
    )
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    assert (n, sizes) == (9, [4, 4, 1])
    assert list(read(path)["rank"]) == list(range(1, 10))


def test_a_workbook_has_numbers_and_no_formulas(tmp_path):
    path = tmp_path / "hits.xlsx"
    assert write_tables(path, candidate_tables(iter(HITS), SUPPORT, annotate=with_length)) == 2
    sheet = openpyxl.load_workbook(path).active
    header, first, _ = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert tuple(header) == (*COLUMNS, "length", "note", "score")
    found = dict(zip(header, first, strict=True))
    assert (found["id"], found["length"]) == ("'=1+1", 3)
    assert found["probability"] == pytest.approx(HITS[0].probability)


def test_a_workbook_refuses_more_candidates_than_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(hitfiles, "SHEET_ROWS", 2)
    with pytest.raises(OutputError, match="--top"):
        write_tables(tmp_path / "hits.xlsx", candidate_tables(iter(HITS), SUPPORT))
    assert list(tmp_path.iterdir()) == []


def test_an_sdf_has_a_drawn_molecule_with_properties_for_each_candidate(tmp_path):
    path = tmp_path / "hits.sdf"
    assert write_tables(path, candidate_tables(iter(HITS), SUPPORT, annotate=with_length)) == 2
    first, second = SDMolSupplier(str(path))
    assert [MolToSmiles(mol) for mol in (first, second)] == ["CCN", "Cc1ccccc1"]
    assert (first.GetProp("_Name"), first.GetProp("note")) == ("=1+1", "@home")
    assert float(first.GetProp("probability")) == pytest.approx(HITS[0].probability, abs=1e-6)
    assert second.GetConformer().GetPositions().any()


@pytest.mark.parametrize("name", ["hits.xlsx", "hits.sdf"])
def test_no_candidates_are_a_file_too(tmp_path, name):
    assert write_tables(tmp_path / name, candidate_tables(iter([]), SUPPORT)) == 0
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["hits.xlxs", "hits.XLS", "hits.parqet"])
def test_a_misspelled_suffix_is_refused_with_the_right_one(name):
    with pytest.raises(ConfigError, match=r"written as CSV; .* Did you mean '\.(xlsx|parquet)'"):
        require_suffix(Path(name))


@pytest.mark.parametrize("name", ["hits.docx", "hits.pdf", "hits.html"])
def test_a_suffix_of_another_format_is_refused(name):
    with pytest.raises(ConfigError, match=r"written as CSV; .* expected \.parquet"):
        require_suffix(Path(name))


@pytest.mark.parametrize("name", ["hits.csv", "hits.XLSX", "hits.tsv", "hits", "hits.sdf", "a.txt"])
def test_other_suffixes_are_accepted(name):
    require_suffix(Path(name))


def named(text):
    return iter([ScoredCompound(0.9, -1, text, "CCN"), ScoredCompound(0.5, -2, "next", "CCO")])


def test_a_workbook_omits_control_characters_of_names(tmp_path):
    path = tmp_path / "hits.xlsx"
    write_tables(path, candidate_tables(named("a\x01\x0bb"), SUPPORT))
    header, first, _ = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    assert dict(zip(header, first, strict=True))["id"] == "ab"


def test_a_line_break_in_a_name_does_not_end_the_title_of_an_sdf(tmp_path):
    path = tmp_path / "hits.sdf"
    write_tables(path, candidate_tables(named("a\n\nb\r\nc"), SUPPORT))
    names = [(mol.GetProp("_Name"), mol.GetProp("id")) for mol in SDMolSupplier(str(path))]
    assert names == [("a b c", "a b c"), ("next", "next")]
