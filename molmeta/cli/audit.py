"""Measure data leakage from training to evaluation: compounds, scaffolds, neighbours, panels.

The split of a curated table is the name of its folder: train, valid or test.

Example: molmeta audit train/assays.parquet valid/measured.parquet --output audit.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT
from molmeta.runtime.console import session


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables of all splits."),
    output: Path = OUTPUT,
    near: float = typer.Option(0.6, min=0, max=1, help="Tanimoto similarity of neighbours."),
    cores: int = CORES,
) -> None:
    from molmeta.api.audit import audit
    from molmeta.runtime.outputs import written
    from molmeta.runtime.spreadsheets import write_frame

    with session("audit", tables=len(tables), near=near) as outcome:
        rows = audit(tables, near=near, cores=cores)
        with written(output) as temporary:
            write_frame(temporary, rows)
        judged = rows["clean"].notna()
        clean = int(rows.loc[judged, "clean"].sum())
        outcome.update(assays=len(rows), clean=f"{clean} of {int(judged.sum())}", written=output)
