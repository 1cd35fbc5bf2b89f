"""Replays rounds of measuring on assays with known labels."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from molmeta.api._inputs import ModelLike, all_existing, existing, model_name, ranking_model
from molmeta.campaigns import simulation
from molmeta.campaigns.simulation import SimulationPlan
from molmeta.curation.reading import assays_and_molecules
from molmeta.evaluation import enrichment
from molmeta.molecules.similarity import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd


_log = logging.getLogger(__name__)


def simulate(
    tables: Sequence[Path | str] | Path,
    *,
    model: ModelLike = None,
    plan: SimulationPlan | None = None,
    molecules: Path | str | None = None,
    without_records: bool = False,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Count the hits that each acquisition function finds, round by round.

    Args:
        tables: curated tables, or tables as in `data/README.md`.
        model: a model, its file, or the name of a baseline; None takes the pretrained model.
        plan: numbers of compounds and rounds, and policies.
        molecules: molecule store of `molmeta featurize`; None featurizes the compounds here.
        without_records: judge the model as if no training assay had measured the compounds.
        cores: processes that featurize.
        progress: called with 1 after each replay of one policy.

    Returns:
        A row for each assay, policy, repeat and round, as
        `molmeta.campaigns.simulation.simulate` describes it.

    Raises:
        TableError: a table cannot be read.
        EpisodeError: no assay is large enough.
    """
    chosen, plan = ranking_model(model), plan or SimulationPlan()
    learner = chosen.learner
    if without_records:
        learner = enrichment.without_records(learner)
    names = tuple(dict.fromkeys((*chosen.library_featurizers, FINGERPRINT)))
    store = None if molecules is None else existing(molecules)
    paths = all_existing(tables)
    assays, blocks = assays_and_molecules(paths, store, names, cores=cores)
    for name, n in simulation.actives_in_training(learner, assays, blocks).items():
        _log.info("%s: %d of its actives are in the model's training data", name, n)
    return simulation.simulate(
        learner, assays, blocks, plan=plan, model=model_name(model), progress=progress
    )
