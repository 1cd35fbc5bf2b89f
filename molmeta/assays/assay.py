"""Assays in memory: which rows of the molecules they measured, with labels and values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.errors import EpisodeError, TableError
from molmeta.runtime.parquetfiles import read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.molecules.store import Store

COLUMNS = (
    "assay", "smiles", "inchikey", "active", "value", "unit", "relation", "target", "cluster",
)  # fmt: skip


@dataclass(frozen=True)
class Assay:
    """One assay with N measured compounds, ordered by InChIKey.

    Attributes:
        name: name in the table; text, never a path.
        target: biological target, "" if unknown.
        cluster: assays of one cluster are not independent of each other.
        smiles: N standardised SMILES.
        rows: rows of the molecule store, int64, shape (N,).
        labels: 1.0 for active and 0.0 for inactive, float32, shape (N,).
        values: pX or % inhibition, NaN if missing, float32, shape (N,). A value given as a bound,
            such as "> 10 uM", is that bound.
    """

    name: str
    target: str
    cluster: str
    smiles: tuple[str, ...]
    rows: NDArray[np.int64]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_active(self) -> int:
        return int(self.labels.sum())

    def measured(self) -> Assay:
        """Return the assay with only those compounds that have a value."""
        kept = np.flatnonzero(np.isfinite(self.values))
        return replace(
            self,
            smiles=tuple(self.smiles[index] for index in kept),
            rows=self.rows[kept],
            labels=self.labels[kept],
            values=self.values[kept],
        )


def digest(assays: Iterable[Assay]) -> str:
    """Return the SHA-256 of the assays' names, targets, clusters, SMILES, labels and values."""
    sha = hashlib.sha256()
    for assay in assays:
        sha.update(json.dumps([assay.name, assay.target, assay.cluster, assay.smiles]).encode())
        sha.update(assay.labels.tobytes() + assay.values.tobytes())
    return sha.hexdigest()


def read_curated(paths: Sequence[Path]) -> pd.DataFrame:
    """Read curated tables as one frame; a folder stands for all tables in it.

    Raises:
        TableError: a file is not a curated table, a folder contains none, or an assay is in more
            than one table.
    """
    paths = [table for path in paths for table in (_inside(path) if path.is_dir() else [path])]
    frames = [_read(path) for path in paths]
    owner: dict[str, Path] = {}
    for path, frame in zip(paths, frames, strict=True):
        for name in map(str, frame["assay"].unique()):
            if name in owner:
                raise TableError(
                    f"{path}: assay '{name}' is in two tables; got it in {owner[name]} too, "
                    "expected every assay once. Rename or remove one of them."
                )
            owner[name] = path
    return pd.concat(frames, ignore_index=True)


def distinct_compounds(frame: pd.DataFrame) -> dict[str, str]:
    """Return the SMILES of each distinct compound, by InChIKey.

    Tautomers may share an InChIKey and differ in SMILES. The first SMILES in alphabetical order is
    used, whatever the order of the tables.
    """
    first = frame.groupby("inchikey", sort=True)["smiles"].min()
    return {str(key): str(smiles) for key, smiles in first.items()}


def assays_of(frame: pd.DataFrame, store: Store | None) -> list[Assay]:
    """Return the assays of a curated frame, in the order of their names.

    Args:
        frame: of `read_curated`.
        store: molecules that the rows of the assays point into; None numbers the compounds, for
            callers that read no features.

    Raises:
        ModelError: a compound is missing from the store.
    """
    frame = frame.sort_values(["assay", "inchikey"], kind="stable")
    rows = np.arange(len(frame)) if store is None else store.rows(list(frame["inchikey"]))
    return list(_assays(frame, rows))


def with_values(assays: Sequence[Assay]) -> list[Assay]:
    """Return the assays that have values, each with only those compounds that have one.

    Raises:
        EpisodeError: no compound of any assay has a value.
    """
    measured = [assay for assay in (assay.measured() for assay in assays) if len(assay)]
    if not measured:
        raise EpisodeError(
            f"assays: values are missing; got none in {len(assays)} assays, expected the "
            "column 'value'. Curate tables with values, or predict activity instead."
        )
    return measured


def _assays(frame: pd.DataFrame, rows: NDArray[np.int64]) -> Iterator[Assay]:
    frame = frame.assign(row=rows)
    for name, group in frame.groupby("assay", sort=True):
        # Copies, because columns of pandas are read-only and torch warns about them.
        yield Assay(
            name=str(name),
            target=str(group["target"].iloc[0]),
            cluster=str(group["cluster"].iloc[0]),
            smiles=tuple(group["smiles"]),
            rows=group["row"].to_numpy(np.int64, copy=True),
            labels=group["active"].to_numpy(np.float32, copy=True),
            values=group["value"].to_numpy(np.float32, copy=True),
        )


def _inside(folder: Path) -> list[Path]:
    tables = sorted(folder.glob("*.parquet"))
    if not tables:
        raise TableError(
            f"{folder}: contains no curated table; got no file that ends in .parquet, expected at "
            "least one. Run 'molmeta curate' first, or name another folder."
        )
    return tables


def _read(path: Path) -> pd.DataFrame:
    try:
        frame = read_parquet(path)
    except (OSError, ValueError) as error:
        raise TableError(
            f"{path}: cannot be read; got '{error}', expected a curated Parquet table. "
            "Run 'molmeta curate' on the table first."
        ) from error
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise TableError(
            f"{path}: columns {missing} are missing; got {list(frame.columns)}, expected a "
            "curated table. Run 'molmeta curate' on the table first."
        )
    wrong = [column for column in COLUMNS if len(frame) and not _has_its_type(frame[column])]
    if wrong:
        raise TableError(
            f"{path}: columns {wrong} are damaged; got the type '{frame[wrong[0]].dtype}' or blank "
            "cells, expected a curated table. Run 'molmeta curate' on the table again."
        )
    return frame


def _has_its_type(column: pd.Series) -> bool:
    if column.name == "value":
        return column.dtype.kind == "f"
    if column.name == "active":
        return column.dtype.kind in "iuf" and bool(column.isin((0, 1)).all())
    return isinstance(column.dtype, pd.StringDtype) and bool(column.notna().all())
