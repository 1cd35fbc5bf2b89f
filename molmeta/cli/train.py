"""Meta-train a learner on curated assays, and keep the step that validates best.

A training that was interrupted resumes from its last checkpoint with the same command. A log of
every step is written next to the model.

Example: molmeta train train/assays.parquet --valid valid/measured.parquet
  --molecules molecules.safetensors --recipe '{learner: protonet, encoder: fingerprint}'
  --set training.steps=50 --set training.supports=[16] --set training.validation_supports=[16]
  --set training.n_query=16 --output model.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import MOLECULES, OUTPUT, SEED, mapping
from molmeta.runtime.console import bar, session


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables or folders to learn from."),
    valid: list[Path] = typer.Option(..., help="Table or folder to validate on; repeatable."),
    molecules: Path = MOLECULES,
    recipe: str = typer.Option(..., help="YAML file or text: learner, encoder and options."),
    setting: list[str] = typer.Option([], "--set", help="Override, such as training.steps=500."),
    init: list[str] = typer.Option(
        [], help="Model whose encoder to start from, or 'pretrained'; several for a join."
    ),
    curve: Path | None = typer.Option(None, help="Also draw the learning curve, as SVG."),
    seed: int = SEED,
    output: Path = OUTPUT,
) -> None:
    from molmeta.api.train import train
    from molmeta.report.curves import draw_curve
    from molmeta.training.task import TrainingOptions

    entry = mapping(recipe, "--recipe", setting)
    training = TrainingOptions.from_mapping(entry.pop("training", {}))
    with session("train", recipe=entry, seed=seed, init=init, tables=len(tables)) as outcome:
        with bar(training.steps, "steps") as advance:
            trained = train(
                tables, valid=valid, recipe=entry, training=training, molecules=molecules,
                init=init, seed=seed, output=output, progress=advance,
            )  # fmt: skip
        if curve is not None:
            draw_curve(trained.log, curve)
        best = round(float(trained.log["valid"].max()), 4)
        outcome.update(steps=len(trained.log), valid=best, written=output)
