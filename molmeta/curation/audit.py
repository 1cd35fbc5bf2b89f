"""Audit for data leakage: what evaluation assays share with training assays.

Nothing is dropped. Assays are marked, so that every result can also be given for clean assays only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from rdkit.Chem import rdFingerprintGenerator

from molmeta.curation.panels import panels
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import parse
from molmeta.molecules.neighbours import has_neighbour
from molmeta.molecules.scaffolds import scaffold_of
from molmeta.runtime.parallel import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping


TRAIN = "train"
NEAR = 0.6
"""Tanimoto similarity from which two compounds are near neighbours."""
CLEAN_BELOW = 0.1
"""Share of an assay's compounds in training assays from which the assay is no longer clean."""
COLUMNS = (
    "split", "table", "assay", "target", "cluster", "n_compounds", "n_active", "share_active",
    "exact_overlap", "scaffold_overlap", "near_overlap", "panel", "clean", "note",
)  # fmt: skip
_OVERLAPS = ("exact", "scaffold", "near")


class Structure(NamedTuple):
    """What is compared of a molecule: Murcko scaffold (SMILES) and packed fingerprint."""

    scaffold: str
    bits: bytes


def audit(
    tables: Mapping[tuple[str, str], pd.DataFrame], *, near: float = NEAR, cores: int = 1
) -> pd.DataFrame:
    """Return one row per assay, sorted by split, table and assay.

    An overlap is the share of an assay's compounds for which the train assays contain

    exact: the compound itself, by InChIKey;
    scaffold: a compound with the same Murcko scaffold, if it has rings;
    near: a compound whose Tanimoto similarity is at least `near` (Morgan fingerprints of radius 2,
        2,048 bits).

    An assay is clean if no train assay belongs to its panel and its exact overlap is below 10 %.
    Train assays have neither overlaps (NaN) nor a mark.

    Args:
        tables: curated assays by (split, table).
        near: similarity from which two compounds are near neighbours.
        cores: processes that parse molecules.

    Raises:
        ConfigError: `near` is not above 0 and at most 1.

    Returns:
        Columns `COLUMNS`. `cluster` is the cluster in the table, or else the panel, or else the
        assay.
    """
    if not 0 < near <= 1:
        raise ConfigError(f"audit: --near must be above 0 and at most 1; got {near}.")
    measured = pd.concat(
        [frame.assign(split=split, table=table) for (split, table), frame in tables.items()],
        ignore_index=True,
    )
    overlaps = _overlaps(measured, near=near, cores=cores)
    summary = _summary(measured.join(overlaps, on="inchikey"))
    return _marked(_with_panels(summary, panels(measured)))[list(COLUMNS)]


def _overlaps(measured: pd.DataFrame, *, near: float, cores: int) -> pd.DataFrame:
    """Return one bool column per kind of overlap, one row per distinct compound (InChIKey)."""
    distinct = measured.drop_duplicates("inchikey").set_index("inchikey")["smiles"]
    in_train = measured.loc[measured["split"].eq(TRAIN), "inchikey"].unique()
    exact = distinct.index.isin(in_train)
    if exact.all() or not exact.any():
        return pd.DataFrame(dict.fromkeys(_OVERLAPS, exact), index=distinct.index)
    structures = mapped(_structure, list(distinct), cores=cores)
    fingerprints = np.array([np.frombuffer(s.bits, dtype=np.uint8) for s in structures])
    # A compound in train is its own nearest neighbour: only the others have to be compared.
    neighbour = exact.copy()
    neighbour[~exact] = has_neighbour(fingerprints[~exact], fingerprints[exact], threshold=near)
    scaffolds = pd.Series([structure.scaffold for structure in structures], dtype="str")
    scaffold = scaffolds.isin(scaffolds[exact]) & scaffolds.ne("")
    values = {"exact": exact, "scaffold": scaffold.to_numpy(np.bool_), "near": neighbour}
    return pd.DataFrame(values, index=distinct.index)


def _structure(smiles: str) -> Structure:
    mol = parse(smiles)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return Structure(scaffold_of(mol), np.packbits(generator.GetFingerprintAsNumPy(mol)).tobytes())


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


def _with_panels(summary: pd.DataFrame, panel_of: Mapping[str, str]) -> pd.DataFrame:
    panel = summary["assay"].map(dict(panel_of)).astype("str")
    # Curation names a cluster after its assay where the table gives none.
    unclustered = summary["cluster"].eq(summary["assay"]) & panel.ne("")
    return summary.assign(panel=panel, cluster=summary["cluster"].mask(unclustered, panel))


def _marked(summary: pd.DataFrame) -> pd.DataFrame:
    """Add `clean` and `note`, which gives the reasons why an assay is not clean."""
    train = summary["split"].eq(TRAIN)
    panel_sizes = summary[train & summary["panel"].ne("")].groupby("panel").size()
    n_train = summary["panel"].map(panel_sizes).fillna(0).astype("int64")
    overlapping = summary["exact_overlap"].ge(CLEAN_BELOW)
    clean = (n_train.eq(0) & ~overlapping).astype("boolean").mask(train)
    panel = ("in a panel with " + n_train.astype("str") + " train assays").where(n_train.gt(0), "")
    percent = (summary["exact_overlap"].fillna(0) * 100).round().astype("int64").astype("str")
    overlap = (percent + " % of its compounds are in train").where(overlapping, "")
    separator = pd.Series("; ", index=summary.index).where(panel.ne("") & overlap.ne(""), "")
    return summary.assign(clean=clean, note=(panel + separator + overlap).mask(train, ""))
