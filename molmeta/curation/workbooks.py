"""Read the cells of a sheet of an Excel workbook as they are displayed; macros are never run."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from molmeta.curation.detection.cells import TYPED
from molmeta.curation.detection.questions import question
from molmeta.curation.detection.structures import are_structures
from molmeta.curation.headers import Row, TableFile, table_of
from molmeta.errors import one_line, suggestion
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openpyxl.workbook.workbook import Workbook

openpyxl: Any = Deferred("openpyxl")

MAX_ROWS = 200_000
MAX_BYTES = 1 << 30
"""Largest workbook when it is decompressed."""
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_AMBIGUOUS = re.compile(r"-?\d{1,3}\.\d{3}")
_GROUPED = re.compile(r"\D{0,3}\d{1,3},\d{3}\D*")
_LITERAL = re.compile(r'"([^"]*)"')


def is_workbook(content: bytes) -> bool:
    """Whether a file is an Excel workbook, including old and encrypted ones."""
    return content.startswith((_ZIP, _OLE))


def read_workbook(path: Path, content: bytes, sheet: str) -> TableFile:
    """Return the table on a sheet of a workbook.

    A date that does not exist, such as one in the year 300,000, is read as the error of a formula.

    Args:
        path: file that messages name.
        content: its bytes.
        sheet: its name; "" takes the only sheet with structures, or else the first.

    Raises:
        TableError: the workbook is encrypted, in the old format, damaged or too large. Or the sheet
            is missing or not clear, or a formula was saved without its value.
    """
    with warnings.catch_warnings():
        # It warns of such dates, and of parts of a workbook that are not cells.
        warnings.filterwarnings("ignore", module=r"openpyxl\.")
        return _read(path, content, sheet)


def _read(path: Path, content: bytes, sheet: str) -> TableFile:
    book = _opened(path, content, values=True)
    if sheet and sheet not in book.sheetnames:
        raise question(
            path, f"sheet '{sheet}' is missing", f"{book.sheetnames}", "one of these",
            "Correct --sheet." + suggestion(sheet, book.sheetnames),
        )  # fmt: skip
    visible = [page.title for page in book.worksheets if page.sheet_state == "visible"]
    names = [sheet] if sheet else visible or book.sheetnames[:1]
    sheets = {name: _rows(path, book, name) for name in names}
    tables = {name: rows for name, rows in sheets.items() if _has_structures(rows)} or sheets
    if len(tables) > 1 and tables is not sheets:
        raise question(
            path, "has several sheets with structures", f"{list(tables)}", "one of them",
            "Name it with --sheet.",
        )  # fmt: skip
    name = next(iter(tables))
    if _has_formulas(content):
        _require_values(path, content, name, tables[name])
    table = table_of(tables[name], path, may_be_wider=True)
    notes = (f"sheet '{name}'", *table.notes) if len(book.sheetnames) > 1 else table.notes
    return replace(table, notes=notes)


def _opened(path: Path, content: bytes, *, values: bool) -> Workbook:
    if content.startswith(_OLE):
        encrypted = _ENCRYPTED in content
        got = "a password-protected file" if encrypted else "the format of Excel 97 (.xls)"
        step = "Remove the password." if encrypted else "Save it as .xlsx or CSV."
        raise question(path, "cannot be read", got, "an .xlsx file without a password", step)
    try:
        size = sum(item.file_size for item in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if size > MAX_BYTES:
            raise question(
                path, "is too large", f"{size >> 20} MB when decompressed",
                f"at most {MAX_BYTES >> 20} MB", "Save the sheet as CSV.",
            )  # fmt: skip
        return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values)
    except (
        zipfile.BadZipFile,
        openpyxl.utils.exceptions.InvalidFileException,
        KeyError,
        ValueError,
        OSError,
    ) as error:
        raise question(
            path, "is not a workbook", f"'{one_line(error)}'", "a complete .xlsx file",
            "Save or copy it again.",
        ) from error  # fmt: skip


def _rows(path: Path, book: Workbook, name: str) -> list[Row]:
    """Rows of a sheet as text, without blank ones at its end."""
    sheet = book[name]
    sheet.reset_dimensions()
    rows: list[Row] = []
    decimals: list[tuple[int, int]] = []
    last = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        row = [_text(cell) for cell in cells] or [""]
        last = number if any(row) else last
        if last > MAX_ROWS:
            raise question(
                path, f"sheet '{name}' is too long", f"more than {MAX_ROWS} rows",
                "a table of measured compounds", "Save the sheet as CSV.",
            )  # fmt: skip
        if number - last > MAX_ROWS:
            break
        decimals += [(number - 1, i) for i, cell in enumerate(cells) if type(cell.value) is float]
        rows.append(row)
    if any(_GROUPED.fullmatch(cell) for row in rows[:last] for cell in row):
        # The point of a number does not say what the comma in a text such as 1,234 is.
        for row, column in decimals:
            rows[row][column] += TYPED if "." in rows[row][column] else ""
    return rows[:last]


def _text(cell: Any) -> str:  # noqa: ANN401 - openpyxl has four classes of cells
    """The value of a cell as text, with the unit, sign or % that its format displays."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (datetime, date, time)):
        return str(value.date() if isinstance(value, datetime) else value)
    if isinstance(value, (int, float)):
        return _displayed(value, str(getattr(cell, "number_format", "") or ""))
    return str(value)


def _displayed(value: float, number_format: str) -> str:
    shown = number_format.partition(";")[0]
    bare = _LITERAL.sub("", shown)
    if "%" in bare:
        return f"{float(f'{value * 100:.12g}')!r}%"
    number = str(value) if isinstance(value, int) else repr(value).removesuffix(".0")
    # A number is not to be mistaken for text such as 1.234, where the point may separate groups.
    number += "0" if _AMBIGUOUS.fullmatch(number) else ""
    before, _, after = shown.partition("0")
    return f"{''.join(_LITERAL.findall(before))}{number}{''.join(_LITERAL.findall(after))}"


def _has_structures(rows: list[Row]) -> bool:
    """Whether a column in the first rows of a sheet has structures, with or without a name."""
    head = [row for row in rows[:200] if any(row)]
    columns = (
        [row[i] for row in head if i < len(row) and row[i]]
        for i in range(max(map(len, head), default=0))
    )
    return any(sum(are_structures([cell], strict=True) for cell in cells) > 1 for cells in columns)


def _has_formulas(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return any(b"<f>" in archive.read(name) or b"<f " in archive.read(name) for name in sheets)


def _require_values(path: Path, content: bytes, name: str, rows: list[Row]) -> None:
    """Refuse formulas that no spreadsheet has computed yet, since their values are missing."""
    for cell in _formulas(_opened(path, content, values=False), name):
        row, column = int(cell.row), int(cell.column)
        if row <= len(rows) and column <= len(rows[row - 1]) and rows[row - 1][column - 1]:
            continue
        raise question(
            path, "a formula was saved without its value", f"cell {cell.coordinate} of sheet "
            f"'{name}'", "values", "Open the file in a spreadsheet and save it.",
        )  # fmt: skip


def _formulas(book: Workbook, name: str) -> Iterator[Any]:
    for row in book[name].iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("=") and cell.data_type == "f":
                yield cell
