"""Published collections of assays as long tables: the FS-Mol release and MoleculeNet tables."""

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
    """Return the files of the FS-Mol release in a folder, one assay each, sorted by name."""
    # Archives made on macOS add a hidden `._` file for each file.
    return sorted(path for path in folder.glob(f"*{RELEASE_SUFFIX}") if path.name[0] != ".")


def read_release(folder: Path) -> pd.DataFrame:
    """Read a folder of the FS-Mol release as one long table, without the features in it.

    Returns:
        Columns assay (the file name, as in FS-Mol), smiles, active, value (nM or %), unit and
        relation. The index is the line number in the file, from 1.

    Raises:
        TableError: the folder lacks the file, or a file is damaged or of another kind.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021; microsoft/FS-Mol.
    """
    paths = release_files(folder)
    if not paths:
        raise TableError(
            f"{folder}: is a folder without assays of the FS-Mol release; expected files "
            f"'*{RELEASE_SUFFIX}'. Name a single table, or unpack the release there."
        )
    records = [record for path in paths for record in _records(path)]
    return pd.DataFrame(records).set_index("row")


def melt_wide(frame: pd.DataFrame, *, smiles: str, where: Path) -> pd.DataFrame:
    """Convert a wide table with one 0/1 column per assay to one row per measurement.

    Columns with values other than 0, 1 and blank are ignored; blank cells give no row.

    Args:
        frame: the table as read; the index is the row in the source.
        smiles: name of the column with the molecules.
        where: file for error messages.

    Raises:
        TableError: no column looks like an assay.
    """
    assays = [column for column in frame.columns if column != smiles and _binary(frame[column])]
    if not assays:
        raise TableError(
            f"{where}: contains no assays; got columns {list(frame.columns)[:8]}, expected "
            "columns of 0, 1 and blanks. If it is not a wide table, set its layout to 'long'."
        )
    molecules = frame[[smiles]].rename(columns={smiles: "smiles"})
    return pd.concat([_rows_of(molecules, frame[name], name) for name in assays])


def _rows_of(molecules: pd.DataFrame, cells: pd.Series, name: str) -> pd.DataFrame:
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
        record = json.loads(line)
        fields: dict[str, object] = {name: record[key] for name, key in _RELEASE_FIELDS.items()}
        fields["relation"] = str(record.get("Relation") or "")
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{path}: line {row} is not an FS-Mol record; got '{line[:60]}', expected a JSON "
            f"object with {sorted(_RELEASE_FIELDS.values())}. Download the file again."
        ) from error
    # Some of these values are percentages in truth; `thresholds.label` restores them.
    return fields | {"unit": "nM"}
