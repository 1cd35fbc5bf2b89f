"""Streams the records of a library on a sheet of an Excel workbook; no formula or macro is run."""

from __future__ import annotations

import logging
import warnings
import zipfile
from contextlib import closing
from datetime import datetime
from itertools import count, islice
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from molmeta.curation.detection.structures import are_structures
from molmeta.errors import TableError, one_line
from molmeta.libraries.columns import (
    LOOK,
    TITLES,
    Columns,
    is_header,
    names_structures,
    pick_columns,
)
from molmeta.libraries.compression import BROKEN
from molmeta.libraries.lines import MAX_LINE, Record, converted
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

openpyxl: Any = Deferred("openpyxl")

MAX_BYTES = 1 << 30
"""Largest workbook when it is decompressed."""
MAX_LOADED = 1 << 27
"""Largest parts of it that are not streamed: texts and formats. They take about twice as much."""
MAX_EXPANSION = 200
"""Largest ratio of the two sizes of a part; those of spreadsheets are below 30."""
MAX_ROWS = 1 << 20
"""Rows of a sheet in Excel."""
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOOK = "xl/workbook.xml"
_NOT_LOADED = ("xl/worksheets/", "xl/media/", "xl/embeddings/")
_DAMAGED = (
    *BROKEN, SyntaxError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    RuntimeError,
)  # fmt: skip
"""What reading a damaged workbook raises."""
_log = logging.getLogger(__name__)


class _Table(NamedTuple):
    """A table on a sheet.

    Attributes:
        sheet: of openpyxl.
        header: row of the header, counted from 1; 0 without a header.
        names: of the columns.
        below: the first rows below the header.
    """

    sheet: Any
    header: int
    names: Sequence[str]
    below: Sequence[Sequence[str]]


def is_workbook(head: bytes) -> bool:
    """Whether a file with these first bytes may be a workbook, including old and encrypted ones."""
    return head.startswith((_ZIP, _OLE))


def workbook(path: Path, file: IO[bytes], id_column: str = "") -> Iterator[Record]:
    """Yield the records of the first visible sheet with structures; blank rows are skipped.

    Cells are read as they were saved. Rows are not kept in memory.

    Args:
        path: of the library, for messages.
        file: its content, seekable.
        id_column: name of the column with the names; "" detects it.

    Raises:
        TableError: the workbook is encrypted, old, incomplete or too large, has no sheet with
            structures, or lacks the column of the names.
        BadZipFile: it is damaged after the first rows.
    """
    with closing(_opened(path, file)) as book:
        table = _table(path, book)
        columns = pick_columns(table.names, str(path), id_column, table.below)
        rows = islice(enumerate(_rows(table.sheet), 1), table.header, None)
        records = (_record(number, row, columns) for number, row in rows if any(row))
        yield from map(converted, records) if columns.converts else records


def _opened(path: Path, file: IO[bytes]) -> Any:  # noqa: ANN401 - openpyxl has no types
    if file.read(4) == _OLE:
        raise _refused(path, "cannot be read", "a password or the format of Excel 97 (.xls)")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
        if _BOOK not in (part.filename for part in parts):
            raise _refused(path, "is not a workbook", f"a zip archive without {_BOOK}")
        _require_size(path, parts)
        with warnings.catch_warnings(action="ignore"):
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _DAMAGED as error:
        raise _refused(path, "is not a complete workbook", f"'{one_line(error)}'") from error


