"""Tables as chemists have them are read correctly, or answered with the option that decides."""

import zipfile

import openpyxl
import pytest
from chemist_tables import (
    AMBIGUOUS,
    IC50_BOOK,
    ID,
    LABELS,
    NM,
    PERCENT,
    PX,
    READ,
    SMILES,
    UM,
    VALUED,
    Table,
    bindingdb,
    chembl,
    lines,
)

from molmeta.curation import workbooks
from molmeta.curation.measurements import measured
from molmeta.curation.tablefiles import read_file
from molmeta.curation.tableoptions import TableOptions
from molmeta.curation.usertables import read_user_table
from molmeta.errors import MolMetaError, TableError
from molmeta.molecules.compounds import Compound, compounds

KEYS = [item.inchikey for item in compounds(SMILES)]


def results(rows, column):
    """The usable result of each compound, in the order of `SMILES`; None where there is none."""
    judged = measured(rows)
    judged = judged[judged["reason"].eq("") & judged[column].notna()]
    parsed = compounds(list(judged["smiles"]))
    keys = [item.inchikey if isinstance(item, Compound) else "" for item in parsed]
    found = dict(zip(keys, judged[column], strict=True))
    assert set(found) - {""} <= set(KEYS)
    return [found.get(key) for key in KEYS]


def read(table, folder):
    return read_user_table(table.save(folder), TableOptions(**table.options))


@pytest.mark.parametrize("table", READ.values(), ids=READ)
def test_every_compound_gets_its_own_result(table, tmp_path):
    found = read(table, tmp_path)
    column, expected = ("value", table.values) if table.values else ("active", table.labels)
    assert results(found.rows, column) == pytest.approx(expected, abs=2e-3)
    assert table.columns.items() <= dict(found.columns).items()


@pytest.mark.parametrize("table", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_unclear_table_gets_a_question_in_one_line(table, tmp_path):
    with pytest.raises(MolMetaError) as caught:
        read(table, tmp_path)
    message = str(caught.value)
    assert table.asks in message
    assert "\n" not in message
    assert message.startswith(f"{tmp_path / table.file}: ")


BOUNDED = (
    "chembl_web", "bindingdb_ki", "vault", "dotmatics", "documented", "ic50_um", "unit_column",
    "units_in_cells", "html_bound", "nm_by_size", "sdf_values", "xlsx_text_numbers", "type_column",
    "qualifier_after_two_results", "qualifier_of_each_result",
)  # fmt: skip


@pytest.mark.parametrize("name", BOUNDED)
def test_a_concentration_above_the_highest_tested_is_an_upper_bound_of_px(name, tmp_path):
    assert results(read(READ[name], tmp_path).rows, "relation") == ["="] * 11 + ["<"]


def test_the_sign_of_a_logarithm_turns_its_bound(tmp_path):
    table = Table("a.csv", lines({**ID, "log IC50 (M)": [-p for p in PX[:11]] + [">-4"]}), PX)
    assert results(read(table, tmp_path).rows, "relation") == ["="] * 11 + ["<"]


def test_a_bound_in_the_format_of_a_cell_is_read(tmp_path):
    found = read(READ["xlsx_bound_format"], tmp_path)
    assert set(results(found.rows, "relation")) == {"~"}


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (chembl(**{"Assay ChEMBL ID": ["A"] * 6 + ["B"] * 6}), {"A", "B"}),
        (
            chembl(**{"Standard Type": ["IC50"] * 6 + ["Ki"] * 6}),
            {"CHEMBL612545 IC50", "CHEMBL612545 Ki"},
        ),
        (bindingdb(**{"Target Name": ["EGFR"] * 6 + ["HER2"] * 6}), {"EGFR", "HER2"}),
        (
            {**ID, "Type": ["IC50"] * 6 + ["Ki"] * 6, "Value": NM, "Units": ["nM"] * 12},
            {"IC50", "Ki"},
        ),
        ({**VALUED, "target": ["EGFR"] * 12}, {"a"}),
        (chembl(), {"CHEMBL612545"}),
    ],
)  # fmt: skip
def test_assays_targets_and_kinds_of_results_are_kept_apart(columns, names, tmp_path):
    table = Table("a.csv", lines(columns, ";", quote=True))
    assert set(read(table, tmp_path).rows["assay"]) == names


