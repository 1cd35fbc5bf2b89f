"""Writes candidates as CSV, Parquet, SDF or XLSX, table by table, to bound the use of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet
from rdkit import Chem
from rdkit.Chem import rdDepictor

from molmeta.errors import ConfigError, OutputError, closest
from molmeta.libraries.files import library_files
from molmeta.libraries.lines import Record, location
from molmeta.runtime.deferred import Deferred
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import safe_cell, write_rows
from molmeta.screening.hits import ScoredCompound, Support, candidates_table

if TYPE_CHECKING:
    from pathlib import Path

openpyxl: Any = Deferred("openpyxl")

BLOCK = 50_000
"""Candidates in one table."""
SHEET_ROWS = 1_048_576
"""Rows of a sheet of a workbook."""

Annotate = Callable[[pd.DataFrame], pd.DataFrame]
"""Adds columns to a table of candidates with the columns `hits.COLUMNS`."""

_OTHER_FORMATS = (".doc", ".docx", ".htm", ".html", ".json", ".ods", ".pdf", ".xls")
INVALID_COLUMNS = ("line", "text", "reason")


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

    Results of two formats in one folder have a file each.

    Example:
        >>> from pathlib import Path
        >>> invalid_file(Path("hits.csv")).name, invalid_file(Path("hits.parquet")).name
        ('hits.invalid.csv', 'hits.parquet.invalid.csv')
    """
    stem = output.stem if output.suffix == ".csv" else output.name
    return output.with_name(f"{stem}.invalid.csv")


def write_invalid(
    file: IO[str], records: Iterable[Record], files: Sequence[str] = (), *, header: bool = True
) -> None:
    """Write records that could not be scored, each with its reason, as CSV.

    Args:
        file: to write to.
        records: that could not be scored.
        files: names of the files of the library; if there are several, the first column names one.
        header: whether to write the names of the columns.
    """
    columns = ("file", *INVALID_COLUMNS) if len(files) > 1 else INVALID_COLUMNS
    write_rows(file, [columns] if header else [])
    for record in records:
        row = (*location(record.line, files), record.smiles[:200], record.reason)
        write_rows(file, [row])


def require_other_names(library: Path, outputs: Iterable[Path | None]) -> None:
    """Refuse to write a result in place of the library that it comes from, or into its folder.

    Raises:
        ConfigError: an output is the library, or is in its folder.
    """
    resolved = [path.resolve() for path in outputs if path is not None]
    # A folder is refused below, and one of featurized files is not a list of libraries.
    read = [] if str(library) == "-" or library.is_dir() else library_files(library)
    if not {library.resolve(), *(path.resolve() for path in read)}.isdisjoint(resolved):
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected two files. Choose another --output."
        )
    if library.is_dir() and any(library.resolve() in path.parents for path in resolved):
        raise ConfigError(
            f"{library}: would contain the result; got an output in the folder of the library, "
            "whose files are all read, expected another folder. Choose another --output."
        )


def require_suffix(output: Path) -> None:
    """Refuse a misspelled suffix or that of another format, with which the table would be CSV.

    Raises:
        ConfigError: the suffix is almost that of a Parquet file, SDF or Excel workbook, or that of
            a format that is not written.
    """
    suffix = output.suffix.casefold()
    close = closest(suffix, _WRITERS)
    if suffix not in _WRITERS and (close or suffix in _OTHER_FORMATS):
        step = f"Did you mean '{close}'?" if close else "Choose one of them."
        raise ConfigError(
            f"--output: '{output.name}' would be written as CSV; got the suffix '{output.suffix}', "
            f"expected {', '.join(_WRITERS)}, or .csv. {step}"
        )


def write_tables(output: Path, tables: Iterable[pd.DataFrame]) -> int:
    """Write tables as one file; return its rows.

    The suffix says whether it is Parquet, an SDF with 2D coordinates or an Excel workbook; any
    other is CSV. Cells that a spreadsheet would run as a formula start with an apostrophe.

    Raises:
        OutputError: the file cannot be written, or a sheet cannot hold all rows.
    """
    with written(output) as temporary:
        return _WRITERS.get(output.suffix.casefold(), _write_csv)(temporary, tables)


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
            rows = pa.Table.from_pandas(table, preserve_index=False)
            writer = writer or parquet.ParquetWriter(path, rows.schema, write_page_checksum=True)
            writer.write_table(rows)
            n += len(table)
    finally:
        if writer is not None:
            writer.close()
    return n


def _write_xlsx(path: Path, tables: Iterable[pd.DataFrame]) -> int:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("candidates")
    try:
        n = _append(sheet, tables)
    except BaseException:
        # A sheet that is left open complains when it is collected.
        sheet.close()
        raise
    book.save(path)
    return n


def _append(sheet: Any, tables: Iterable[pd.DataFrame]) -> int:  # noqa: ANN401
    n = 0
    for table in tables:
        if n == 0:
            sheet.append(list(table.columns))
        n += len(table)
        if n >= SHEET_ROWS:
            raise OutputError(
                f"--output: a workbook has no room for that many rows; got {SHEET_ROWS} or more, "
                "expected fewer. Give a smaller --top, or an --output that ends in .csv."
            )
        for row in table.itertuples(index=False):
            sheet.append([_value(value) for value in row])
    return n


def _value(value: Any) -> object:  # noqa: ANN401 - a cell of any column
    """A cell of a workbook: numbers and true or false as they are, text that is not a formula."""
    if isinstance(value, str):
        # A workbook cannot hold control characters, which names in a library may contain.
        return safe_cell(openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", value))
    plain = value.item() if hasattr(value, "item") else value
    return None if plain != plain else plain


def _write_sdf(path: Path, tables: Iterable[pd.DataFrame]) -> int:
    n = 0
    writer = Chem.SDWriter(str(path))
    try:
        for table in tables:
            for row in table.to_dict("records"):
                writer.write(_molecule(row))
            n += len(table)
    finally:
        writer.close()
    return n


def _molecule(row: dict[Any, Any]) -> Chem.Mol:
    """A candidate as a molecule with 2D coordinates, its columns as properties."""
    mol = Chem.MolFromSmiles(str(row["smiles"])) or Chem.Mol()
    rdDepictor.Compute2DCoords(mol)
    # A line break would end the title line of the record.
    mol.SetProp("_Name", " ".join(str(row["id"]).split()))
    for name, value in row.items():
        [text] = _cells(str(name), [value])
        if text:
            mol.SetProp(str(name), " ".join(text.split()))
    return mol


_WRITERS = {".parquet": _write_parquet, ".xlsx": _write_xlsx, ".sdf": _write_sdf}
