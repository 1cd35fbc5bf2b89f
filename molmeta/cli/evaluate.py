"""Judge a model, or a baseline by its name, on the assays of a table.

Writes one row for each assay, support size and repeat. The same seed draws the same episodes for
every model.

Example: molmeta evaluate results/models/protonet/0.safetensors results/curated/test/a.parquet
  --supports 16,32,64 --repeats 10 --seed 0 --output metrics.parquet
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED, numbers
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    import pandas as pd


def run(
    model: str = typer.Argument(..., help="Model file, or a baseline such as 'similarity'."),
    tables: list[Path] = typer.Argument(
        ..., help="Curated tables, or tables as in data/README.md."
    ),
    output: Path = OUTPUT,
    molecules: Path | None = typer.Option(
        None, help="Molecule store; else featurized on the spot."
    ),
    supports: str = typer.Option("16,32,64,128,256", help="Support sizes."),
    repeats: int = typer.Option(10, min=1, help="Draws an assay and size."),
    seed: int = SEED,
    share: float | None = typer.Option(None, help="Share of actives in the support."),
    query: int | None = typer.Option(None, help="Molecules in the query at most."),
    scaffold: bool = typer.Option(False, help="Let the query hold no scaffold of the support."),
    name: str | None = typer.Option(None, help="Name of the model in the table."),
    examples: Path | None = typer.Option(None, help="Also write one drawn episode an assay."),
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.assays.assay import digest
    from molmeta.curation.reading import assays_and_molecules
    from molmeta.evaluation import evaluate as evaluation
    from molmeta.evaluation.examples import examples as example_episodes
    from molmeta.models.named import named
    from molmeta.runtime.tableparts import kept

    torch.set_num_threads(1)
    sizes = numbers(supports, "--supports")
    plan = evaluation.EvaluationPlan(sizes, repeats, seed, share, query, scaffold)
    with session("evaluate", model=model, plan=plan) as outcome:
        judged = named(model)
        label, trained = name or Path(model).stem, int(judged.history.get("seed", 0))
        assays, blocks = assays_and_molecules(tables, molecules, judged.featurizers, cores=cores)
        kind = [judged.digest, label, trained, asdict(plan), digest(assays)]
        with bar(len(assays), "evaluate") as advance, kept(output, kind, advance) as keep:
            rows = evaluation.evaluate(
                judged.learner, assays, blocks, plan=plan, model=label, seed=trained, keep=keep
            )
            _write(rows, output)
        if examples is not None:
            drawn = example_episodes(
                judged.learner, assays, blocks, plan=plan, model=label, support=min(sizes)
            )
            _write(drawn, examples)
        outcome.update(_summary(rows), assays=len(assays), written=output)


def _write(frame: pd.DataFrame, path: Path) -> None:
    from molmeta.runtime.outputs import written

    with written(path) as temporary:
        frame.to_parquet(temporary, index=False)


def _summary(rows: pd.DataFrame) -> dict[str, float]:
    return {
        "episodes": int(rows["delta_auprc"].notna().sum()),
        "not_drawn": int(rows["reason"].ne("").sum()),
        "delta_auprc": round(float(rows["delta_auprc"].mean()), 4),
    }
