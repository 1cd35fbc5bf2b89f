"""Show how a table of measured compounds is read, and why.

Prints what each column is taken for and the evidence, the unit, the threshold, and the dropped
rows. Options and a config that fix this reading follow. If the table can be read in two ways, the
question comes last, with the option that decides, and the exit status is 2.

Example: molmeta inspect measured.csv

Example: molmeta inspect measured.csv --value-column value --threshold "100 nM"
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli._options import ASSAY, reads_table
from molmeta.errors import TableError

if TYPE_CHECKING:
    from molmeta.api._inputs import SupportOptions


@reads_table
def run(
    source: Path = typer.Argument(
        ..., metavar="TABLE", help="Table of measured compounds: CSV, Excel, SDF, Parquet."
    ),
    assay: str = ASSAY,
    **table: Unpack[SupportOptions],
) -> None:
    from molmeta.api.inspect import inspect

    inspection = inspect(source, assay=assay, **table)
    typer.echo(str(inspection))
    if inspection.question:
        raise TableError(inspection.question)
