"""Write the page that shows which learner to use, from the tables of other commands.

A folder of the same name next to the page contains its tables as CSV.

Example: molmeta report metrics.parquet --output report.html
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import OUTPUT, SEED
from molmeta.runtime.console import session


def run(
    metrics: list[Path] = typer.Argument(..., help="Tables of 'molmeta evaluate'."),
    output: Path = OUTPUT,
    audit: Path | None = typer.Option(None, help="Table of 'molmeta audit'."),
    assays: list[Path] = typer.Option([], help="'.assays.csv' of 'molmeta curate'; repeatable."),
    dropped: list[Path] = typer.Option([], help="'.dropped.csv' of 'molmeta curate'; repeatable."),
    logs: list[Path] = typer.Option([], help="'.log.parquet' of 'molmeta train'; repeatable."),
    examples: Path | None = typer.Option(None, help="Examples of 'molmeta evaluate'."),
    config: Path | None = typer.Option(None, help="Config that made the results."),
    benchmarks: Path | None = typer.Option(None, help="Folder of Snakemake's benchmark tables."),
    command: list[str] = typer.Option([], help="Command that made the results; repeatable."),
    seed: int = SEED,
) -> None:
    from molmeta.report.evidence import Sources
    from molmeta.report.page import report

    sources = Sources(
        metrics, audit, assays, dropped, logs, examples, config, benchmarks, tuple(command)
    )
    with session("report", metrics=len(metrics), seed=seed) as outcome:
        report(sources, output, seed=seed)
        outcome.update(written=output)
