"""Puts the flat arrays of molecules one after another, without torch, so that any process can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from molmeta.featurizers import Arrays


def joined(parts: Iterable[Arrays]) -> Arrays:
    """Return the arrays of all parts under the same names; offsets go on from part to part.

    Args:
        parts: as `molmeta.featurizers` packs them, all of the same featurizers.

    Example:
        >>> part = {"morgan.positions": np.array([7, 9]), "morgan.offsets": np.array([0, 2])}
        >>> joined([part, part])["morgan.offsets"].tolist()
        [0, 2, 4]
    """
    collected: dict[str, list[NDArray[np.generic]]] = {}
    for part in parts:
        for name, array in part.items():
            collected.setdefault(name, []).append(array)
    return {
        name: _offsets(arrays) if name.endswith("offsets") else np.concatenate(arrays)
        for name, arrays in collected.items()
    }


def _offsets(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    lengths = np.concatenate([np.diff(array) for array in arrays])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
