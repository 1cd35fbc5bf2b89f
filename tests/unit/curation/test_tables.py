"""Tables as chemists save them become rows with fixed columns, or a TableError in one line."""

import gzip

import pandas as pd
import pytest

from molmeta.curation.tablefiles import table_name
from molmeta.curation.tables import Layout, find_tables, read_table
from molmeta.errors import ConfigError, TableError

CSV = "smiles,active\nCCO,1\nCCN,0\n"


def saved(folder, text, name="a.csv", encoding="utf-8"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def test_the_file_name_is_the_assay(tmp_path):
    assert set(read_table(saved(tmp_path, CSV, "my assay.csv"))["assay"]) == {"my assay"}


def test_an_assay_column_names_the_assays(tmp_path):
    path = saved(tmp_path, "smiles,active,assay\nC,1,x\nCC,0,y\n")
    assert list(read_table(path)["assay"]) == ["x", "y"]


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path):
    rows = read_table(saved(tmp_path, "smiles,active\nC,1\n\nCC,0\n"))
    assert list(rows["row"]) == [2, 4]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV.encode()),
        ("a.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("a.csv", CSV.replace("\n", "\r\n").encode()),
        ("a.csv", CSV.encode("utf-16")),
        ("a.csv", CSV.replace(",", ";").encode()),
        ("a.csv", CSV.replace("smiles", " SMILES ").encode()),
        ("a.tsv", CSV.replace(",", "\t").encode()),
        ("a.CSV", CSV.encode()),
        ("a.csv.gz", gzip.compress(CSV.encode())),
    ],
    ids=["utf8", "bom", "crlf", "utf16", "semicolon", "header", "tsv", "upper", "gzip"],
)
def test_the_same_table_in_another_dress_reads_the_same(tmp_path, name, content):
    rows = read_table(saved(tmp_path, content, name))
    assert [list(rows["smiles"]), list(rows["active"])] == [["CCO", "CCN"], ["1", "0"]]


def test_latin_1_text_is_read(tmp_path):
    path = saved(tmp_path, "smiles,active,target\nCCO,1,Rezeptor für Ä\n", encoding="latin-1")
    assert read_table(path)["target"][0] == "Rezeptor für Ä"


@pytest.mark.parametrize("suffix", [".parquet", ".parquet.gz"])
def test_parquet_is_read_with_rows_from_one(tmp_path, suffix):
    frame = pd.DataFrame({"smiles": ["C", "CC"], "active": [1, 0]})
    path = tmp_path / f"a{suffix}"
    frame.to_parquet(tmp_path / "plain")
    content = (tmp_path / "plain").read_bytes()
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert list(read_table(path)["row"]) == [1, 2]


def test_missing_cells_of_parquet_are_blank_text(tmp_path):
    frame = pd.DataFrame({"smiles": ["C", None], "active": [1, 0], "target": [None, "x"]})
    frame.to_parquet(tmp_path / "a.parquet")
    rows = read_table(tmp_path / "a.parquet")
    assert [list(rows["smiles"]), list(rows["target"])] == [["C", ""], ["", "x"]]


def test_fixed_smiles_replace_those_that_rdkit_rejects(tmp_path):
    path = saved(tmp_path, "smiles,smiles_fixed,active\nbad,CCO,1\nCC,,0\n")
    assert list(read_table(path)["smiles"]) == ["CCO", "CC"]


def test_columns_are_renamed_as_the_layout_says(tmp_path):
    path = saved(tmp_path, "structure,label,task\nCCO,1,t\n")
    columns = {"smiles": "structure", "active": "label", "assay": "task"}
    row = read_table(path, layout=Layout(columns=columns)).iloc[0]
    assert [row["smiles"], row["active"], row["assay"]] == ["CCO", "1", "t"]


def test_the_layout_gives_a_unit_to_a_table_without(tmp_path):
    path = saved(tmp_path, "smiles,value\nCCO,1\n")
    assert read_table(path, layout=Layout(unit="uM"))["unit"][0] == "uM"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        ("smiles,active\n", r"\['smiles', 'active'\]"),
        ("smile,active\nC,1\n", "'smiles'.*'smile'"),
        ("smiles,actve\nC,1\n", "'active'.*'actve'"),
        ("smiles,ic50\nC,1\n", r"\['smiles', 'ic50'\].*'active'.*'value'"),
        ("smiles,vaule\nC,1\n", "'value'.*'vaule'"),
        ("smiles,value\nC,1\n", "column 'unit'"),
        ("smiles,active\nC,1,extra\n", "cannot be parsed"),
        ("smiles,active\nC,1\nCC,0,x,y\n", "cannot be parsed"),
        ('smiles,active\n"C,1\n', "cannot be parsed"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path, text, message):
    path = saved(tmp_path, text)
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("keep", [5, 30])
def test_a_truncated_gzip_is_refused(tmp_path, keep):
    path = saved(tmp_path, gzip.compress(CSV.encode())[:keep], "a.csv.gz")
    with pytest.raises(TableError, match="damaged or truncated"):
        read_table(path)


