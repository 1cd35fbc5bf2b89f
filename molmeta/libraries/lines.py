"""From the lines of a text library to its records: SMILES lines and delimited tables.

Separators, headers and names are detected, since vendors mix them.
"""

from __future__ import annotations

import csv
import logging
import re
from collections import deque
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, NamedTuple

from molmeta.curation.detection.structures import INCHI, as_smiles
from molmeta.libraries.columns import (
    LOOK,
    TITLES,
    Columns,
    holds_smiles,
    is_header,
    names_smiles,
    pick_columns,
)
from molmeta.libraries.compression import BROKEN
from molmeta.molecules.compounds import parses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_LINE = 100_000
"""Characters of a line; the rest is skipped, so that no line fills the memory."""
MAX_JOINED = 50
"""Lines of one quoted field; a longer field has a quote that is never closed."""
MAX_SHOWN = 200
"""Characters kept of an unusable line."""
FILE_LINES = 1 << 40
"""Lines of one file. Those of file n of a library are counted from n * FILE_LINES. The lines of a
library in several files are thus distinct and in its order."""

_FIRST_FIELD = re.compile(r'"?([^\s,;"]+)"?(?:[ ]+\|[^|]*\|)?([\s,;]*)(.*)', re.DOTALL)
_LOOSE = re.compile(r"[\s,;]+")
_log = logging.getLogger(__name__)


class Record(NamedTuple):
    """A record of a library: a compound, or a text that cannot be used as one.

    Attributes:
        line: line, first line of an SDF record, or row of Parquet or of a sheet; counted from 1,
            and from n * FILE_LINES in file n of a library.
        id: name in the library, or the line number.
        smiles: as written in the library; if the record is unusable, the start of its text.
        reason: why the record is unusable, or "".
    """

    line: int
    id: str
    smiles: str
    reason: str = ""


def location(line: int, files: Sequence[str]) -> tuple[str | int, ...]:
    """Return the line of a record; in a library of several files, the file's name before it."""
    number, line = divmod(line, FILE_LINES)
    return (files[number], line) if len(files) > 1 else (line,)


def in_file(record: Record, number: int, name: str) -> Record:
    """Return a record as that of file `number` of a library, counted from 0.

    A record without a name of its own is named after its file and its line in it.
    """
    unnamed = record.id == str(record.line)
    return record._replace(
        line=record.line + number * FILE_LINES,
        id=f"{name}:{record.line}" if unnamed else record.id,
    )


class Line(NamedTuple):
    """A line without its end, its number counted from 1, and why it cannot be read, or ""."""

    number: int
    text: str
    fault: str = ""


def numbered(text: IO[str]) -> Iterator[Line]:
    """Yield all lines of a text, truncated to MAX_LINE characters."""
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        fault = "has NUL bytes" if "\0" in line else ""
        if len(line) == MAX_LINE and not line.endswith("\n"):
            while (rest := text.readline(MAX_LINE)) and not rest.endswith("\n"):
                pass
            fault = f"longer than {MAX_LINE} characters"
        yield Line(number, _repaired(line.rstrip("\r\n")), fault)


def peeked(lines: Iterator[Line], n: int) -> tuple[list[Line], Iterator[Line]]:
    """Return the first n lines, and all lines; an error among the first is raised after them."""
    head: list[Line] = []
    try:
        head.extend(line for line in islice(lines, n))
    except BROKEN as error:
        return head, chain(head, _raising(error))
    return head, chain(head, lines)


def _raising(error: Exception) -> Iterator[Line]:
    yield from ()
    raise error


def table(
    lines: Iterator[Line], where: str, *, must_have_header: bool, id_column: str = ""
) -> Iterator[Record]:
    """Yield the records of SMILES lines or of a delimited table.

    A first line with a column whose name contains 'smiles' is a header. So is one of the first
    lines that names a column of structures and has structures below; the titles above it are
    skipped. Without a header, the first field is the SMILES and the rest is the name.

    Args:
        lines: of the whole library.
        where: its name, for messages.
        must_have_header: refuse a first line that is not a header and does not start with a SMILES.
        id_column: name of the column with the names; "" detects it.

    Raises:
        TableError: the column of structures is missing.
    """
    first = next((line for line in lines if line.text.strip()), None)
    if first is None:
        return
    head, lines = peeked(chain([first], lines), LOOK)
    header = _header(head, must_have_header=must_have_header)
    starts_with_smiles = parses(_fields(first.text, _separator(first.text))[0])
    if header is None and must_have_header and (id_column or not starts_with_smiles):
        header = 0
    if header is None:
        yield from (_plain(line) for line in lines if line.text.strip())
        return
    names, below = _split(head[header:])
    columns = pick_columns(names, where, id_column, below)
    if header:
        _log.info("%s: line %d is the header", where, head[header].number)
    separator = _separator(head[header].text)
    rows = _joined(islice(lines, header + 1, None), separator)
    records = (_row(line, separator, columns) for line in rows)
    yield from map(converted, records) if columns.converts else records


