"""Screens with known answers: the actives of targets among inactive compounds."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from molmeta.assays.assay import COLUMNS as CURATED
from molmeta.assays.assay import distinct_compounds
from molmeta.errors import ConfigError, TableError
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.compounds import Rejected, compounds
from molmeta.molecules.store import Store, concatenated, load_store, save_store, update
from molmeta.runtime.parquetfiles import read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = ("source", "target", "active", "smiles")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screen:
    """The compounds of one target.

    Attributes:
        source: name of the collection that it comes from.
        target: name of the target.
        rows: rows of the molecule store, int64, shape (N,).
        labels: 1 for active and 0 for inactive, measured or presumed, float32, shape (N,).
        cluster: targets of one cluster are not independent of each other.
    """

    source: str
    target: str
    rows: NDArray[np.int64]
    labels: NDArray[np.float32]
    cluster: str = ""

    def __len__(self) -> int:
        return len(self.rows)


def digest(screens: pd.DataFrame) -> str:
    """Return the SHA-256 of all rows of a table from `read_screens`."""
    rows = pd.util.hash_pandas_object(screens, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def read_screens(
    paths: Sequence[Path], *, decoys: int | None = None, cores: int = 1
) -> pd.DataFrame:
    """Read tables of screens and standardise their compounds, each distinct one once.

    The compounds of a target without actives become inactives of those targets of its source that
    have no inactives. A compound that a target lists twice counts once, as active if any row says
    so. SMILES that do not parse are dropped and logged.

    Args:
        paths: CSV or Parquet tables with the columns `source,target,active,smiles`; a table
            without `source` and `target` is a single target, named after its file. The assays
            of a curated table are targets.
        decoys: largest number of inactives to keep for each target; the choice does not depend on
            the order of the rows.
        cores: worker processes.

    Returns:
        Columns `source, target, active, smiles, cluster, inchikey`, with standardised SMILES.

    Raises:
        TableError: a table cannot be read, lacks a column, or has no target with actives.
    """
    rows = _with_shared_inactives(pd.concat([_read(path) for path in paths], ignore_index=True))
    rows = rows if decoys is None else _thinned(rows, decoys)
    # Cells of Parquet may be missing, or not text.
    rows = rows.assign(smiles=rows["smiles"].astype("str").fillna(""))
    texts = [str(text) for text in rows["smiles"].unique()]
    parsed = dict(zip(texts, compounds(texts, cores=cores), strict=True))
    rejected = [text for text, compound in parsed.items() if isinstance(compound, Rejected)]
    if rejected:
        _log.warning("%d compounds left out, the first '%s'", len(rejected), rejected[0][:80])
    rows = rows[~rows["smiles"].isin(rejected)]
    kept: list[Any] = [parsed[str(text)] for text in rows["smiles"]]
    rows = rows.assign(smiles=[c.smiles for c in kept], inchikey=[c.inchikey for c in kept])
    rows = rows.sort_values(
        ["source", "target", "active", "inchikey"],
        ascending=[True, True, False, True],
        kind="stable",
    )
    return rows.drop_duplicates(["source", "target", "inchikey"]).reset_index(drop=True)


def stored(
    frame: pd.DataFrame, names: Sequence[str], path: Path | None, *, cores: int = 1
) -> Store:
    """Return a store with the compounds of a table from `read_screens`, saved to a file.

    An existing store is extended: it keeps its compounds and its blocks. It is not written again
    if it is complete. A compound that it has under another SMILES is featurized again.

    Args:
        frame: table from `read_screens`.
        names: featurizers to run.
        path: file of the molecule store; None does not save it.
        cores: worker processes.

    Raises:
        ConfigError: the store lacks a featurizer and has compounds that are not in the table, so
            that their SMILES are unknown.
        ModelError: the file is not a molecule store.
        OutputError: the file cannot be written.
    """
    smiles = distinct_compounds(frame)
    old = load_store(path) if path is not None and path.is_file() else None
    if old is None:
        store = update(None, smiles, names, cores=cores)
    else:
        _require_extensible(old, smiles, names, path)
        store = _extended(old, smiles, names, cores)
    if path is not None and store is not old:
        save_store(store, path)
    return store


def screens_of(frame: pd.DataFrame, store: Store) -> Iterator[Screen]:
    """Yield the screens of a table from `read_screens`.

    Raises:
        ModelError: a compound is missing from the store.
    """
    for (source, target), group in frame.groupby(["source", "target"], sort=True):
        labels = group["active"].to_numpy(np.float32)
        rows, cluster = store.rows(list(group["inchikey"])), str(group["cluster"].iloc[0])
        yield Screen(str(source), str(target), rows, labels, cluster)


def _others(old: Store, smiles: Iterable[str]) -> NDArray[np.bool_]:
    return ~np.isin(old.keys, np.array(list(smiles), old.keys.dtype))


def _require_extensible(
    old: Store, smiles: dict[str, str], names: Sequence[str], path: Path | None
) -> None:
    missing = sorted(set(names) - set(old.molecules.blocks))
    n_others = int(_others(old, smiles).sum())
    if missing and n_others:
        raise ConfigError(
            f"{path}: featurizer '{missing[0]}' cannot be added, because the tables lack "
            f"{n_others} of its compounds; got {list(old.molecules.blocks)}, expected "
            f"{sorted(names)} as well. Add their tables, or choose another --molecules."
        )


def _extended(old: Store, smiles: dict[str, str], names: Sequence[str], cores: int) -> Store:
    """Return the store with these compounds, or the store itself if it is complete."""
    blocks = tuple(dict.fromkeys([*old.molecules.blocks, *names]))
    new = update(old, smiles, blocks, cores=cores)
    if old.revisions == new.revisions and (old.reusable(new.keys, new.digests) >= 0).all():
        return old
    others = np.flatnonzero(_others(old, smiles))
    keys = np.concatenate([new.keys, old.keys[others]])
    order = np.argsort(keys)
    digests = np.concatenate([new.digests, old.digests[others]])
    kept = old.molecules.select(tensor_of(others)).only(blocks)
    molecules = concatenated([new.molecules, kept]) if len(others) else new.molecules
    # Compounds that were kept have features of their old revisions.
    revisions = {**new.revisions, **old.revisions} if len(others) else new.revisions
    return Store(keys[order], digests[order], molecules.select(tensor_of(order)), revisions)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = read_parquet(path) if path.suffix == ".parquet" else _csv(path)
        if set(CURATED) <= set(table):
            return _of_assays(table, path.stem)
        if not {"source", "target"} & set(table):
            table = table.assign(source=path.stem, target=path.stem)
        table = table[list(COLUMNS)].assign(active=_labels(table["active"])).astype({"smiles": str})
        return table.assign(cluster=table["target"])
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise TableError(
            f"{path}: cannot be read as screens; got '{error}', expected the columns "
            f"{', '.join(COLUMNS)}, active being 0 or 1. Correct the table."
        ) from error


def _csv(path: Path) -> pd.DataFrame:
    # As text, because a target may be called 'NA'.
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _labels(column: pd.Series) -> pd.Series:
    labels = pd.to_numeric(column)
    wrong = column[~labels.isin([0, 1])]
    if len(wrong):
        raise ValueError(f"active '{wrong.iloc[0]}'")
    return labels.astype(int)


def _of_assays(table: pd.DataFrame, source: str) -> pd.DataFrame:
    clusters = table["cluster"].where(table["cluster"].ne(""), table["target"])
    clusters = clusters.where(clusters.ne(""), table["assay"])
    named = table.assign(source=source, target=table["assay"], cluster=clusters)
    return named[[*COLUMNS, "cluster"]].astype({"active": int})


def _with_shared_inactives(rows: pd.DataFrame) -> pd.DataFrame:
    parts = [_shared_within(group) for _, group in rows.groupby("source", sort=True)]
    screens = pd.concat([rows.head(0), *parts], ignore_index=True)
    if screens.empty:
        raise TableError(
            "screens: no target has actives; got none, expected actives and inactives. "
            "Provide tables whose column 'active' has 1 and 0."
        )
    return screens


def _shared_within(rows: pd.DataFrame) -> pd.DataFrame:
    share = rows.groupby("target")["active"].transform("mean")
    inactives, screens = rows[share == 0], rows[share > 0]
    without_inactives = rows["target"][share == 1].unique().tolist()
    shared_inactives = (inactives.assign(target=str(name)) for name in without_inactives)
    shared = pd.concat([screens, *shared_inactives])
    clusters = screens.drop_duplicates("target").set_index("target")["cluster"]
    return shared.assign(cluster=shared["target"].map(clusters))


def _thinned(rows: pd.DataFrame, decoys: int) -> pd.DataFrame:
    # Sorted by a hash, as a random choice would depend on the order of the rows.
    texts: list[str] = rows["smiles"].unique().tolist()
    texts.sort(key=lambda text: hashlib.sha256(text.encode()).digest())
    position = rows["smiles"].map({text: i for i, text in enumerate(texts)})
    inactive = rows["active"] == 0
    rank = position.where(inactive).groupby([rows["source"], rows["target"]]).rank()
    return rows[~inactive | (rank <= decoys)]
