"""Writes hits as CSV or Parquet, table by table, so that they never fill the memory.

Knows nothing of how they were scored. Columns computed of the hits alone are added by `Annotate`.
"""

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
from molmeta.screening.hits import hits_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from molmeta.screening.hits import Hit, Support

BLOCK = 50_000
"""Hits in one table."""

Annotate = Callable[[pd.DataFrame], pd.DataFrame]
"""From hits with the columns `hits.COLUMNS` to the same rows with further columns."""

# pyarrow brings no types, which strict checking refuses; Any says so once.
_arrow: Any = pa
_parquet: Any = parquet


def write_hits(
    output: Path, hits: Iterator[Hit], support: Support, *, annotate: Annotate | None = None
) -> int:
    """Write hits and return how many: Parquet where the name ends so, else CSV.

    Cells of a CSV that a spreadsheet would take for a formula begin with an apostrophe.

    Args:
        output: file to write.
        hits: best first.
        support: what is known.
        annotate: adds columns; called with at most BLOCK hits at a time.

    Raises:
        OutputError: the file cannot be written.
    """
    tables = _tables(hits, support, annotate)
    with written(output) as temporary:
        write = _write_parquet if output.suffix == ".parquet" else _write_csv
        return write(temporary, tables)


def _tables(
    hits: Iterator[Hit], support: Support, annotate: Annotate | None
) -> Iterator[pd.DataFrame]:
    """Yield at least one table, as a file without rows still has columns."""
    first = 1
    while (block := list(islice(hits, BLOCK))) or first == 1:
        table = hits_table(block, support, first=first)
        yield table if annotate is None else annotate(table)
        first += max(len(block), 1)


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
    places = ".4f" if name.endswith("_similarity") else ".6g"
    return [_cell(value, places) for value in values]


def _cell(value: object, places: str) -> str:
    if isinstance(value, float):
        return "" if value != value else format(value, places)
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