def test_rows_keep_the_numbers_that_a_spreadsheet_shows(tmp_path):
    found = read(READ["xlsx_title_rows"], tmp_path)
    assert list(found.rows["row"]) == list(range(5, 17))


@pytest.mark.parametrize("header", ["smiles,active,active.1", "smiles,active,x,x.1,x"])
def test_a_name_that_looks_like_a_repeat_is_a_name_like_others(tmp_path, header):
    path = tmp_path / "table.csv"
    rows = ["CCO,1,1,1,1", "CCN,0,0,0,0"]
    width = header.count(",") + 1
    path.write_text("\n".join([header, *(",".join(row.split(",")[:width]) for row in rows)]))
    assert read_user_table(path).rows["active"].tolist() == [1, 0]


def test_a_documented_table_is_read_by_its_names_beside_other_columns(tmp_path):
    columns = {
        "smiles": SMILES, "value": NM, "unit": ["nM"] * 12, "class": LABELS, "pIC50": PX[::-1],
        "Assay Name": ["x"] * 12, "IC50 (nM)": NM[::-1], "relation": ["="] * 12,
    }  # fmt: skip
    found = read(Table("a.csv", lines(columns)), tmp_path)
    assert (found.columns["value"], found.columns["relation"]) == ("value", "relation")
    assert set(found.rows["assay"]) == {"a"}


def test_an_option_wins_over_what_the_table_says(tmp_path):
    table = Table("a.csv", lines({**ID, "IC50 (nM)": UM}), PX, options={"unit": "uM"})
    assert results(read(table, tmp_path).rows, "value") == pytest.approx(PX, abs=2e-3)


def test_two_classes_in_numbers_are_read_with_a_threshold_and_a_direction(tmp_path):
    numbers = [2 if label else 1 for label in LABELS]
    options = {"value_column": "class", "threshold": 1.5, "higher_is_active": True}
    table = Table("a.csv", lines({**ID, "class": numbers}), options=options)
    assert results(read(table, tmp_path).rows, "active") == LABELS


def test_activity_that_remains_is_read_with_a_threshold_and_a_direction(tmp_path):
    options = {"threshold": 40, "higher_is_active": False}
    table = Table(
        "a.csv", lines({**ID, "% of control": [100 - p for p in PERCENT]}), options=options
    )
    found = results(read(table, tmp_path).rows, "active")
    assert found == [int(p > 60) for p in PERCENT]


def test_a_sheet_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_ROWS", 5)
    with pytest.raises(TableError, match="more than 5 rows"):
        read(READ["xlsx"], tmp_path)


def test_blank_rows_at_the_end_of_a_sheet_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_ROWS", 20)
    book = openpyxl.Workbook()
    for row in IC50_BOOK:
        book.active.append(row)
    book.active.row_dimensions[1048576].height = 20
    book.save(tmp_path / "a.xlsx")
    assert len(read_user_table(tmp_path / "a.xlsx").rows) == 12


def test_a_date_that_does_not_exist_is_an_empty_cell_without_a_warning(tmp_path):
    book = openpyxl.Workbook()
    for row, day in zip(
        IC50_BOOK, ["measured", 45_000, 10**9, *range(45_001, 45_020)], strict=False
    ):
        book.active.append([*row, day])
    for cell in book.active["D"]:
        cell.number_format = "yyyy-mm-dd"
    book.save(tmp_path / "a.xlsx")
    assert list(read_file(tmp_path / "a.xlsx").frame["measured"][:2]) == ["2023-03-15", "#VALUE!"]
    assert results(read_user_table(tmp_path / "a.xlsx").rows, "value") == pytest.approx(
        PX, abs=2e-3
    )


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_BYTES", 100)
    with pytest.raises(TableError, match="too large"):
        read(READ["xlsx"], tmp_path)


def test_saved_values_of_formulas_are_read(tmp_path):
    path = READ["xlsx"].save(tmp_path)
    content = {}
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    content[sheet] = content[sheet].replace(
        b'<c r="C2" t="n"><v>5</v>', b'<c r="C2"><f>2+3</f><v>5</v>'
    )
    assert b"<f>" in content[sheet]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    assert results(read_user_table(path).rows, "value")[0] == pytest.approx(8.301, abs=1e-3)
