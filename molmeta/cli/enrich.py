"""Judge models where actives are rare: rank virtual screens from small supports.

Every model gets the same draws: 5, 10 and 20 actives with 1, 4 and 10 inactives each, and 5
actives alone. Writes a row for each model, target, support and draw; the log compares the first
model with the best of the others. An interrupted run resumes at its target.

Example: molmeta enrich screens.csv --models pretrained,tanimoto_gp --output enrichment.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED, numbers
from molmeta.runtime.console import bar, logger, session


def run(
    tables: list[Path] = typer.Argument(
        ..., help="Tables with active and smiles, and optionally source and target."
    ),
    output: Path = OUTPUT,
    models: str = typer.Option(
        "similarity,similarity:mode=mean,tanimoto_gp,logistic_regression",
        help="Model files or baselines, separated by commas; NAME:OPTION=VALUE sets an option.",
    ),
    molecules: Path | None = typer.Option(
        None, help="Molecule store to add the features to; by default they are not kept."
    ),
    decoys: int | None = typer.Option(None, min=1, help="Most inactives of a target."),
    actives: str = typer.Option("5,10,20", help="Numbers of actives in a support."),
    per_active: str = typer.Option("1,4,10", help="Numbers of inactives for each active."),
    draws: int = typer.Option(10, min=1, help="Supports of each kind and target."),
    without_memory: bool = typer.Option(
        False, help="Judge models as if no training assay had measured the compounds."
    ),
    new_compounds: bool = typer.Option(
        False, help="Leave out the compounds in the first model's training data."
    ),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.api.enrich import enrich
    from molmeta.evaluation.enrichment import EnrichmentPlan, compared, unknown_targets

    torch.set_num_threads(1)
    plan = EnrichmentPlan(
        numbers(actives, "--actives"), numbers(per_active, "--per-active"), draws, seed
    )
    names = [name.strip() for name in models.split(",")]
    with session("enrich", models=models, plan=plan) as outcome:
        with bar(None, "enrich") as advance:
            rows = enrich(
                tables, models=names, plan=plan, molecules=molecules, decoys=decoys,
                without_memory=without_memory, new_compounds=new_compounds, output=output,
                cores=cores, progress=advance,
            )  # fmt: skip
        for scope, part in (("all", rows), ("unknown", unknown_targets(rows))):
            for row in compared(part, Path(names[0]).stem).to_dict("records"):
                logger.info("%s targets: %s", scope, row)
        outcome.update(targets=rows["target"].nunique(), written=output)
