"""From the lines of a text library to its records: SMILES lines and delimited tables.

Separators, headers and names are detected, since vendors mix them.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from typing import IO, TYPE_CHECKING, NamedTuple

from molmeta.errors import TableError, suggestion
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


class Record(NamedTuple):
    """A record of a library: a compound, or a text that cannot be used as one.

    Attributes:
        line: line, first line of an SDF record, or Parquet row; counted from 1, and from
            n * FILE_LINES in file n of a library.
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


class Columns(NamedTuple):
    """The columns of a table with SMILES and with names."""

    smiles: int
    id: int | None


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


def table(
    lines: Iterator[Line], where: str, *, must_have_header: bool, id_column: str = ""
) -> Iterator[Record]:
    """Yield the records of SMILES lines or of a delimited table.

    A first line with a column whose name contains 'smiles' is a header. Without a header, the
    first field is the SMILES and the rest is the name.

    Args:
        lines: of the whole library.
        where: its name, for messages.
        must_have_header: refuse a first line that is not a header and does not start with a SMILES.
        id_column: name of the column with the names; "" detects it.

    Raises:
        TableError: the SMILES column is missing.
    """
    first = next((line for line in lines if line.text.strip()), None)
    if first is None:
        return
    best = max("\t,;", key=first.text.count)
    separator = best if best in first.text else None
    header = _fields(first.text, separator)
    if any(map(_names_smiles, header)) and not first.fault:
        columns = pick_columns(header, where, id_column)
        yield from (_row(line, separator, columns) for line in _joined(lines, separator))
        return
    if must_have_header and (id_column or not parses(header[0])):
        pick_columns(header, where, id_column)
    yield _plain(first)
    yield from (_plain(line) for line in lines if line.text.strip())


def pick_columns(names: Sequence[str], where: str, id_column: str = "") -> Columns:
    """Return the columns of the SMILES and of the names.

    The SMILES are in the column 'smiles', or else in the first whose name contains 'smiles'. The
    names are in the given column, or else in the first that is named like an identifier, or else
    in the first other one.

    Raises:
        TableError: no column is named after SMILES, or none has the given name.
    """
    folded = [name.strip().casefold() for name in names]
    candidates = [i for i, name in enumerate(folded) if _names_smiles(name)]
    if not candidates:
        raise TableError(
            f"{where}: has no SMILES column; got {list(names)[:12]}, expected one whose name "
            "contains 'smiles'. Rename the column."
        )
    smiles = min(candidates, key=lambda i: folded[i] != "smiles")
    if id_column:
        return Columns(smiles, _named(names, id_column, where))
    others = [i for i in range(len(folded)) if i != smiles]
    return Columns(smiles, min(others, key=lambda i: not names_id(folded[i]), default=None))


def _named(names: Sequence[str], column: str, where: str) -> int:
    folded = [name.strip().casefold() for name in names]
    if column.strip().casefold() not in folded:
        raise TableError(
            f"{where}: has no column '{column}'; got {list(names)[:12]}, expected the one of "
            f"--id-column.{suggestion(column, names)} Correct the name, or leave the option out."
        )
    return folded.index(column.strip().casefold())


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
        return _LOOSE.split(text.strip())
    if '"' not in text:
        return text.split(separator)
    return next(csv.reader([text.replace("\n", " ")], delimiter=separator))


def _names_smiles(name: str) -> bool:
    folded = name.strip().casefold()
    return "smiles" in folded or folded == "smi"


def names_id(name: str) -> bool:
    """Whether a column or property in lower case is named like an identifier."""
    return name.startswith("id") or name.endswith("id") or "name" in name


def _repaired(text: str) -> str:
    """Decode text that is not UTF-8 as Latin-1; its surrogate escapes could not be written."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
