"""From the lines of a text library to its records: SMILES lines, delimited tables, SDF.

Opens no file. What a line holds is found out, since vendors mix separators, headers and names.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from rdkit import Chem, rdBase

from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_LINE = 100_000
"""Characters of a line; the rest is passed over unread, so that no line fills the memory."""
MAX_RECORD = 1_000_000
"""Characters of an SDF record."""
MAX_JOINED = 50
"""Lines of one quoted field; more, and its quote was never closed."""
MAX_SHOWN = 200
"""Characters kept of a line that cannot be used."""

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem
_FIRST_FIELD = re.compile(r'"?([^\s,;"]+)"?(?:[ ]+\|[^|]*\|)?([\s,;]*)(.*)', re.DOTALL)
_LOOSE = re.compile(r"[\s,;]+")
_PROPERTY = re.compile(r"^>.*<([^>]*)>")


class Record(NamedTuple):
    """One compound of a library, or why there is none.

    Attributes:
        line: line, SDF record's first line or Parquet row that it stands in, from 1.
        id: its name in the library, or else the line.
        smiles: as it stands there; of a record with a reason, the start of the text.
        reason: "" or why the record cannot be used.
    """

    line: int
    id: str
    smiles: str
    reason: str = ""


class Line(NamedTuple):
    """A line without its end, its number from 1, and what forbids to read it."""

    number: int
    text: str
    fault: str = ""


class Columns(NamedTuple):
    """Where a table keeps SMILES and names."""

    smiles: int
    id: int | None


def numbered(text: IO[str]) -> Iterator[Line]:
    """Yield all lines of a text, cut to MAX_LINE characters."""
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        fault = "holds NUL bytes" if "\0" in line else ""
        if len(line) == MAX_LINE and not line.endswith("\n"):
            _skip_rest(text)
            fault = f"longer than {MAX_LINE} characters"
        yield Line(number, _repaired(line.rstrip("\r\n")), fault)


def table(lines: Iterator[Line], where: str, *, must_have_header: bool) -> Iterator[Record]:
    """Yield the records of SMILES lines or of a delimited table.

    A first line with a column whose name holds 'smiles' is a header. Without one, the first
    field is the SMILES and what follows is the name.

    Args:
        lines: of the whole library.
        where: its name, for messages.
        must_have_header: refuse a first line that is neither a header nor starts with a SMILES.

    Raises:
        TableError: there is no SMILES column.
    """
    first = next((line for line in lines if line.text.strip()), None)
    if first is None:
        return
    separator = _separator(first.text)
    header = _fields(first.text, separator)
    if any(map(_names_smiles, header)) and not first.fault:
        columns = pick_columns(header, where)
        yield from (_row(line, separator, columns) for line in _joined(lines, separator))
        return
    if must_have_header and not _is_smiles(header[0]):
        pick_columns(header, where)
    yield _plain(first)
    yield from (_plain(line) for line in lines if line.text.strip())


def pick_columns(names: Sequence[str], where: str) -> Columns:
    """Return which column holds the SMILES and which the names.

    The first column with 'smiles' in its name; 'smiles' itself before others. For the names the
    first whose own name reads like one of an identifier, else the first other column.

    Raises:
        TableError: no column is named after SMILES.
    """
    plain = [name.strip().casefold() for name in names]
    found = [i for i, name in enumerate(plain) if _names_smiles(name)]
    if not found:
        raise TableError(
            f"{where}: has no SMILES column; got {list(names)[:12]}, expected one whose name "
            "holds 'smiles'. Rename the column."
        )
    smiles = min(found, key=lambda i: plain[i] != "smiles")
    others = [i for i in range(len(plain)) if i != smiles]
    return Columns(smiles, min(others, key=lambda i: not _names_id(plain[i]), default=None))


def is_sdf(head: Sequence[Line]) -> bool:
    """Return whether the first four lines begin an SDF."""
    return any("V2000" in line.text or "V3000" in line.text for line in head)


def sdf(lines: Iterator[Line]) -> Iterator[Record]:
    """Yield the records of an SDF; their names are the title lines, or a property like an id."""
    block: list[Line] = []
    size = 0
    for line in lines:
        if line.text.startswith("$$$$"):
            yield from _sdf_record(block, size)
            block, size = [], 0
            continue
        size += len(line.text) + 1
        if size <= MAX_RECORD:
            block.append(line)
    yield from _sdf_record(block, size)


def _sdf_record(block: list[Line], size: int) -> Iterator[Record]:
    if not any(line.text.strip() for line in block):
        return
    number, texts = block[0].number, [line.text for line in block]
    name = texts[0].strip() or _sdf_property(texts) or str(number)
    fault = next((line.fault for line in block if line.fault), "")
    if size > MAX_RECORD:
        fault = f"longer than {MAX_RECORD} characters"
    smiles = "" if fault else _smiles_of_block("\n".join(texts))
    if smiles:
        yield Record(number, name, smiles)
    else:
        yield Record(number, name, _shown(texts[0]), fault or "no molecule that RDKit can read")


def _smiles_of_block(block: str) -> str:
    with rdBase.BlockLogs():
        try:
            mol = _chem.MolFromMolBlock(block)
            return "" if mol is None else str(_chem.MolToSmiles(mol))
        except (ValueError, RuntimeError):
            return ""


def _sdf_property(texts: Sequence[str]) -> str:
    for text, following in pairwise(texts):
        match = _PROPERTY.match(text)
        if match and _names_id(match[1].casefold()):
            return following.strip()
    return ""


def _plain(line: Line) -> Record:
    match = _FIRST_FIELD.match(line.text.strip())
    if line.fault or match is None:
        return _unusable(line, line.fault or "no SMILES in this line")
    smiles, separator, rest = match.groups()
    # A name after a blank may hold commas, as '1,2-ethanediol' does.
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


def _field(fields: Sequence[str], place: int | None) -> str:
    return fields[place].strip() if place is not None and place < len(fields) else ""


def _unusable(line: Line, reason: str) -> Record:
    return Record(line.number, str(line.number), _shown(line.text), reason)


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _joined(lines: Iterator[Line], separator: str | None) -> Iterator[Line]:
    """Join the lines of a quoted field; a quote that is never closed costs its own line alone."""
    waiting: deque[Line] = deque()
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        text, taken = line.text, list[Line]()
        while _is_open(text, separator) and len(taken) < MAX_JOINED and len(text) < MAX_LINE:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            text = f"{text}\n{following.text}"
        if _is_open(text, separator):
            waiting.extendleft(reversed(taken))
            yield line._replace(fault="a quote that is never closed")
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


def _separator(header: str) -> str | None:
    best = max("\t,;", key=header.count)
    return best if best in header else None


def _names_smiles(name: str) -> bool:
    folded = name.strip().casefold()
    return "smiles" in folded or folded == "smi"


def _names_id(name: str) -> bool:
    return name.startswith("id") or name.endswith("id") or "name" in name


def _is_smiles(text: str) -> bool:
    with rdBase.BlockLogs():
        return bool(text) and len(text) < 1_000 and _chem.MolFromSmiles(text) is not None


def _skip_rest(text: IO[str]) -> None:
    while (rest := text.readline(MAX_LINE)) and not rest.endswith("\n"):
        pass


def _repaired(text: str) -> str:
    """Take what is no UTF-8 as Latin-1; escapes would raise when the text is written."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
