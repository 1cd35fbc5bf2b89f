"""Read the columns of CSV, TSV and Parquet files, gzipped or not."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import pandas as pd

from molmeta.errors import TableError
from molmeta.runtime.parquetfiles import read_parquet

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".csv", ".tsv", ".parquet")
FIRST_TEXT_ROW = 2
"""Number of the first row below the header in a spreadsheet."""


def is_table(path: Path) -> bool:
    """Return whether a file has the name of a table; hidden files do not."""
    return not path.name.startswith(".") and _suffix(path) in SUFFIXES


def table_name(path: Path) -> str:
    """Return the file name without `.csv`, `.csv.gz` and the like.

    Example:
        >>> from pathlib import Path
        >>> table_name(Path("data/assays/test/my assay.v2.csv.gz"))
        'my assay.v2'
    """
    name = path.name.removesuffix(".gz")
    return name[: len(name) - len(_suffix(path))]


def read_columns(path: Path) -> pd.DataFrame:
    """Return all columns unchanged: text from text files, typed columns from Parquet.

    Text files are UTF-8 with or without a byte order mark, UTF-16, or otherwise Latin-1. Columns
    are separated by commas, tabs or semicolons. Blank rows are left out.

    Returns:
        The index is the row number in a spreadsheet, from 2 below the header; in Parquet from 1.

    Raises:
        TableError: the file is missing, empty, truncated, damaged or of another kind.
    """
    if not _suffix(path):
        _refuse(path, "is not a table", f"'{path.name}'", f"one of {list(SUFFIXES)}, .gz allowed")
    content = read_bytes(path)
    if not content.strip():
        _refuse(path, "is empty", f"{len(content)} bytes", "a table with a header")
    parse = _parquet if _suffix(path) == ".parquet" else _text
    frame = parse(path, content)
    if frame.empty:
        _refuse(path, "has no rows", f"a header of {list(frame.columns)}", "rows below it")
    return frame


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
    """Decode UTF-16 with a byte order mark, UTF-8, or otherwise Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        frame = read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        _refuse(path, "is not a Parquet file", f"'{error}'", "a complete Parquet file")
    frame.columns = [str(column).strip() for column in frame.columns]
    _require_distinct(path, list(frame.columns))
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _text(path: Path, content: bytes) -> pd.DataFrame:
    text = decode(content)
    separator = _separator(path, text)
    try:
        # pandas numbers the columns of one name, so the header is read on its own.
        header = _parsed(text, separator, header=None, nrows=1).iloc[0]
        _require_distinct(path, [name.strip() for name in header])
        frame = _parsed(text, separator)
    except (pd.errors.ParserWarning, ValueError) as error:
        _refuse(path, "cannot be parsed", f"'{error}'", "a header and as many cells in every row")
    frame.columns = [str(column).strip() for column in frame.columns]
    frame.index = pd.RangeIndex(FIRST_TEXT_ROW, len(frame) + FIRST_TEXT_ROW)
    frame = frame.fillna("")
    return frame[(frame != "").any(axis=1)]


def _parsed(
    text: str, separator: str, *, header: int | None = 0, nrows: int | None = None
) -> pd.DataFrame:
    # If every row has one cell more than the header, pandas only warns and drops that cell.
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
            header=header,
            nrows=nrows,
        )


def _require_distinct(path: Path, names: list[str]) -> None:
    counts = Counter(names)
    if repeated := [name for name in names if name and counts[name] > 1]:
        _refuse(
            path, f"column '{repeated[0]}' occurs twice", f"{names[:12]}", "every column once"
        )  # fmt: skip


def _separator(path: Path, text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    usual = "\t" if _suffix(path) == ".tsv" else ","
    return max((usual, ",", ";", "\t"), key=header.count)


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def _refuse(path: Path, problem: str, got: str, rule: str) -> NoReturn:
    raise TableError(f"{path}: {problem}; got {got}, expected {rule}. See data/README.md.")
