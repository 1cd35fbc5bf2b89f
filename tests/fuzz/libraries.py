"""Libraries in every format, with lines that none of them allows."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase

from tests.fuzz.cases import Case
from tests.fuzz.smiles import any_smiles, corpus
from tests.fuzz.tables import CELLS

if TYPE_CHECKING:
    from random import Random

HEADERS = (
    "",
    "",
    "",
    "smiles,id",
    "SMILES\tName",
    "id;smiles",
    "name smiles",
    '"smiles","id"',
    "id,name",
)
SUFFIXES = (".smi", ".smi", ".csv", ".tsv", ".sdf", ".smi.gz", ".txt", "")
LINES = (
    "",
    " ",
    "\t",
    ",,,",
    '"',
    '"open',
    "\x00",
    "M  END",
    "$$$$",
    "> <a>",
    "C" * 99_999,
    "\ufeffC",
    "#",
    "|",
)


def library_case(rng: Random) -> Case:
    form = "sdf" if rng.random() < 0.25 else "lines"
    make = _sdf if form == "sdf" else _lines
    pieces: list[Any] = make(rng)
    for _ in range(rng.choice((0, 0, 1, 3))):
        place = rng.randrange(len(pieces) + 1)
        damage = rng.randrange(4)
        if damage == 0:
            pieces[place:place] = [rng.choice(LINES) + "\n"]
        elif damage == 1:
            pieces[place:place] = [rng.choice(CELLS) + rng.choice(("\n", ""))]
        elif damage == 2 and pieces:
            line = pieces[min(place, len(pieces) - 1)]
            cut = rng.randrange(len(line) + 1)
            pieces[min(place, len(pieces) - 1)] = line[:cut]
        else:
            del pieces[place : place + 2]
    options = {
        "suffix": ".sdf" if form == "sdf" and rng.random() < 0.7 else rng.choice(SUFFIXES),
        "encoding": rng.choice(("utf-8",) * 7 + ("utf-16", "latin-1")),
        "gzip": rng.random() < 0.15,
        "cut": rng.choice((0,) * 8 + (1, 7, 40)),
        "screen": rng.random() < 0.03,
    }
    return Case("library", pieces, options)


def content_of(case: Case) -> bytes:
    errors = "surrogateescape" if case.options["encoding"] == "utf-8" else "replace"
    content = "".join(case.pieces).encode(case.options["encoding"], errors)
    if case.options["gzip"]:
        content = gzip.compress(content, mtime=0)
    return content[: len(content) - case.options["cut"]] if case.options["cut"] else content


def _lines(rng: Random) -> list[str]:
    header = rng.choice(HEADERS)
    separator = next((c for c in ",\t; " if c in header), rng.choice((" ", "\t", ",")))
    lines = [header + "\n"] if header else []
    for number in range(rng.choice((0, 1, 3, 12, 40))):
        smiles = rng.choice(corpus()) if rng.random() < 0.8 else any_smiles(rng)
        fields = [smiles, rng.choice((f"c{number}", f'"c, {number}"', "", rng.choice(CELLS)))]
        if header.startswith("id"):
            fields.reverse()
        lines.append(separator.join(fields) + rng.choice(("\n", "\n", "\n", "\r\n")))
    return lines


def _sdf(rng: Random) -> list[str]:
    lines: list[str] = []
    for number in range(rng.choice((0, 1, 2, 5))):
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(rng.choice(corpus()))
            block = Chem.MolToMolBlock(
                mol or Chem.MolFromSmiles("C"), forceV3000=rng.random() < 0.2
            )
        lines += [line + "\n" for line in block.splitlines()]
        lines += [f"> <id>\nc{number}\n\n"] if rng.random() < 0.5 else []
        lines.append("$$$$\n")
    if lines and rng.random() < 0.6:
        place = rng.randrange(len(lines))
        text = list(lines[place])
        for _ in range(rng.randint(1, 3)):
            text[rng.randrange(len(text))] = rng.choice("0123456789 -.CNX*\n")
        lines[place] = "".join(text)
    return lines
