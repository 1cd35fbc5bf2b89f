"""From the text of an SDF to a table: a row for each record, a column for each property."""

from __future__ import annotations

import re

import pandas as pd

from molmeta.molecules.molblocks import smiles_of_block

_PROPERTY = re.compile(r"^>.*?<(.+)>")
STRUCTURE, NAME = "structure of the record", "title of the record"
"""Columns of the SMILES of the mol block, and of its first line."""


def is_sdf(text: str) -> bool:
    """Whether a text starts with a mol block."""
    head = "".join(text.split("\n", 4)[:4])
    return "V2000" in head or "V3000" in head


def read_sdf(text: str) -> pd.DataFrame:
    """Return structures, titles and properties as text; the index numbers the records from 1."""
    blocks = re.split(r"^\$\$\$\$.*\n?", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    records = [_record(block) for block in blocks if block.strip()]
    frame = pd.DataFrame(records, index=pd.RangeIndex(1, len(records) + 1)).fillna("").astype("str")
    return frame.loc[:, [bool(frame[name].ne("").any()) for name in frame]]


def _record(block: str) -> dict[str, str]:
    mol, end, rest = block.partition("M  END")
    record = {STRUCTURE: smiles_of_block(mol + end), NAME: block.partition("\n")[0].strip()}
    name, lines = "", list[str]()
    for line in [*rest.split("\n")[1:], "> <end>"]:
        # A value such as >10000 starts like the name of a property.
        if match := _PROPERTY.match(line):
            if name:
                record[name] = " ".join(filter(None, map(str.strip, lines)))
            name, lines = match[1].strip(), []
        else:
            lines.append(line)
    return record
