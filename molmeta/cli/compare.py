"""Compare evaluated models with published scores on the same assays.

Example: molmeta compare metrics.parquet --published published.csv --output compared.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import OUTPUT, SEED
from molmeta.runtime.console import session


def run(
    metrics: list[Path] = typer.Argument(..., help="Tables of 'molmeta evaluate'."),
    published: Path = typer.Option(..., help="Table: method, task, support, delta_auprc."),
    audit: Path | None = typer.Option(
        None, help="Table of 'molmeta audit', for its clusters and panels."
    ),
    groups: str = typer.Option("", help="TABLE:COLUMN to group the assays by as well."),
    output: Path = OUTPUT,
    seed: int = SEED,
) -> None:
    from molmeta.evaluation.published import compare_published, read_groups, read_published
    from molmeta.report.evidence import Sources, read
    from molmeta.runtime.outputs import written
    from molmeta.runtime.spreadsheets import write_frame

    with session("compare", metrics=len(metrics), published=published) as outcome:
        evidence = read(Sources(metrics, audit=audit))
        table, _, column = groups.rpartition(":")
        group_of_assay = read_groups(Path(table), column) if groups else None
        scores = read_published(published)
        rows = compare_published(
            evidence.metrics, scores, evidence.audit, groups=group_of_assay, seed=seed
        )
        with written(output) as temporary:
            write_frame(temporary, rows)
        outcome.update(rows=len(rows), methods=rows["method"].nunique(), written=output)
