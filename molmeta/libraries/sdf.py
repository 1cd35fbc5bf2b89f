"""From the lines of an SDF to its records."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase

from molmeta.libraries.lines import Line, Record, names_id, shown
from molmeta.molecules.rings import rings_are_tractable, skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_RECORD = 1_000_000
"""Characters of a record."""

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem
_PROPERTY = re.compile(r"^>.*<([^>]*)>")


def is_sdf(head: Sequence[Line]) -> bool:
    """Tell whether a file that starts with these four lines is an SDF."""
    return any("V2000" in line.text or "V3000" in line.text for line in head)


def sdf(lines: Iterator[Line]) -> Iterator[Record]:
    """Yield the records of an SDF, named by their title line or a property like an identifier."""
    block: list[Line] = []
    size = 0
    for line in lines:
        if line.text.startswith("$$$$"):
            yield from _record(block, size)
            block, size = [], 0
            continue
        size += len(line.text) + 1
        if size <= MAX_RECORD:
            block.append(line)
    yield from _record(block, size)


def _record(block: list[Line], size: int) -> Iterator[Record]:
    if not any(line.text.strip() for line in block):
        return
    number, texts = block[0].number, [line.text for line in block]
    name = texts[0].strip() or _property(texts) or str(number)
    fault = next((line.fault for line in block if line.fault), "")
    if size > MAX_RECORD:
        fault = f"longer than {MAX_RECORD} characters"
    smiles = "" if fault else _smiles_of_block("\n".join(texts))
    if smiles:
        yield Record(number, name, smiles)
    else:
        yield Record(number, name, shown(texts[0]), fault or "not a molecule that RDKit can read")


def _smiles_of_block(block: str) -> str:
    with rdBase.BlockLogs():
        try:
            # RDKit lists all rings of a block even if it is not to sanitise it.
            if not rings_are_tractable(skeleton(_bonds(block.split("\n")))):
                return ""
            mol = _chem.MolFromMolBlock(block)
            return "" if mol is None else str(_chem.MolToSmiles(mol))
        except (ValueError, RuntimeError, IndexError):
            return ""


def _bonds(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return the numbers of the two atoms of each bond of a V2000 or V3000 block."""
    if "V3000" in lines[3]:
        fields = [line.split()[2:6] for line in lines if line.startswith("M  V30 ")]
        first = fields.index(["BEGIN", "BOND"]) if ["BEGIN", "BOND"] in fields else len(fields)
        rows = [row[2:] for row in fields[first:] if len(row) == 4 and "".join(row).isdecimal()]
    else:
        first = 4 + int(lines[3][:3])
        rows = [(line[:3], line[3:6]) for line in lines[first : first + int(lines[3][3:6])]]
    return [(int(begin), int(end)) for begin, end in rows]


def _property(texts: Sequence[str]) -> str:
    for text, following in pairwise(texts):
        match = _PROPERTY.match(text)
        if match and names_id(match[1].casefold()):
            return following.strip()
    return ""
