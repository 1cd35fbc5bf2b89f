"""From tables, curated or not, to assays and the molecules that their rows point into."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.assays.assay import COLUMNS, Assay, assays_of, distinct_compounds, read_curated
from molmeta.curation.curate import Curated, Rules, curate
from molmeta.curation.measurements import REASONS
from molmeta.curation.usertables import UserTable, read_user_table
from molmeta.errors import TableError
from molmeta.molecules.store import load_store, update
from molmeta.runtime.parquetfiles import column_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from molmeta.curation.tableoptions import TableOptions
    from molmeta.molecules.blocks import Molecules

_log = logging.getLogger(__name__)


def assays_and_molecules(
    tables: Sequence[Path],
    store: Path | None,
    featurizers: Sequence[str],
    *,
    options: TableOptions | None = None,
    cores: int = 1,
) -> tuple[list[Assay], Molecules]:
    """Return the assays of tables with the features of their molecules.

    Tables that are not curated yet are curated with default rules. The log says how many rows are
    dropped for each reason, since no file lists them.

    Args:
        tables: curated tables, or tables as `data/README.md` describes them.
        store: molecule store; None featurizes the molecules here.
        featurizers: names of the features to return.
        options: names of columns, unit and threshold of tables that are not curated.
        cores: processes to use.

    Raises:
        TableError: a table cannot be read, or no assay in it can be used.
    """
    curated = [path for path in tables if is_curated(path)]
    frames = [read_curated(curated)] if curated else []
    frames += [
        curated_assays(path, read_user_table(path, options), cores=cores).kept
        for path in tables
        if path not in curated
    ]
    frame = pd.concat(frames, ignore_index=True)
    if store is not None:
        molecules_store = load_store(store)
    else:
        molecules_store = update(None, distinct_compounds(frame), featurizers, cores=cores)
    return assays_of(frame, molecules_store), molecules_store.molecules.only(tuple(featurizers))


def is_curated(path: Path) -> bool:
    """Return whether a file is a curated table, judged by its columns."""
    if path.suffix != ".parquet":
        return False
    try:
        return set(COLUMNS) <= set(column_names(path))
    except (OSError, ValueError) as error:
        raise TableError(
            f"{path}: cannot be read; got '{error}', expected a complete Parquet file. "
            "Create or copy it again."
        ) from error


def curated_assays(
    where: Path | str,
    table: UserTable,
    *,
    rules: Rules | None = None,
    least_share: float = 0.0,
    cores: int = 1,
) -> Curated:
    """Curate a table whose dropped rows are written nowhere, and log them instead.

    Args:
        where: source of the rows, for messages.
        table: of `molmeta.curation.usertables.read_user_table`; its thresholds are applied.
        rules: other rules of curation; the defaults where not given.
        least_share: as in `molmeta.curation.curate.curate`.
        cores: processes to use.

    Raises:
        TableError: no assay in it can be used.
    """
    rules = (rules or Rules()).model_copy(update={"thresholds": table.thresholds})
    result = curate(table.rows, rules=rules, least_share=least_share, cores=cores)
    _log_dropped(where, result.dropped)
    if result.kept.empty:
        status = "; ".join(f"{a}: {s}" for a, s in result.assays[["assay", "status"]].to_numpy())
        raise TableError(
            f"{where}: holds no assay that can be used; got {status[:200]}, expected actives and "
            "inactives. Add measured compounds, or set another --threshold."
        )
    return result


def _log_dropped(where: Path | str, dropped: pd.DataFrame) -> None:
    for reason, rows in dropped.groupby("reason", sort=True):
        code, first = str(reason), int(rows["row"].min())
        why = REASONS.get(code, code)
        _log.warning("%s: %d rows left out, first row %d: %s", where, len(rows), first, why)
