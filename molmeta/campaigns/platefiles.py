"""Fills a plate and writes it as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.campaigns.suggest import COLUMNS, Plate, PlatePlan, fill_plate
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import write_rows
from molmeta.screening.hitfiles import invalid_file, require_other_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hits import Support


def write_plate(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    plan: PlatePlan,
    cores: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Plate:
    """Choose what to measure next, as `fill_plate` does, and write it.

    `output` is a CSV with the columns `COLUMNS`. Records that could not be scored go to
    `.invalid.csv` next to it.

    Raises:
        ConfigError: an output would replace the library, or as `fill_plate`.
        TableError: as `fill_plate`, or the library breaks off; the plate is then written first.
        OutputError: an output cannot be written.
        ModelError, MoleculeError: as `fill_plate`.
    """
    side = invalid_file(output)
    require_other_names(library, (output, side))
    with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as rejects:
        plate = fill_plate(
            predictor, support, library, plan=plan, rejects=rejects, cores=cores, progress=progress
        )
    _write(output, plate.table)
    if plate.error is not None:
        raise plate.error
    return plate


def _write(output: Path, table: pd.DataFrame) -> None:
    with written(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [COLUMNS])
        for well, role, name, smiles, p, deviation, active, similarity in table.to_numpy().tolist():
            numbers = (f"{p:.6g}", f"{deviation:.6g}")
            write_rows(file, [(well, role, name, smiles, *numbers, active, f"{similarity:.4f}")])
