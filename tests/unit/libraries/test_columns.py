import gzip

import pandas as pd
import pytest

from molmeta.errors import TableError
from molmeta.libraries.lines import Record
from molmeta.libraries.reading import read_library

NAMED = [("a", "CCO"), ("b", "CCN")]
ETHANOL = "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3"


def records(path, **options):
    return [record for part in read_library(path, **options) for record in part]


def read(folder, name, text, **options):
    path = folder / name
    path.write_text(text)
    return [(record.id, record.smiles) for record in records(path, **options)]


@pytest.mark.parametrize(
    "header", ["ID,Structure", "ID,Canonical_Smiles", "ID,Molecule", "ID,Mol", "#,Structure",
               "Molecule,Structure", "InChIKey,Structure"],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_columns_of_structures_have_the_names_that_a_support_may_have(tmp_path, header, suffix):
    path = tmp_path / f"l{suffix}"
    content = f"{header}\na,CCO\nb,CCN\n".encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    assert [(record.id, record.smiles) for record in records(path)] == NAMED


def test_a_column_of_smiles_is_preferred(tmp_path):
    text = "Structure,Mol,parent_smiles,SMILES,ID\nC,C,C,CCO,a\nC,C,C,CCN,b\n"
    assert read(tmp_path, "l.csv", text) == NAMED
    assert read(tmp_path, "l.csv", text.replace(",SMILES", ",x")) == [("a", "C"), ("b", "C")]


@pytest.mark.parametrize(
    "titles",
    ["Hits of plate 7\n", "Selected structure\n\n", "A, B and C\n# a comment\n",
     "SMILES of all hits\n", "sep=,\n", "Hits 2026,,\n" * 10],
)  # fmt: skip
@pytest.mark.parametrize("header", ["ID,Structure,x", "ID,SMILES,x"])
def test_titles_above_the_header_are_skipped(tmp_path, titles, header):
    assert read(tmp_path, "l.csv", f"{titles}{header}\na,CCO,1\nb,CCN,2\n") == NAMED


def test_line_numbers_count_titles(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("A title\n\nSMILES\nCCO\nCCN\n")
    assert records(path) == [Record(4, "4", "CCO"), Record(5, "5", "CCN")]


def test_a_header_below_more_lines_is_not_looked_for(tmp_path):
    with pytest.raises(TableError, match="no SMILES column"):
        read(tmp_path, "l.csv", "a title\n" * 11 + "ID,Structure\na,CCO\n")


def test_a_header_must_have_as_many_fields_as_the_rows(tmp_path):
    # The names of the compounds, of plate rows here, are SMILES too.
    text = "Selected structure, of a vendor\nID,SMILES,x\nB,CCO,1\nC,CCN,2\n"
    assert read(tmp_path, "l.csv", text) == [("B", "CCO"), ("C", "CCN")]


@pytest.mark.parametrize("text", ["CCO mol\nCCN CN\n", "CCO\tInChI\nCCN\tCO\n"])
def test_a_first_line_with_smiles_is_not_a_header_whatever_its_name_is(tmp_path, text):
    assert [smiles for _, smiles in read(tmp_path, "l.smi", text)] == ["CCO", "CCN"]


def test_a_first_line_without_smiles_hides_no_other_line(tmp_path):
    text = "foo structure\nCCO mol\nCCN CN\n"
    assert read(tmp_path, "l.smi", text)[1:] == [("mol", "CCO"), ("CN", "CCN")]


def test_lines_of_words_below_a_title_keep_their_names(tmp_path):
    text = "A title\nSMILES ID\nCCO a b\nCCN b\n"
    assert read(tmp_path, "l.smi", text)[2:] == [("a b", "CCO"), ("b", "CCN")]


def test_a_tab_separated_text_of_another_name_has_a_header_too(tmp_path):
    text = "A title\nID\tStructure\na\tCCO\nb\tCCN\n"
    assert read(tmp_path, "l.txt", text) == NAMED


def test_quoted_structures_of_a_single_column_are_read(tmp_path):
    assert read(tmp_path, "l.csv", '"Structure"\n"CCO"\n"CCN"\n') == [("2", "CCO"), ("3", "CCN")]


def test_a_first_record_that_is_not_a_structure_does_not_hide_the_header(tmp_path):
    assert read(tmp_path, "l.csv", "ID,Structure\nx,n/a\na,CCO\nb,CCN\n")[1:] == NAMED


@pytest.mark.parametrize(
    "text",
    [
        f'InChI\n"{ETHANOL}"\n',
        f"InChI\n{ETHANOL}\n",
        f"Molecule\tInChI\n2\t{ETHANOL}\n",
        f'InChIKey,Standard InChI\n2,"{ETHANOL}"\n',
        f'ID,Structure\n2,"{ETHANOL}"\n',
    ],
)
def test_inchi_becomes_smiles(tmp_path, text):
    assert read(tmp_path, "l.csv", text) == [("2", "CCO")]


def test_an_inchi_that_does_not_convert_is_a_record_with_a_reason(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text(f'ID,InChI\na,"{ETHANOL}"\nb,InChI=1S/XYZ\nc,InChI=\nd,\n')
    good, *bad = records(path)
    assert good == Record(2, "a", "CCO")
    assert [record.reason for record in bad[:2]] == ["not a structure that RDKit can read"] * 2
    assert bad[0].smiles == "InChI=1S/XYZ"
    assert bad[2].reason == "no SMILES in field 2 of 2"


def test_an_inchi_among_smiles_stays_as_it_is(tmp_path):
    assert read(tmp_path, "l.csv", f'smiles,ID\nCCO,a\n"{ETHANOL}",b\n')[1] == ("b", ETHANOL)


def test_an_inchikey_is_not_a_structure(tmp_path):
    with pytest.raises(TableError, match=r"no SMILES column; got \['ID', 'InChIKey'\]"):
        read(tmp_path, "l.csv", "ID,InChIKey\na,LFQSCWFLJHTTHZ-UHFFFAOYSA-N\n")


def test_a_header_alone_is_not_a_compound(tmp_path):
    with pytest.raises(TableError, match="has no compounds"):
        read(tmp_path, "l.csv", "ID,Structure\n")


def test_columns_of_parquet_have_the_same_names(tmp_path):
    path = tmp_path / "l.parquet"
    frame = pd.DataFrame({"Molecule": ["a", "b"], "InChI": [ETHANOL, "InChI=no"], "x": [1, 2]})
    frame.to_parquet(path)
    good, bad = records(path)
    assert good == Record(1, "a", "CCO")
    assert (bad.id, bad.reason) == ("b", "not a structure that RDKit can read")
