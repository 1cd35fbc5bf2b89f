"""Writes candidates as CSV or Parquet, table by table, so that memory use stays bounded."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.hits import candidates_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from molmeta.screening.hits import ScoredCompound, Support

BLOCK = 50_000
"""Candidates in one table."""

Annotate = Callable[[pd.DataFrame], pd.DataFrame]
"""Adds columns to a table of candidates with the columns `hits.COLUMNS`."""

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
        rows = csv.writer(file, lineterminator="\n")
        for table in tables:
            if n == 0:
                rows.writerow(table.columns)
            columns = [_cells(str(name), list(table[name])) for name in table.columns]
            rows.writerows(zip(*columns, strict=True))
            n += len(table)
    return n


def _cells(name: str, values: list[Any]) -> list[str]:
    number_format = ".4f" if name.endswith("_similarity") else ".6g"
    return [_cell(value, number_format) for value in values]


def _cell(value: object, number_format: str) -> str:
    if isinstance(value, float):
        return "" if value != value else format(value, number_format)
    return safe_cell(str(value))


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
