"""Replay rounds of measuring on assays with known labels, and count the hits.

Every policy starts with the same measured compounds. In each round the model is adapted to all
compounds measured so far and chooses the next ones. Random choice, similarity search and a model
adapted only once (one_shot) are always included. A chart, .svg, is written next to the table.

Example: molmeta simulate measured.csv --model tanimoto_gp --start 16 --batch 8 --rounds 4
  --acquisition ucb,greedy --output rounds.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED, STORE
from molmeta.runtime.console import bar, session

MAX_SIMILARITY = typer.Option(1.0, help="Highest Tanimoto similarity within a round; 1 allows all.")


def run(
    tables: list[Path] = typer.Argument(
        ..., help="Curated tables, or tables of measured compounds."
    ),
    output: Path = OUTPUT,
    model: str = typer.Option(..., help="Model file, 'pretrained', or a baseline."),
    molecules: Path | None = STORE,
    start: int = typer.Option(64, min=2, help="Compounds measured before the first round."),
    batch: int = typer.Option(64, min=1, help="Compounds per round."),
    rounds: int = typer.Option(10, min=1, help="Number of rounds."),
    acquisition: str = typer.Option("ucb,greedy", help="Policies, separated by commas."),
    repeats: int = typer.Option(3, min=1, help="Number of starts to draw for each assay."),
    max_similarity: float = MAX_SIMILARITY,
    without_records: bool = typer.Option(
        False, help="Judge the model as if no training assay had measured the compounds."
    ),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.api.simulate import simulate
    from molmeta.campaigns.simulation import SimulationPlan, summary
    from molmeta.report.curves import draw_rounds
    from molmeta.runtime.outputs import written
    from molmeta.runtime.spreadsheets import write_frame

    torch.set_num_threads(1)
    policies = tuple(name.strip() for name in acquisition.split(","))
    plan = SimulationPlan(start, batch, rounds, policies, repeats, seed, max_similarity)
    with session("simulate", model=model, plan=plan) as outcome:
        with bar(None, "campaigns") as advance:
            rows = simulate(
                tables, model=model, plan=plan, molecules=molecules,
                without_records=without_records, cores=cores, progress=advance,
            )  # fmt: skip
        with written(output) as temporary:
            write_frame(temporary, rows, float_format="%.6g")
        draw_rounds(rows, output.with_suffix(".svg"))
        outcome.update(summary(rows), assays=rows["assay"].nunique(), written=output)
