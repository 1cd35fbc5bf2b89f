"""Panels: groups of assays that measured mostly the same compounds, so are not independent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.5
"""Share of the compounds of each of two assays that both have measured if they form a panel."""


def panels(measured: pd.DataFrame) -> dict[str, str]:
    """Return the panel of each assay, named after its first assay; "" for assays in no panel.

    Two assays form a pair if each shares at least SHARE of its compounds with the other. A panel is
    a chain of pairs. Sharing half of the smaller assay is not enough: otherwise, one large screen
    would join all the assays that followed it up.

    Args:
        measured: columns assay and inchikey, one row per measurement.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"assay": list("aabbc"), "inchikey": list("xyxyz")})
        >>> panels(frame)
        {'a': 'panel of a', 'b': 'panel of a', 'c': ''}
    """
    assays = measured["assay"].astype("category")
    names = [str(name) for name in assays.cat.categories]
    groups = _components(_compounds_of(measured, assays))
    first = {group: names[index] for index, group in reversed(list(enumerate(groups)))}
    sizes = np.bincount(groups, minlength=1)
    return {
        name: f"panel of {first[group]}" if sizes[group] > 1 else ""
        for name, group in zip(names, groups, strict=True)
    }


def _compounds_of(measured: pd.DataFrame, assays: pd.Series) -> sparse.csr_matrix:
    """Return a sparse matrix of 0 and 1, one row per assay and one column per compound."""
    columns = measured["inchikey"].astype("category").cat.codes.to_numpy()
    rows = assays.cat.codes.to_numpy()
    matrix: Any = sparse.csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)))
    matrix.data[:] = 1
    return matrix


def _components(matrix: sparse.csr_matrix) -> list[int]:
    """Return the number of the panel of each assay."""
    # Entry (i, j) of the product counts the compounds that assays i and j have in common.
    shared = (matrix @ matrix.T).tocoo()
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    larger = np.maximum(sizes[shared.row], sizes[shared.col])
    linked = shared.data >= SHARE * larger
    pairs = (shared.row[linked], shared.col[linked])
    graph = sparse.csr_matrix((np.ones(int(linked.sum())), pairs), shape=shared.shape)
    labels: Any = csgraph.connected_components(graph, directed=False)[1]
    return [int(label) for label in labels]
