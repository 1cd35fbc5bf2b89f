"""Writes candidates as CSV or Parquet, table by table, so that memory use stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from molmeta.errors import ConfigError
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import write_rows
from molmeta.screening.hits import candidates_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from molmeta.libraries.lines import Record
    from molmeta.screening.hits import ScoredCompound, Support

BLOCK = 50_000
"""Candidates in one table."""

Annotate = Callable[[pd.DataFrame], pd.DataFrame]
"""Adds columns to a table of candidates with the columns `hits.COLUMNS`."""

INVALID_COLUMNS = ("line", "text", "reason")

# pyarrow is untyped, which strict checking refuses; Any is declared once here.
_arrow: Any = pa
_parquet: Any = parquet


def candidate_tables(
    candidates: Iterator[ScoredCompound], support: Support, *, annotate: Annotate | None = None
) -> Iterator[pd.DataFrame]:
    """Yield tables of at most `BLOCK` candidates, and at least one.

    Args:
        candidates: best first.
        support: the measured compounds.
        annotate: adds columns to each table.
    """
    first = 1
    # A file without rows still has columns, so the first table may be empty.
    while (block := list(islice(candidates, BLOCK))) or first == 1:
        table = candidates_table(block, support, first=first)
        yield table if annotate is None else annotate(table)
        first += max(len(block), 1)


def invalid_file(output: Path) -> Path:
    """Return the file next to a result that lists the records that could not be scored.

    Results of two formats in one folder have two such files.

    Example:
        >>> from pathlib import Path
        >>> invalid_file(Path("hits.csv")).name, invalid_file(Path("hits.parquet")).name
        ('hits.invalid.csv', 'hits.parquet.invalid.csv')
    """
    stem = output.stem if output.suffix == ".csv" else output.name
    return output.with_name(f"{stem}.invalid.csv")


def write_invalid(file: IO[str], records: Iterable[Record], *, header: bool = True) -> None:
    """Write records that could not be scored, each with its reason, as CSV."""
    write_rows(file, [INVALID_COLUMNS] if header else [])
    write_rows(file, ((record.line, record.smiles[:200], record.reason) for record in records))


def require_other_names(library: Path, outputs: Iterable[Path | None]) -> None:
    """Refuse to write a result in place of the library that it comes from.

    Raises:
        ConfigError: an output is the library.
    """
    if library.resolve() in [path.resolve() for path in outputs if path is not None]:
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected two files. Choose another --output."
        )


def write_tables(output: Path, tables: Iterable[pd.DataFrame]) -> int:
    """Write tables as one file, Parquet by its suffix and CSV otherwise; return its rows.

    Cells of a CSV that a spreadsheet would run as a formula start with an apostrophe.

    Raises:
        OutputError: the file cannot be written.
    """
    with written(output) as temporary:
        write = _write_parquet if output.suffix == ".parquet" else _write_csv
        return write(temporary, tables)


def _write_csv(path: Path, tables: Iterable[pd.DataFrame]) -> int:
    n = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for table in tables:
            if n == 0:
                write_rows(file, [table.columns])
            columns = [_cells(str(name), list(table[name])) for name in table.columns]
            write_rows(file, zip(*columns, strict=True))
            n += len(table)
    return n


def _cells(name: str, values: list[Any]) -> list[str]:
    number_format = ".4f" if name.endswith("_similarity") else ".6g"
    return [_cell(value, number_format) for value in values]


def _cell(value: object, number_format: str) -> str:
    if isinstance(value, float):
        return "" if value != value else format(value, number_format)
    return str(value)


def _write_parquet(path: Path, tables: Iterable[pd.DataFrame]) -> int:
    n, writer = 0, None
    try:
        for table in tables:
            rows = _arrow.Table.from_pandas(table, preserve_index=False)
            writer = writer or _parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
            n += len(table)
    finally:
        if writer is not None:
            writer.close()
    return n
