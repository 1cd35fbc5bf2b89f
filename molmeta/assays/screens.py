"""Screens with known answers: targets, their actives and the compounds to find them among."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from molmeta.errors import ConfigError, TableError
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.compounds import Rejected, compounds
from molmeta.molecules.store import Store, concatenated, load_store, save_store, update

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = ("source", "target", "active", "smiles")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screen:
    """One target's compounds.

    Attributes:
        source: the collection it comes from.
        target: its name.
        rows: of the molecule store, int64, shape (N,).
        labels: 1 for active and 0 for inactive, measured or presumed, float32, shape (N,).
    """

    source: str
    target: str
    rows: NDArray[np.int64]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


def digest(screens: pd.DataFrame) -> str:
    """Return what changes when any row of `read_screens` does."""
    rows = pd.util.hash_pandas_object(screens, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def read_screens(
    paths: Sequence[Path], *, decoys: int | None = None, cores: int = 1
) -> pd.DataFrame:
    """Read tables of screens and standardise their compounds, each distinct one once.

    A target without any active lends its compounds, as inactives, to those targets of its source
    that have no inactive of their own. A compound that a target lists twice counts once, as
    active if any row says so. What does not parse is left out and logged.

    Args:
        paths: CSV or Parquet tables with the columns `source,target,active,smiles`; one without
            `source` and `target` is a single target, both named by its file.
        decoys: inactives to keep of each target at most; the same compounds wherever they stand.
        cores: worker processes.

    Returns:
        Columns `source, target, active, smiles, inchikey`, SMILES standardised.

    Raises:
        TableError: a table cannot be read, or has no such columns or no target to screen for.
    """
    rows = _lent(pd.concat([_read(path) for path in paths], ignore_index=True))
    rows = rows if decoys is None else _thinned(rows, decoys)
    texts = [str(text) for text in rows["smiles"].unique()]
    found = dict(zip(texts, compounds(texts, cores=cores), strict=True))
    wrong = [text for text, one in found.items() if isinstance(one, Rejected)]
    if wrong:
        _log.warning("%d compounds left out, the first '%s'", len(wrong), wrong[0][:80])
    rows = rows[~rows["smiles"].isin(wrong)]
    good: list[Any] = [found[str(text)] for text in rows["smiles"]]
    rows = rows.assign(smiles=[one.smiles for one in good], inchikey=[one.inchikey for one in good])
    rows = rows.sort_values(
        ["source", "target", "active", "inchikey"],
        ascending=[True, True, False, True],
        kind="stable",
    )
    return rows.drop_duplicates(["source", "target", "inchikey"]).reset_index(drop=True)


def distinct(frame: pd.DataFrame) -> dict[str, str]:
    """Return one SMILES for each InChIKey, as a molecule store wants them."""
    chosen = frame.sort_values(["inchikey", "smiles"]).drop_duplicates("inchikey")
    return dict(zip(chosen["inchikey"], chosen["smiles"], strict=True))


def stored(
    frame: pd.DataFrame, names: Sequence[str], path: Path | None, *, cores: int = 1
) -> Store:
    """Return a store with the compounds of a table of `read_screens`, and keep it as a file.

    A store that is there is added to: it keeps its compounds and its blocks, and is not written
    where it lacks nothing. A compound that it holds under another SMILES is featurized again.

    Args:
        frame: of `read_screens`.
        names: featurizers to run.
        path: molecule store; None keeps nothing.
        cores: worker processes.

    Raises:
        ConfigError: the store lacks a featurizer and holds compounds that are not in the table,
            of which it has no SMILES to run it on.
        ModelError: the file is no molecule store.
        OutputError: it cannot be written.
    """
    smiles = distinct(frame)
    old = load_store(path) if path is not None and path.is_file() else None
    if old is None:
        found = update(None, smiles, names, cores=cores)
    else:
        _require_extensible(old, smiles, names, path)
        found = _added(old, smiles, names, cores)
    if path is not None and found is not old:
        save_store(found, path)
    return found


def screens_of(frame: pd.DataFrame, store: Store) -> Iterator[Screen]:
    """Yield the screens of a table of `read_screens`.

    Raises:
        ModelError: a compound is not in the store.
    """
    for (source, target), group in frame.groupby(["source", "target"], sort=True):
        labels = group["active"].to_numpy(np.float32)
        yield Screen(str(source), str(target), store.rows(list(group["inchikey"])), labels)


def _others(old: Store, smiles: Iterable[str]) -> NDArray[np.bool_]:
    return ~np.isin(old.keys, np.array(list(smiles), old.keys.dtype))


def _require_extensible(
    old: Store, smiles: dict[str, str], names: Sequence[str], path: Path | None
) -> None:
    missing = sorted(set(names) - set(old.molecules.blocks))
    n_others = int(_others(old, smiles).sum())
    if missing and n_others:
        raise ConfigError(
            f"{path}: cannot be given '{missing[0]}', as it holds {n_others} compounds that the "
            f"tables lack; got {list(old.molecules.blocks)}, expected {sorted(names)} too. Give "
            "their tables as well, or choose another --molecules."
        )


def _added(old: Store, smiles: dict[str, str], names: Sequence[str], cores: int) -> Store:
    """Return the store itself where it lacks nothing."""
    blocks = tuple(dict.fromkeys([*old.molecules.blocks, *names]))
    asked = update(old, smiles, blocks, cores=cores)
    if old.revisions == asked.revisions and (old.reusable(asked.keys, asked.digests) >= 0).all():
        return old
    others = np.flatnonzero(_others(old, smiles))
    keys = np.concatenate([asked.keys, old.keys[others]])
    order = np.argsort(keys)
    digests = np.concatenate([asked.digests, old.digests[others]])
    kept = old.molecules.select(tensor_of(others)).only(blocks)
    molecules = concatenated([asked.molecules, kept]) if len(others) else asked.molecules
    # Compounds that were kept have features of their old revisions.
    revisions = {**asked.revisions, **old.revisions} if len(others) else asked.revisions
    return Store(keys[order], digests[order], molecules.select(tensor_of(order)), revisions)


def _read(path: Path) -> pd.DataFrame:
    try:
        found = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        if not {"source", "target"} & set(found):
            found = found.assign(source=path.stem, target=path.stem)
        return found[list(COLUMNS)].astype({"active": int, "smiles": str})
    except (OSError, ValueError, KeyError) as error:
        raise TableError(
            f"{path}: cannot be read as screens; got '{error}', expected the columns "
            f"{', '.join(COLUMNS)}, active being 0 or 1. Correct the table."
        ) from error


def _lent(rows: pd.DataFrame) -> pd.DataFrame:
    parts = [_lent_within(group) for _, group in rows.groupby("source", sort=True)]
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        raise TableError(
            "screens: no target has actives; got none, expected actives and inactives. "
            "Give tables whose column 'active' holds 1 and 0."
        )
    return found


def _lent_within(rows: pd.DataFrame) -> pd.DataFrame:
    share = rows.groupby("target")["active"].transform("mean")
    lent, kept = rows[share == 0], rows[share > 0]
    borrowers = rows["target"][share == 1].unique().tolist()
    return pd.concat([kept, *(lent.assign(target=str(name)) for name in borrowers)])


def _thinned(rows: pd.DataFrame, decoys: int) -> pd.DataFrame:
    texts: list[str] = rows["smiles"].unique().tolist()
    texts.sort(key=lambda text: hashlib.sha256(text.encode()).digest())
    places = rows["smiles"].map({text: place for place, text in enumerate(texts)})
    inactive = rows["active"] == 0
    rank = places.where(inactive).groupby([rows["source"], rows["target"]]).rank()
    return rows[~inactive | (rank <= decoys)]
