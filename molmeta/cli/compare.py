"""Compare evaluated models with published scores of the same assays, assay by assay.

Example: molmeta compare results/metrics/profile_gp/0.parquet --published published.csv.gz
  --audit results/audit.csv --groups tasks.csv.gz:panel --output results/published.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import OUTPUT, SEED
from molmeta.runtime.console import session


def run(
    metrics: list[Path] = typer.Argument(..., help="Metrics of 'molmeta evaluate'."),
    published: Path = typer.Option(..., help="Table: method, task, support, delta_auprc."),
    audit: Path | None = typer.Option(None, help="Audit of leaks, for its clusters and panels."),
    groups: str = typer.Option("", help="TABLE:COLUMN, by which assays are grouped as well."),
    output: Path = OUTPUT,
    seed: int = SEED,
) -> None:
    from molmeta.evaluation.published import compare_published, read_groups, read_published
    from molmeta.report.evidence import Sources, read
    from molmeta.runtime.outputs import written

    with session("compare", metrics=len(metrics), published=published) as outcome:
        evidence = read(Sources(metrics, audit=audit))
        table, _, column = groups.rpartition(":")
        grouped = read_groups(Path(table), column) if groups else None
        known = read_published(published)
        found = compare_published(
            evidence.metrics, known, evidence.audit, groups=grouped, seed=seed
        )
        with written(output) as temporary:
            found.to_csv(temporary, index=False, lineterminator="\n")
        outcome.update(rows=len(found), methods=found["method"].nunique(), written=output)
