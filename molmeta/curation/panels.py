"""Groups of assays that measured mostly the same compounds: they are not independent results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    import pandas as pd

# scipy's sparse matrices have no precise types, which strict checking refuses; Any says so once.
_sparse: Any = sparse
_csgraph: Any = csgraph

SHARE = 0.5


def panels(measured: pd.DataFrame, *, share: float = SHARE) -> dict[str, str]:
    """Return the panel of each assay, named after its first assay, "" for an assay that is alone.

    Two assays belong together where they share at least that part of the compounds of each of
    them, and so do those that are linked through others. Sharing half of the smaller one alone is
    not enough: one large screen would then join every assay that followed it up.

    Args:
        measured: assay, inchikey; one row a measurement.
        share: above 0, up to 1.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"assay": list("aabbc"), "inchikey": list("xyxyz")})
        >>> panels(frame)
        {'a': 'panel of a', 'b': 'panel of a', 'c': ''}
    """
    assays = measured["assay"].astype("category")
    names = [str(name) for name in assays.cat.categories]
    groups = _components(_compounds_of(measured, assays), share)
    first = {group: names[index] for index, group in reversed(list(enumerate(groups)))}
    sizes = np.bincount(groups, minlength=1)
    return {
        name: f"panel of {first[group]}" if sizes[group] > 1 else ""
        for name, group in zip(names, groups, strict=True)
    }


def _compounds_of(measured: pd.DataFrame, assays: pd.Series) -> Any:  # noqa: ANN401 - see _sparse
    columns = measured["inchikey"].astype("category").cat.codes.to_numpy()
    rows = assays.cat.codes.to_numpy()
    matrix: Any = _sparse.csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)))
    matrix.data[:] = 1
    return matrix


def _components(matrix: Any, share: float) -> list[int]:  # noqa: ANN401 - see _sparse
    together = (matrix @ matrix.T).tocoo()
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    larger = np.maximum(sizes[together.row], sizes[together.col])
    linked = together.data >= share * larger
    pairs = (together.row[linked], together.col[linked])
    graph = _sparse.csr_matrix((np.ones(int(linked.sum())), pairs), shape=together.shape)
    labels: Any = _csgraph.connected_components(graph, directed=False)[1]
    return [int(label) for label in labels]
