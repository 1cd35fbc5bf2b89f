"""Measures what test assays share with training assays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.api._inputs import all_existing
from molmeta.assays.assay import read_curated
from molmeta.curation.audit import audit as audit_frames
from molmeta.curation.tables import SPLITS
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd


def audit(
    tables: Sequence[Path | str] | Path, *, near: float = 0.6, cores: int = 1
) -> pd.DataFrame:
    """Overlap of every assay with the training assays: compounds, scaffolds, neighbours, panels.

    Args:
        tables: curated tables of all splits; the name of a table's folder is its split.
        near: Tanimoto similarity from which two compounds count as neighbours.
        cores: processes that read molecules.

    Returns:
        A row for each assay, as `molmeta.curation.audit.audit` describes it.

    Raises:
        TableError: a table is not curated, or its folder is not named after a split.
        ConfigError: `near` is out of range.
    """
    paths = all_existing(tables)
    frames: dict[tuple[str, str], pd.DataFrame] = {}
    for path in paths:
        split, table = _split_of(path)
        if (split, table) in frames:
            raise TableError(
                f"{path}: another table of '{split}' has this name; got '{table}' twice, expected "
                "every name once in a split. Rename one of them."
            )
        frames[split, table] = read_curated([path])
    return audit_frames(frames, near=near, cores=cores)


def _split_of(path: Path) -> tuple[str, str]:
    split = path.resolve().parent.name
    if split not in SPLITS:
        raise TableError(
            f"{path}: its split is unknown; got the folder '{split}', expected one of {SPLITS}. "
            "Name the folder of a curated table after its split."
        )
    return split, path.stem
