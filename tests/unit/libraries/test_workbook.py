import gzip
import io
import sys
import zipfile
from datetime import datetime
from types import SimpleNamespace

import openpyxl
import pytest

from molmeta.errors import TableError
from molmeta.libraries import workbook
from molmeta.libraries.files import library_files
from molmeta.libraries.lines import Record
from molmeta.libraries.reading import STDIN, read_library

HEADER = ["ID", "Structure"]
ROWS = [HEADER, ["a", "CCO"], ["b", "CCN"]]
NAMED = [("a", "CCO"), ("b", "CCN")]


def saved(path, /, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def records(path, **options):
    return [record for part in read_library(path, **options) for record in part]


def named(path, **options):
    return [(record.id, record.smiles) for record in records(path, **options)]


def changed(path, part, old, new):
    """Replace bytes of one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        [["Hits of plate 7"], [], *ROWS],
        [["Selected structure"], ["Structure", "ID"], ["CCO", "a"], ["CCN", "b"]],
        [["Molecule", "Canonical_Smiles"], ["a", "CCO"], ["b", "CCN"]],
        [["Molecule", "Structure"], ["a", "CCO"], ["b", "CCN"]],
        [["ID", "InChI"], ["a", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3"],
         ["b", "InChI=1S/C2H7N/c1-2-3/h2-3H2,1H3"]],
    ],
)  # fmt: skip
def test_the_column_of_structures_is_found_below_titles(tmp_path, rows):
    assert named(saved(tmp_path / "l.xlsx", Hits=rows)) == NAMED


def test_rows_are_numbered_as_excel_shows_them_and_blank_ones_are_skipped(tmp_path):
    path = saved(tmp_path / "l.xlsx", Hits=[["Title"], [], ["SMILES"], ["CCO"], [], ["CCN"]])
    assert records(path) == [Record(4, "4", "CCO"), Record(6, "6", "CCN")]


def test_a_sheet_without_a_header_has_the_structures_first(tmp_path):
    rows = [["c1ccccc1O", "phenol"], ["c1ccccc1N", "aniline"]]
    assert named(saved(tmp_path / "l.xlsx", Hits=rows)) == [
        ("phenol", "c1ccccc1O"),
        ("aniline", "c1ccccc1N"),
    ]


def test_the_first_sheet_with_structures_is_read_and_the_others_are_reported(tmp_path, caplog):
    others = [HEADER, ["c", "CCC"]]
    path = saved(tmp_path / "l.xlsx", Notes=[["Structure", "see sheet 2"]], Hits=ROWS, More=others)
    assert named(path) == NAMED
    assert "only sheet 'Hits' is read" in caplog.text
    assert "left out: ['More']" in caplog.text


def test_hidden_sheets_are_not_read(tmp_path):
    path = saved(tmp_path / "l.xlsx", Old=[HEADER, ["c", "CCC"]], Hits=ROWS)
    book = openpyxl.load_workbook(path)
    book["Old"].sheet_state = "hidden"
    book.active = book["Hits"]
    book.save(path)
    assert named(path) == NAMED


def test_a_workbook_without_structures_names_its_sheets(tmp_path):
    path = saved(tmp_path / "l.xlsx", Plates=[["well", "volume"], ["A1", 5]], Notes=[])
    with pytest.raises(TableError, match=r"no sheet with structures; got .*\['Plates', 'Notes'\]"):
        records(path)


def test_cells_become_texts(tmp_path):
    ids = [7, 7.5, 3.0, True, datetime(2026, 3, 1), None, "=1+1"]
    rows = [["SMILES", "ID"], *(["CCO", cell] for cell in ids)]
    path = saved(tmp_path / "l.xlsx", Hits=rows)
    assert [r.id for r in records(path)] == ["7", "7.5", "3", "True", "2026-03-01", "7", "8"]


def test_unusable_rows_are_records_with_a_reason(tmp_path):
    rows = [HEADER, ["a", "CCO"], ["b", None], ["c", "=CONCATENATE(A1)"], ["d", "CCN"]]
    first, blank, formula, last = records(saved(tmp_path / "l.xlsx", Hits=rows))
    assert (first.reason, last.reason) == ("", "")
    assert (blank.id, blank.reason) == (
        "b",
        "no SMILES in this row, or a formula that was saved without a value",
    )
    assert (formula.id, formula.reason) == ("c", blank.reason)


def test_formulas_that_were_never_computed_are_records_with_a_reason(tmp_path):
    rows = [HEADER, *(["a", '="C"&"C"'] for _ in range(4))]
    assert {bool(record.reason) for record in records(saved(tmp_path / "l.xlsx", H=rows))} == {True}


def test_the_value_of_a_formula_is_read(tmp_path):
    path = saved(tmp_path / "l.xlsx", Hits=[HEADER, ["a", "CCO"], ["b", '="C"&"CN"']])
    changed(
        path, SHEET, b'<c r="B3"><f>"C"&amp;"CN"</f><v />', b'<c r="B3" t="str"><f>1</f><v>CCN</v>'
    )
    assert named(path) == NAMED


def test_merged_cells_have_one_value(tmp_path):
    path = saved(tmp_path / "l.xlsx", Hits=[["A title"], *ROWS, ["c", "CCC"]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("B4:B5")
    book.save(path)
    assert [(r.smiles, bool(r.reason)) for r in records(path)] == [
        ("CCO", False),
        ("CCN", False),
        ("", True),
    ]


def test_a_date_that_does_not_exist_spoils_no_row(tmp_path):
    path = saved(tmp_path / "l.xlsx", Hits=[HEADER, [datetime(2026, 3, 1), "CCO"], ["b", "CCN"]])
    changed(path, SHEET, b"<v>46082</v>", b"<v>99999999</v>")
    assert named(path) == [("#VALUE!", "CCO"), ("b", "CCN")]


def test_a_workbook_is_known_by_its_content(tmp_path, monkeypatch):
    content = saved(tmp_path / "l.xlsx", Hits=ROWS).read_bytes()
    path = tmp_path / "l.smi"
    path.write_bytes(content)
    assert named(path) == NAMED
    path.write_bytes(gzip.compress(content))
    assert named(path) == NAMED
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert named(STDIN) == NAMED


def test_the_column_of_names_can_be_chosen(tmp_path):
    rows = [["ID", "SMILES", "Catalog"], [1, "CCO", "a"], [2, "CCN", "b"]]
    path = saved(tmp_path / "l.xlsx", Hits=rows)
    assert named(path, id_column="catalog") == NAMED
    with pytest.raises(TableError, match="no column 'catalogue'"):
        records(path, id_column="catalogue")


def test_a_truncated_workbook_is_refused(tmp_path):
    path = saved(tmp_path / "l.xlsx", Hits=ROWS)
    content = path.read_bytes()
    for n in (4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:n])
        with pytest.raises(TableError, match="is not a complete workbook"):
            records(path)


@pytest.mark.parametrize("head", [b"\xd0\xcf\x11\xe0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99])
def test_encrypted_and_old_workbooks_are_refused(tmp_path, head):
    path = tmp_path / "l.xlsx"
    path.write_bytes(head)
    with pytest.raises(TableError, match=r"a password or the format of Excel 97 \(\.xls\)"):
        records(path)


def test_another_zip_archive_is_refused(tmp_path):
    path = tmp_path / "l.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("library.smi", "CCO\n")
    with pytest.raises(TableError, match=r"a zip archive without xl/workbook\.xml"):
        records(path)


def test_an_empty_workbook_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"no sheet with structures; got the sheets \['Sheet1'\]"):
        records(saved(tmp_path / "l.xlsx", Sheet1=[]))


def test_a_header_without_rows_has_no_compounds(tmp_path):
    with pytest.raises(TableError, match="has no compounds"):
        records(saved(tmp_path / "l.xlsx", Hits=[HEADER]))


def test_a_workbook_that_breaks_off_is_read_up_to_the_break(tmp_path):
    rows = [HEADER, *([f"x{n}", "CCO"] for n in range(100))]
    path = changed(
        saved(tmp_path / "l.xlsx", Hits=rows), SHEET, b'<row r="90">', b'<row r="90"><<<'
    )
    kept = []
    with pytest.raises(TableError, match=r"breaks off after line \d+ \(\d+ compounds\)") as caught:
        kept.extend(record for part in read_library(path, chunk=10) for record in part)
    assert f"after line {kept[-1].line} ({len(kept)} compounds)" in str(caught.value)
    assert kept[-1].line == 89


@pytest.mark.parametrize("row", ["2000000", "99999999999"])
def test_a_row_beyond_the_last_one_of_excel_ends_the_sheet(tmp_path, monkeypatch, row):
    monkeypatch.setattr(workbook, "MAX_ROWS", 1000)
    path = changed(
        saved(tmp_path / "l.xlsx", Hits=[*ROWS, ["c", "CCC"]]),
        SHEET, b'<row r="4">', f'<row r="{row}">'.encode(),
    )  # fmt: skip
    with pytest.raises(TableError, match="more than 1000 rows"):
        records(path)


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_LOADED"])
def test_a_workbook_that_is_too_large_is_refused(tmp_path, monkeypatch, limit):
    path = saved(tmp_path / "l.xlsx", Hits=ROWS)
    monkeypatch.setattr(workbook, limit, 1000)
    with pytest.raises(TableError, match=r"too large for a workbook.*Save the sheet as CSV"):
        records(path)


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path):
    path = changed(
        saved(tmp_path / "l.xlsx", Hits=ROWS), SHEET, b"</sheetData>",
        b"<row/>" * 3_000_000 + b"</sheetData>",
    )  # fmt: skip
    with pytest.raises(TableError, match="too large for a workbook"):
        records(path)


def test_a_workbook_is_read_as_its_chunks_are_taken(tmp_path, monkeypatch):
    texts = []
    monkeypatch.setattr(workbook, "_text", lambda cell: texts.append(cell) or str(cell or ""))
    path = saved(tmp_path / "l.xlsx", Hits=[HEADER, *([f"x{n}", "CCO"] for n in range(5000))])
    next(read_library(path, chunk=10))
    assert len(texts) < 100


def test_a_folder_has_workbooks_but_not_the_files_of_open_ones(tmp_path):
    saved(tmp_path / "a.XLSX", Hits=ROWS)
    (tmp_path / "~$a.xlsx").write_bytes(b"owner")
    assert library_files(tmp_path) == [tmp_path / "a.XLSX"]