def test_text_that_claims_to_be_gzip_is_refused(tmp_path):
    with pytest.raises(TableError, match="damaged or truncated"):
        read_table(saved(tmp_path, CSV, "a.csv.gz"))


def test_a_truncated_parquet_is_refused(tmp_path):
    pd.DataFrame({"smiles": ["C"], "active": [1]}).to_parquet(tmp_path / "whole")
    path = saved(tmp_path, (tmp_path / "whole").read_bytes()[:-20], "a.parquet")
    with pytest.raises(TableError, match=r"a\.parquet: .*Parquet"):
        read_table(path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "a.csv")


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"'a\.docx'.*'\.parquet'"):
        read_table(saved(tmp_path, CSV, "a.docx"))


def test_text_that_claims_to_be_a_workbook_is_refused(tmp_path):
    with pytest.raises(TableError, match="not a workbook"):
        read_table(saved(tmp_path, CSV, "a.xlsx"))


def test_an_unknown_key_of_the_layout_is_refused():
    with pytest.raises(ConfigError, match="lable"):
        Layout(columns={"lable": "y"})


def test_tables_are_found_by_split_and_name(tmp_path):
    for place in ("train/b.csv", "train/a.tsv", "valid/c.csv.gz", "test/d.parquet"):
        saved(tmp_path, CSV, place)
    saved(tmp_path, CSV, "train/.hidden.csv")
    saved(tmp_path, CSV, "train/notes.txt")
    found = [("train", "a"), ("train", "b"), ("valid", "c"), ("test", "d")]
    assert list(find_tables(tmp_path)) == found


def test_a_file_that_is_not_read_is_named_and_a_lock_of_excel_is_not(tmp_path, caplog):
    for name in ("a.csv", "b.txt", "~$c.xlsx", ".hidden", "README.md"):
        path = tmp_path / "test" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("smiles,active\nCCO,1\n")
    assert list(find_tables(tmp_path, splits=["test"])) == [("test", "a")]
    (message,) = caplog.messages
    assert "b.txt: is not read" in message


def test_one_file_may_be_a_split(tmp_path):
    for split in ("train", "valid", "test"):
        saved(tmp_path, CSV, f"{split}.csv")
    assert find_tables(tmp_path)["test", "test"] == tmp_path / "test.csv"


def test_a_folder_of_the_release_is_one_table(tmp_path):
    saved(tmp_path, b"", "train/CHEMBL1.jsonl.gz")
    assert find_tables(tmp_path, splits=["train"]) == {("train", "train"): tmp_path / "train"}


def test_an_empty_split_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(TableError, match="/train: "):
        find_tables(tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path):
    saved(tmp_path, CSV, "train/a.csv")
    saved(tmp_path, CSV, "train/a.tsv")
    with pytest.raises(TableError, match=r"a\.tsv: table 'a'.*a\.csv"):
        find_tables(tmp_path, splits=["train"])


@pytest.mark.parametrize("name", ["a b.csv", 'it\'s "quoted".csv', "..%2f..%2fx.csv", "<b>x.csv"])
def test_an_odd_file_name_is_only_text(tmp_path, name):
    assert read_table(saved(tmp_path, CSV, name))["assay"][0] == name.removesuffix(".csv")


def test_an_assay_named_as_a_path_stays_text(tmp_path):
    path = saved(tmp_path, "smiles,active,assay\nC,1,../../etc/<script>\n")
    assert read_table(path)["assay"][0] == "../../etc/<script>"


def test_the_table_name_keeps_inner_dots(tmp_path):
    assert table_name(tmp_path / "a.v2.csv.gz") == "a.v2"


def test_a_table_of_the_assays_gives_targets_and_clusters(tmp_path):
    (tmp_path / "train.csv").write_text("smiles,active,assay\nC,1,a\nCC,0,b\n")
    (tmp_path / "about.csv").write_text("id,target_id\na,kinase\nc,other\n")
    about = {"file": "about.csv", "assay": "id", "target": "target_id"}
    rows = read_table(tmp_path / "train.csv", layout=Layout(about=about))
    assert list(rows["target"]) == ["kinase", ""]


def test_a_table_of_the_assays_never_leaves_its_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train.csv").write_text("smiles,active\nC,1\n")
    (tmp_path / "about.csv").write_text("assay,target\ntrain,kinase\n")
    with pytest.raises(TableError, match=r"about\.csv"):
        read_table(tmp_path / "in" / "train.csv", layout=Layout(about={"file": "../about.csv"}))


def test_an_own_table_beside_a_published_set_is_read_by_the_usual_names(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("smiles,active\nC,1\n")
    rows = read_table(path, layout=Layout(columns={"assay": "task", "active": "label"}, unit="nM"))
    assert rows[["assay", "active"]].to_numpy().tolist() == [["mine", "1"]]
