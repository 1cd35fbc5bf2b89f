"""Judge models where actives are rare: draw small supports of screens and rank what they leave.

Every model sees the same draws: 5, 10 and 20 actives with 1, 4 and 10 inactives each, and 5
actives alone. One row is written for each model, target, support and draw; the log compares the
first model with the best of the others. A run that was interrupted goes on at its target.

Example: molmeta enrich screens.parquet --models model.safetensors,tanimoto_gp
  --molecules screens.safetensors --output enrichment.csv
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED, numbers
from molmeta.runtime.console import bar, logger, session


def run(
    tables: list[Path] = typer.Argument(..., help="Tables: [source, target,] active, smiles."),
    output: Path = OUTPUT,
    models: str = typer.Option(
        "similarity,similarity:mode=mean,tanimoto_gp,logistic_regression",
        help="Model files or baselines, separated by commas; name:option=value sets an option.",
    ),
    molecules: Path | None = typer.Option(
        None, help="Molecule store to add the features to; without it they are made each time."
    ),
    decoys: int | None = typer.Option(None, min=1, help="Inactives of a target at most."),
    actives: str = typer.Option("5,10,20", help="Actives in a support."),
    per_active: str = typer.Option("1,4,10", help="Inactives for each active."),
    draws: int = typer.Option(10, min=1, help="Supports of each kind, a target."),
    without_memory: bool = typer.Option(
        False, help="Judge models as if no training assay had measured any of the compounds."
    ),
    new_compounds: bool = typer.Option(
        False, help="Leave out all compounds that the first model has met in training."
    ),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.assays.screens import digest, read_screens, screens_of, stored
    from molmeta.evaluation import enrichment
    from molmeta.models.named import named
    from molmeta.runtime.outputs import written
    from molmeta.runtime.tableparts import kept

    torch.set_num_threads(1)
    plan = enrichment.EnrichmentPlan(
        numbers(actives, "--actives"), numbers(per_active, "--per-active"), draws, seed
    )
    with session("enrich", models=models, plan=plan) as outcome:
        chosen = {Path(name).stem: named(name.strip()) for name in models.split(",")}
        learners = {name: model.learner for name, model in chosen.items()}
        if without_memory:
            learners = {k: enrichment.without_memory(one) for k, one in learners.items()}
        blocks = sorted({name for one in learners.values() for name in one.featurizers})
        frame = read_screens(tables, decoys=decoys, cores=cores)
        store = stored(frame, blocks, molecules, cores=cores)
        screens = list(screens_of(frame, store))
        needed = store.molecules.only(tuple(blocks))
        if new_compounds:
            first, n = next(iter(learners.values())), len(screens)
            screens = enrichment.new_compounds(screens, first, needed, plan=plan)
            logger.info("%d of %d targets have enough new compounds", len(screens), n)
        # A list: rows, and with --new-compounds the screens, depend on which model is first.
        judged = [(name, model.digest) for name, model in chosen.items()]
        kind = [judged, asdict(plan), without_memory, new_compounds, digest(frame)]
        with bar(len(screens), "enrich") as advance, kept(output, kind, advance) as keep:
            rows = enrichment.enrich(learners, screens, needed, plan=plan, keep=keep)
            with written(output) as temporary:
                rows.to_csv(temporary, index=False, float_format="%.6g")
        for scope, part in (("all", rows), ("unknown", enrichment.unknown_targets(rows))):
            for row in enrichment.compared(part, next(iter(learners))).to_dict("records"):
                logger.info("%s targets: %s", scope, row)
        outcome.update(targets=len(screens), written=output)
