"""Hide the actives of targets in a library, and measure how well models find them again.

Every model gets the same supports, drawn as users have them:

* series:24 is a SAR table: 24 compounds of an assay, both classes. Hidden are its other actives.
* hop:24 is a compound and its 23 nearest neighbours. Hidden are actives unlike all of them.
* actives:8 is 8 actives alone.
* unrelated:5+20 is 5 actives and 20 compounds of the library, which are presumed inactive.
* mixed:24+24 is a SAR table with 24 compounds of the library.

Writes a row for each model, target, support and draw; the log compares the first model with the
best of the others. An interrupted run resumes at its target.

Example: molmeta enrich train/assays.parquet --library library.smi --library-size 1000
  --supports series:24 --output enrichment.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED
from molmeta.runtime.console import bar, logger, session

LIBRARY = typer.Option(
    None, help="Compounds presumed inactive; by default the inactives of each target."
)
LIBRARY_SIZE = typer.Option(
    None, min=100, help="Random compounds of the library to use; by default all."
)
CONTESTANTS = typer.Option(
    None,
    help="Model files or baselines, separated by commas; by default the pretrained model and "
    "baselines. NAME:OPTION=VALUE sets an option, @actives withholds inactives, @presumed adds 100 "
    "library compounds as inactives.",
)
SUPPORTS = typer.Option(
    None,
    help="Kinds of supports, separated by commas; by default SAR tables of three sizes, scaffold "
    "hops and actives alone.",
)


def run(
    tables: list[Path] = typer.Argument(
        ..., help="Curated tables, or tables with active, smiles and optionally source and target."
    ),
    output: Path = OUTPUT,
    library: Path | None = LIBRARY,
    library_size: int | None = LIBRARY_SIZE,
    models: str | None = CONTESTANTS,
    supports: str | None = SUPPORTS,
    draws: int = typer.Option(3, min=1, help="Supports of each kind and target."),
    molecules: Path | None = typer.Option(
        None, help="Molecule store to add the features to; by default they are not kept."
    ),
    decoys: int | None = typer.Option(None, min=1, help="Most inactives of a target."),
    without_records: bool = typer.Option(
        False, help="Judge models as if no training assay had measured the compounds."
    ),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.api.enrich import MODELS, enrich
    from molmeta.evaluation.enrichment import EnrichmentPlan
    from molmeta.evaluation.enrichment_tables import compared, overlap

    torch.set_num_threads(1)
    kinds = {} if supports is None else {"supports": _listed(supports)}
    plan = EnrichmentPlan(draws=draws, seed=seed, **kinds)
    names = MODELS if models is None else _listed(models)
    with session("enrich", models=",".join(names), plan=plan) as outcome:
        with bar(None, "targets") as advance:
            rows = enrich(
                tables, library=library, library_size=library_size, models=names, plan=plan,
                molecules=molecules, decoys=decoys, without_records=without_records, output=output,
                cores=cores, progress=advance,
            )  # fmt: skip
        for table in (compared(rows, str(rows["model"].iloc[0])), overlap(rows)):
            for row in table.to_dict("records"):
                logger.info("%s", row)
        outcome.update(targets=rows["target"].nunique(), written=output)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))
