"""Assays as others publish them, brought to long tables: FS-Mol's release, MoleculeNet's sheets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.curation.tablefiles import decode, read_bytes
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELEASE_SUFFIX = ".jsonl.gz"
_RELEASE_FIELDS = {"smiles": "SMILES", "active": "Property", "value": "RegressionProperty"}


def release_files(folder: Path) -> list[Path]:
    """Return the assays of a folder of FS-Mol's release, one `*.jsonl.gz` each, by name."""
    return sorted(path for path in folder.glob(f"*{RELEASE_SUFFIX}") if path.name[0] != ".")


def read_release(folder: Path) -> pd.DataFrame:
    """Read a folder of FS-Mol's own release as one long table; features in it are left alone.

    Returns:
        Columns assay (the file name, as FS-Mol does it), smiles, active, value (nM or %),
        unit, relation; the index is the line in its file, from 1.

    Raises:
        TableError: the folder has no such file, or a file is damaged or of another kind.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021; microsoft/FS-Mol.
    """
    paths = release_files(folder)
    if not paths:
        raise TableError(
            f"{folder}: holds no assay; got no file '*{RELEASE_SUFFIX}', expected one an assay. "
            "Unpack FS-Mol's release there."
        )
    records = [record for path in paths for record in _records(path)]
    return pd.DataFrame(records).set_index("row")


def melt_wide(frame: pd.DataFrame, *, smiles: str, where: Path) -> pd.DataFrame:
    """Turn a sheet with one 0/1 column an assay into rows; cells without a measurement go.

    Columns that hold anything else than 0, 1 and blanks are no assays and are passed over.

    Args:
        frame: as read, with the source's row as index.
        smiles: name of the column that holds the molecules.
        where: what to name in errors.

    Raises:
        TableError: no column looks like an assay.
    """
    assays = [column for column in frame.columns if column != smiles and _binary(frame[column])]
    if not assays:
        raise TableError(
            f"{where}: holds no assay; got columns {list(frame.columns)[:8]}, expected columns of "
            "0, 1 and blanks beside the SMILES. Set its layout to 'long' if it is not a wide sheet."
        )
    molecules = frame[[smiles]].rename(columns={smiles: "smiles"})
    parts = [_one_assay(molecules, frame[name], name) for name in assays]
    return pd.concat(parts)


def _one_assay(molecules: pd.DataFrame, cells: pd.Series, name: str) -> pd.DataFrame:
    active = pd.to_numeric(cells, errors="coerce")
    measured = active.notna()
    return molecules[measured].assign(active=active[measured].astype("float64"), assay=name)


def _binary(cells: pd.Series) -> bool:
    text = cells.isna() | cells.astype(str).str.strip().eq("")
    return bool(pd.to_numeric(cells[~text], errors="coerce").isin([0, 1]).all() and (~text).any())


def _records(path: Path) -> Iterator[dict[str, object]]:
    assay = path.name.removesuffix(RELEASE_SUFFIX)
    for row, line in enumerate(decode(read_bytes(path)).splitlines(), start=1):
        if line.strip():
            yield {"row": row, "assay": assay, **_fields(path, row, line)}


def _fields(path: Path, row: int, line: str) -> dict[str, object]:
    try:
        given = json.loads(line)
        found: dict[str, object] = {ours: given[theirs] for ours, theirs in _RELEASE_FIELDS.items()}
        found["relation"] = str(given.get("Relation") or "")
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{path}: line {row} is no FS-Mol molecule; got '{line[:60]}', expected a JSON object "
            f"with {sorted(_RELEASE_FIELDS.values())}. Download the file again."
        ) from error
    return found | {"unit": "nM"}
