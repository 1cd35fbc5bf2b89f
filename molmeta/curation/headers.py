"""From rows of cells to a table: finds the header below titles and comments, and units below it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.curation.detection.cells import is_unit, plain
from molmeta.curation.detection.structures import are_structures, is_structure_name
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Row = list[str]
LOOK = 100
"""Rows at the start of a table among which the header is looked for."""
_DESCRIPTIONS = re.compile(r"RESULT_(?:TYPE|DESCR|UNIT|IS_ACTIVE|ATTR)\w*")
"""First cells of the rows that PubChem puts between the header and the data."""
_PAGE = re.compile(r"(?:page|seite)?\W*\d+", re.IGNORECASE)
"""Numbers of pages, below which a header is repeated."""


@dataclass(frozen=True)
class TableFile:
    """A table as read from a file, before its columns have a meaning.

    Attributes:
        frame: text cells, or typed columns from Parquet; the index numbers the rows as the source
            does.
        units: unit of a column, where a row below the header gives it.
        notes: what was skipped, in words.
        repeated: names that several columns have; all but the first are numbered in the frame.
    """

    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()


def table_of(rows: Sequence[Row], path: Path, *, may_be_wider: bool = False) -> TableFile:
    """Find the header of rows of cells, and return what is below it.

    The header is the first row with a column named after structures, or else the row above the
    first structure. Without structures it is the first row that is not blank.

    Args:
        rows: all rows of the source, blank ones too.
        path: file that messages name.
        may_be_wider: whether cells to the right of the header are notes and not a mistake.

    Raises:
        TableError: a row has more cells than the header.
    """
    header, column = _header(rows)
    below = max(map(len, rows[header + 1 :]), default=0)
    names, repeated = _names(rows[header] if header >= 0 else [], below)
    width = len(_stripped(rows[header])) if header >= 0 else len(names)
    body = [
        (number, row)
        # Rows are numbered from 1, as a spreadsheet shows them.
        for number, row in enumerate(rows[header + 1 :], start=header + 2)
        if any(cell.strip() for cell in row) and not _is_comment(row, column)
    ]
    body, units = _without_descriptions(body, column, names)
    body = (
        _without_repeats(body, column, rows[: header + 1], path) if header >= 0 <= column else body
    )
    if not may_be_wider:
        _require_width(body, width, column, path)
    cells = [[*row[:width], *[""] * (width - len(row))] for _, row in body]
    frame = pd.DataFrame(cells, columns=names[:width], index=[n for n, _ in body], dtype="str")
    # Exports with a separator at the end of each line have an empty last column.
    empty = [name for name in frame if str(name).startswith("column ") and frame[name].eq("").all()]
    notes = [f"row {header + 1} is the header"] if header > 0 else []
    notes += ["there is no header"] if header < 0 else []
    notes += ["the row below the header gives units"] if units else []
    return TableFile(frame.drop(columns=empty), units, tuple(notes), repeated)


def table_of_frame(frame: pd.DataFrame) -> TableFile:
    """Return a table whose columns have types; rows are numbered from 1.

    Numbers, truth values and dates keep their types. Everything else, such as lists, becomes text,
    "" if missing.
    """
    names, repeated = _names([str(column) for column in frame.columns], len(frame.columns))
    numbered = frame.set_axis(names, axis="columns").set_axis(range(1, len(frame) + 1))
    typed = numbered.select_dtypes(include=["number", "bool", "datetime", "datetimetz"])
    others = numbered.columns.difference(typed.columns)
    return TableFile(numbered.assign(**{n: _texts(numbered[n]) for n in others}), repeated=repeated)


def _texts(column: pd.Series) -> pd.Series:
    if pd.api.types.is_string_dtype(column):
        return column.astype("str").fillna("")
    missing = column.isna()
    texts = [
        "" if empty else cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)
        for cell, empty in zip(column, missing, strict=True)
    ]
    return pd.Series(texts, column.index, dtype="str")


def _names(header: Row, width: int) -> tuple[list[str], frozenset[str]]:
    """A distinct name for each column, and the names that several columns have."""
    written = _written(header, width)
    repeated = frozenset(name for name, n in Counter(written).items() if n > 1)
    return _distinct(written), repeated


def _header(rows: Sequence[Row]) -> tuple[int, int]:
    """Row of the header, -1 without a header, and the column of structures, -1 if unknown."""
    head = [(i, row) for i, row in enumerate(rows[:LOOK]) if any(cell.strip() for cell in row)]
    named = [(i, j) for i, row in head for j, cell in enumerate(row) if _names_structure(row, cell)]
    for i, j in named:
        # A title may name structures too; only the header has a structure below the name.
        below = next((row[j] for k, row in head if k > i and _cell(row, j)), "")
        if are_structures([below]):
            return i, j
    if named:
        return named[0]
    for column in range(max((len(row) for _, row in head), default=0)):
        cells = [_cell(row, column) for _, row in head]
        first = next((k for k, cell in enumerate(cells) if are_structures([cell], strict=True)), -1)
        if first >= 0 and are_structures([cell for cell in cells[first:] if cell], strict=True):
            # Not simply the row above: it may be a note that leaves this column blank.
            above = [i for (i, _), cell in zip(head[:first], cells, strict=False) if cell]
            return (above[-1] if above else -1), column
    return (head[0][0] if head else 0), -1


def _names_structure(row: Row, cell: str) -> bool:
    """Whether a cell names a column of structures, in a row that is not a comment."""
    comment = row[0].lstrip().startswith("#") and not is_structure_name(row[0].strip("# "))
    return is_structure_name(cell.strip("# ")) and not comment


def _is_comment(row: Row, column: int) -> bool:
    """Whether a row below the header is a comment, and not a compound with a number like #12."""
    if not row[0].lstrip().startswith("#"):
        return False
    return not (are_structures([_cell(row, column)]) if column >= 0 else len(_stripped(row)) > 1)


