"""Tables of measurements as people and programs damage them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tests.fuzz.cases import Case
from tests.fuzz.smiles import any_smiles, corpus

if TYPE_CHECKING:
    from random import Random

NAMES = (
    "smiles", "SMILES", "Canonical Smiles", "active", "Active ", "label", "value", "IC50 (nM)",
    "unit", "relation", "assay", "target", "cluster", "id", "", " ", "smiles_fixed",
    "=1+1", "\ufeffsmiles",
    "Standard Value", "standard_units", "pIC50", "Unnamed: 0", "active.1", "é", "a" * 300,
)  # fmt: skip
CELLS = (
    "1", "0", "1.0", "-1", "yes", "inactive", "", " ", "nan", "NA", "inf", "-inf", "1e999",
    "1e-320", ">10", "< 5", "~3", "1,5", "nM", "uM", "%", "pIC50", "kg",
    "=cmd|' /C calc'!A0", "+1", "@x",
    "\x00", "\x1b[31m", "None", "True", "1.2.3", "²", "٣", "0x10", "1_000", "x" * 5000,
    '"', "'", "\udcff",
    "\uff11", "1e5", "-0",
)  # fmt: skip
SUFFIXES = (".csv", ".csv", ".csv", ".tsv", ".csv.gz", ".txt", ".CSV", ".parquet")
OPTIONS = (
    {}, {}, {"threshold": "100 nM"}, {"threshold": 6.5}, {"threshold": "1.2.3"},
    {"threshold": "inf"}, {"value_column": "value", "unit": "nM"}, {"label_column": "active"},
    {"smiles_column": "smiles"}, {"value_column": "IC50 (nM)", "threshold": 50,
    "higher_is_active": True}, {"unit": "kg"},
)  # fmt: skip


def table_case(rng: Random) -> Case:
    separator = rng.choice((",", ",", ",", "\t", ";"))
    names = ["smiles", rng.choice(("active", "value"))]
    names += [rng.choice(NAMES) for _ in range(rng.randint(0, 4))]
    rng.shuffle(names)
    if rng.random() < 0.3:
        names = [rng.choice(NAMES) for _ in names]
    lines = [separator.join(names)]
    for row in range(rng.choice((0, 1, 5, 30, 60))):
        cells = [_cell(rng, name, row) for name in names]
        if rng.random() < 0.02:
            cells = cells[: rng.randrange(len(cells) + 1)] or [""]
        lines.append(separator.join(cells))
    pieces: list[Any] = [line + rng.choice(("\n",) * 9 + ("\r\n", "\r", "")) for line in lines]
    if rng.random() < 0.15:
        place = rng.randrange(len(pieces))
        pieces[place] = pieces[place][::-1] if rng.random() < 0.5 else rng.choice(CELLS)
    options = {
        "suffix": rng.choice(SUFFIXES),
        "encoding": rng.choice(("utf-8",) * 6 + ("utf-16", "latin-1", "utf-8-sig")),
        "reader": rng.choice(("curate", "curate", "support", "support", "screens", "controls")),
        "options": rng.choice(OPTIONS),
    }
    return Case("table", pieces, options)


def content_of(case: Case) -> bytes:
    text = "".join(map(str, case.pieces))
    if case.options["suffix"] == ".parquet":
        return _parquet(text.encode("utf-8", "replace").decode())
    # A lone surrogate stands for a byte that is not UTF-8.
    errors = "surrogateescape" if case.options["encoding"].startswith("utf-8") else "replace"
    return text.encode(case.options["encoding"], errors)


def _parquet(text: str) -> bytes:
    """The table with columns of other types, as far as they convert."""
    rows = [line.split(",") for line in text.splitlines()]
    width = max(map(len, rows), default=0)
    columns: dict[str, Any] = {}
    for place in range(width):
        cells = [row[place] if place < len(row) else None for row in rows]
        name, values = str(cells[0]), pd.Series(cells[1:], dtype="object")
        kind = (len(text) + place) % 6
        if kind == 1:
            values = pd.to_numeric(values, errors="coerce")
        elif kind == 2:
            values = values.astype("category")
        elif kind == 3:
            values = values.map(lambda cell: [cell])
        elif kind == 4:
            values = pd.to_datetime(pd.to_numeric(values, errors="coerce"), errors="coerce")
        elif kind == 5:
            values = values.map(lambda cell: {"a": cell})
        columns[name] = values
    buffer = io.BytesIO()
    try:
        pd.DataFrame(columns).to_parquet(buffer)
    except (ValueError, TypeError, UnicodeError):
        pd.DataFrame({"smiles": ["C"], "active": [np.nan]}).to_parquet(buffer)
    return buffer.getvalue()


def _cell(rng: Random, name: str, row: int) -> str:
    chance = rng.random()
    if "smiles" in name.casefold():
        return rng.choice(corpus()) if chance < 0.9 else any_smiles(rng)
    if chance < 0.06:
        return rng.choice(CELLS)
    if name.strip().casefold() == "active":
        return str(row % 2)
    if name == "unit":
        return rng.choice(("nM", "uM", "%", "pIC50")) if chance < 0.2 else "nM"
    return f"{rng.lognormvariate(4, 2):.3g}"
