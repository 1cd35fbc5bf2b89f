"""From a CSV, TSV or Parquet file, gzipped or not, to its columns; gives them no meaning."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from typing import TYPE_CHECKING, NoReturn

import pandas as pd

from molmeta.errors import TableError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".csv", ".tsv", ".parquet")
FIRST_TEXT_ROW = 2
"""The row that a spreadsheet gives to the first line below the header."""


def is_table(path: Path) -> bool:
    """Return whether the name of a file is that of a table; hidden files are not."""
    return not path.name.startswith(".") and _suffix(path) in SUFFIXES


def table_name(path: Path) -> str:
    """Return the file name without `.csv`, `.csv.gz` and the like; text only, never a path.

    Example:
        >>> from pathlib import Path
        >>> table_name(Path("data/assays/test/my assay.v2.csv.gz"))
        'my assay.v2'
    """
    name = path.name.removesuffix(".gz")
    return name[: len(name) - len(_suffix(path))]


def read_columns(path: Path) -> pd.DataFrame:
    """Return all columns as they stand: text from text files, typed columns from Parquet.

    The index is the row as a spreadsheet counts it: below the header from 2 in text files, from
    1 in Parquet. Rows without any text are left out. Text may be UTF-8 with or without a byte
    order mark, UTF-16, or else is taken as Latin-1; commas, tabs and semicolons separate.

    Raises:
        TableError: the file is absent, empty, truncated, damaged or of another kind.
    """
    if not _suffix(path):
        _refuse(path, "is no table", f"'{path.name}'", f"one of {list(SUFFIXES)}, .gz allowed")
    content = read_bytes(path)
    if not content.strip():
        _refuse(path, "is empty", f"{len(content)} bytes", "a table with a header")
    parse = _parquet if _suffix(path) == ".parquet" else _text
    frame = parse(path, content)
    if frame.empty:
        _refuse(path, "holds no rows", f"a header of {list(frame.columns)}", "rows below it")
    return frame


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, unpacked where its name ends in `.gz`.

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
    """Return the text of bytes in UTF-8, UTF-16 with its mark, or else Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError, NotImplementedError) as error:
        _refuse(path, "is no Parquet file", f"'{error}'", "a complete Parquet file")
    frame.columns = [str(column).strip() for column in frame.columns]
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _text(path: Path, content: bytes) -> pd.DataFrame:
    text = decode(content)
    try:
        frame = _parsed(text, _separator(path, text))
    except (pd.errors.ParserWarning, ValueError) as error:
        _refuse(path, "cannot be parsed", f"'{error}'", "a header and as many fields in each row")
    frame.columns = [str(column).strip() for column in frame.columns]
    frame.index = pd.RangeIndex(FIRST_TEXT_ROW, len(frame) + FIRST_TEXT_ROW)
    frame = frame.fillna("")
    return frame[(frame != "").any(axis=1)]


def _parsed(text: str, separator: str) -> pd.DataFrame:
    # pandas only warns when every row has a field too many, and drops that field.
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
        )


def _separator(path: Path, text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    usual = "\t" if _suffix(path) == ".tsv" else ","
    return max((usual, ",", ";", "\t"), key=header.count)


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def _refuse(path: Path, problem: str, got: str, rule: str) -> NoReturn:
    raise TableError(f"{path}: {problem}; got {got}, expected {rule}. See data/README.md.")
