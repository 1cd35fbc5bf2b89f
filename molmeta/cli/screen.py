"""Rank a library for an assay of which a few compounds are measured.

The table of candidates gives each compound's probability, nearest measured active and inactive,
scaffold, structural alerts, properties and applicability domain. The log starts with how the
support was understood and ends with the number of hits to expect. Records that could not be
scored go to a second table next to it, such as `hits.invalid.csv`. The table is CSV, or Parquet,
SDF or Excel if --output ends in .parquet, .sdf or .xlsx.

An interrupted screen resumes with the same command, except from standard input. Featurize a
library that you screen often once, with `molmeta featurize`.

Example: molmeta screen --support my_assay.csv --library library.smi.gz --output ranked.csv

Example: molmeta screen --support ic50.csv --value-column "IC50 (nM)" --threshold 100
  --library library.smi.gz --output ranked.csv --report candidates.html
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli import _options
from molmeta.errors import ConfigError
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    from molmeta.api._inputs import SupportOptions
    from molmeta.api.screen import Prevalence


@_options.reads_table
def run(
    support: Path = _options.SUPPORT,
    library: Path = _options.LIBRARY,
    output: Path = _options.OUTPUT,
    model: str | None = _options.MODEL,
    assay: str = _options.ASSAY,
    size: int | None = _options.SIZE,
    top: int = typer.Option(
        1000, min=0, help="Candidates to write; 0 writes every compound, without annotations."
    ),
    prevalence: str | None = typer.Option(
        None,
        help="Share of actives in the library, such as 0.005, to which probabilities are shifted; "
        "'estimate' takes it from the scores.",
    ),
    exclude_support: bool = typer.Option(
        False, "--exclude-support", help="Leave the compounds of the support out."
    ),
    all_scores: Path | None = typer.Option(
        None,
        help="Parquet file for the score of every compound, in the order of the library; a folder "
        "of files of 100,000 each, if the name does not end in .parquet.",
    ),
    prefilter: float | None = typer.Option(
        None,
        help="Share of the library that the model scores, such as 0.01: the best by a cheap score "
        "that is fitted to the model's on a sample of the library.",
    ),
    report: Path | None = typer.Option(
        None, help="HTML page with the candidates drawn, sorted, filtered and explained."
    ),
    part: str = typer.Option(
        "", help="k/n scores only that part; without it, finished parts are combined."
    ),
    id_column: str = _options.ID_COLUMN,
    force: bool = _options.FORCE,
    seed: int = _options.SEED,
    cores: int = _options.CORES,
    **table: Unpack[SupportOptions],
) -> None:
    # Imported here, because `molmeta --help` reads this module and must not wait for torch.
    import torch

    from molmeta.api.screen import run_screen
    from molmeta.report.hits.page import ScreenFacts, hits_page
    from molmeta.screening.plan import ScreenPlan

    torch.set_num_threads(1)
    _require_top(report, top)
    plan = ScreenPlan(
        top=top or None, exclude_support=exclude_support, all_scores=all_scores,
        part=_options.part_of(part), force=force, id_column=id_column, prefilter=prefilter,
    )  # fmt: skip
    with session("screen", output=output, seed=seed) as outcome:
        with bar(None, "screen") as advance:
            done = run_screen(
                support, library, plan=plan, output=output, model=model,
                prevalence=_prevalence(prevalence), assay=assay, size=size, seed=seed,
                cores=cores, progress=advance, **table,
            )  # fmt: skip
        screened = done.screened
        if report is not None and not part:
            facts = ScreenFacts(done.inputs, screened.n_read, screened.prevalence, output.name)
            hits_page(screened.candidates, done.predictor, report, facts=facts)
            outcome.update(report=report)
        outcome.update(screened.counts, written=output)


def _prevalence(text: str | None) -> Prevalence:
    if text is None or text == "estimate":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"--prevalence: must be a number or 'estimate'; got '{text}', expected for example "
            "0.005. Correct it."
        ) from error


def _require_top(report: Path | None, top: int) -> None:
    if report is not None and top == 0:
        raise ConfigError(
            "--report: needs a list of candidates; got --top 0, expected at least 1. Leave one of "
            "them out."
        )
