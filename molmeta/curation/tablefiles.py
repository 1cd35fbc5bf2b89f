"""Read the cells of text files, workbooks, SDF and Parquet files, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

from molmeta.curation import sdfiles, workbooks
from molmeta.curation.detection.questions import question
from molmeta.curation.detection.structures import is_structure_name
from molmeta.curation.headers import Row, TableFile, table_of, table_of_frame
from molmeta.errors import ConfigError
from molmeta.runtime.hiddenfiles import is_hidden
from molmeta.runtime.parquetfiles import read_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx", ".xlsm", ".sdf")
"""Names of the tables in a folder of assays."""
_TEXT = (".csv", ".tsv", ".txt", ".tab", ".smi", ".smiles", ".dat")
_SEPARATORS = (",", ";", "\t", "|")
_SNIFFED = 100
"""Lines from which the separator is chosen."""
_BLANKS = b" \t\r\n\v\f\0\xef\xbb\xbf\xff\xfe"
"""Bytes of blanks and of byte order marks, in UTF-8 and UTF-16."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def is_table(path: Path) -> bool:
    """Return whether a file has the name of a table; hidden files and locks of Excel do not."""
    return not is_hidden(path.name) and _suffix(path) in SUFFIXES


def table_name(path: Path) -> str:
    """Return the file name without a suffix such as `.csv` or `.csv.gz`.

    Example:
        >>> from pathlib import Path
        >>> table_name(Path("data/assays/test/my assay.v2.csv.gz"))
        'my assay.v2'
    """
    name = path.name.removesuffix(".gz")
    return name[: len(name) - len(_suffix(path))]


def read_columns(path: Path) -> pd.DataFrame:
    """Return all columns of a table; see `read_file`.

    Raises:
        TableError: as `read_file`.
    """
    return read_file(path).frame


def read_file(path: Path, sheet: str = "") -> TableFile:
    """Return all columns unchanged: text cells, typed columns from Parquet.

    Text files are UTF-8 with or without a byte order mark, UTF-16, or otherwise Latin-1. Columns
    are separated by commas, tabs or semicolons. Blank rows, and titles and comments above the
    header, are skipped. The values of formulas are read from workbooks, and no macro is run.

    Args:
        path: text, workbook, SDF or Parquet file.
        sheet: of a workbook; by default the only one with structures.

    Returns:
        The index is the row number in a spreadsheet, from 2 below the header; in Parquet and SDF
        from 1.

    Raises:
        TableError: the file is missing, empty, truncated, damaged or of another kind.
        ConfigError: a sheet of a file that is not a workbook.
    """
    if not _suffix(path):
        _refuse(path, "is not a table", f"'{path.name}'", f"one of {list(SUFFIXES)}, .gz allowed")
    content = read_bytes(path)
    if not content.strip(_BLANKS):
        _refuse(path, "is empty", f"{len(content)} bytes", "a table with a header")
    table = _parsed(path, content, sheet)
    if table.frame.empty:
        _refuse(path, "has no rows", f"a header of {list(table.frame.columns)}", "rows below it")
    return table


def _parsed(path: Path, content: bytes, sheet: str) -> TableFile:
    if workbooks.is_workbook(content):
        return workbooks.read_workbook(path, content, sheet)
    if sheet:
        raise ConfigError(
            f"--sheet: applies to workbooks; got '{sheet}' for {path}, expected an .xlsx file. "
            "Leave it out."
        )
    if _suffix(path) in (".xlsx", ".xlsm", ".xls"):
        _refuse(path, "is not a workbook", f"'{path.name}'", "a complete .xlsx file")
    if _suffix(path) == ".parquet":
        return _parquet(path, content)
    text = decode(content)
    if sdfiles.is_sdf(text):
        return TableFile(sdfiles.read_sdf(text))
    return _text(path, text)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, decompressed if its name ends in `.gz`.

    Raises:
        TableError: the file cannot be opened, or the gzip stream is truncated or damaged.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.name.endswith(".gz") else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        _refuse(path, "is damaged or truncated", f"'{error}'", "a complete gzip file")
    except OSError as error:
        _refuse(path, "cannot be read", f"'{error.strerror or error}'", "a file to read")


def decode(content: bytes) -> str:
    """Decode UTF-16, UTF-8, or otherwise Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    if content[1:40:2].strip(b"\0") == b"" and len(content) > 40:
        return content.decode("utf-16-le", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parquet(path: Path, content: bytes) -> TableFile:
    try:
        frame = read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        _refuse(path, "is not a Parquet file", f"'{error}'", "a complete Parquet file")
    return table_of_frame(frame)


def _text(path: Path, text: str) -> TableFile:
    first, _, rest = text.partition("\n")
    declared = _SEPARATOR_LINE.fullmatch(first)
    separator = declared[1] if declared else _separator(path, text)
    try:
        # An empty first row keeps the numbers of the rows as the file has them.
        rows = [*([[""]] if declared else []), *_rows(rest if declared else text, separator)]
    except csv.Error as error:
        _refuse(path, "cannot be parsed", f"'{error}'", "a header and as many cells in every row")
    return table_of([row or [""] for row in rows], path)


def _rows(text: str, separator: str) -> list[Row]:
    if separator == " ":
        return [line.split() for line in text.splitlines()]
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        # A quote within a cell, as in 5"-deoxy, is not a mistake; one that never ends is.
        if "expected after" not in str(error):
            raise
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def _separator(path: Path, text: str) -> str:
    """The separator that gives most lines the same number of cells, the header among them."""
    head = "\n".join(text.split("\n", _SNIFFED)[:_SNIFFED])
    usual = "\t" if _suffix(path) in (".tsv", ".tab") else ","
    best = max(sorted(_SEPARATORS, key=lambda s: s != usual), key=lambda s: _fit(head, s))
    if _suffix(path) in (".txt", ".smi", ".smiles", ".dat") and _fit(head, best)[1] < 2:
        return " "
    return best


def _fit(head: str, separator: str) -> tuple[int, int, int]:
    """Whether there is a header, how many rows have several cells, and how many cells that is."""
    try:
        rows = list(csv.reader(io.StringIO(head, newline=""), delimiter=separator))
    except csv.Error:
        return 0, 0, 1
    named = any(len(row) > 1 and any(map(is_structure_name, row)) for row in rows)
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width, n = widths.most_common(1)[0] if widths else (1, 0)
    return int(named), n, width


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return next(
        (suffix for suffix in (*SUFFIXES, *_TEXT, ".sd", ".xls") if name.endswith(suffix)), ""
    )


def _refuse(path: Path, problem: str, got: str, rule: str) -> NoReturn:
    raise question(path, problem, got, rule, "See data/README.md.")
