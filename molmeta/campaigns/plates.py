"""Wells of a plate, and the controls in some of them."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, NamedTuple

from molmeta.errors import ConfigError, TableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZES = {24: 6, 48: 8, 96: 12, 384: 24, 1536: 48}
"""Columns of a plate by its number of wells."""


class Control(NamedTuple):
    """A compound with a fixed well; "" takes the last free well."""

    well: str
    compound: str
    smiles: str


def wells(plate: int) -> list[str]:
    """Names of the wells, row by row.

    Raises:
        ConfigError: a plate of that size does not exist.

    Example:
        >>> wells(96)[0], wells(96)[12], wells(384)[-1], wells(1536)[-1]
        ('A1', 'B1', 'P24', 'AF48')
    """
    if plate not in SIZES:
        raise ConfigError(
            f"plate: must have {', '.join(map(str, SIZES))} wells; got {plate}, expected one of "
            "these. Correct --wells."
        )
    columns = SIZES[plate]
    return [f"{_row(well // columns)}{well % columns + 1}" for well in range(plate)]


def read_controls(path: Path) -> list[Control]:
    """Read controls from a CSV with the column `smiles` and, optionally, `well` and `compound`.

    Raises:
        TableError: the file cannot be read, lacks the column, or a row has no SMILES.
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
            "filled in every row, and optionally 'well' and 'compound'. Complete it."
        )
    return controls


def placed(controls: Sequence[Control], plate: int) -> dict[str, Control]:
    """The controls by well.

    Raises:
        ConfigError: a well does not exist or is named twice, or no well is left for compounds.
    """
    names = wells(plate)
    by_well: dict[str, Control] = {}
    for control in controls:
        well = control.well
        if well and (well not in names or well in by_well):
            raise ConfigError(
                f"controls: a well cannot be filled; got '{well}' for '{control.compound}', "
                f"expected one of {names[0]} to {names[-1]}, each once. Correct --controls."
            )
        if well:
            by_well[well] = control
    free = [name for name in reversed(names) if name not in by_well]
    without_well = [control for control in controls if not control.well]
    if len(without_well) >= len(free):
        raise ConfigError(
            f"controls: leave no well for compounds; got {len(controls)}, expected fewer than "
            f"the {plate} wells. Use fewer controls, or a larger --wells."
        )
    return by_well | dict(zip(free, without_well, strict=False))


def _control(row: dict[str, str]) -> Control:
    well = (row.get("well") or "").strip().upper()
    # Plate readers and spreadsheets write A01 for A1.
    well = re.sub(r"(?<=[A-Z])0+(?=[0-9])", "", well)
    smiles = (row.get("smiles") or "").strip()
    return Control(well, (row.get("compound") or "").strip() or "control", smiles)


def _row(number: int) -> str:
    """Letters of a row: A to Z, then AA to AF on plates of 1536 wells."""
    first = "" if number < 26 else chr(ord("A") + number // 26 - 1)
    return first + chr(ord("A") + number % 26)
