"""Rank a library for an assay of which a few compounds are measured, best first.

Each hit comes with its probability, its nearest known active and inactive, scaffold, alerts,
properties, and whether it lies where the model is to be trusted; the log says how many hits to
expect. What could not be scored stands in a side table, `.invalid.csv`. Interrupted, the same
command goes on where it was (from standard input it starts again). A library that is screened
often is featurized once, by `molmeta featurize LIBRARY`.

Example: molmeta screen --support my_assay.csv --library library.smi.gz --output ranked.csv
  --model results/models/protonet/0.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, MODEL, OUTPUT, SEED
from molmeta.runtime.console import bar, session

ESTIMATE = "estimate"


def run(
    support: Path = typer.Option(..., help="Table of measured compounds, as in data/README.md."),
    library: Path = typer.Option(..., help="SMILES lines, CSV, SDF, Parquet, featurized; - stdin."),
    output: Path = OUTPUT,
    model: str | None = MODEL,
    assay: str = typer.Option("", help="Assay to take, where the table holds several."),
    size: int | None = typer.Option(None, min=2, help="Draw so many compounds; else take all."),
    top: int = typer.Option(
        1000, min=0, help="Hits to write; 0 writes every compound, without explaining it."
    ),
    prevalence: str | None = typer.Option(
        None,
        help="Share of actives in the library, as 0.005, to which probabilities are moved; "
        "'estimate' takes it from the scores, with an interval.",
    ),
    exclude_support: bool = typer.Option(
        False, "--exclude-support", help="Leave the compounds of the support out of the hits."
    ),
    all_scores: Path | None = typer.Option(
        None, help="Parquet file for the score of every compound, in the order of the library."
    ),
    report: Path | None = typer.Option(
        None, help="HTML file: hits drawn, sorted, filtered and explained; stands alone."
    ),
    part: str = typer.Option("", help="k/n: score that part alone; without, put parts together."),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.cli._hits import adapted, read_hits, tell_expected
    from molmeta.models.named import named
    from molmeta.models.pretrained import load_pretrained
    from molmeta.report.hits.page import ScreenFacts, hits_page
    from molmeta.screening.annotations import annotator
    from molmeta.screening.prevalence import left_out
    from molmeta.screening.screen import ScreenPlan, screen
    from molmeta.screening.supports import support_of

    torch.set_num_threads(1)
    with session("screen", support=support, library=library, model=model, seed=seed) as outcome:
        _require_top(report, top)
        share = _share(prevalence)
        chosen = load_pretrained() if model is None else named(model)
        only = type(chosen.learner).actives_only
        known = support_of(support, assay=assay, size=size, seed=seed, actives_only=only)
        plan = ScreenPlan(
            top=top or None, prevalence=share, exclude_support=exclude_support,
            left_out=left_out(chosen, known) if prevalence == ESTIMATE and not part else None,
            all_scores=all_scores, part=_part(part),
            annotate=annotator(chosen, cores=cores) if top else None,
        )  # fmt: skip
        predictor, warning = adapted(chosen, known)
        with bar(None, "screen") as advance:
            done = screen(
                predictor, known, library, output=output, plan=plan, cores=cores, progress=advance
            )
        if top and not part:
            hits = read_hits(output)
            tell_expected(hits, done.prevalence)
            if report is not None:
                facts = ScreenFacts(
                    library.name, done.n_read, done.prevalence, output.name, warning
                )
                hits_page(hits, known, predictor, report, facts=facts)
                outcome.update(report=report)
        counts = {name: n for name, n in done._asdict().items() if name != "prevalence"}
        outcome.update(support=len(known.smiles), **counts, written=output)


def _share(text: str | None) -> float | None:
    """Return the share that a text says, None for none or one that is to be estimated."""
    from molmeta.errors import ConfigError

    if text is None or text == ESTIMATE:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"--prevalence: is no number; got '{text}', expected one such as 0.005, or "
            f"'{ESTIMATE}'. Correct it."
        ) from error


def _require_top(report: Path | None, top: int) -> None:
    from molmeta.errors import ConfigError

    if report is not None and top == 0:
        raise ConfigError(
            "--report: shows hits, and --top 0 picks none; got both, expected --top of at least 1. "
            "Leave one of them out."
        )


def _part(text: str) -> tuple[int, int] | None:
    from molmeta.errors import ConfigError

    k, _, n = text.partition("/")
    if not text:
        return None
    if not (k.isdigit() and n.isdigit()):
        raise ConfigError(
            f"--part: is no part; got '{text}', expected k/n, such as 2/8. Correct it."
        )
    return int(k), int(n)
