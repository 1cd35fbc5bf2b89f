"""Judge a model or a baseline on assays with known labels.

Writes a row for each assay, support size and repeat. The same seed draws the same episodes for
every model. An interrupted evaluation resumes with the same command.

Example: molmeta evaluate pretrained measured.csv --supports 16,32 --output metrics.parquet

Example: molmeta evaluate similarity measured.csv --split scaffold --supports 32
  --output scaffolds.parquet
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from molmeta.cli import _options
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.api._inputs import SupportOptions


@_options.reads_table
def run(
    model: str = typer.Argument(..., help="Model file, 'pretrained', or a baseline."),
    tables: list[Path] = typer.Argument(
        ..., help="Curated tables, or tables of measured compounds."
    ),
    output: Path = _options.OUTPUT,
    molecules: Path | None = _options.STORE,
    supports: str = typer.Option("16,32,64,128,256", help="Support sizes."),
    repeats: int = typer.Option(10, min=1, help="Draws of each assay and support size."),
    seed: int = _options.SEED,
    share: float | None = typer.Option(None, help="Share of actives in the support."),
    n_query: int | None = typer.Option(None, help="Largest number of compounds in a query set."),
    scaffold: bool = typer.Option(False, help="Keep scaffolds of the support out of the query."),
    split: str = typer.Option(
        "", help="Split by DeepChem instead of drawing: scaffold, butina or fingerprint."
    ),
    name: str | None = typer.Option(None, help="Name of the model in the table."),
    examples: Path | None = typer.Option(None, help="Also write one episode of each assay."),
    cores: int = _options.CORES,
    **table: Unpack[SupportOptions],
) -> None:
    import torch

    from molmeta.api.evaluate import evaluate
    from molmeta.evaluation.evaluate import EvaluationPlan

    torch.set_num_threads(1)
    sizes = _options.numbers(supports, "--supports")
    plan = EvaluationPlan(
        supports=sizes, repeats=repeats, seed=seed, share=share, n_query=n_query,
        scaffold=scaffold, split=split,
    )  # fmt: skip
    with session("evaluate", model=model, plan=plan) as outcome:
        with bar(None, "assays") as advance:
            rows = evaluate(
                model, tables, plan=plan, molecules=molecules, name=name, output=output,
                examples=examples, cores=cores, progress=advance, **table,
            )  # fmt: skip
        outcome.update(_summary(rows), written=output)


def _summary(rows: pd.DataFrame) -> dict[str, float]:
    return {
        "assays": rows["assay"].nunique(),
        "episodes": int(rows["reason"].eq("").sum()),
        "not_drawn": int(rows["reason"].ne("").sum()),
        "delta_auprc": round(float(rows["delta_auprc"].mean()), 4),
    }