def _cell(row: Row, column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _stripped(row: Row) -> Row:
    """The row without blank cells at its end."""
    last = max((i for i, cell in enumerate(row) if cell.strip()), default=-1)
    return row[: last + 1]


def _written(header: Row, width: int) -> list[str]:
    """Names of the columns; those without a name are numbered."""
    cells = [plain(cell) for cell in header]
    if cells and cells[0].startswith("#") and is_structure_name(cells[0].strip("# ")):
        cells[0] = cells[0].strip("# ")
    cells += [""] * (width - len(cells))
    return [" ".join(cell.split()) or f"column {i}" for i, cell in enumerate(cells, start=1)]


def _distinct(written: Sequence[str]) -> list[str]:
    """The names, repeats of one numbered."""
    names: list[str] = []
    for name in written:
        # The header may have a name that ends in .1 itself.
        numbered = (f"{name}.{n}" for n in range(1, len(written) + 1))
        names.append(next(n for n in numbered if n not in names) if name in names else name)
    return names


def _without_descriptions(
    body: list[tuple[int, Row]], column: int, names: Sequence[str]
) -> tuple[list[tuple[int, Row]], dict[str, str]]:
    """Leave out the rows that describe the columns, and return the units that they give."""
    units: dict[str, str] = {}
    described = 0
    for _, row in body:
        first = row[0].strip()
        texts = [cell.strip() for cell in row if cell.strip()]
        if _DESCRIPTIONS.fullmatch(first):
            texts = texts[1:] if first == "RESULT_UNIT" else []
        elif column < 0 or _cell(row, column) or not all(map(is_unit, texts)):
            break
        given = zip(names, row, strict=False)
        units |= {name: cell.strip() for name, cell in given if cell.strip() in texts}
        described += 1
    return body[described:], units


def _without_repeats(
    body: list[tuple[int, Row]], column: int, head: Sequence[Row], path: Path
) -> list[tuple[int, Row]]:
    """Leave out repeats of the header, as in exports that were joined, and refuse another one.

    A repeat below a title of its own is the header of another table.
    """
    known = [_stripped(row) for row in head]
    header = above = known[-1]
    for number, row in body:
        row = _stripped(row)
        if is_structure_name(_cell(row, column)) and (
            row != header or (above not in known and _is_title(above, column))
        ):
            raise TableError(
                f"{path}: holds two tables, one below the other; got a second header in row "
                f"{number}, expected one. Save them as two files or sheets."
            )
        above = row
    return [(n, row) for n, row in body if not is_structure_name(_cell(row, column))]


def _is_title(row: Row, column: int) -> bool:
    compound = _cell(row, column)
    is_compound = bool(compound) and are_structures([compound])
    return not is_compound and _PAGE.match(" ".join(row).strip()) is None


def _require_width(body: list[tuple[int, Row]], width: int, column: int, path: Path) -> None:
    """Refuse rows with more cells than the header, but for footnotes below the last structure."""
    last = len(body)
    while column >= 0 and last and not are_structures([_cell(body[last - 1][1], column)]):
        last -= 1
    for number, row in body[: last or len(body)]:
        n = len(_stripped(row))
        if n > width:
            raise TableError(
                f"{path}: cannot be parsed; got {n} cells in row {number}, expected at most "
                f"{width} as in the header. Quote cells that contain the separator."
            )
