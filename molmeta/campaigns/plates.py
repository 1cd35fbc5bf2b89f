"""Wells of a plate, and the controls that stand in some of them; chooses no compound."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

from molmeta.errors import ConfigError, TableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZES = {24: 6, 48: 8, 96: 12, 384: 24, 1536: 48}
"""Columns of a plate, by its wells."""


class Control(NamedTuple):
    """A compound whose place is fixed; a well of "" is any that is left, from the last one on."""

    well: str
    compound: str
    smiles: str


def wells(plate: int) -> list[str]:
    """Return the names of the wells, row by row.

    Raises:
        ConfigError: there is no such plate.

    Example:
        >>> wells(96)[0], wells(96)[12], wells(384)[-1], wells(1536)[-1]
        ('A1', 'B1', 'P24', 'AF48')
    """
    if plate not in SIZES:
        raise ConfigError(
            f"plate: has no layout; got {plate} wells, expected one of "
            f"{', '.join(map(str, SIZES))}. Correct --wells."
        )
    columns = SIZES[plate]
    return [f"{_row(place // columns)}{place % columns + 1}" for place in range(plate)]


def read_controls(path: Path) -> list[Control]:
    """Read controls from a CSV with the column `smiles`, and `well` and `compound` where wanted.

    Raises:
        TableError: the file cannot be read, or has no such column, or a row has no SMILES.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restval="")
            names, controls = rows.fieldnames or [], [_control(row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(
            f"{path}: cannot be read; got '{error}', expected a CSV of controls. "
            "Name one with --controls."
        ) from error
    if "smiles" not in names or not all(control.smiles for control in controls):
        raise TableError(
            f"{path}: a SMILES is missing; got the columns {list(names)}, expected 'smiles' "
            "filled in every row, and 'well' and 'compound' where wanted. Complete it."
        )
    return controls


def placed(controls: Sequence[Control], plate: int) -> dict[str, Control]:
    """Return the controls by well.

    Raises:
        ConfigError: a well does not exist, is named twice, or none is left for compounds.
    """
    names = wells(plate)
    found: dict[str, Control] = {}
    for control in controls:
        well = control.well
        if well and (well not in names or well in found):
            raise ConfigError(
                f"controls: a well cannot be filled; got '{well}' for '{control.compound}', "
                f"expected one of {names[0]} to {names[-1]}, each once. Correct --controls."
            )
        if well:
            found[well] = control
    free = [name for name in reversed(names) if name not in found]
    loose = [control for control in controls if not control.well]
    if len(loose) >= len(free):
        raise ConfigError(
            f"controls: leave no well for compounds; got {len(controls)}, expected fewer than "
            f"the {plate} wells. Take fewer, or a larger --wells."
        )
    return found | dict(zip(free, loose, strict=False))


def _control(row: dict[str, str]) -> Control:
    well = (row.get("well") or "").strip().upper()
    if well[1:].isdigit():
        well = f"{well[0]}{int(well[1:])}"
    smiles = (row.get("smiles") or "").strip()
    return Control(well, (row.get("compound") or "").strip() or "control", smiles)


def _row(place: int) -> str:
    letters = "" if place < 26 else chr(ord("A") + place // 26 - 1)
    return letters + chr(ord("A") + place % 26)
