"""Streams the records of a library in chunks, whatever its format.

The format is detected by the content, not by the file name: compressed or not, SMILES lines, a
delimited table, Excel workbook, SDF or Parquet. Memory grows neither with the library nor with its
longest line; of a workbook, the texts are loaded, up to a limit.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

import pyarrow as pa
from pyarrow import parquet

from molmeta.errors import TableError, one_line
from molmeta.libraries.columns import LOOK, names_smiles, names_structures, pick_columns
from molmeta.libraries.compression import BROKEN, decompressed, format_of
from molmeta.libraries.lines import Line, Record, converted, numbered, peeked, table
from molmeta.libraries.sdf import is_sdf, sdf
from molmeta.libraries.workbook import is_workbook, workbook

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["CHUNK", "STDIN", "Record", "read_library"]

STDIN = Path("-")
CHUNK = 2_000
"""Records of a chunk: about 0.5 s of work on one core."""


class _Progress(NamedTuple):
    """Records and lines read so far, for the message when a library breaks off."""

    records: int
    line: int


def read_library(path: Path, *, chunk: int = CHUNK, id_column: str = "") -> Iterator[list[Record]]:
    """Yield the records of a library, in its order, `chunk` at a time.

    Blank lines are skipped. An unusable line is a record with a reason. If a file breaks off,
    everything before the break is yielded first, and then the error is raised.

    Args:
        path: SMILES lines with or without names or a header; CSV, TSV or Excel with a column of
            structures; SDF; Parquet; each also compressed with gzip, bzip2, xz or zstd; `-` is
            standard input.
        chunk: records in a chunk.
        id_column: column or SDF property with the names; "" detects it.

    Raises:
        TableError: the file cannot be opened, has no compounds or lacks a column, or
            breaks off; the message says where.
    """
    part: list[Record] = []
    seen, broken = _Progress(0, 0), None
    try:
        for record in _records(path, id_column):
            part.append(record)
            seen = _Progress(seen.records + 1, record.line)
            if len(part) == chunk:
                yield part
                part = []
    except BROKEN as error:
        broken = error
    if part:
        yield part
    _require_whole(path, seen, broken)


def _require_whole(path: Path, seen: _Progress, broken: Exception | None) -> None:
    if broken is not None:
        after = f"after line {seen.line} ({seen.records} compounds)" if seen.records else "at once"
        raise TableError(
            f"{path}: breaks off {after}; got '{one_line(broken)}', expected a complete file. "
            "Everything before the break was read. Copy or download the file again."
        ) from broken
    if not seen.records:
        _refuse(path, "has no compounds", "an empty file", "at least one SMILES")


def _records(path: Path, id_column: str) -> Iterator[Record]:
    with _opened(path) as stream:
        head = stream.peek(4)[:4]
        if head == b"PAR1":
            with _seekable(stream) as file:
                yield from _parquet(path, file, id_column)
            return
        if is_workbook(head):
            with _seekable(stream) as file:
                yield from workbook(path, file, id_column)
            return
        with _text(stream) as text:
            yield from _text_records(path, numbered(text), id_column)


def _text_records(path: Path, lines: Iterator[Line], id_column: str) -> Iterator[Record]:
    head, lines = peeked(lines, 4)
    if is_sdf(head) or format_of(path) in (".sdf", ".sd"):
        return sdf(lines, id_column)
    must_have_header = bool(id_column) or format_of(path) in (".csv", ".tsv")
    return table(lines, str(path), must_have_header=must_have_header, id_column=id_column)


@contextmanager
def _seekable(stream: io.BufferedReader) -> Generator[IO[bytes]]:
    """Give a file that is read at several places; decompressed on disk, if it must be."""
    # Seeking back in a compressed file reads it from its start again.
    if type(stream) is io.BufferedReader and stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(stream, spooled)
        spooled.seek(0)
        yield spooled


def _parquet(path: Path, source: IO[bytes], id_column: str) -> Iterator[Record]:
    try:
        file: Any = parquet.ParquetFile(source)
    except (pa.ArrowException, ValueError) as error:
        _refuse(path, "is not a complete Parquet file", f"'{one_line(error)}'", "a complete file")
    names = [str(name) for name in file.schema_arrow.names]
    columns = pick_columns(names, str(path), id_column, _first_rows(file, names))
    chosen = [names[i] for i in (columns.smiles, columns.id) if i is not None]
    records = _rows(file.iter_batches(batch_size=CHUNK, columns=chosen), chosen)
    yield from map(converted, records) if columns.converts else records


def _first_rows(file: Any, names: list[str]) -> list[tuple[str, ...]]:  # noqa: ANN401 - Arrow
    """The first rows, with texts only where a column may hold structures and it is not clear."""
    if any(map(names_smiles, names)):
        return []
    candidates = [name for name in names if names_structures(name)]
    batch = next(file.iter_batches(batch_size=LOOK, columns=candidates), None)
    if batch is None:
        return []
    texts = {name: [text or "" for text in _texts(batch.column(name))] for name in candidates}
    return list(zip(*(texts.get(name, [""] * len(batch)) for name in names), strict=True))


def _rows(batches: Iterator[Any], names: list[str]) -> Iterator[Record]:
    row = 0
    for batch in batches:
        columns = [_texts(batch.column(name)) for name in names]
        for smiles, *rest in zip(*columns, strict=True):
            row += 1
            name = (rest[0] if rest else None) or str(row)
            if smiles is None:
                yield Record(row, name, "", "text that is not UTF-8 in this row")
            else:
                yield Record(row, name, smiles, "" if smiles else "no SMILES in this row")


def _texts(column: pa.Array) -> list[str | None]:
    """Return the cells of a Parquet column as text: "" where empty, None where not UTF-8."""
    try:
        cells: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        # Arrow does not check the text of a file. Decoding each cell is slow, so only invalid
        # columns are decoded that way.
        return [_decoded(cell) for cell in column.cast(pa.large_binary()).to_pylist()]
    return ["" if cell is None else str(cell).strip() for cell in cells]


def _decoded(cell: bytes | None) -> str | None:
    try:
        return "" if cell is None else cell.decode().strip()
    except UnicodeDecodeError:
        return None


@contextmanager
def _opened(path: Path) -> Generator[io.BufferedReader]:
    try:
        raw = sys.stdin.buffer if path == STDIN else path.open("rb")
    except OSError as error:
        _refuse(path, "cannot be read", f"'{error.strerror or error}'", "a library file")
    stream: Any = io.BufferedReader(cast("io.RawIOBase", raw), 1 << 16)
    try:
        yield decompressed(stream)
    finally:
        with suppress(ValueError):
            stream.detach()
        if path != STDIN:
            raw.close()


@contextmanager
def _text(stream: io.BufferedReader) -> Generator[io.TextIOWrapper]:
    utf16 = stream.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding, errors = ("utf-16", "replace") if utf16 else ("utf-8-sig", "surrogateescape")
    text = io.TextIOWrapper(stream, encoding=encoding, errors=errors)
    try:
        yield text
    finally:
        text.detach()


def _refuse(path: Path, problem: str, got: str, rule: str) -> NoReturn:
    raise TableError(f"{path}: {problem}; got {got}, expected {rule}. See data/README.md.")
