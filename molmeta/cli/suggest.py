"""Choose what to measure next: a plate that balances expected hits, uncertainty and diversity.

The library, featurized or not, is read once. The most promising compounds, and the most uncertain
ones, are kept in a pool (--pool); from it the plate is filled so that no two compounds are too
similar. What is measured already, in the support or in --exclude, is never suggested.

Example: molmeta suggest --support my_assay.csv --library library.smi.gz --wells 96
  --model results/models/protonet/0.safetensors --output next_plate.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, MODEL, OUTPUT, SEED
from molmeta.runtime.console import bar, logger, session

ACTIVES_ALONE = (
    "the support holds actives alone: probabilities order the library and are no chances of a hit; "
    "add what this plate finds inactive to the next support"
)


def run(
    support: Path = typer.Option(..., help="Table of measured compounds, as in data/README.md."),
    library: Path = typer.Option(..., help="SMILES lines, CSV, SDF, Parquet, featurized; - stdin."),
    output: Path = OUTPUT,
    model: str | None = MODEL,
    assay: str = typer.Option("", help="Assay to take, where the table holds several."),
    size: int | None = typer.Option(None, min=2, help="Draw so many compounds; else take all."),
    wells: int = typer.Option(96, help="Wells of the plate: 24, 48, 96, 384 or 1536."),
    acquisition: str = typer.Option(
        "ucb", help="ucb, greedy, thompson, expected_improvement, uncertainty, similarity, random."
    ),
    explore: float = typer.Option(0.2, help="Share of wells for the most uncertain compounds."),
    max_similarity: float = typer.Option(
        0.7, help="Highest Tanimoto similarity of two compounds of the plate; 1 allows all."
    ),
    controls: Path | None = typer.Option(None, help="CSV of fixed wells: well, compound, smiles."),
    exclude: Path | None = typer.Option(None, help="Compounds measured elsewhere, any format."),
    pool: int = typer.Option(5000, help="Compounds kept while the library is read."),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.campaigns import suggest as suggesting
    from molmeta.campaigns.plates import read_controls
    from molmeta.models.named import named
    from molmeta.models.pretrained import load_pretrained
    from molmeta.screening.supports import support_of

    torch.set_num_threads(1)
    fixed = () if controls is None else tuple(read_controls(controls))
    plan = suggesting.PlatePlan(
        wells=wells, acquisition=acquisition, explore=explore, max_similarity=max_similarity,
        pool=pool, controls=fixed, exclude=() if exclude is None else _smiles(exclude), seed=seed,
    )  # fmt: skip
    with session("suggest", support=support, library=library, model=model, seed=seed) as outcome:
        chosen = load_pretrained() if model is None else named(model)
        only = type(chosen.learner).actives_only
        known = support_of(support, assay=assay, size=size, seed=seed, actives_only=only)
        if all(known.active):
            logger.warning("%s", ACTIVES_ALONE)
        predictor = chosen.adapt(known.smiles, known.active)
        with bar(None, "suggest") as advance:
            done = suggesting.suggest(
                predictor, known, library, output=output, plan=plan, cores=cores,
                progress=advance,
            )  # fmt: skip
        outcome.update(support=len(known.smiles), **done._asdict(), pool=pool, written=output)


def _smiles(path: Path) -> tuple[str, ...]:
    from molmeta.libraries.reading import read_library

    records = (record for chunk in read_library(path) for record in chunk)
    return tuple(record.smiles for record in records if not record.reason)
