"""What evaluation could have leaked from training: shared compounds, scaffolds, near neighbours.

Judges no model and drops nothing; it marks assays, so that every result can be given without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from rdkit.Chem import rdFingerprintGenerator

from molmeta.curation.panels import panels
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import parse, scaffold_of
from molmeta.molecules.neighbours import has_neighbour
from molmeta.runtime.parallel import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

TRAIN = "train"
NEAR = 0.6
CLEAN_BELOW = 0.1
COLUMNS = (
    "split", "table", "assay", "target", "cluster", "n_compounds", "n_active", "share_active",
    "exact_overlap", "scaffold_overlap", "near_overlap", "panel", "clean", "note",
)  # fmt: skip
_OVERLAPS = ("exact", "scaffold", "near")
_generator: Any = rdFingerprintGenerator


class Structure(NamedTuple):
    """What of a molecule is compared: its Murcko scaffold and its packed fingerprint."""

    scaffold: str
    bits: bytes


def audit(
    tables: Mapping[tuple[str, str], pd.DataFrame], *, near: float = NEAR, cores: int = 1
) -> pd.DataFrame:
    """Return one row for every assay of all splits, in the order of split, table and assay.

    Overlaps are shares of an assay's compounds that stand in any train assay: the compound
    itself, by InChIKey; its Murcko scaffold, where it has rings; or a compound with at least that
    Tanimoto similarity of Morgan fingerprints (radius 2, 2,048 bits). They are NaN for train
    assays. An assay is clean if no train assay belongs to its panel and fewer than 10 % of its
    compounds stand in train; train assays have no mark.

    Args:
        tables: curated assays by (split, table).
        near: similarity from which two compounds count as neighbours.
        cores: processes that read molecules.

    Raises:
        ConfigError: `near` is no similarity above 0.

    Returns:
        Columns `COLUMNS`; `cluster` is the given one, else the panel, else the assay.
    """
    if not 0 < near <= 1:
        raise ConfigError(
            f"audit: near is out of range; got {near}, expected above 0 and up to 1. Correct it."
        )
    measured = pd.concat(
        [frame.assign(split=split, table=table) for (split, table), frame in tables.items()],
        ignore_index=True,
    )
    leaks = _leaks(measured, near=near, cores=cores)
    rows = measured.join(leaks, on="inchikey")
    summary = _summary(rows)
    return _judged(_named(summary, panels(measured)))[list(COLUMNS)]


def _leaks(measured: pd.DataFrame, *, near: float, cores: int) -> pd.DataFrame:
    """Return for each distinct compound whether train holds it, its scaffold, a neighbour."""
    distinct = measured.drop_duplicates("inchikey").set_index("inchikey")["smiles"]
    in_train = measured.loc[measured["split"].eq(TRAIN), "inchikey"].unique()
    exact = distinct.index.isin(in_train)
    if exact.all() or not exact.any():
        return pd.DataFrame(dict.fromkeys(_OVERLAPS, exact), index=distinct.index)
    structures = mapped(_structure, list(distinct), cores=cores)
    prints = np.array([np.frombuffer(s.bits, dtype=np.uint8) for s in structures])
    neighbour = exact.copy()
    neighbour[~exact] = has_neighbour(prints[~exact], prints[exact], threshold=near)
    shared = _shares_scaffold([s.scaffold for s in structures], exact)
    values = {"exact": exact, "scaffold": shared, "near": neighbour}
    return pd.DataFrame(values, index=distinct.index)


def _structure(smiles: str) -> Structure:
    mol = parse(smiles)
    generator = _generator.GetMorganGenerator(radius=2, fpSize=2048)
    return Structure(scaffold_of(mol), np.packbits(generator.GetFingerprintAsNumPy(mol)).tobytes())


def _shares_scaffold(scaffolds: Sequence[str], in_train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    known = {text for text, train in zip(scaffolds, in_train, strict=True) if train and text}
    return np.array([text in known for text in scaffolds], dtype=np.bool_)


def _summary(rows: pd.DataFrame) -> pd.DataFrame:
    by_assay = rows.groupby(["split", "table", "assay"], sort=True)
    summary = by_assay.agg(
        target=("target", "first"),
        cluster=("cluster", "first"),
        n_compounds=("active", "size"),
        n_active=("active", "sum"),
        share_active=("active", "mean"),
        **{f"{kind}_overlap": (kind, "mean") for kind in _OVERLAPS},
    ).reset_index()
    overlaps = [f"{kind}_overlap" for kind in _OVERLAPS]
    summary.loc[summary["split"].eq(TRAIN), overlaps] = np.nan
    return summary


def _named(summary: pd.DataFrame, panel_of: Mapping[str, str]) -> pd.DataFrame:
    panel = summary["assay"].map(dict(panel_of)).astype("str")
    alone = summary["cluster"].eq(summary["assay"]) & panel.ne("")
    return summary.assign(panel=panel, cluster=summary["cluster"].mask(alone, panel))


def _judged(summary: pd.DataFrame) -> pd.DataFrame:
    train = summary["split"].eq(TRAIN)
    in_train = summary[train & summary["panel"].ne("")].groupby("panel").size()
    mates = summary["panel"].map(in_train).fillna(0).astype("int64")
    known = summary["exact_overlap"].ge(CLEAN_BELOW)
    clean = (mates.eq(0) & ~known).astype("boolean").mask(train)
    note = ("in a panel with " + mates.astype("str") + " train assays").where(mates.gt(0), "")
    percent = (summary["exact_overlap"].fillna(0) * 100).round().astype("int64").astype("str")
    shared = (percent + " % of its compounds stand in train").where(known, "")
    both = note.where(shared.eq(""), note + "; ").where(note.ne(""), "") + shared
    return summary.assign(clean=clean, note=both.mask(train, ""))
