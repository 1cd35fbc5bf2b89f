"""Fills the next plate: which compounds to measure next."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, Unpack

from molmeta.api._inputs import (
    LibraryLike,
    ModelLike,
    SupportOptions,
    library_file,
    log_facts,
    ranking_model,
    require_library,
    support_of,
)
from molmeta.campaigns.platefiles import write_plate
from molmeta.campaigns.suggest import Plate, PlatePlan, fill_plate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from molmeta.screening.supports import SupportLike, SupportReading

ACTIVES_ALONE = (
    "The support contains actives alone, so probabilities order the library but are not chances "
    "of a hit. Add the compounds that this plate finds inactive to the next support."
)
_log = logging.getLogger(__name__)


def suggest(
    support: SupportLike,
    library: LibraryLike,
    *,
    model: ModelLike = None,
    plan: PlatePlan | None = None,
    assay: str = "",
    size: int | None = None,
    cores: int = 1,
    **options: Unpack[SupportOptions],
) -> pd.DataFrame:
    """Choose the compounds of the next plate.

    Args:
        support: table of measured compounds, frame with its columns, or (SMILES, labels).
        library: path of SMILES lines, CSV, Excel, SDF, Parquet or a featurized library, or SMILES.
        model: a model, its file, or the name of a baseline; None takes the pretrained model.
        plan: size of the plate, acquisition function, diversity and controls.
        assay: name of the assay, if the table contains several.
        size: number of compounds to draw from the table, with the plan's seed; None takes all.
        cores: processes that featurize.
        options: names of columns, unit, threshold and direction of the table, named as the
            attributes of `molmeta.curation.tableoptions.TableOptions`.

    Returns:
        A row for each well: its name, role, compound, SMILES, probability, uncertainty, and the
        nearest measured active with its similarity.

    Raises:
        TableError: the support or the library cannot be read, or a label is not understood.
        EpisodeError: the model cannot adapt to the support.
        ConfigError: the plan is impossible, or the model is unknown.

    Example:
        >>> import molmeta
        >>> from molmeta.campaigns.suggest import PlatePlan
        >>> support = (["CCO", "CCCO", "c1ccccc1O", "Cc1ccccc1O"], [0, 0, 1, 1])
        >>> library = ["CCCCO", "CCc1ccccc1O", "Cc1ccccc1O"]
        >>> plan = PlatePlan(wells=24, explore=0.0)
        >>> plate = molmeta.suggest(support, library, model="tanimoto_gp", plan=plan)
        >>> plate[["well", "smiles"]].to_numpy().tolist()
        [['A1', 'CCc1ccccc1O'], ['A2', 'CCCCO']]
    """
    done, _ = run_suggest(
        support, library, model=model, plan=plan, assay=assay, size=size, cores=cores, **options
    )
    return done.table


def run_suggest(
    support: SupportLike,
    library: LibraryLike,
    *,
    model: ModelLike = None,
    plan: PlatePlan | None = None,
    output: Path | None = None,
    assay: str = "",
    size: int | None = None,
    cores: int = 1,
    progress: Callable[[int], None] = lambda _: None,
    **options: Unpack[SupportOptions],
) -> tuple[Plate, SupportReading]:
    """Choose the next plate as `suggest` does; return it with its counts and the support.

    `output` is a CSV to write; without it, the plate stays in memory. `progress` is called with
    the number of records done since the last call.

    Raises:
        OutputError: the output cannot be written.
        TableError, EpisodeError, ConfigError: as `suggest`.
    """
    require_library(library)
    chosen, plan = ranking_model(model), plan or PlatePlan()
    reading = support_of(support, chosen, options, assay=assay, size=size, seed=plan.seed)
    log_facts(reading.facts())
    if reading.n_active == len(reading.support.smiles):
        _log.warning("%s", ACTIVES_ALONE)
    predictor = chosen.adapt(*reading.support)
    how: Any = {"plan": plan, "cores": cores, "progress": progress}
    with library_file(library) as path:
        if output is not None:
            return write_plate(predictor, reading.support, path, output=output, **how), reading
        plate = fill_plate(predictor, reading.support, path, rejects=io.StringIO(), **how)
    if plate.error is not None:
        raise plate.error
    return plate, reading
