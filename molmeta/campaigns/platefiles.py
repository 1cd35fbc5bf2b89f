"""Fills a plate and writes it as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from molmeta.campaigns.suggest import COLUMNS, fill_plate
from molmeta.errors import ConfigError
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import safe_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from molmeta.campaigns.suggest import Plate, PlatePlan
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

    Args:
        predictor: adapted to the support.
        support: the measured compounds.
        library: as in `fill_plate`.
        output: CSV with the columns `COLUMNS`; records that could not be scored go to
            `.invalid.csv` next to it.
        plan: how to fill the plate.
        cores: processes that featurize.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an output would replace the library, or as `fill_plate`.
        TableError: as `fill_plate`, or the library breaks off; the plate is then written first.
        OutputError: an output cannot be written.
        ModelError, MoleculeError: as `fill_plate`.
    """
    side = output.with_suffix(".invalid.csv")
    _require_other_names(library, (output, side))
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
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for well, role, name, smiles, p, deviation, active, similarity in table.to_numpy().tolist():
            cells = (well, role, safe_cell(name), safe_cell(smiles), f"{p:.6g}", f"{deviation:.6g}")
            rows.writerow((*cells, safe_cell(active), f"{similarity:.4f}"))


def _require_other_names(library: Path, outputs: Sequence[Path]) -> None:
    if library.resolve() in [path.resolve() for path in outputs]:
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected two files. Choose another --output."
        )
