"""From the lines of an SDF to its records."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from molmeta.libraries.columns import names_id
from molmeta.libraries.lines import Line, Record, shown
from molmeta.molecules.molblocks import smiles_of_block

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_RECORD = 1_000_000
"""Characters of a record."""

_PROPERTY = re.compile(r"^>.*<([^>]*)>")


def is_sdf(head: Sequence[Line]) -> bool:
    """Whether a file that starts with these four lines is an SDF."""
    return any("V2000" in line.text or "V3000" in line.text for line in head)


def sdf(lines: Iterator[Line], id_column: str = "") -> Iterator[Record]:
    """Yield the records of an SDF, named by their title line or a property like an identifier.

    Args:
        lines: of the whole library.
        id_column: property with the names; "" detects it.
    """
    block: list[Line] = []
    size = 0
    for line in lines:
        if line.text.startswith("$$$$"):
            yield from _record(block, size, id_column)
            block, size = [], 0
            continue
        size += len(line.text) + 1
        # Longer records are counted but not kept: a file without `$$$$` must not fill memory.
        if size <= MAX_RECORD:
            block.append(line)
    yield from _record(block, size, id_column)


def _record(block: list[Line], size: int, id_column: str) -> Iterator[Record]:
    if not any(line.text.strip() for line in block):
        return
    number, texts = block[0].number, [line.text for line in block]
    title = "" if id_column else texts[0].strip()
    name = title or _property(texts, id_column.casefold()) or str(number)
    fault = next((line.fault for line in block if line.fault), "")
    if size > MAX_RECORD:
        fault = f"longer than {MAX_RECORD} characters"
    smiles = "" if fault else smiles_of_block("\n".join(texts))
    if smiles:
        yield Record(number, name, smiles)
    else:
        yield Record(number, name, shown(texts[0]), fault or "not a molecule that RDKit can read")


def _property(texts: Sequence[str], id_column: str) -> str:
    for text, following in pairwise(texts):
        match = _PROPERTY.match(text)
        named = match[1].casefold() if match else ""
        if named and (named == id_column if id_column else names_id(named)):
            return following.strip()
    return ""
