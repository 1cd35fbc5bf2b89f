"""Choose the next plate: expected hits, uncertain compounds, and diversity.

The library is read once. Its most promising and its most uncertain compounds are kept in a pool
(--pool). The plate is filled from the pool so that no two compounds are too similar. Compounds
measured already, in the support or in --exclude, are never suggested.

Example: molmeta suggest --support measured.csv --library library.smi --wells 96
  --output plate.csv
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli import _options
from molmeta.runtime.console import bar, session
from molmeta.runtime.outputs import require_apart

if TYPE_CHECKING:
    from molmeta.api._inputs import SupportOptions

ACQUISITION = typer.Option(
    "ucb", help="ucb, greedy, thompson, expected_improvement, uncertainty, similarity, random."
)
MAX_SIMILARITY = typer.Option(
    0.7, help="Highest Tanimoto similarity of two compounds of the plate; 1 allows all."
)


@_options.reads_table
def run(
    support: Path = _options.SUPPORT,
    library: Path = _options.LIBRARY,
    output: Path = _options.OUTPUT,
    model: str | None = _options.MODEL,
    assay: str = _options.ASSAY,
    size: int | None = _options.SIZE,
    wells: int = typer.Option(96, help="Wells: 24, 48, 96, 384 or 1536."),
    acquisition: str = ACQUISITION,
    explore: float = typer.Option(0.2, help="Share of wells for the most uncertain compounds."),
    max_similarity: float = MAX_SIMILARITY,
    controls: Path | None = typer.Option(None, help="CSV of fixed wells: well, compound, smiles."),
    exclude: Path | None = typer.Option(None, help="Library of compounds measured elsewhere."),
    pool: int = typer.Option(5000, help="Compounds kept while the library is read."),
    force: bool = _options.FORCE,
    seed: int = _options.SEED,
    cores: int = _options.CORES,
    **table: Unpack[SupportOptions],
) -> None:
    import torch

    from molmeta.api.suggest import run_suggest
    from molmeta.campaigns.plates import read_controls
    from molmeta.campaigns.suggest import PlatePlan

    torch.set_num_threads(1)
    inputs = {"--support": support, "--controls": controls, "--exclude": exclude}
    require_apart(inputs, {"--output": output})
    plan = PlatePlan(
        wells=wells, acquisition=acquisition, explore=explore, max_similarity=max_similarity,
        pool=pool, controls=() if controls is None else tuple(read_controls(controls)),
        exclude=() if exclude is None else _smiles(exclude), force=force, seed=seed,
    )  # fmt: skip
    with session("suggest", library=library, model=model or "pretrained", seed=seed) as outcome:
        with bar(None, "compounds") as advance:
            done, reading = run_suggest(
                support, library, model=model, plan=plan, output=output, assay=assay, size=size,
                cores=cores, progress=advance, **table,
            )  # fmt: skip
        n = len(reading.support.smiles)
        outcome.update(support=n, **done.counts._asdict(), pool=pool, written=output)


def _smiles(path: Path) -> tuple[str, ...]:
    from molmeta.libraries.reading import read_library

    records = (record for chunk in read_library(path) for record in chunk)
    return tuple(record.smiles for record in records if not record.reason)
