"""Streams the compounds of a library, whatever its format, in chunks; judges no molecule.

The content decides, not the file's name: gzip or not, SMILES lines, a delimited table, SDF or
Parquet. Memory does not grow with the library, nor with its longest line.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.errors import TableError
from molmeta.libraries.lines import Line, Record, is_sdf, numbered, pick_columns, sdf, table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["CHUNK", "STDIN", "Record", "read_library"]

STDIN = Path("-")
CHUNK = 2_000
"""Records of a chunk: some 0.5 s of work on one core."""

# pyarrow's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_parquet_module: Any = pq
_ArrowException: type[Exception] = cast("Any", pa).ArrowException
_BROKEN = (EOFError, zlib.error, OSError, _ArrowException)


class _Progress(NamedTuple):
    """Where reading stands, for the message when it breaks off."""

    records: int
    line: int


def read_library(path: Path, *, chunk: int = CHUNK) -> Iterator[list[Record]]:
    """Yield the records of a library, in its order, `chunk` at a time.

    Blank lines are passed over. A line that cannot be used is a record with a reason. When a
    file breaks off, everything before the break is yielded, and the error comes last.

    Args:
        path: SMILES lines with or without a name, with or without a header; CSV or TSV with a
            SMILES column; SDF; Parquet; each also gzipped; `-` is standard input.
        chunk: records at once.

    Raises:
        TableError: the file cannot be opened, holds no compound or no SMILES column, or breaks
            off; the message says where.
    """
    part: list[Record] = []
    seen, broken = _Progress(0, 0), None
    try:
        for record in _records(path):
            part.append(record)
            seen = _Progress(seen.records + 1, record.line)
            if len(part) == chunk:
                yield part
                part = []
    except _BROKEN as error:
        broken = error
    if part:
        yield part
    _require_whole(path, seen, broken)


def _require_whole(path: Path, seen: _Progress, broken: Exception | None) -> None:
    if broken is not None:
        after = f"after line {seen.line} ({seen.records} compounds)" if seen.records else "at once"
        raise TableError(
            f"{path}: breaks off {after}; got '{broken}', expected a complete file. What stands "
            "before the break was read. Copy or download the file again."
        ) from broken
    if not seen.records:
        _refuse(path, "holds no compound", "an empty file", "at least one SMILES")


def _records(path: Path) -> Iterator[Record]:
    with _opened(path) as stream:
        if stream.peek(4)[:4] == b"PAR1":
            yield from _parquet(path, stream)
            return
        with _text(stream) as text:
            yield from _text_records(path, numbered(text))


def _text_records(path: Path, lines: Iterator[Line]) -> Iterator[Record]:
    head, lines = _peeked(lines, 4)
    if is_sdf(head) or _format(path) in (".sdf", ".sd"):
        return sdf(lines)
    return table(lines, str(path), must_have_header=_format(path) in (".csv", ".tsv"))


def _peeked(lines: Iterator[Line], n: int) -> tuple[list[Line], Iterator[Line]]:
    head: list[Line] = []
    try:
        head.extend(line for line in islice(lines, n))
    except _BROKEN as error:
        return head, chain(head, _raising(error))
    return head, chain(head, lines)


def _raising(error: Exception) -> Iterator[Line]:
    yield from ()
    raise error


def _parquet(path: Path, stream: IO[bytes]) -> Iterator[Record]:
    with tempfile.TemporaryFile() as spooled:
        source = stream if stream.seekable() and not _is_gzip(stream) else spooled
        if source is spooled:
            shutil.copyfileobj(stream, spooled)
        try:
            file = _parquet_module.ParquetFile(source)
        except (_ArrowException, ValueError) as error:
            _refuse(path, "is no whole Parquet file", f"'{error}'", "a complete one")
        columns = pick_columns([str(name) for name in file.schema_arrow.names], str(path))
        names = [file.schema_arrow.names[i] for i in columns if i is not None]
        yield from _rows(file.iter_batches(batch_size=CHUNK, columns=names), names)


def _rows(batches: Iterator[Any], names: list[str]) -> Iterator[Record]:
    row = 0
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in names]
        for smiles, *rest in zip(*columns, strict=True):
            row += 1
            name = str(rest[0]) if rest and rest[0] is not None else str(row)
            text = "" if smiles is None else str(smiles).strip()
            yield Record(row, name, text, "" if text else "no SMILES in this row")


@contextmanager
def _opened(path: Path) -> Generator[io.BufferedReader]:
    try:
        raw = sys.stdin.buffer if path == STDIN else path.open("rb")
    except OSError as error:
        _refuse(path, "cannot be read", f"'{error.strerror or error}'", "a library file")
    stream: Any = io.BufferedReader(cast("io.RawIOBase", raw), 1 << 16)
    unpacked: Any = stream
    if stream.peek(2)[:2] == b"\x1f\x8b":
        unpacked = gzip.GzipFile(fileobj=stream)
    try:
        yield unpacked
    finally:
        with suppress(ValueError):
            stream.detach()
        if path != STDIN:
            raw.close()


def _is_gzip(stream: IO[bytes]) -> bool:
    return isinstance(stream, gzip.GzipFile)


@contextmanager
def _text(stream: io.BufferedReader) -> Generator[io.TextIOWrapper]:
    utf16 = stream.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding, errors = ("utf-16", "replace") if utf16 else ("utf-8-sig", "surrogateescape")
    text = io.TextIOWrapper(stream, encoding=encoding, errors=errors)
    try:
        yield text
    finally:
        text.detach()


def _format(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _refuse(path: Path, problem: str, got: str, rule: str) -> NoReturn:
    raise TableError(f"{path}: {problem}; got {got}, expected {rule}. See data/README.md.")
