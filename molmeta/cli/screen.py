"""Rank a library for an assay of which a few compounds are measured.

The table of candidates gives each compound's probability, nearest measured active and inactive,
scaffold, structural alerts, properties and applicability domain. The log starts with how the
support was understood and ends with the number of hits to expect. Records that could not be
scored go to a second table next to it, such as `hits.invalid.csv`. The table is CSV, or Parquet,
SDF or Excel if --output ends in .parquet, .sdf or .xlsx.

An interrupted screen resumes with the same command, except from standard input. Featurize a
library that you screen often once, with `molmeta featurize`.

A synthon space (--space) is searched without enumerating its products: the model scores the most
promising ones. The table then names the synthons of each.

Example: molmeta screen --support measured.csv --library library.smi --output ranked.csv
  --report hits.html

Example: molmeta screen --support measured.csv --threshold "100 nM" --library library.smi
  --prevalence estimate --output ranked.xlsx

Example: molmeta screen --support measured.csv --space space.txt --output products.csv
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli import _options
from molmeta.errors import ConfigError
from molmeta.runtime.collector import uncollected
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.api._inputs import SupportOptions
    from molmeta.api.screen import Prevalence, ScreenResult
    from molmeta.screening.synthon_search import SearchPlan

TOP = typer.Option(
    1000, min=0, help="Candidates to write; 0 writes every compound, without annotations."
)
PREVALENCE = typer.Option(
    None,
    help="Share of actives in the library, such as 0.005, to which probabilities are shifted; "
    "'estimate' takes it from the scores.",
)
EXCLUDE_SUPPORT = typer.Option(
    False, "--exclude-support", help="Leave the compounds of the support out."
)
ALL_SCORES = typer.Option(
    None,
    help="Parquet file for the score of every compound, in the order of the library; a folder of "
    "files of 100,000 each, if the name does not end in .parquet.",
)
PREFILTER = typer.Option(
    None,
    help="Share of the library that the model scores, such as 0.01: the best by a cheap score that "
    "is fitted to the model's on a sample of the library.",
)
REPORT = typer.Option(
    None, help="HTML page with the candidates drawn, sorted, filtered and explained."
)
SPACE = typer.Option(
    None, help="Synthon space to search instead of a library, in a text format of RDKit."
)
PART = typer.Option("", help="k/n scores only that part; without it, finished parts are combined.")


@_options.reads_table
def run(
    support: Path = _options.SUPPORT,
    library: Path | None = _options.OPTIONAL_LIBRARY,
    output: Path = _options.OUTPUT,
    model: str | None = _options.MODEL,
    assay: str = _options.ASSAY,
    size: int | None = _options.SIZE,
    top: int = TOP,
    prevalence: str | None = PREVALENCE,
    exclude_support: bool = EXCLUDE_SUPPORT,
    all_scores: Path | None = ALL_SCORES,
    prefilter: float | None = PREFILTER,
    report: Path | None = REPORT,
    space: Path | None = SPACE,
    budget: int = typer.Option(20_000, min=1, help="Products of a --space to score."),
    part: str = PART,
    id_column: str = _options.ID_COLUMN,
    force: bool = _options.FORCE,
    seed: int = _options.SEED,
    cores: int = _options.CORES,
    **table: Unpack[SupportOptions],
) -> None:
    # Imported here, because `molmeta --help` reads this module and must not wait for torch.
    with uncollected():
        import torch

        from molmeta.api.screen import run_screen
        from molmeta.runtime.outputs import require_apart
        from molmeta.screening.hitfiles import require_suffix
        from molmeta.screening.plan import ScreenPlan

    torch.set_num_threads(1)
    require_suffix(output)
    require_apart(
        {"--support": support, "--library": library, "--space": space},
        {"--output": output, "--all-scores": all_scores, "--report": report},
    )
    _require_top(report, top)
    share = _prevalence(prevalence)
    if space is None:
        plan = ScreenPlan(
            top=top or None, exclude_support=exclude_support, all_scores=all_scores,
            part=_options.part_of(part), force=force, id_column=id_column, prefilter=prefilter,
        )  # fmt: skip
        rank = partial(
            run_screen, library=_library(library), plan=plan, prevalence=share, seed=seed
        )
    else:
        from molmeta.api.space import run_space

        others = (library, all_scores, prefilter, part, id_column, exclude_support)
        search = _search_plan(others, budget, seed, top, share)
        rank = partial(run_space, space=space, plan=search)
    with session("screen", output=output, seed=seed) as outcome:
        with bar(None, "compounds") as advance:
            done = rank(
                support, output=output, model=model, assay=assay, size=size, cores=cores,
                progress=advance, **table,
            )  # fmt: skip
        if report is not None and not part:
            _write_report(done, report, output.name)
            outcome.update(report=report)
        outcome.update(done.screened.counts, written=output)


def _write_report(done: ScreenResult, report: Path, table: str) -> None:
    from molmeta.report.hits.page import ScreenFacts, hits_page

    screened = done.screened
    facts = ScreenFacts(done.inputs, screened.n_read, screened.prevalence, table, screened.library)
    hits_page(screened.candidates, done.predictor, report, facts=facts)


def _library(library: Path | None) -> Path:
    if library is None:
        raise ConfigError(
            "--library: is missing; got neither it nor --space, expected one of them. Name what "
            "to screen."
        )
    return library


def _search_plan(
    others: Sequence[object], budget: int, seed: int, top: int, share: Prevalence
) -> SearchPlan:
    from molmeta.screening.synthon_search import SearchPlan

    if any(others) or top == 0 or share == "estimate":
        raise ConfigError(
            "--space: cannot be combined with --library, --all-scores, --prefilter, --part, "
            "--id-column, --exclude-support, --top 0 or an estimated prevalence; got one of them, "
            "expected none. Leave it out."
        )
    prevalence = share if isinstance(share, float) else None
    return SearchPlan(budget=budget, seed=seed, top=top, prevalence=prevalence)


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
