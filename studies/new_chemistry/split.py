"""A split of FS-Mol's training fold for compounds that no training assay has measured.

Assays are linked if they have the same target, or if each shares half of its compounds or of its
Murcko scaffolds with the other. Groups are the connected components. Groups with an assay of the
kinase panel are always trained on. Of the others, half of those with an assay of at least 160
compounds are set aside, and a sixth of the rest. Supports of 128 need large assays. The groups that
are set aside alternate between the halves `select` and `report`. Their compounds are removed from
all other assays (`without`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from molmeta.curation.panels import panels
from molmeta.molecules.compounds import parse
from molmeta.molecules.scaffolds import scaffold_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay

LARGE = 160
SHARES = {True: 1 / 2, False: 1 / 6}
"""Share of the groups that is set aside, with and without a large assay."""
LEAST = 10
"""Compounds that an assay must keep to be trained on."""
_csgraph: Any = csgraph


def split(assays: Sequence[Assay], panel: Collection[str], seed: int = 17) -> pd.DataFrame:
    """Return the part of each assay.

    Args:
        assays: training assays.
        panel: names of the assays of the kinase panel.
        seed: seed of the order in which groups are set aside.

    Returns:
        Columns assay, group and part, which is `train`, `select` or `report`.
    """
    table = pd.DataFrame({"assay": [assay.name for assay in assays], "group": groups(assays)})
    table["large"] = [len(assay) >= LARGE for assay in assays]
    table["panel"] = table["assay"].isin(panel)
    by_group = table.groupby("group").agg(large=("large", "any"), panel=("panel", "any"))
    rng, part_of = np.random.default_rng(seed), dict[int, str]()
    for large, share in SHARES.items():
        eligible = np.array(by_group.index[by_group["large"].eq(large) & ~by_group["panel"]])
        order = rng.permutation(eligible)
        chosen = order[: round(share * len(order))]
        part_of |= {int(g): ("select", "report")[k % 2] for k, g in enumerate(chosen)}
    table["part"] = table["group"].map(part_of).fillna("train")
    return table[["assay", "group", "part"]]


def groups(assays: Sequence[Assay]) -> NDArray[np.int64]:
    """Return the number of the group of each assay, which its first assay determines."""
    frame = pd.DataFrame(
        {
            "assay": np.repeat([assay.name for assay in assays], [len(assay) for assay in assays]),
            "compound": np.concatenate([assay.rows for assay in assays]).astype(str),
            "smiles": [text for assay in assays for text in assay.smiles],
        }
    )
    smiles = frame.groupby("compound")["smiles"].min()
    frame["scaffold"] = frame["compound"].map(smiles.map(lambda text: scaffold_of(parse(text))))
    with_rings = frame[frame["scaffold"].ne("")]
    links = (
        {assay.name: assay.target for assay in assays},
        panels(frame.rename(columns={"compound": "inchikey"})),
        panels(with_rings.rename(columns={"scaffold": "inchikey"})),
    )
    columns = [
        [f"{kind} {link.get(assay.name) or assay.name}" for assay in assays]
        for kind, link in enumerate(links)
    ]
    return _components(columns)


def without(assays: Sequence[Assay], aside: Sequence[Assay]) -> list[Assay]:
    """Return the assays without the compounds of those set aside, if both classes are left."""
    removed = np.unique(np.concatenate([assay.rows for assay in aside]))
    kept = [_only(assay, ~np.isin(assay.rows, removed)) for assay in assays]
    return [a for a in kept if len(a) >= LEAST and 0 < a.n_active < len(a)]


def _only(assay: Assay, mask: NDArray[np.bool_]) -> Assay:
    return replace(
        assay,
        smiles=tuple(np.array(assay.smiles, dtype=object)[mask]),
        rows=assay.rows[mask],
        labels=assay.labels[mask],
        values=assay.values[mask],
    )


def _components(columns: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Return the component of each row, where rows with the same text in a column are linked."""
    n = len(columns[0])
    codes = pd.factorize(np.concatenate([np.asarray(column) for column in columns]))[0] + n
    ends = (np.tile(np.arange(n), len(columns)), codes)
    size = int(codes.max()) + 1
    graph = sparse.csr_matrix((np.ones(len(codes)), ends), shape=(size, size))
    labels: NDArray[np.int64] = _csgraph.connected_components(graph, directed=False)[1][:n]
    return labels.astype(np.int64)
