"""Meta-train one learner on the training assays, choosing the best step on the valid ones.

Interrupted at any moment, the same command goes on from its last checkpoint, which stands beside
the output. A log of every step is written next to the model.

Example: molmeta train results/curated/train/*.parquet --valid results/curated/valid/a.parquet
  --molecules results/molecules.safetensors --recipe '{learner: protonet, encoder: gine}'
  --output results/models/protonet/0.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._console import bar, session
from molmeta.cli._options import MOLECULES, OUTPUT, SEED, mapping


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables to learn from."),
    valid: list[Path] = typer.Option(..., help="Curated table to validate on; repeatable."),
    molecules: Path = MOLECULES,
    recipe: str = typer.Option(..., help="YAML file or text: learner, encoder, their options."),
    setting: list[str] = typer.Option([], "--set", help="Override, as training.steps=500."),
    seed: int = SEED,
    output: Path = OUTPUT,
) -> None:
    from molmeta import registry
    from molmeta.assays import load_assays
    from molmeta.models import save
    from molmeta.outputs import written
    from molmeta.recipes import recipe_of
    from molmeta.store import load_store
    from molmeta.tasks import Task, Training
    from molmeta.training import train

    entry = mapping(recipe, "--recipe", setting)
    options = registry.bind(Training, entry.pop("training", {}), "training")
    training, chosen = Training(**options), recipe_of(entry)
    checkpoint = output.with_suffix(".checkpoint")
    with session("train", recipe=entry, seed=seed, tables=len(tables)) as outcome:
        store = load_store(molecules)
        assays = load_assays(tables, store), load_assays(valid, store)
        task = Task(chosen, training, seed, *assays, store.molecules)
        with bar(training.steps, "train") as advance:
            model, log = train(task, checkpoint=checkpoint, report=advance)
        with written(output.with_suffix(".log.parquet")) as temporary:
            log.to_parquet(temporary, index=False)
        save(model, output)
        checkpoint.unlink(missing_ok=True)
        outcome.update(steps=len(log), valid=round(float(log["valid"].max()), 4), written=output)
