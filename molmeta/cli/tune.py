"""Search the options of a learner on validation assays, and write the best recipe.

Uses Optuna. The recipe is read by `molmeta train --recipe`; a page next to it shows all trials. The
same command with the same --storage resumes, and several of them at a time share the work.

Example: molmeta tune tanimoto_gp --valid train/assays.parquet --budget 20s --storage study.db
  --output recipe.yaml
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED, STORE, mapping
from molmeta.runtime.console import bar, session


def run(
    learner: str = typer.Argument(..., help="Name of a learner; see 'molmeta learners'."),
    tables: list[Path] = typer.Argument(
        None, help="Curated tables or folders to learn from; baselines need none."
    ),
    valid: list[Path] = typer.Option(..., help="Table or folder to judge on; repeatable."),
    output: Path = OUTPUT,
    budget: str | None = typer.Option(None, help="Time for trials, such as 90s, 60m or 2h."),
    trials: int | None = typer.Option(None, min=1, help="Most trials, with those of --storage."),
    storage: str = typer.Option("", help="SQLite file, or URL of a database, for the trials."),
    start_from: list[str] = typer.Option([], help="Storage of an earlier study; repeatable."),
    portfolio: bool = typer.Option(
        True, "--portfolio/--no-portfolio", help="Begin with settings that worked elsewhere."
    ),
    recipe: str = typer.Option("{}", help="YAML: encoder and options that stay as they are."),
    setting: list[str] = typer.Option([], "--set", help="Override, such as training.steps=500."),
    molecules: Path | None = STORE,
    init: list[Path] = typer.Option([], help="Model whose encoder to start from."),
    workers: int = typer.Option(1, min=1, max=1024, help="Processes that search together."),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.api.tune import tune
    from molmeta.automl.study import judged

    torch.set_num_threads(1)
    entry = {**mapping(recipe, "--recipe", setting), "learner": learner}
    with session("tune", learner=learner, seed=seed, budget=budget or trials) as outcome:
        with bar(trials, "trials") as advance:
            tuned = tune(
                entry, tables or [], valid=valid, budget=budget, trials=trials, storage=storage,
                start_from=start_from, use_portfolio=portfolio, molecules=molecules, init=init,
                output=output, workers=workers, seed=seed, cores=cores, progress=advance,
            )  # fmt: skip
        outcome.update(
            trials=len(judged(tuned.study)), best=round(tuned.study.best_value, 4), written=output
        )