def _require_size(path: Path, parts: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(part.file_size for part in parts)
    loaded = sum(part.file_size for part in parts if not part.filename.startswith(_NOT_LOADED))
    expands = any(
        part.file_size > max(1 << 20, MAX_EXPANSION * part.compress_size) for part in parts
    )
    if size > MAX_BYTES or loaded > MAX_LOADED or expands:
        raise TableError(
            f"{path}: is too large for a workbook; got {size >> 20} MB when decompressed, of which "
            f"{loaded >> 20} MB are texts and formats, expected at most {MAX_BYTES >> 20} MB and "
            f"{MAX_LOADED >> 20} MB. Save the sheet as CSV."
        )


def _refused(path: Path, problem: str, got: str) -> TableError:
    return TableError(
        f"{path}: {problem}; got {got}, expected a complete .xlsx file without a password. Save "
        "it as .xlsx or CSV, or copy it again."
    )


def _table(path: Path, book: Any) -> _Table:  # noqa: ANN401 - openpyxl has no types
    """Return the table on the first visible sheet with structures, or else with their name."""
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    heads = [(sheet, _head(sheet)) for sheet in sheets]
    tables = [_with_structures(*head) for head in heads]
    # Structures may be further down than the first rows.
    found = [t for t in tables if t] or [t for t in (_with_a_name(*head) for head in heads) if t]
    if not found:
        raise TableError(
            f"{path}: has no sheet with structures; got the sheets "
            f"{[sheet.title for sheet in sheets][:12]}, expected one with a column that is named "
            f"SMILES, Structure, Molecule or InChI in its first {TITLES + 1} rows. Rename the "
            "column."
        )
    if others := [table.sheet.title for table in found[1:]]:
        _log.warning(
            "%s: only sheet '%s' is read; other sheets with structures are left out: %s",
            path, found[0].sheet.title, others,
        )  # fmt: skip
    return found[0]


def _head(sheet: Any) -> list[tuple[int, list[str]]]:  # noqa: ANN401 - openpyxl has no types
    """The first rows that are not blank, with their numbers."""
    rows = ((number, row) for number, row in enumerate(_rows(sheet), 1) if any(row))
    return list(islice(rows, LOOK))


def _with_structures(sheet: Any, head: Sequence[tuple[int, list[str]]]) -> _Table | None:  # noqa: ANN401
    rows = [row for _, row in head]
    for index, (number, row) in enumerate(head[: TITLES + 1]):
        if is_header(row, rows[index + 1 :]):
            return _Table(sheet, number, row, rows[index + 1 :])
    if are_structures((row[0] for row in rows), strict=True):
        # Without a header, the first column has the structures and the second one the names.
        return _Table(sheet, 0, ["Structure", *rows[0][1:2]], rows)
    return None


def _with_a_name(sheet: Any, head: Sequence[tuple[int, list[str]]]) -> _Table | None:  # noqa: ANN401
    for number, row in head[: TITLES + 1]:
        if any(map(names_structures, row)):
            return _Table(sheet, number, row, [])
    return None


def _rows(sheet: Any) -> Iterator[list[str]]:  # noqa: ANN401 - openpyxl has no types
    """Yield all rows of a sheet as texts, including blank ones.

    Raises:
        BadZipFile: the sheet is damaged.
    """
    # The size that a sheet gives for itself may be wrong.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(values_only=True)
    for number in count(1):
        try:
            # It warns of dates that do not exist, which it reads as errors.
            with warnings.catch_warnings(action="ignore"):
                cells = next(rows, None)
        except _DAMAGED as error:
            raise zipfile.BadZipFile(one_line(error)) from error
        if cells is None:
            return
        if number > MAX_ROWS:
            raise zipfile.BadZipFile(f"more than {MAX_ROWS} rows")
        yield [_text(cell) for cell in cells]


def _text(value: object) -> str:
    text = "" if value is None else str(value).strip()[:MAX_LINE]
    if isinstance(value, datetime):
        return text.removesuffix(" 00:00:00")
    return text.removesuffix(".0") if isinstance(value, float) else text


def _record(number: int, row: Sequence[str], columns: Columns) -> Record:
    name = _cell(row, columns.id) or str(number)
    smiles = _cell(row, columns.smiles).split(" |")[0].strip()
    reason = "" if smiles else "no SMILES in this row, or a formula that was saved without a value"
    return Record(number, name, smiles, reason)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""
