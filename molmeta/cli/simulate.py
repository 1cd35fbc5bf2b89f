"""Replay rounds of measuring on assays with known answers: how many hits does choosing bring?

Every policy begins with the same measured compounds; in each round a model is adapted to all that
is known by then and the next compounds are chosen. Chance, similarity search and a single screen
with the model adapted once (one_shot) always run beside them. A picture, .svg, comes beside the
table.

Example: molmeta simulate data/assays/test/CHEMBL204_Ki.csv --model tanimoto_gp --start 16
  --batch 16 --rounds 5 --acquisition ucb,greedy --output rounds.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT, SEED
from molmeta.runtime.console import bar, logger, session


def run(
    tables: list[Path] = typer.Argument(
        ..., help="Curated tables, or tables as in data/README.md."
    ),
    output: Path = OUTPUT,
    model: str = typer.Option(..., help="Model file, or a baseline such as 'tanimoto_gp'."),
    molecules: Path | None = typer.Option(
        None, help="Molecule store; else featurized on the spot."
    ),
    start: int = typer.Option(64, min=2, help="Compounds measured before the first round."),
    batch: int = typer.Option(64, min=1, help="Compounds a round."),
    rounds: int = typer.Option(10, min=1, help="Rounds."),
    acquisition: str = typer.Option("ucb,greedy", help="Policies, separated by commas."),
    repeats: int = typer.Option(3, min=1, help="Starts that are drawn, an assay."),
    max_similarity: float = typer.Option(
        1.0, help="Highest Tanimoto similarity within a round; 1 allows all."
    ),
    without_memory: bool = typer.Option(
        False, help="Judge the model as if no training assay had measured any of the compounds."
    ),
    seed: int = SEED,
    cores: int = CORES,
) -> None:
    import torch

    from molmeta.campaigns import simulation
    from molmeta.curation.reading import assays_and_molecules
    from molmeta.evaluation.enrichment import without_memory as forgetful
    from molmeta.models.named import named
    from molmeta.molecules.similarity import FINGERPRINT
    from molmeta.report.rounds import draw_rounds
    from molmeta.runtime.outputs import written

    torch.set_num_threads(1)
    names = tuple(name.strip() for name in acquisition.split(","))
    plan = simulation.SimulationPlan(start, batch, rounds, names, repeats, seed, max_similarity)
    with session("simulate", model=model, plan=plan) as outcome:
        chosen = named(model)
        learner = forgetful(chosen.learner) if without_memory else chosen.learner
        blocks = tuple(dict.fromkeys((*chosen.featurizers, FINGERPRINT)))
        assays, known = assays_and_molecules(tables, molecules, blocks, cores=cores)
        for name, n in simulation.acquaintance(learner, assays, known).items():
            logger.info("%s: the model's training assays have measured %d of its actives", name, n)
        with bar(len(assays) * repeats * len(plan.all_policies), "simulate") as advance:
            rows = simulation.simulate(
                learner, assays, known, plan=plan, model=Path(model).stem, progress=advance
            )
        with written(output) as temporary:
            rows.to_csv(temporary, index=False, float_format="%.6g")
        draw_rounds(rows, output.with_suffix(".svg"))
        outcome.update(simulation.summary(rows), assays=len(assays), written=output)