def _header(head: Sequence[Line], *, must_have_header: bool) -> int | None:
    """Index of the header among the first lines, or None."""
    separator = _separator(head[0].text)
    first, *others = (_fields(line.text, separator) for line in head)
    is_smiles = not head[0].fault and any(map(names_smiles, first))
    if is_smiles and holds_smiles(first, others):
        return 0
    for index, line in enumerate(head[: TITLES + 1]):
        names, below = _split(head[index:])
        if parses(names[0]):
            break
        # Without a separator, a line of words may also be a title.
        is_possible = must_have_header or _separator(line.text) is not None
        if is_possible and not line.fault and is_header(names, below):
            return index
    return 0 if is_smiles else None


def _split(head: Sequence[Line]) -> tuple[list[str], list[list[str]]]:
    """The fields of the first line, and those of the others that have as many."""
    separator = _separator(head[0].text)
    names, *below = (_fields(line.text, separator) for line in head)
    return names, [row for row in below if len(row) == len(names)]


def _separator(text: str) -> str | None:
    best = max("\t,;", key=text.count)
    return best if best in text else None


def converted(record: Record) -> Record:
    """Return a record with a SMILES instead of an InChI or a mol block."""
    if record.reason:
        return record
    # The lines of a single column keep their quotes.
    if smiles := as_smiles(record.smiles.strip('"')):
        return record._replace(smiles=smiles)
    reason = "not a structure that RDKit can read"
    return record._replace(smiles=shown(record.smiles), reason=reason)


def _plain(line: Line) -> Record:
    match = _FIRST_FIELD.match(line.text.strip())
    if line.fault or match is None:
        return _unusable(line, line.fault or "no SMILES in this line")
    smiles, separator, rest = match.groups()
    # A name after a blank can contain commas, as '1,2-ethanediol' does.
    end = re.search(r"\t" if separator.isspace() else r"[,;\t]", rest)
    name = rest[: end.start()] if end else rest
    return Record(line.number, name.strip(' "') or str(line.number), smiles)


def _row(line: Line, separator: str | None, columns: Columns) -> Record:
    if line.fault:
        return _unusable(line, line.fault)
    fields = _fields(line.text, separator)
    smiles = _field(fields, columns.smiles).split(" |")[0].strip()
    if not smiles:
        return _unusable(line, f"no SMILES in field {columns.smiles + 1} of {len(fields)}")
    return Record(line.number, _field(fields, columns.id) or str(line.number), smiles)


def _field(fields: Sequence[str], column: int | None) -> str:
    return fields[column].strip() if column is not None and column < len(fields) else ""


def _unusable(line: Line, reason: str) -> Record:
    return Record(line.number, str(line.number), shown(line.text), reason)


def shown(text: str) -> str:
    """Return the start of a text that is kept for a table of unusable records."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _joined(lines: Iterator[Line], separator: str | None) -> Iterator[Line]:
    """Join the lines of a quoted field; a quote that is never closed spoils its own line only."""
    # Lines that were joined in vain are read again, each on its own.
    pending: deque[Line] = deque()
    while (line := pending.popleft() if pending else next(lines, None)) is not None:
        text, joined = line.text, list[Line]()
        while _is_open(text, separator) and len(joined) < MAX_JOINED and len(text) < MAX_LINE:
            following = pending.popleft() if pending else next(lines, None)
            if following is None:
                break
            joined.append(following)
            text = f"{text}\n{following.text}"
        if _is_open(text, separator):
            pending.extendleft(reversed(joined))
            yield line._replace(fault="a quote that is never closed")
        elif len(text) > MAX_LINE:
            # Python's csv module raises for fields that are longer still.
            yield line._replace(fault=f"longer than {MAX_LINE} characters")
        elif text.strip():
            yield line._replace(text=text)


def _is_open(text: str, separator: str | None) -> bool:
    if separator is None or '"' not in text or "\0" in text:
        return False
    try:
        list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _fields(text: str, separator: str | None) -> list[str]:
    if separator is None or separator not in text:
        # An InChI contains commas.
        is_inchi = text.lstrip(' "').startswith(INCHI)
        return text.split() if is_inchi else _LOOSE.split(text.strip())
    if '"' not in text:
        return text.split(separator)
    return next(csv.reader([text.replace("\n", " ")], delimiter=separator))


def _repaired(text: str) -> str:
    """Decode text that is not UTF-8 as Latin-1; its surrogate escapes could not be written."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
