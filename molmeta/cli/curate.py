"""Bring one table to curated assays: standard SMILES, one unit, labels, repeats merged.

Beside the output stand every dropped row with its reason (`.dropped.csv`) and one row for each
assay (`.assays.csv`), also for those that are left out.

Example: molmeta curate data/assays/test/a.csv --output results/curated/test/a.parquet
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molmeta.cli._options import CORES, OUTPUT, mapping
from molmeta.runtime.console import session

if TYPE_CHECKING:
    from molmeta.curation.curate import Curated


def run(
    table: Path = typer.Argument(..., help="Table as in data/README.md, or a folder of FS-Mol."),
    output: Path = OUTPUT,
    rules: str = typer.Option("{}", help="YAML file or text: what decides over rows and assays."),
    layout: str = typer.Option("{}", help="YAML file or text: kind, columns, unit."),
    setting: list[str] = typer.Option([], "--set", help="Override a rule, as min_compounds=16."),
    cores: int = CORES,
) -> None:
    from molmeta.curation.curate import Rules, curate
    from molmeta.curation.tables import Layout, read_table

    decided = Rules.from_mapping(mapping(rules, "--rules", setting))
    named = Layout.from_mapping(mapping(layout, "--layout"))
    with session("curate", table=table, rules=decided) as outcome:
        curated = curate(read_table(table, layout=named), rules=decided, cores=cores)
        _write(curated, output)
        outcome.update(_counts(curated), written=output)


def _write(curated: Curated, output: Path) -> None:
    from molmeta.runtime.outputs import written

    for kind, frame in (("dropped", curated.dropped), ("assays", curated.assays)):
        with written(output.with_name(f"{output.stem}.{kind}.csv")) as temporary:
            frame.to_csv(temporary, index=False, lineterminator="\n")
    with written(output) as temporary:
        curated.kept.to_parquet(temporary, index=False)


def _counts(curated: Curated) -> dict[str, int]:
    usable = int(curated.assays["status"].eq("ok").sum())
    return {
        "assays": usable,
        "left_out": len(curated.assays) - usable,
        "compounds": len(curated.kept),
        "dropped": len(curated.dropped),
    }
