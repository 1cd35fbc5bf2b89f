"""Meta-train one learner on the training assays, choosing the best step on the valid ones.

Interrupted at any moment, the same command goes on from its last checkpoint, which stands beside
the output. A log of every step is written next to the model.

Example: molmeta train results/curated/train/*.parquet --valid results/curated/valid/a.parquet
  --molecules results/molecules.safetensors --recipe '{learner: protonet, encoder: gine}'
  --output results/models/protonet/0.safetensors
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molmeta.cli._options import MOLECULES, OUTPUT, SEED, mapping
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.models.model import Model


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables to learn from."),
    valid: list[Path] = typer.Option(..., help="Curated table to validate on; repeatable."),
    molecules: Path = MOLECULES,
    recipe: str = typer.Option(..., help="YAML file or text: learner, encoder, their options."),
    setting: list[str] = typer.Option([], "--set", help="Override, as training.steps=500."),
    init: list[Path] = typer.Option(
        [], help="Model whose encoder to start from; repeated, each brings a part of a join."
    ),
    curve: Path | None = typer.Option(None, help="Also draw the learning curve, as SVG."),
    seed: int = SEED,
    output: Path = OUTPUT,
) -> None:
    from molmeta.assays.assay import load_assays, with_values
    from molmeta.models.files import load
    from molmeta.models.recipes import recipe_of
    from molmeta.molecules.store import load_store
    from molmeta.training.loop import train
    from molmeta.training.task import Task, TrainingOptions

    entry = mapping(recipe, "--recipe", setting)
    training = TrainingOptions.from_mapping(entry.pop("training", {}))
    chosen = recipe_of(entry)
    with session("train", recipe=entry, seed=seed, init=init, tables=len(tables)) as outcome:
        start = [load(path) for path in init]
        store = load_store(molecules)
        known, judged = load_assays(tables, store), load_assays(valid, store)
        if chosen.learner_options.get("target") == "value":
            known = with_values(known)
        task = Task(chosen, training, seed, known, judged, store.molecules, start)
        checkpoint = output.with_suffix(".checkpoint")
        with bar(training.steps, "train") as advance:
            model, log = train(task, checkpoint=checkpoint, report=advance)
        _write(model, log, output, curve)
        checkpoint.unlink(missing_ok=True)
        outcome.update(steps=len(log), valid=round(float(log["valid"].max()), 4), written=output)


def _write(model: Model, log: pd.DataFrame, output: Path, curve: Path | None) -> None:
    from molmeta.models.files import save
    from molmeta.report.learning_curve import draw_curve
    from molmeta.runtime.outputs import written

    with written(output.with_suffix(".log.parquet")) as temporary:
        log.to_parquet(temporary, index=False)
    if curve is not None:
        draw_curve(log, curve)
    save(model, output)
