"""Turn a table of measurements into curated assays: one unit, labels, repeats merged.

Next to the output, `.dropped.csv` lists every dropped row with its reason, and `.assays.csv` has a
row for each assay, including the excluded ones.

Example: molmeta curate measured.csv --output valid/measured.parquet

Example: molmeta curate assays.csv --output train/assays.parquet
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli._options import CORES, OUTPUT, mapping, reads_table
from molmeta.runtime.console import session

if TYPE_CHECKING:
    from molmeta.api._inputs import SupportOptions
    from molmeta.curation.curate import Curated


@reads_table
def run(
    source: Path = typer.Argument(
        ..., metavar="TABLE", help="Table of measured compounds, or a folder of FS-Mol."
    ),
    output: Path = OUTPUT,
    rules: str = typer.Option("{}", help="YAML file or text: rules for rows and assays."),
    layout: str = typer.Option("{}", help="YAML file or text: kind, columns and unit."),
    setting: list[str] = typer.Option([], "--set", help="Set a rule, such as min_compounds=16."),
    cores: int = CORES,
    **table: Unpack[SupportOptions],
) -> None:
    from molmeta.api.curate import curate
    from molmeta.curation.curate import Rules
    from molmeta.curation.tables import Layout

    chosen_rules = Rules.from_mapping(mapping(rules, "--rules", setting))
    chosen_layout = Layout.from_mapping(mapping(layout, "--layout"))
    with session("curate", table=source, rules=chosen_rules) as outcome:
        curated = curate(source, rules=chosen_rules, layout=chosen_layout, cores=cores, **table)
        _write(curated, output)
        outcome.update(_counts(curated), written=output)


def _write(curated: Curated, output: Path) -> None:
    from molmeta.runtime.outputs import written
    from molmeta.runtime.parquetfiles import write_parquet
    from molmeta.runtime.spreadsheets import write_frame

    for kind, frame in (("dropped", curated.dropped), ("assays", curated.assays)):
        with written(output.with_name(f"{output.stem}.{kind}.csv")) as temporary:
            write_frame(temporary, frame)
    with written(output) as temporary:
        write_parquet(temporary, curated.kept)


def _counts(curated: Curated) -> dict[str, int]:
    usable = int(curated.assays["status"].eq("ok").sum())
    return {
        "assays": usable,
        "left_out": len(curated.assays) - usable,
        "compounds": len(curated.kept),
        "dropped": len(curated.dropped),
    }
