"""Judges models where actives are rare: virtual screens with known actives."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.api._inputs import existing, model_of
from molmeta.assays.screens import digest, read_screens, screens_of, stored
from molmeta.evaluation import enrichment
from molmeta.evaluation.enrichment import EnrichmentPlan
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import write_frame
from molmeta.runtime.tableparts import kept, made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

_log = logging.getLogger(__name__)
MODELS = ("similarity", "similarity:mode=mean", "tanimoto_gp", "logistic_regression")


def enrich(
    tables: Sequence[Path | str],
    *,
    models: Sequence[str] = MODELS,
    plan: EnrichmentPlan | None = None,
    molecules: Path | str | None = None,
    decoys: int | None = None,
    without_memory: bool = False,
    new_compounds: bool = False,
    output: Path | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Rank the compounds of virtual screens from small supports, with every model.

    Args:
        tables: CSV or Parquet with the columns active and smiles, and optionally source and
            target.
        models: model files or names of baselines; every model gets the same draws.
        plan: support sizes and number of draws.
        molecules: molecule store to add the features to; None makes them each time.
        decoys: most inactives of a target.
        without_memory: judge models as if no training assay had measured the compounds.
        new_compounds: leave out the compounds in the first model's training data.
        output: CSV to write; an interrupted run then resumes at its target.
        cores: processes that featurize.
        progress: called with 1 after each target.

    Returns:
        A row for each model, target, support and draw.

    Raises:
        TableError: a table cannot be read.
        ConfigError: a model is unknown, or an option is out of range.
    """
    plan = plan or EnrichmentPlan()
    chosen = {Path(name).stem: model_of(name) for name in models}
    learners = {name: model.learner for name, model in chosen.items()}
    if without_memory:
        learners = {k: enrichment.without_memory(learner) for k, learner in learners.items()}
    names = sorted({name for learner in learners.values() for name in learner.featurizers})
    frame = read_screens([existing(path) for path in tables], decoys=decoys, cores=cores)
    store = stored(frame, names, None if molecules is None else Path(molecules), cores=cores)
    screens = list(screens_of(frame, store))
    blocks = store.molecules.only(tuple(names))
    if new_compounds:
        first, n = next(iter(learners.values())), len(screens)
        screens = enrichment.new_compounds(screens, first, blocks, plan=plan)
        _log.info("%d of %d targets have enough new compounds", len(screens), n)
    # A list keeps the order: rows, and with new_compounds the screens, depend on the first model.
    digests = [(name, model.digest) for name, model in chosen.items()]
    kind = [digests, asdict(plan), without_memory, new_compounds, digest(frame)]
    keeping = nullcontext(made) if output is None else kept(output, kind, progress)
    with keeping as keep:
        rows = enrichment.enrich(learners, screens, blocks, plan=plan, keep=keep)
        if output is not None:
            with written(output) as temporary:
                write_frame(temporary, rows, float_format="%.6g")
    return rows
