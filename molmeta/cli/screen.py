"""Rank a library for an assay of which a few compounds are measured, best first.

Each hit comes with its probability and its nearest known active and inactive. What could not be
scored stands in a side table, `.invalid.csv`.

Example: molmeta screen --support my_assay.csv --library library.smi.gz --output ranked.csv
  --model results/models/protonet/0.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._console import bar, session
from molmeta.cli._options import CORES, OUTPUT, SEED


def run(
    support: Path = typer.Option(..., help="Table of measured compounds, as in data/README.md."),
    library: Path = typer.Option(..., help="SMILES lines, CSV, SDF or Parquet; - for stdin."),
    output: Path = OUTPUT,
    model: str | None = typer.Option(None, help="Model file, or an opponent by its name."),
    assay: str = typer.Option("", help="Assay to take, where the table holds several."),
    size: int | None = typer.Option(None, min=2, help="Draw so many compounds; else take all."),
    top: int = typer.Option(1000, min=0, help="Hits to write; 0 writes every compound."),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta import load
    from molmeta.cli._supports import support_of
    from molmeta.models import named
    from molmeta.screening import screen

    torch.set_num_threads(1)
    with session("screen", support=support, library=library, model=model, seed=seed) as outcome:
        chosen = load() if model is None else named(model)
        known = support_of(support, assay=assay, size=size, seed=seed)
        predictor = chosen.adapt(known.smiles, known.active)
        with bar(None, "screen") as advance:
            done = screen(
                predictor, known, library, output=output, top=top or None, cores=cores,
                progress=advance,
            )  # fmt: skip
        outcome.update(support=len(known.smiles), **done._asdict(), written=output)
